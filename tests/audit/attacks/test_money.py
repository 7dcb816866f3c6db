"""Attacks 24 to 28 and 41: tokens, reentrancy, forced ether, everything twice, too little gas; and debts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyrevm
import pytest

from setm.evm import Contract, Evm, Person, Reverted, System, abi
from setm.evm.compiler import artifact
from setm.types import Kind, Side
from tests.audit.attacks.stage import (
    BOUND,
    DAY,
    DEPOSIT,
    EUR,
    FIRST_SLOT,
    FOREVER,
    MARGIN,
    SLOT,
    Stage,
    refusal,
)
from tests.audit.attacks.wallet import joined_wallet
from tests.audit.figures import record

VICES = {
    "takes a fee": 1,
    "charges the sender": 2,
    "returns false": 3,
    "says yes and moves nothing": 4,
    "delivers more": 5,
    "takes all away": 6,
    "blocks": 7,
    "calls back": 8,
}
CORE = ("registry", "clearinghouse", "auction", "negotiation", "meters", "settlement")


def calldata(contract, function, *args):
    entry = next(e for e in contract._entries if e.get("name") == function)
    return abi.selector_of(entry) + abi.encode(entry["inputs"], args)


@pytest.fixture(scope="module")
def stage():
    return Stage()


@pytest.fixture
def fresh(stage):
    with stage.evm.undone():
        yield stage


# Tokens that go wrong (24)


@pytest.fixture(scope="module")
def bad_stage():
    """The token's code is replaced after everybody has deposited, as the owner of an upgradable token may."""
    found = Stage()
    machine = found.evm._machine
    model = found.evm.deploy("ClearingBadToken", 6)
    accounts = {key.lower(): info for key, info in machine.journal_state.items()}
    make: Any = pyrevm.AccountInfo
    code = accounts[model.address.lower()].code
    machine.insert_account_info(found.token.address, make(balance=0, nonce=1, code=code))
    found.system.token = found.evm.at("ClearingBadToken", found.token.address)
    for person in found.people.values():
        found.token.send("mint", person, DEPOSIT)
        found.token.send("approve", found.clearinghouse, FOREVER, sender=person)
    return found


@pytest.fixture
def bad(bad_stage):
    with bad_stage.evm.undone():
        yield bad_stage


@pytest.mark.parametrize("vice", VICES)
@pytest.mark.parametrize("function", ["deposit", "withdraw"])
def test_a_token_that_goes_wrong_makes_nobody_elses_money_pay(bad, vice, function):
    stage = bad
    stage.token.send("setVice", VICES[vice])
    before = stage.books()
    args = (stage.alice.id, 10) if function == "deposit" else (10,)
    found = refusal(stage.clearinghouse.send, function, *args, sender=stage.alice)
    after = stage.books()
    if found:
        assert after == before
    else:
        # What arrived or left is to the unit what was written; a fee on the way out is the payee's.
        moved = 10 if function == "deposit" else -10
        assert after["held"] - before["held"] == after["tokens"] - before["tokens"] == moved
        assert after["free alice"] - before["free alice"] == moved
    others = {key for key in before if "alice" not in key and key not in ("held", "tokens")}
    assert {key: after[key] for key in others} == {key: before[key] for key in others}
    allowed = {"deposit": ("charges the sender",), "withdraw": ("takes a fee", "delivers more")}
    may_pass = vice in (*allowed[function], "takes all away", "calls back")
    assert bool(found) or may_pass, "it went through"


def test_a_token_that_shrinks_by_itself_is_short_for_the_last_and_the_books_say_so(bad):
    """Known limit of any token: what the issuer takes away is missing. Nothing is written that hides it."""
    stage = bad
    stage.token.send("halve", stage.clearinghouse)
    house = stage.clearinghouse
    assert house.call("held") == 2 * stage.token.call("balanceOf", house)
    for person in (stage.alice, stage.bob):
        free = house.call("freeOf", person.id)
        house.send("withdraw", free, sender=person)
    assert stage.token.call("balanceOf", stage.alice) == 2 * DEPOSIT - 3 * MARGIN


def test_only_a_token_whose_balances_are_true_can_be_trusted(fresh):
    """Known limit: balances are compared before and after, and a token that lies about both is believed."""
    stage = fresh
    lie = stage.evm.deploy("AttackToken")
    house = stage.evm.deploy("Clearinghouse", lie, stage.registry, DAY)
    house.send("deposit", stage.alice.id, 10, sender=stage.alice)
    assert house.call("held") == house.call("freeOf", stage.alice.id) == 10
    # Nobody can turn the lie into anything: there is no token to send.
    found = refusal(house.send, "withdraw", 10, sender=stage.alice)
    assert found == "ERC20InsufficientBalance"


# Reentrancy (25)


def inner_calls(stage):
    """Return a call of every state-changing function, with arguments that would do something if it were let in."""
    slot, alice, bob = stage.slot, stage.alice, stage.bob
    ids = [alice.id, bob.id]
    reading = stage.signed(1, 7, 0)
    agreed = stage.agreement(alice, bob, salt=77)
    signed = (alice.address, agreed.sign(alice.key), bob.address, agreed.sign(bob.key))
    values = tuple(agreed.values.values())
    binding = tuple(stage.binding(alice, 9).values.values())
    commitment = stage.commitment(stage.order(alice, Side.BID, 1, 1))
    credential = (alice.address, 1, 0, 1, b"\x01" * 32, stage.evm.now + 1000, 1)
    order, terms, proof = (slot, 0, 1, 1), (slot, 1, 1_000, 43_000), b"\x01" * 65
    house, venue = stage.clearinghouse, stage.auction.address
    session = (stage.account("x").address, venue, 1, stage.evm.now + 9)
    return {
        "registry": {
            "join": (credential, alice.address, proof, alice.address, 0, proof),
            "renew": (credential, alice.address, proof),
            "rotateKey": (alice.address, FOREVER, proof),
            "openSession": (session,),
            "closeSession": (alice.address,),
            "setRecovery": (alice.address,),
            "startRecovery": (alice.id, alice.address),
            "cancelRecovery": (),
            "completeRecovery": (alice.id,),
            "revoke": (alice.id,),
            "suspend": (alice.id,),
            "reinstate": (alice.id,),
            "addAuthority": (alice.address,),
            "removeAuthority": (stage.authority.address,),
        },
        "clearinghouse": {
            "deposit": (alice.id, 1),
            "depositWithPermit": (alice.id, 1, FOREVER, 27, bytes(32), bytes(32)),
            "withdraw": (1,),
            "withdrawRevoked": (alice.id,),
            "lock": (venue, 1),
            "release": (alice.id, 1),
            "close": (alice.id, house.address, 1, 1, 1),
            "closeMany": (house.address, [alice.id << 224 | 1 << 160 | 1 << 96 | 1 << 32]),
            "addVenue": (alice.address,),
        },
        "auction": {
            "commit": (commitment,),
            "commitMany": ([commitment],),
            "commitFor": (commitment, alice.address, 0, FOREVER, proof),
            "cancel": (slot,),
            "placeOrder": (order,),
            "placeOrderFor": (order, alice.address, 0, FOREVER, proof),
            "open": (slot, []),
            "clear": (slot,),
            "forfeit": (slot, ids),
            "compensate": (slot, bob.id),
            "payOutSurplus": (slot,),
            "collect": (slot, ids),
            "close": (slot, alice.id),
            "addMargin": (alice.id, EUR),
            "releaseMargin": (1,),
            "releaseMarginOf": (alice.id,),
        },
        "negotiation": {
            "offer": (bob.id, True, terms, stage.gate),
            "counter": (1, 1_000, 43_000, stage.gate),
            "accept": (1, 1),
            "reject": (1,),
            "withdrawOffer": (1,),
            "expire": (1,),
            "agree": (values, *signed),
            "collect": (slot, ids),
            "close": (slot, alice.id),
            "addMargin": (alice.id, EUR),
            "releaseMargin": (1,),
            "releaseMarginOf": (alice.id,),
        },
        "meters": {
            "acceptAuthority": (alice.address,),
            "bindMeter": (binding, stage.authority.address, proof),
            "retireMeter": (1,),
            "postReading": (reading,),
            "postReadings": ([reading],),
            "dispute": (1, slot),
            "resolve": (1, slot, 1, 1),
            "proveEquivocation": (reading, stage.signed(1, 8, 0)),
            "postDays": ([1 << 32, *[1] * 26],),
            "disputeDay": (1, 1),
            "resolveDay": (1, 1, [1] * 24),
            "unpackDay": (1, 1, [1] * 24),
            "proveDayEquivocation": (1, 1, (bytes(32),) * 4, (bytes(32),) * 4),
        },
        "settlement": {
            "acceptVenue": (venue,),
            "settle": (slot, ids),
            "settleDay": (venue, (1, 1, house.address), 0, [], [], []),
            "payArrears": (alice.id,),
            "addMargin": (alice.id, EUR),
            "requestRelease": (1,),
            "requestReleaseOf": (alice.id,),
            "releaseGuarantee": (alice.id,),
        },
    }


# OpenZeppelin's own entries for roles; none of them touches money.
ROLES = {
    "acceptDefaultAdminTransfer",
    "beginDefaultAdminTransfer",
    "cancelDefaultAdminTransfer",
    "changeDefaultAdminDelay",
    "grantRole",
    "renounceRole",
    "revokeRole",
    "rollbackDefaultAdminDelay",
}


def changing(contract):
    return {
        entry["name"]
        for entry in contract._entries
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }


def test_the_list_of_inner_calls_is_whole(stage):
    listed = inner_calls(stage)
    for role in CORE:
        assert changing(getattr(stage.system, role)) - ROLES == listed[role].keys(), role


def checked_inside(stage, outer, hook, bystanders):
    """Run ``outer`` with each inner call hooked into it: it is refused, or nobody but the attacker is worse off."""
    counts = {"refused": 0, "went through": 0}
    for role, functions in inner_calls(stage).items():
        for function, args in functions.items():
            target = getattr(stage.system, role)
            with stage.evm.undone():
                hook(target.address, calldata(target, function, *args))
                before = stage.wealths()
                was_refused = bool(refusal(outer))
                after = stage.wealths()
                counts["refused" if was_refused else "went through"] += 1
                stage.check_books()
                for person in bystanders:
                    assert after[person.name] >= before[person.name], (role, function)
                if was_refused:
                    assert after == before, (role, function)
    return counts


@pytest.mark.parametrize("function", ["deposit", "withdraw"])
def test_a_token_that_calls_anything_back_gets_nothing(bad, function):
    stage = bad
    args = (stage.carol.id, 10) if function == "deposit" else (10,)

    def outer():
        stage.clearinghouse.send(function, *args, sender=stage.carol)

    def hook(target, data):
        stage.token.send("callBack", target, data)

    counts = checked_inside(stage, outer, hook, [stage.alice, stage.bob, stage.operator])
    assert counts["refused"] > 40


def hostile(stage, name, *args):
    """Deploy a venue that does what it is told; governance adds it and the grid operator accepts it."""
    venue = stage.evm.deploy(name, *args)
    stage.clearinghouse.send("addVenue", venue, sender=stage.governance)
    stage.settlement.send("acceptVenue", venue, sender=stage.operator)
    stage.evm.now += DAY
    return venue


def test_a_venue_that_calls_anything_while_it_is_told_of_margin_gets_nothing(fresh):
    stage = fresh
    venue = hostile(stage, "ClearingVenue")

    def outer():
        stage.clearinghouse.send("lock", venue, 10, sender=stage.carol)

    def hook(target, data):
        venue.send("actOnMargin", target, data)

    counts = checked_inside(stage, outer, hook, [stage.alice, stage.bob, stage.operator])
    assert counts["refused"] > 40


def test_a_venue_that_calls_anything_while_it_is_settled_gets_nothing(fresh):
    """carol joined a hostile venue: it may call whatever it likes in the middle of her settlement."""
    stage = fresh
    venue = hostile(stage, "SettlementVenue", stage.clearinghouse)
    stage.slot = stage.evm.now // SLOT + 6
    stage.clearinghouse.send("lock", venue, 10, sender=stage.carol)
    stage.trade()
    stage.go(stage.final)

    def outer():
        stage.settlement.send("settle", stage.slot, [stage.carol.id])

    def hook(target, data):
        venue.send("actOnClose", target, data)

    try:
        counts = checked_inside(stage, outer, hook, [stage.alice, stage.bob])
    finally:
        stage.slot = FIRST_SLOT
    assert counts["refused"] > 40


def test_views_say_the_same_inside_a_call_back_as_after_it(bad):
    """Read-only reentrancy: whoever asks in the middle of a deposit finds the sum that it will have."""
    stage = bad
    recorder = stage.evm.deploy("ClearingVenue")
    house = stage.clearinghouse
    act = calldata(recorder, "act", house.address, calldata(house, "freeOf", stage.alice.id))
    stage.token.send("callBack", recorder, act)
    house.send("deposit", stage.alice.id, 10, sender=stage.alice)
    assert house.call("freeOf", stage.alice.id) == DEPOSIT - 3 * MARGIN + 10


# Ether and donations (26)

OPCODES = {"BALANCE": 0x31, "SELFBALANCE": 0x47}


def opcodes(code):
    """Yield the instructions of a contract, without the data that they push and without the metadata at the end."""
    length = int.from_bytes(code[-2:], "big") + 2
    place, end = 0, len(code) - length
    while place < end:
        yield code[place]
        place += 1 + (code[place] - 0x5F if 0x60 <= code[place] <= 0x7F else 0)


@pytest.mark.parametrize(
    "name",
    [
        "ParticipantRegistry",
        "Clearinghouse",
        "Auction",
        "Negotiation",
        "Tariff",
        "MeterRegistry",
        "Settlement",
    ],
)
def test_no_contract_asks_how_much_ether_anybody_has(name):
    found = set(opcodes(bytes.fromhex(artifact(name)["bytecode"])))
    assert found.isdisjoint(OPCODES.values())
    assert 0x54 in found, "it reads storage, or this is no contract"


def whole_day(stage):
    """Trade in both venues, withhold an order, measure, dispute, settle; return every transaction in its order."""
    alice, bob, carol = stage.alice, stage.bob, stage.carol
    orders = stage.trade()
    stage.commit(carol, stage.order(carol, Side.BID, 99, 10))
    stage.agree(alice, bob, energy_wh=500)
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    stage.auction.send("forfeit", stage.slot, [carol.id])
    stage.go(stage.void)
    stage.auction.send("compensate", stage.slot, bob.id)
    for venue in (stage.auction, stage.negotiation):
        venue.send("collect", stage.slot, [alice.id, bob.id])
    stage.read(alice=(1_700, 0), bob=(0, 1_400), carol=(60, 0))
    stage.meters.send("dispute", 1, stage.slot, sender=stage.operator)
    stage.meters.send("resolve", 1, stage.slot, 1_600, 0, sender=stage.authority)
    double = (stage.signed(3, 60, 0), stage.signed(3, 61, 0))
    stage.meters.send("proveEquivocation", *double)
    stage.settle(alice, bob, carol)
    stage.check_books()


def test_forced_ether_and_donated_tokens_change_nothing(stage):
    ends = []
    for is_donated in (False, True):
        with stage.evm.undone():
            if is_donated:
                for role in (*CORE, "token", "rule"):
                    address = getattr(stage.system, role).address
                    stage.evm._machine.set_balance(address, 10**18)
                    stage.token.send("mint", address, 12_345)
            whole_day(stage)
            books = stage.books()
            assert books.pop("tokens") - books["held"] == (12_345 if is_donated else 0)
            ends.append(books)
    assert ends[0] == ends[1]


# Everything twice (27)

# These ask for something new each time that they are sent.
REPEATABLE = {"offer", "approve", "mint"}


def test_a_transaction_sent_again_moves_no_money(stage, monkeypatch):
    """Every transaction of a day, at once and again when the day is over: it is refused, or it changes no balance."""
    sent: list[tuple[Contract, str, tuple, dict]] = []
    honest = Contract.send
    does_repeat = True

    def twice(contract, function, *args, **options):
        receipt = honest(contract, function, *args, **options)
        sent.append((contract, function, args, options))
        if does_repeat and function not in REPEATABLE:
            before = stage.books()
            refusal(honest, contract, function, *args, **options)
            assert stage.books() == before, function
        return receipt

    monkeypatch.setattr(Contract, "send", twice)
    with stage.evm.undone():
        whole_day(stage)
        does_repeat = False
        before = stage.books()
        for contract, function, args, options in sent:
            refusal(honest, contract, function, *args, **options)
            assert stage.books() == before, function
    assert {function for _, function, _, _ in sent} >= {
        "commit",
        "agree",
        "open",
        "clear",
        "forfeit",
        "compensate",
        "collect",
        "postReadings",
        "dispute",
        "resolve",
        "proveEquivocation",
        "settle",
    }


def test_money_leaves_once(fresh):
    """A guarantee, a free balance, a revoked participant's money: the second time there is nothing."""
    stage, alice = fresh, fresh.alice
    delay = int(stage.system.config["settlement"]["release_delay"])
    stage.settlement.send("requestRelease", MARGIN, sender=alice)
    stage.evm.now += delay
    stage.settlement.send("releaseGuarantee", alice.id)
    assert refusal(stage.settlement.send, "releaseGuarantee", alice.id) == "NoReleaseRequested"
    free = stage.clearinghouse.call("freeOf", alice.id)
    stage.clearinghouse.send("withdraw", free, sender=alice)
    found = refusal(stage.clearinghouse.send, "withdraw", free, sender=alice)
    assert found == "FreeBalanceTooLow"
    stage.registry.send("revoke", stage.bob.id, sender=stage.authority)
    stage.evm.now += 2 * DAY
    stage.clearinghouse.send("withdrawRevoked", stage.bob.id)
    assert refusal(stage.clearinghouse.send, "withdrawRevoked", stage.bob.id) == "ZeroAmount"


# Too little gas (41)


def ready(stage):
    """Return transactions that call other contracts, each where it would go through, by the time at which it does."""
    alice, bob = stage.alice, stage.bob
    orders = stage.trade()
    stage.commit(stage.carol, stage.order(stage.carol, Side.BID, 99, 10))
    agreed = stage.agreement(alice, bob, salt=5)
    values = tuple(agreed.values.values())
    signed = (alice, agreed.sign(alice.key), bob, agreed.sign(bob.key))
    house = stage.clearinghouse
    stage.token.send("mint", alice, EUR)
    stage.token.send("approve", house, EUR, sender=alice)
    yield lambda **gas: house.send("deposit", alice.id, EUR, sender=alice, **gas)
    yield lambda **gas: house.send("withdraw", EUR, sender=alice, **gas)
    yield lambda **gas: house.send("lock", stage.auction, EUR, sender=alice, **gas)
    yield lambda **gas: stage.auction.send("releaseMargin", EUR, sender=alice, **gas)
    yield lambda **gas: stage.negotiation.send("agree", values, *signed, **gas)
    stage.negotiation.send("agree", values, *signed)
    stage.go(stage.gate)
    openings = [stage.opening(order) for order in orders]
    yield lambda **gas: stage.auction.send("open", stage.slot, openings, **gas)
    stage.auction.send("open", stage.slot, openings)
    stage.go(stage.clearing)
    yield lambda **gas: stage.auction.send("clear", stage.slot, **gas)
    stage.auction.send("clear", stage.slot)
    yield lambda **gas: stage.auction.send("forfeit", stage.slot, [stage.carol.id], **gas)
    stage.auction.send("forfeit", stage.slot, [stage.carol.id])
    stage.go(stage.void)
    yield lambda **gas: stage.auction.send("compensate", stage.slot, bob.id, **gas)
    yield lambda **gas: stage.auction.send("collect", stage.slot, [alice.id, bob.id], **gas)
    stage.go(stage.end)
    readings = [stage.signed(1, 1_700, 0), stage.signed(2, 0, 1_400)]
    yield lambda **gas: stage.meters.send("postReadings", readings, **gas)
    pair = (stage.signed(3, 60, 0), stage.signed(3, 61, 0))
    yield lambda **gas: stage.meters.send("proveEquivocation", *pair, **gas)
    stage.meters.send("postReadings", readings)
    stage.go(stage.final)
    yield lambda **gas: stage.settlement.send("settle", stage.slot, [alice.id, bob.id], **gas)


def all_of(stage):
    readings = [stage.meters.call("readingOf", p.id, stage.slot) for p in stage.everybody]
    cleared = stage.auction.call("clearingOf", stage.slot)
    orders = [stage.auction.call("orderOf", stage.slot, p.id) for p in stage.everybody]
    return stage.books(), readings, cleared, orders


def goes_through(transaction, gas):
    """Return whether a transaction succeeds with so much gas."""
    try:
        transaction(gas=int(gas))
    except Reverted:
        return False
    except RuntimeError as error:
        if "CallGasCostMoreThanGasLimit" not in str(error):
            raise
        return False
    return True


def least_gas(stage, transaction, most=5_000_000):
    """Return the smallest amount of gas with which a transaction succeeds."""
    least = 21_000
    while least < most:
        middle = (least + most) // 2
        with stage.evm.undone():
            is_enough = goes_through(transaction, middle)
        least, most = (least, middle) if is_enough else (middle + 1, most)
    return most


def test_a_call_with_too_little_gas_does_all_or_nothing(fresh):
    """63/64 of what is left goes into each inner call: none may fail alone while the rest goes on without it."""
    stage, tried = fresh, 0
    for transaction in ready(stage):
        with stage.evm.undone():
            transaction()
            done = all_of(stage)
        untouched = all_of(stage)
        assert done != untouched
        least = least_gas(stage, transaction)
        below = np.linspace(21_000, least - 1, 24).astype(int)
        for gas in (*below, *range(least - 200, least + 600, 50), 2 * least):
            with stage.evm.undone():
                is_done = goes_through(transaction, gas)
                assert all_of(stage) == (done if is_done else untouched)
                tried += 1
        with stage.evm.undone():
            assert goes_through(transaction, 2 * least)
    record("attacks", "calls with too little gas", tried, wanted="all or nothing", ok=True)
    assert tried > 400


def test_an_honest_wallet_that_is_asked_with_too_little_gas_is_refused_and_not_forged(fresh):
    """Its answer is missing then, and a missing answer is no yes: the message can come again with more."""
    stage = fresh
    wallet, number = joined_wallet(stage, 0)
    agreed = stage.agreement(Person("wallet", stage.alice.key, number), stage.bob)
    values = tuple(agreed.values.values())
    signed = (wallet, agreed.sign(stage.alice.key), stage.bob, agreed.sign(stage.bob.key))

    def agree(**gas):
        return stage.negotiation.send("agree", values, *signed, **gas)

    before, least = stage.books(), least_gas(stage, agree)
    for gas in np.linspace(21_000, least - 1, 80):
        with stage.evm.undone():
            assert not goes_through(agree, gas)
            assert stage.books() == before
    # Refused attempts use nothing up.
    agree(gas=least)


# Debts


def test_who_never_pays_harms_the_grid_operator_alone(fresh):
    """dan has no guarantee and uses a fortune: sellers and members with credits get what they would get anyway."""
    stage = fresh
    dan = stage.system.enrol("dan", Kind.PERSONAL_CONSUMER)
    stage.bind(dan, 4)
    ends = {}
    for used_wh in (0, 100_000):
        with stage.evm.undone():
            orders = stage.trade()
            stage.go(stage.gate)
            stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
            stage.go(stage.clearing)
            stage.auction.send("clear", stage.slot)
            stage.go(stage.end)
            values = ((1, 1_000, 0), (2, 0, 1_500), (3, 40, 0), (4, used_wh, 0))
            stage.meters.send("postReadings", [stage.signed(*value) for value in values])
            stage.settle(stage.alice, stage.bob, stage.carol, dan)
            ends[used_wh] = stage.wealths(), stage.settlement.call("arrearsOf", dan.id)
    retail = stage.system.config["settlement"]["retail_price"]
    assert ends[0][0] == ends[100_000][0]
    assert (ends[0][1], ends[100_000][1]) == (0, 100_000 * retail // 1000)


def test_a_guarantee_asked_back_in_advance_leaves_trades_covered(fresh):
    """Known limit: a request that has run its delay can wait. Whoever uses it before a bill owes the grid operator the
    bill for what it drew from the grid; what it traded is still paid from its margin."""
    stage, alice = fresh, fresh.alice
    stage.settlement.send("requestRelease", MARGIN, sender=alice)
    stage.evm.now += int(stage.system.config["settlement"]["release_delay"])
    stage.slot = stage.evm.now // SLOT + 6
    try:
        orders = stage.trade()
        stage.go(stage.gate)
        stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
        stage.go(stage.clearing)
        stage.auction.send("clear", stage.slot)
        stage.go(stage.end)
        stage.meters.send("postReadings", [stage.signed(1, 90_000, 0), stage.signed(2, 0, 1_000)])
        # Anybody may bring it; the one whose guarantee it is does so now.
        stage.settlement.send("releaseGuarantee", alice.id)
        before = stage.wealth(stage.bob)
        stage.settle(alice, stage.bob)
        price = stage.auction.call("clearingOf", stage.slot).askPrice
        assert stage.wealth(stage.bob) - before == 1_000 * price // 1000
        retail = stage.system.config["settlement"]["retail_price"]
        assert stage.settlement.call("arrearsOf", alice.id) == 89_000 * retail // 1000
        stage.check_books()
    finally:
        stage.slot = FIRST_SLOT


# Venues and governance


def test_a_venue_of_hostile_governance_waits_a_day_and_takes_only_what_is_locked_for_it(fresh):
    stage, house = fresh, fresh.clearinghouse
    venue = stage.evm.deploy("ClearingVenue")
    house.send("addVenue", venue, sender=stage.governance)
    early = (venue, 5)
    assert refusal(house.send, "lock", *early, sender=stage.alice) == "NotAVenue"
    stage.evm.now += DAY
    house.send("lock", *early, sender=stage.alice)
    before = stage.wealths()
    for person in stage.everybody:
        for released, paid in ((1, 0), (0, 1), (6, 0)):
            take = calldata(house, "close", person.id, venue.address, 0, released, paid)
            refused = refusal(venue.send, "act", house.address, take)
            if (person, released, paid) != (stage.alice, 1, 0):
                assert refused in ("CollateralTooLow", "PoolTooLow")
    assert stage.wealths() == {**before, "alice": before["alice"]}


def test_governance_cannot_crowd_out_the_venues_that_there_are(fresh):
    """Eight venues at most: hostile governance can fill the rest with junk, and what was there goes on."""
    stage, house = fresh, fresh.clearinghouse
    for _ in range(5):
        junk = stage.evm.deploy("ClearingVenue")
        house.send("addVenue", junk, sender=stage.governance)
    assert (
        refusal(house.send, "addVenue", stage.account("ninth"), sender=stage.governance)
        == "TooManyVenues"
    )
    whole_day(stage)


def test_before_the_first_deposit_a_venue_is_open_at_once_and_after_it_none_is():
    """Who deposits first should look at the venues that there are: `venues` and the events name them all."""
    evm = Evm()
    governance, authority = evm.account("governance"), evm.account("authority")
    token = evm.deploy("TestEuro")
    registry = evm.deploy("ParticipantRegistry", governance, SLOT, DAY, 2 * DAY, [authority])
    house = evm.deploy("Clearinghouse", token, registry, DAY)
    early, late = evm.deploy("ClearingVenue"), evm.deploy("ClearingVenue")
    house.send("addVenue", early, sender=governance)
    assert house.call("isVenue", early)
    system = System(evm, {}, governance, authority, token, registry, house)
    alice = system.enrol("alice", Kind.PROSUMER)
    system.deposit(alice, BOUND)
    house.send("withdraw", BOUND, sender=alice)
    house.send("addVenue", late, sender=governance)
    assert not house.call("isVenue", late)
    evm.now += DAY
    assert house.call("isVenue", late)


# Who is paid first


def test_who_settles_chooses_who_waits_for_a_short_operator_but_not_what_anybody_gets(fresh):
    """The order of a batch decides who is paid at once while the operator's guarantee lasts; the rest is owed, and
    anybody has it paid when the operator has money again."""
    stage, settlement = fresh, fresh.settlement
    settlement.send("requestRelease", DEPOSIT, sender=stage.operator)
    stage.evm.now += int(stage.system.config["settlement"]["release_delay"])
    settlement.send("releaseGuarantee", stage.operator.id)
    stage.clearinghouse.send("lock", settlement, 20_000, sender=stage.operator)
    stage.slot = stage.evm.now // SLOT + 6
    ends = []
    try:
        stage.go(stage.end)
        readings = [stage.signed(meter, 0, wh) for meter, wh in ((1, 500), (2, 500), (3, 500))]
        stage.meters.send("postReadings", readings)
        stage.go(stage.final)
        people = [stage.alice, stage.bob, stage.carol]
        for batch in (people, people[::-1]):
            with stage.evm.undone():
                settlement.send("settle", stage.slot, [person.id for person in batch])
                waiting = [-settlement.call("arrearsOf", person.id) for person in batch]
                assert waiting == [0, 10_000, 15_000]
                assert settlement.call("owedByOperator") == sum(waiting)
                stage.clearinghouse.send("lock", settlement, 30_000, sender=stage.operator)
                for person in batch[1:]:
                    settlement.send("payArrears", person.id, sender=stage.account("a stranger"))
                ends.append(stage.books())
    finally:
        stage.slot = FIRST_SLOT
    assert ends[0] == ends[1]
