"""A deployment as it should be passes; each thing that is changed in it fails the check of that name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from typer.testing import CliRunner

from setm import messages
from setm.chain.events import Event
from setm.chain.node import local_node
from setm.chain.reader import Reader
from setm.chain.sender import connect
from setm.cli.app import app
from setm.deployment_plan import STANDARD
from setm.errors import ChainUnreachable, RunError
from setm.verify import Check, read_deployment, verify
from setm.verify.history import History
from setm.verify.money import check_money
from setm.verify.people import check_people
from setm.verify.roles import check_settings
from setm.verify.source import compile_sources
from setm.verify.trading import check_trading
from tests.python.verify.conftest import START_AT, Place
from tests.python.verify.world import ALICE, BID_TICK, BOB, CAROL, World, default_config

DAY = 86_400


def failed(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.why for check in checks if check.outcome == "failed"}


def warned(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if check.outcome == "warning"}


# Ways to tamper, each with the checks that must notice


def set_code(place: Place, role: str, code: bytes) -> None:
    place.world.rpc("anvil_setCode", place.world.addresses[role], "0x" + code.hex())


def code_of(place: Place, role: str) -> bytearray:
    return bytearray(place.world.web3.eth.get_code(place.world.addresses[role]))


def flip_instruction(place: Place) -> None:
    code = code_of(place, "rule")
    code[len(code) // 2] ^= 1
    set_code(place, "rule", bytes(code))


def other_comment(place: Place) -> None:
    code = code_of(place, "meters")
    code[-20] ^= 1
    set_code(place, "meters", bytes(code))


def other_settings(place: Place) -> None:
    optimizer = {"enabled": True, "runs": 1}
    compiled = compile_sources(contracts={"rule": "UniformPriceRule"}, optimizer=optimizer)["rule"]
    set_code(place, "rule", bytes.fromhex(compiled.runtime))


def no_code(place: Place) -> None:
    set_code(place, "rule", b"")


def other_contract(place: Place) -> None:
    set_code(place, "token", bytes(code_of(place, "rule")))


def patch(role: str, immutable: str, value: int) -> Callable[[Place], None]:
    def tamper(place: Place) -> None:
        code = code_of(place, role)
        for at in place.world.compiled[role].immutables[immutable]:
            code[at : at + 32] = value.to_bytes(32, "big")
        set_code(place, role, bytes(code))

    return tamper


def words(place: Place, role: str, variable: str, *keys: Any) -> str:
    """Return where a variable, or an entry of a mapping, begins in a contract's storage."""
    at = place.world.compiled[role].variables[variable].to_bytes(32, "big")
    for key in keys:
        at = keccak(encode(["uint256"], [key(place) if callable(key) else key]) + at)
    return "0x" + bytes(at).hex()


def change_word(
    role: str, variable: str, *keys: Any, change: Callable[[int], int]
) -> Callable[[Place], None]:
    """Return a tamper that changes a word of storage."""

    def tamper(place: Place) -> None:
        at, address = words(place, role, variable, *keys), place.world.addresses[role]
        word = int.from_bytes(place.world.web3.eth.get_storage_at(address, int(at, 16)), "big")
        place.world.rpc("anvil_setStorageAt", address, at, f"0x{change(word):064x}")

    return tamper


def first_slot(place: Place) -> int:
    return min(slot for slot, _ in place.world.orders)


def second_slot(place: Place) -> int:
    return first_slot(place) + 1


def bucket(place: Place) -> int:
    return first_slot(place) // 256


def ring(place: Place) -> int:
    return first_slot(place) % 1024


def house(place: Place) -> int:
    return int(place.world.addresses["clearinghouse"], 16)


ON_CHAIN: dict[str, tuple[Callable[[Place], None], set[str]]] = {
    "another instruction": (flip_instruction, {"rule is UniformPriceRule"}),
    "another comment": (other_comment, {"meters is MeterRegistry"}),
    "other settings of the compiler": (other_settings, {"rule is UniformPriceRule"}),
    "no code": (no_code, {"rule is UniformPriceRule"}),
    "another contract's code": (
        other_contract,
        {"token is TestEuro", "token's decimals", "EIP-712 domains"},
    ),
    "another bond": (patch("auction", "_bond", 7), {"immutables of auction", "auction"}),
    "another delay of venues": (
        patch("clearinghouse", "GOVERNANCE_DELAY", 60),
        {"immutables of clearinghouse", "delays of changes"},
    ),
    "another rule": (patch("auction", "pricingRule", 0xBAD), {"immutables of auction", "links"}),
    "another domain": (
        patch("negotiation", "_cachedDomainSeparator", 0xBAD),
        {"immutables of negotiation"},
    ),
    "another window": (patch("meters", "disputeWindow", 60), {"immutables of meters", "metering"}),
    "another retail price": (
        patch("settlement", "RETAIL_PRICE", 99_000),
        {"immutables of settlement", "settlement"},
    ),
    "another cap": (
        patch("negotiation", "_capPrice", 99_000),
        {"immutables of negotiation", "negotiation"},
    ),
    "another slot": (
        patch("registry", "slotSeconds", 60),
        {"immutables of registry", "slots and delays"},
    ),
    "another operator": (
        patch("settlement", "operatorId", 3),
        {"immutables of settlement", "grid operator"},
    ),
    "another chain in the token": (patch("token", "_cachedChainId", 5), {"immutables of token"}),
    "another governance": (
        change_word("registry", "_currentDefaultAdmin", change=lambda word: word ^ 1),
        {"governance"},
    ),
    # Packed above the address and the time of a change to come.
    "a shorter delay of governance": (
        change_word("registry", "_currentDelay", change=lambda word: word - (3600 << 208)),
        {"delays of changes"},
    ),
    "more owed": (
        change_word("clearinghouse", "_holding", change=lambda word: word + 1),
        {"I1 solvency", "I16 balances equal the events"},
    ),
    "a grown balance": (
        change_word("clearinghouse", "_balances", CAROL, change=lambda word: word + 1),
        {"I1 solvency", "I16 balances equal the events"},
    ),
    "grown collateral": (
        change_word("clearinghouse", "_balances", ALICE, change=lambda word: word + (1 << 128)),
        {"I1 solvency", "I2 collateral = margin + what orders bind"},
    ),
    "a grown margin": (
        change_word("auction", "_margins", BOB, change=lambda word: word + 1),
        {"I2 collateral = margin + what orders bind"},
    ),
    "a grown pool of a slot": (
        change_word("auction", "_slotPools", second_slot, change=lambda word: word + 1),
        {"I2 pools = what their slots hold"},
    ),
    "fewer tokens": (
        change_word("token", "_balances", house, change=lambda word: word - 1),
        {"I1 solvency"},
    ),
    "more arrears": (
        change_word("settlement", "_arrears", ALICE, change=lambda word: word + 1),
        {"arrears follow from the bills"},
    ),
    "a debt of the operator": (
        change_word("settlement", "owedByOperator", change=lambda word: word + 1),
        {"arrears follow from the bills"},
    ),
    "a bill forgotten": (
        change_word("settlement", "_settled", ALICE, bucket, change=lambda _: 0),
        {"I9 settled once"},
    ),
    "another price in the auction": (
        change_word("auction", "_results", first_slot, change=lambda word: word + 1),
        {"I3 I5 each clearing is the reference's"},
    ),
    "another position": (
        change_word("negotiation", "_positions", ALICE, ring, change=lambda word: word ^ 1 << 90),
        {"I16 positions equal the trades"},
    ),
    "another zone": (
        change_word("registry", "_entries", CAROL, change=lambda word: word ^ 1 << 160),
        {"I16 the registry equals its events"},
    ),
}


def without(name: str) -> Callable[[list[Event]], list[Event]]:
    """Leave the last event of a name out."""

    def alter(events: list[Event]) -> list[Event]:
        last = max(place for place, event in enumerate(events) if event.event == name)
        return events[:last] + events[last + 1 :]

    return alter


def again(name: str, **changes: Any) -> Callable[[list[Event]], list[Event]]:
    """Repeat the last event of a name, changed."""

    def alter(events: list[Event]) -> list[Event]:
        last = [event for event in events if event.event == name][-1]
        return [*events, replace(last, args={**last.args, **changes})]

    return alter


def altered(name: str, **changes: Any) -> Callable[[list[Event]], list[Event]]:
    """Change the last event of a name."""

    def alter(events: list[Event]) -> list[Event]:
        last = max(place for place, event in enumerate(events) if event.event == name)
        changed = replace(events[last], args={**events[last].args, **changes})
        return [*events[:last], changed, *events[last + 1 :]]

    return alter


SERIAL, DEVICE = "0x" + "77" * 32, "0x" + "77" * 20
IDENTITY, METER = "I12 one identity, one participant", "I12 one participant, one meter"
BALANCES, AMOUNTS = "I16 balances equal the events", "I11 nobody pays another amount"
ENDS, SETTLED = "I8 each commitment ends once", "I9 settled once"

IN_EVENTS: dict[str, tuple[Callable[[list[Event]], list[Event]], set[str]]] = {
    "an identity twice": (again("ParticipantJoined", participantId=5), {IDENTITY}),
    "a participant that nobody saw": (without("ParticipantJoined"), {IDENTITY}),
    "a meter's key twice": (
        again("MeterBound", meter=3, participantId=CAROL, meterId=SERIAL),
        {METER},
    ),
    "a meter with two participants": (
        again("MeterBound", meter=3, participantId=CAROL, deviceKey=DEVICE),
        {METER},
    ),
    "two meters of one participant": (
        again("MeterBound", meter=3, meterId=SERIAL, deviceKey=DEVICE),
        {METER},
    ),
    "another zone": (altered("ParticipantJoined", zone=9), {"I16 the registry equals its events"}),
    "a withdrawal that nobody saw": (without("Withdrawn"), {BALANCES}),
    "a deposit twice": (again("Deposited"), {BALANCES}),
    "more locked than there was": (altered("CollateralLocked", amount=2**62), {BALANCES}),
    "a bond forfeited twice": (again("BondForfeited"), {ENDS}),
    "cancelled and cancelled": (again("CommitmentCancelled"), {ENDS}),
    "another payment": (altered("TradeCollected", payment=1), {AMOUNTS}),
    "paid twice": (again("TradeCollected"), {AMOUNTS}),
    "another revenue": (altered("TradeClosed", revenue=1), {AMOUNTS}),
    "an agreement that nobody saw": (without("AgreementReached"), {AMOUNTS}),
    "settled twice": (again("SlotSettled"), {SETTLED}),
    "settled and not told": (without("SlotSettled"), {SETTLED}),
    "an opening that nobody saw": (
        without("OrdersOpened"),
        {"I3 I5 each clearing is the reference's"},
    ),
}


def clearing_beyond_a_limit(history: History) -> History:
    """Raise the price of the first clearing above what its bids said."""
    first = next(event for event in history.events if event.event == "SlotCleared")
    price = 30_000 + 100 * (BID_TICK + 1)
    clearing = {**first.args["clearing"], "bidPrice": price, "askPrice": price}
    changed = replace(first, args={**first.args, "clearing": clearing})
    events = [changed if event is first else event for event in history.events]
    return History(history.deployed, history.reader, events)


def books(history: History) -> list[Check]:
    return [*check_people(history), *check_money(history), *check_trading(history)]


def test_a_deployment_as_it_should_be_passes(place):
    checks = place.verify()

    assert failed(checks) == {}
    assert warned(checks) == set()
    assert {check.area for check in checks} == {"code", "settings", "roles", "books"}
    assert len({(check.area, check.name) for check in checks}) == len(checks) > 40


def test_a_deployment_on_ganache_passes(compiled, tmp_path):
    with local_node("ganache", start_at=START_AT, log=tmp_path / "chain.log") as node:
        world = World(connect(node.url), compiled, default_config())
        world.deploy_all()
        world.live_a_day()
        path = world.write(tmp_path / "deployment.json")
        checks = verify(read_deployment(path), node.url, compiled)

    assert failed(checks) == {}
    assert warned(checks) == set()


@pytest.mark.parametrize("what", ON_CHAIN)
def test_a_change_on_the_chain_fails_by_name(place, what):
    tamper, names = ON_CHAIN[what]
    tamper(place)

    assert names - failed(place.verify()).keys() == set()


@pytest.mark.parametrize("what", IN_EVENTS)
def test_a_change_in_the_events_fails_by_name(place, what):
    alter, names = IN_EVENTS[what]
    history = place.history()

    found = failed(books(History(history.deployed, history.reader, alter(list(history.events)))))

    assert names - found.keys() == set()


def test_a_fill_beyond_its_limit_fails_by_name(place):
    found = failed(books(clearing_beyond_a_limit(place.history())))

    assert "beyond its limit" in found["I4 every fill respects its limit"]


def test_a_changed_balance_is_told_with_its_owner_and_both_values(place):
    free = place.world.call("clearinghouse", "freeOf", CAROL)
    ON_CHAIN["a grown balance"][0](place)

    assert failed(place.verify())["I16 balances equal the events"] == (
        f"free balance of participant {CAROL}: {free + 1}, by events {free}"
    )


# What the file or the auditor expects


@pytest.fixture
def mallory(place) -> str:
    return str(place.world.people["mallory"].address)


def test_a_wrong_authority_fails_by_name(place, mallory):
    roles = {**place.world.record()["roles"], "authorities": [mallory]}

    assert failed(place.verify(roles=roles)).keys() == {"authorities"}


@pytest.mark.parametrize(
    ("office", "name"), [("governance", "governance"), ("operator", "grid operator")]
)
def test_a_wrong_office_fails_by_name(place, mallory, office, name):
    found = failed(place.verify(roles={**place.world.record()["roles"], office: mallory}))

    assert name in found
    assert mallory in found[name]


def test_a_wrong_value_of_the_configuration_fails_by_name(place):
    config = default_config()
    config["auction"]["bond"] += 1

    assert failed(place.verify(config=config)) == {
        "immutables of auction": "_bond: expected 100001, found 100000",
        "auction": "bond: expected 100001, found 100000",
    }


def test_another_parameter_of_the_pricing_rule_fails_in_code_and_books(place):
    """The deployment prices halfway between the margins; the auditor expects another k."""
    config = default_config()
    config["rule"] = {"name": "uniform_price", "k": 300}
    found = failed(place.verify(config=config))
    assert set(found) == {"immutables of rule", "I3 I5 each clearing is the reference's"}
    assert found["immutables of rule"] == "k: expected 300, found 500"


def test_a_value_that_the_configuration_does_not_have_fails_by_name(place):
    config = default_config()
    del config["recovery_delay"]

    found = failed(place.verify(config=config))

    assert found["immutables of registry"] == "RECOVERY_DELAY: nothing says what it should be"


def test_swapped_addresses_fail_by_name(place):
    swapped = {**place.world.addresses}
    swapped["auction"], swapped["negotiation"] = swapped["negotiation"], swapped["auction"]

    found = failed(place.verify(contracts=swapped))

    assert {
        "auction is Auction",
        "negotiation is Negotiation",
        "venues",
        "EIP-712 domains",
    } <= found.keys()


def test_an_expectation_of_the_auditor_replaces_the_files_own(place, tmp_path, mallory):
    path = place.world.write(tmp_path / "deployment.json")
    expected = tmp_path / "expected.json"
    roles = {**place.world.record()["roles"], "governance": mallory}
    expected.write_text(json.dumps({**default_config(), "roles": roles}))

    checks = verify(read_deployment(path, expected), place.url, place.world.compiled)

    assert failed(checks).keys() == {"governance", "nobody holds another role"}


# What is about to change


def test_changes_that_wait_are_warnings(place, mallory):
    world, addresses = place.world, dict(place.world.addresses)
    links = [addresses["clearinghouse"], addresses["settlement"]]
    new = world.deploy("negotiation", *links, tuple(world.config["negotiation"].values()))
    world.addresses = addresses
    authority = world.people["authority"].address
    world.send("registry", "addAuthority", mallory, sender="governance")
    world.send("registry", "removeAuthority", authority, sender="governance")
    world.send("registry", "beginDefaultAdminTransfer", mallory, sender="governance")
    world.send("clearinghouse", "addVenue", new, sender="governance")

    checks = place.verify()

    assert failed(checks) == {}
    assert warned(checks) == {
        *("authority to come", "authority to go", "governance to come", "venue to come")
    }


def test_changes_that_came_fail(place, mallory):
    world = place.world
    world.send("registry", "addAuthority", mallory, sender="governance")
    world.move_to(world.now + DAY + 1)

    assert failed(place.verify()).keys() == {"authorities"}


def test_an_authority_that_the_operator_does_not_accept_is_a_warning(place, mallory):
    world = place.world
    world.send("registry", "addAuthority", mallory, sender="governance")
    world.move_to(world.now + DAY + 1)
    roles = world.record()["roles"]
    both = {**roles, "authorities": [*roles["authorities"], mallory]}

    assert failed(place.verify(roles=both)) == {}
    assert warned(place.verify(roles=both)) == {"authority not accepted"}

    world.send("meters", "acceptAuthority", mallory, sender="operator")
    assert warned(place.verify(roles=both)) == set()


def test_donated_tokens_are_a_warning(place):
    world = place.world
    world.send("token", "mint", world.addresses["clearinghouse"], 17, sender="mallory")

    checks = place.verify()

    assert failed(checks) == {}
    assert warned(checks) == {"donated tokens"}


def test_a_suspended_operator_is_a_warning(place):
    world = place.world
    world.send("registry", "suspend", 1, sender="governance")
    world.move_to(world.now + 900)

    checks = place.verify()

    assert failed(checks) == {}
    assert warned(checks) == {"grid operator"}


def test_keys_that_rotate_and_participants_that_are_revoked_pass(place, mallory):
    world = place.world
    deadline = world.now + 60
    consent = messages.rotate(
        world.domain("registry"), participant_id=CAROL, account=mallory, deadline=deadline
    ).sign(world.people["mallory"])
    world.send("registry", "rotateKey", mallory, deadline, consent, sender="carol")
    world.send("registry", "revoke", BOB, sender="authority")
    assert failed(place.verify()) == {}

    world.move_to(world.now + 900)
    assert failed(place.verify()) == {}


# Every check can fail


def test_every_check_is_made_to_fail_by_a_test(place):
    names = {check.name for check in place.verify()}
    covered = {name for _, found in (*ON_CHAIN.values(), *IN_EVENTS.values()) for name in found}
    covered |= {"authorities", "nobody holds another role", "venues"}
    covered |= {"I4 every fill respects its limit", "immutables of rule"}
    code = {f"{role} is {found.contract}" for role, found in place.world.compiled.items()}
    values = {f"immutables of {role}" for role in place.world.compiled}

    assert names - covered - code == set()
    assert values - covered == set()


@pytest.mark.parametrize("role", sorted(STANDARD))
def test_one_changed_byte_of_any_contract_fails_its_check(place, role):
    code = code_of(place, role)
    # The last byte before the metadata, whose length stands in the last two.
    code[-3 - int.from_bytes(code[-2:], "big")] ^= 1
    set_code(place, role, bytes(code))

    assert f"{role} is {place.world.compiled[role].contract}" in failed(place.verify())


# Other chains and other files


def test_refuses_a_file_of_another_chain(place):
    with pytest.raises(RunError, match="is chain 1337, but the deployment is of chain 5"):
        place.verify(chain_id=5)


def test_refuses_a_chain_without_the_contracts(place, tmp_path):
    with (
        local_node("anvil", start_at=START_AT, log=tmp_path / "chain.log") as other,
        pytest.raises(RunError, match="none of the contracts is there"),
    ):
        verify(place.deployed(), other.url, place.world.compiled)


def test_refuses_a_chain_that_does_not_answer(place):
    with pytest.raises(ChainUnreachable, match="no chain answers"):
        verify(place.deployed(), "http://127.0.0.1:1", place.world.compiled)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"roles": {}}, "does not say who holds governance, authorities, operator"),
        ({"config": {}}, "lacks config"),
        ({"chain_id": None}, "lacks chain_id"),
        ({"contracts": {}}, "contracts: expected exactly token, registry"),
    ],
)
def test_refuses_a_file_that_lacks_something(place, changes, message):
    with pytest.raises(RunError, match=message):
        place.deployed(**changes)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_refuses_a_file_that_is_no_record(tmp_path, text):
    path = tmp_path / "deployment.json"
    path.write_text(text)

    with pytest.raises(RunError, match="deployment.json"):
        read_deployment(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(RunError, match="deploy first"):
        read_deployment(tmp_path / "deployment.json")


# A chain where money counts


def test_test_money_on_a_chain_that_counts_fails(place):
    deployed = replace(place.deployed(), chain_id=1)
    reader = Reader(place.url, deployed.contracts)

    assert failed(list(check_settings(deployed, reader)))["token has worth"] == (
        "TestEuro on chain 1: anyone mints it"
    )


def test_a_token_of_others_is_a_warning(place):
    checks = place.verify(own_token=False)

    assert failed(checks) == {}
    assert warned(checks) == {"token"}


# The command


def run(place: Place, *words: str) -> tuple[int, str]:
    path = place.world.write(place.folder / "deployment.json")
    result = CliRunner().invoke(app, ["verify", str(path), "--rpc", place.url, *words])
    return result.exit_code, result.stdout


def test_the_command_prints_a_table_and_ends_with_zero(place):
    code, printed = run(place)

    assert code == 0
    assert "0 warnings, 0 failed" in printed
    assert "I1 solvency" in printed


def test_the_command_ends_with_one_when_a_check_fails(place):
    flip_instruction(place)

    code, printed = run(place, "--json")

    told = json.loads(printed)
    assert code == 1
    assert told["ok"] is False
    assert told["counts"]["failed"] == 1
    assert [item["name"] for item in told["checks"] if item["outcome"] == "failed"] == [
        "rule is UniformPriceRule"
    ]
