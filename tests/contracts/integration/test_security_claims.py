"""The four security claims of the model's paper, as acceptance tests (docs/security.md names each row's test).

1  Without user.Security nobody enters anything.
2  A forged or tampered price is refused.
3  A modified, blocked or interrupted transaction cannot settle, and cannot keep others from settling.
4  No single party is needed to keep the records: they follow from events alone.
"""

from collections import Counter
from dataclasses import replace

import brownie
import pytest

from setm import messages
from setm.types import Side, Terms
from tests.contracts.integration.community import (
    ASK,
    BID,
    CAPACITY_WH,
    EUR,
    NOBODY,
    VENUES,
    open_community,
    refusal,
)

# The order of secp256k1's group.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
PRICE, ENERGY_WH = 43_000, 800
FOREVER = 2**40
OUTCASTS = ("mallory", "expired", "revoked", "suspended")

# What each state-changing function of each contract asks of its caller.
ENTERS = "user.Security"  # enters something: a participant's own key, now
OWNS = (
    "owner key"  # takes out or cares for one's own; an expired or suspended participant still may
)
ANYONE = (
    "nothing"  # a duty that no single party may block; what it does is fixed by what was entered
)
TRUSTED = "one contract"  # called by the clearinghouse, settlement or a venue
GOVERNS = "office"  # governance, an authority, a recovery address
CALLERS = {
    "auction": {
        "commit": ENTERS,
        "commitMany": ENTERS,
        "commitFor": ENTERS,
        "cancel": ENTERS,
        "placeOrder": ENTERS,
        "placeOrderFor": ENTERS,
        "open": ANYONE,
        "clear": ANYONE,
        "forfeit": ANYONE,
        "compensate": ANYONE,
        "payOutSurplus": ANYONE,
        "collect": ANYONE,
        "close": TRUSTED,
        "addMargin": TRUSTED,
        "releaseMargin": OWNS,
        "releaseMarginOf": ANYONE,
    },
    "negotiation": {
        "offer": ENTERS,
        "counter": ENTERS,
        "accept": ENTERS,
        "reject": ENTERS,
        "withdrawOffer": ENTERS,
        "agree": ENTERS,
        "expire": ANYONE,
        "collect": ANYONE,
        "close": TRUSTED,
        "addMargin": TRUSTED,
        "releaseMargin": OWNS,
        "releaseMarginOf": ANYONE,
    },
    "clearinghouse": {
        "deposit": ENTERS,
        "depositWithPermit": ENTERS,
        "lock": ENTERS,
        "withdraw": OWNS,
        "withdrawRevoked": ANYONE,
        "release": TRUSTED,
        "close": TRUSTED,
        "closeMany": TRUSTED,
        "addVenue": GOVERNS,
    },
    "meters": {
        "bindMeter": ENTERS,
        "retireMeter": OWNS,
        "postReading": ANYONE,
        "postReadings": ANYONE,
        "dispute": OWNS,
        "resolve": GOVERNS,
        "proveEquivocation": ANYONE,
        "postDays": ANYONE,
        "disputeDay": OWNS,
        "resolveDay": GOVERNS,
        "proveDayEquivocation": ANYONE,
        "unpackDay": ANYONE,
        "acceptAuthority": OWNS,
    },
    "settlement": {
        "settle": ANYONE,
        "settleDay": ANYONE,
        "payArrears": ANYONE,
        "acceptVenue": OWNS,
        "addMargin": TRUSTED,
        "requestRelease": OWNS,
        "releaseGuarantee": ANYONE,
        "requestReleaseOf": ANYONE,
    },
}


def is_changing(entry):
    return entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")


@pytest.fixture(scope="module")
def people(system, config, ids):
    """alice, bob and carol with collateral everywhere, and three who lost user.Security after having had it."""
    community = open_community(system, config, ids)
    others = system.actors.others[2:5]
    next_slot = (brownie.chain.time() // config["slot_seconds"] + 1) * config["slot_seconds"]
    for name, account in zip(("expired", "revoked", "suspended"), others, strict=True):
        valid_until = next_slot if name == "expired" else None
        community.enrol(name, account, valid_until)
    for name in ("alice", "bob", "carol", "operator"):
        for venue in ("settlement",) if name == "operator" else VENUES:
            community.lock(name, venue, 10 * EUR)
    system.registry.revoke(community.ids["revoked"], community.by("authority"))
    system.registry.suspend(community.ids["suspended"], community.by("governance"))
    community.go(next_slot + 1)
    return community


@pytest.fixture(scope="module")
def slot(people, config):
    return brownie.chain[-1].timestamp // config["slot_seconds"] + 6


@pytest.fixture(scope="module")
def open_auction(people, config, governance):
    """The same auction without seals; who may enter does not depend on its being a venue yet."""
    values = {**config["auction"], "is_sealed": False, "reveal_window": 0, "bond": 0}
    project = brownie.project.get_loaded_projects()[0]
    system = people.system
    args = (system.clearinghouse, system.settlement, system.rule, tuple(values.values()))
    return project.Auction.deploy(*args, {"from": governance})


def at(account):
    """An address as Brownie prints it in an error."""
    return account.address.lower()


# 1. WITHOUT USER.SECURITY, NO ENTRY


@pytest.mark.parametrize("role", CALLERS)
def test_every_function_of_every_contract_says_who_may_call_it(people, role):
    functions = {entry["name"] for entry in getattr(people.system, role).abi if is_changing(entry)}
    assert functions == CALLERS[role].keys()


def attempts(people, open_auction, slot, name):
    """Every function that enters something, with arguments that a participant would be let in with."""
    system, ids = people.system, people.ids
    number = ids.get(name, 99)
    people_with = {**ids, name: number}
    commitment = (slot, 0, 200_000, b"\x01" * 23 + bytes(9))
    order = (slot, 0, 160, 1_000)
    terms = (slot, 1, ENERGY_WH, PRICE)
    key = people.key(name)
    sealed = messages.commit(
        people.domain(system.auction),
        slot=slot,
        side=Side.BID,
        bound=200_000,
        digest=commitment[3],
        nonce=0,
        deadline=FOREVER,
    )
    placed = messages.place_order(
        people.domain(open_auction),
        slot=slot,
        side=Side.BID,
        tick=160,
        energy_wh=1_000,
        nonce=0,
        deadline=FOREVER,
    )
    agreed = messages.agreement(
        people.domain(system.negotiation),
        buyer_id=number,
        seller_id=ids["bob"],
        terms=Terms(first_slot=slot, slot_count=1, energy_wh=ENERGY_WH, price=PRICE),
        salt=1,
        deadline=FOREVER,
    )
    agreement = (
        tuple(agreed.values.values()),
        key.address,
        agreed.sign(key),
        people.accounts["bob"],
        agreed.sign(people.key("bob")),
    )
    people.ids = people_with
    _, binding = people.binding(name, serial=9)
    people.ids = ids
    gate = people.gate(slot)
    return {
        "auction.commit": (system.auction.commit, commitment),
        "auction.commitMany": (system.auction.commitMany, [commitment]),
        "auction.commitFor": (
            system.auction.commitFor,
            commitment,
            key.address,
            0,
            FOREVER,
            sealed.sign(key),
        ),
        "auction.cancel": (system.auction.cancel, slot),
        "auction.placeOrder": (open_auction.placeOrder, order),
        "auction.placeOrderFor": (
            open_auction.placeOrderFor,
            order,
            key.address,
            0,
            FOREVER,
            placed.sign(key),
        ),
        "negotiation.offer": (system.negotiation.offer, ids["bob"], True, terms, gate),
        "negotiation.counter": (system.negotiation.counter, 1, ENERGY_WH, PRICE, gate),
        "negotiation.accept": (system.negotiation.accept, 1, 1),
        "negotiation.reject": (system.negotiation.reject, 1),
        "negotiation.withdrawOffer": (system.negotiation.withdrawOffer, 1),
        "negotiation.agree": (system.negotiation.agree, *agreement),
        "clearinghouse.deposit": (system.clearinghouse.deposit, number, EUR),
        "clearinghouse.depositWithPermit": (
            system.clearinghouse.depositWithPermit,
            number,
            EUR,
            FOREVER,
            27,
            bytes(32),
            bytes(32),
        ),
        "clearinghouse.lock": (system.clearinghouse.lock, system.auction, 1),
        "meters.bindMeter": (system.meters.bindMeter, *binding),
    }


def test_nobody_makes_user_security_for_itself(people):
    """Only an accredited authority's signature over this very account, and that account's own consent, let in."""
    system, mallory = people.system, people.accounts["mallory"]
    credential = people.credential("mallory")
    values = tuple(credential.values.values())
    by_mallory, by_authority = (
        credential.sign(people.key("mallory")),
        credential.sign(people.key("authority")),
    )
    authority, join, by = people.accounts["authority"], system.registry.join, people.by("mallory")

    def refused(values, signer, signature, consent=b""):
        return refusal(join, values, signer, signature, NOBODY, FOREVER, consent, **by)

    assert refused(values, mallory, by_mallory) == f"NotAccredited: {at(mallory)}"
    assert refused(values, authority, by_mallory) == f"SignatureMismatch: {at(authority)}"
    grander = (values[0], 3, *values[2:])
    assert refused(grander, authority, by_authority) == f"SignatureMismatch: {at(authority)}"
    # The credential of somebody else, and the consent of somebody else.
    erin = people.credential("erin")
    of_erin = tuple(erin.values.values()), authority, erin.sign(people.key("authority"))
    expected = f"NotAllowed: {at(mallory)}, {at(people.accounts['erin'])}"
    assert refused(*of_erin) == expected
    consent = messages.join(
        people.domain(system.registry),
        credential_hash=erin.struct_hash(),
        recovery=NOBODY,
        deadline=FOREVER,
    ).sign(people.key("mallory"))
    assert refused(*of_erin, consent) == f"SignatureMismatch: {at(people.accounts['erin'])}"
    # One identity, one participant.
    assert refusal(join, *of_erin, NOBODY, FOREVER, b"", **people.by("erin")) == (
        f"IdentityTaken: {people.ids['erin']}"
    )


@pytest.mark.parametrize("name", OUTCASTS)
def test_without_user_security_nobody_enters_anything(people, open_auction, slot, name):
    tried = attempts(people, open_auction, slot, name)
    entering = {
        f"{role}.{function}"
        for role, functions in CALLERS.items()
        for function, needs in functions.items()
        if needs == ENTERS
    }
    assert tried.keys() == entering
    # Money is there and approved, so that nothing but the missing security stands in the way.
    token, house = people.system.token, people.system.clearinghouse
    token.mint(people.accounts[name], EUR, people.by(name))
    token.approve(house, EUR, people.by(name))
    number = people.ids.get(name, 99)
    not_secured = f"NotSecured: {at(people.accounts[name])}"
    expected = dict.fromkeys(tried, not_secured)
    expected["clearinghouse.deposit"] = f"NotActive: {number}"
    expected["clearinghouse.depositWithPermit"] = f"NotActive: {number}"
    if name in ("expired", "suspended"):
        # Their owner key still speaks for them, but binds no meter.
        expected["meters.bindMeter"] = f"NotEntitled: {at(people.accounts[name])}"
    before = people.balances()
    found = {what: refusal(*call, **people.by(name)) for what, call in tried.items()}
    assert found == expected
    assert people.balances() == before


def test_with_user_security_the_same_attempts_are_let_in(people, open_auction, slot):
    """Or the refusals above would prove nothing."""
    people = replace(people, ids=dict(people.ids), accounts=dict(people.accounts))
    people.enrol("frank", people.system.actors.others[5])
    tried = attempts(people, open_auction, slot, "frank")
    token, house = people.system.token, people.system.clearinghouse
    token.mint(people.accounts["frank"], 20 * EUR, people.by("frank"))
    token.approve(house, 20 * EUR, people.by("frank"))
    house.deposit(people.ids["frank"], 10 * EUR, people.by("frank"))
    house.lock(people.system.negotiation, EUR, people.by("frank"))
    for what in (
        "clearinghouse.lock",
        "clearinghouse.deposit",
        "clearinghouse.depositWithPermit",
        "meters.bindMeter",
        "negotiation.offer",
        "negotiation.withdrawOffer",
        "negotiation.agree",
    ):
        function, *args = tried[what]
        assert function(*args, people.by("frank")).status == 1
    house.lock(people.system.auction, EUR, people.by("frank"))
    for what in ("auction.commit", "auction.cancel", "auction.commitMany", "auction.cancel"):
        function, *args = tried[what]
        assert function(*args, people.by("frank")).status == 1
    function, *args = tried["auction.commitFor"]
    assert function(*args, people.by("mallory")).status == 1


@pytest.mark.parametrize("name", ["expired", "suspended"])
def test_who_lost_security_still_takes_its_own_money_out(people, name):
    system = people.system
    # Deposited while it was active: a renewal lets it in once more.
    credential = people.credential(name)
    values = (*tuple(credential.values.values())[:-1], 2)
    renewed = messages.Message(
        domain_name=credential.domain_name,
        domain=credential.domain,
        primary_type=credential.primary_type,
        fields=credential.fields,
        values=dict(zip(credential.values, values, strict=True)),
    )
    system.registry.renew(
        values, people.accounts["authority"], renewed.sign(people.key("authority")), people.by(name)
    )
    if name == "suspended":
        system.registry.reinstate(people.ids[name], people.by("governance"))
    system.token.mint(people.accounts[name], EUR, people.by(name))
    system.token.approve(system.clearinghouse, EUR, people.by(name))
    system.clearinghouse.deposit(people.ids[name], EUR, people.by(name))
    system.registry.suspend(people.ids[name], people.by("governance"))
    people.go((brownie.chain[-1].timestamp // 900 + 1) * 900)

    before = system.token.balanceOf(people.accounts[name])
    assert not system.registry.isSecured(people.accounts[name])
    system.clearinghouse.withdraw(EUR, people.by(name))
    assert system.token.balanceOf(people.accounts[name]) == before + EUR


# 2. A FORGED OR TAMPERED PRICE IS REFUSED


@pytest.fixture
def sealed(people, slot):
    """alice bids 46.0 and bob asks 42.0 for 1,000 Wh, both sealed; the gate has closed."""
    for name, side, tick in (("alice", BID, 160), ("bob", ASK, 120)):
        commitment = people.commitment(name, slot, side, tick, 1_000)
        people.system.auction.commit(commitment, people.by(name))
    people.go(people.gate(slot))


@pytest.mark.parametrize(
    ("shift", "what"), [(208, "price"), (160, "energy"), (0, "salt"), (224, "participant")]
)
def test_an_opening_with_another_value_is_refused(people, slot, sealed, shift, what):
    opening = people.opening("alice", slot, BID, 160, 1_000)
    expected = {"participant": f"CommitmentMismatch: {slot}, {people.ids['bob']}"}
    mismatch = expected.get(what, f"CommitmentMismatch: {slot}, {people.ids['alice']}")
    by = people.by("mallory")
    assert refusal(people.system.auction.open, slot, [opening + (1 << shift)], **by) == mismatch
    people.system.auction.open(slot, [opening], by)


def test_one_tampered_opening_in_a_batch_opens_nothing(people, slot, sealed):
    openings = [
        people.opening("alice", slot, BID, 160, 1_000),
        people.opening("bob", slot, ASK, 121, 1_000),
    ]
    found = refusal(people.system.auction.open, slot, openings, **people.by("mallory"))
    assert found == f"CommitmentMismatch: {slot}, {people.ids['bob']}"
    # 1 is Committed.
    assert people.system.auction.orderOf(slot, people.ids["alice"])[0] == 1


def test_the_price_follows_from_the_orders_and_from_nothing_else(people, slot, sealed):
    system, anyone = people.system, people.by("mallory")
    openings = [
        people.opening("bob", slot, ASK, 120, 1_000),
        people.opening("alice", slot, BID, 160, 1_000),
    ]
    system.auction.open(slot, openings, anyone)
    people.go(people.gate(slot) + people.config["auction"]["reveal_window"])
    system.auction.clear(slot, anyone)
    assert system.auction.clearingOf(slot)[:3] == (44_000, 44_000, 1_000)
    assert refusal(system.auction.clear, slot, **anyone) == f"WrongPhase: {slot}, 4, 3"


def terms_of(slot, **changes):
    values = {"first_slot": slot, "slot_count": 1, "energy_wh": ENERGY_WH, "price": PRICE}
    return Terms(**{**values, **changes})


@pytest.mark.parametrize(
    "change", [{"price": PRICE - 1}, {"energy_wh": ENERGY_WH + 1}, {"slot_count": 2}]
)
def test_an_agreement_with_another_value_is_refused(people, slot, change):
    _, buyer_key, by_buyer, seller_key, by_seller = people.signed_agreement(
        "alice", "bob", terms_of(slot)
    )
    altered = tuple(people.agreement("alice", "bob", terms_of(slot, **change)).values.values())
    args = (altered, buyer_key, by_buyer, seller_key, by_seller)
    found = refusal(people.system.negotiation.agree, *args, **people.by("bob"))
    assert found == f"ForgedSignature: {at(buyer_key)}"


def test_an_agreement_that_only_one_side_signed_is_refused(people, slot):
    message = people.agreement("alice", "bob", terms_of(slot))
    by_bob = message.sign(people.key("bob"))
    values = tuple(message.values.values())
    alice, bob = people.accounts["alice"], people.accounts["bob"]
    agree, by = people.system.negotiation.agree, people.by("bob")
    found = refusal(agree, values, alice, by_bob, bob, by_bob, **by)
    assert found == f"ForgedSignature: {at(alice)}"
    # bob's own key in alice's place speaks for bob only.
    found = refusal(agree, values, bob, by_bob, bob, by_bob, **by)
    assert found == f"PartyMismatch: {people.ids['alice']}, {people.ids['bob']}"


def test_the_other_signature_that_mathematics_allows_is_refused(people, slot):
    values, buyer_key, by_buyer, seller_key, by_seller = people.signed_agreement(
        "alice", "bob", terms_of(slot)
    )
    high_s = ORDER - int.from_bytes(by_buyer[32:64], "big")
    malleated = by_buyer[:32] + high_s.to_bytes(32, "big") + bytes([55 - by_buyer[64]])
    found = refusal(
        people.system.negotiation.agree,
        *(values, buyer_key, malleated, seller_key, by_seller),
        **people.by("mallory"),
    )
    assert found == f"ForgedSignature: {at(buyer_key)}"


def test_an_agreement_counts_once(people, slot):
    args = people.signed_agreement("alice", "bob", terms_of(slot))
    digest = people.agreement("alice", "bob", terms_of(slot)).digest()
    agree, by = people.system.negotiation.agree, people.by("mallory")
    agree(*args, by)
    assert refusal(agree, *args, **by) == f"AgreementUsed: {digest}"


def test_an_acceptance_means_the_offer_that_was_seen(people, slot):
    venue, gate = people.system.negotiation, people.gate(slot)
    offered = venue.offer(
        people.ids["bob"], True, (slot, 1, ENERGY_WH, PRICE), gate, people.by("alice")
    )
    number = offered.events["OfferMade"]["negotiationId"]
    venue.counter(number, ENERGY_WH, PRICE + 3_000, gate, people.by("bob"))
    # alice counters lower while bob still means her first offer.
    venue.counter(number, ENERGY_WH, PRICE - 3_000, gate, people.by("alice"))
    found = refusal(venue.accept, number, 1, **people.by("bob"))
    assert found == "RoundMismatch: 1, 3"


def test_a_signed_commitment_with_another_value_is_refused(people, slot):
    auction = people.system.auction
    sealed_slot, side, bound, digest = people.commitment("alice", slot, BID, 160, 1_000)
    message = messages.commit(
        people.domain(auction),
        slot=slot,
        side=BID,
        bound=bound,
        digest=digest,
        nonce=0,
        deadline=FOREVER,
    )
    signature, alice = message.sign(people.key("alice")), people.accounts["alice"]
    forged = f"ForgedSignature: {at(alice)}"
    for altered in (
        (sealed_slot + 1, side, bound, digest),
        (sealed_slot, 1, bound, digest),
        (sealed_slot, side, bound + 1, digest),
        (sealed_slot, side, bound, b"\x02" * 23 + bytes(9)),
    ):
        args = (altered, alice, 0, FOREVER, signature)
        assert refusal(auction.commitFor, *args, **people.by("mallory")) == forged
    original = (sealed_slot, side, bound, digest)
    auction.commitFor(original, alice, 0, FOREVER, signature, people.by("mallory"))
    found = refusal(
        auction.commitFor, original, alice, 0, FOREVER, signature, **people.by("mallory")
    )
    assert found == f"InvalidAccountNonce: {at(alice)}, 1"


# 3. A MODIFIED, BLOCKED OR INTERRUPTED TRANSACTION CANNOT SETTLE, AND BLOCKS NOBODY


@pytest.fixture
def agreed(people, slot):
    """alice buys 800 Wh from bob at 43 EUR/MWh; the slot is delivered."""
    args = people.signed_agreement("alice", "bob", terms_of(slot))
    people.system.negotiation.agree(*args, people.by("mallory"))
    people.go(people.start(slot + 1))


def settle(people, slot, *names):
    ids = [people.ids[name] for name in names]
    settled = people.system.settlement.settle(slot, ids, people.by("mallory"))
    return {event["participantId"]: event for event in settled.events["SlotSettled"]}


@pytest.mark.parametrize("shift", [0, 32, 64])
def test_an_altered_reading_is_refused(people, slot, agreed, shift):
    word, r, vs = people.reading("bob", slot, 0, ENERGY_WH)
    changed = word + (1 << shift) if shift != 64 else word - (1 << shift)
    found = refusal(people.system.meters.postReading, (changed, r, vs), **people.by("bob"))
    altered_slot = slot - 1 if shift == 64 else slot
    assert found == f"ForgedReading: {people.meters['bob']}, {altered_slot}"


def test_a_reading_by_another_key_is_refused(people, slot, agreed):
    forged = people.reading("bob", slot, 0, CAPACITY_WH, device=people.key("bob"))
    found = refusal(people.system.meters.postReading, forged, **people.by("bob"))
    assert found == f"ForgedReading: {people.meters['bob']}, {slot}"


def test_one_forged_reading_in_a_batch_posts_nothing(people, slot, agreed):
    batch = [
        people.reading("alice", slot, ENERGY_WH, 0),
        people.reading("bob", slot, 0, CAPACITY_WH, device=people.key("bob")),
    ]
    found = refusal(people.system.meters.postReadings, batch, **people.by("mallory"))
    assert found == f"ForgedReading: {people.meters['bob']}, {slot}"
    assert not people.system.meters.readingOf(people.ids["alice"], slot)[3]


def test_a_slot_whose_reading_is_missing_ends_all_the_same(people, slot, agreed):
    system = people.system
    system.meters.postReading(people.reading("alice", slot, ENERGY_WH, 0), people.by("mallory"))
    people.go(people.start(slot + 1) + people.config["metering"]["reading_window"])
    bills = settle(people, slot, "alice", "bob")
    assert bills[people.ids["alice"]]["isMeasured"]
    silent = bills[people.ids["bob"]]
    assert not silent["isMeasured"]
    # Nothing delivered and half of the capacity consumed: silence never pays.
    assert silent["bill"]["gridBoughtWh"] == ENERGY_WH + CAPACITY_WH // 2
    people.check_books([slot])


def test_a_seller_whose_buyer_is_blocked_is_paid_all_the_same(people, slot):
    """alice is revoked after the agreement; her payment was bound before."""
    args = people.signed_agreement("alice", "bob", terms_of(slot))
    people.system.negotiation.agree(*args, people.by("mallory"))
    people.system.registry.revoke(people.ids["alice"], people.by("authority"))
    window = people.config["metering"]["reading_window"]
    people.go(people.start(slot + 1) + window)
    before = people.system.clearinghouse.freeOf(people.ids["bob"])
    revenue = ENERGY_WH * PRICE // 1000
    # bob is settled alone: anyone collects alice's payment first.
    people.system.negotiation.collect(slot, [people.ids["alice"]], people.by("mallory"))
    bill = settle(people, slot, "bob")[people.ids["bob"]]["bill"]
    cover = ENERGY_WH * (55_500 - PRICE) // 1000
    assert bill["tradeCredit"] == revenue + cover
    after = people.system.clearinghouse.freeOf(people.ids["bob"])
    guarantee = people.system.settlement.guaranteeOf(people.ids["bob"])
    assert before + 10 * EUR + bill["tradeCredit"] - bill["charge"] == after + guarantee


def test_an_order_that_is_not_opened_blocks_no_clearing(people, slot):
    """bob keeps his opening back; carol and alice trade, and bob's bond goes to the buyer."""
    system, anyone = people.system, people.by("mallory")
    orders = {"alice": (BID, 160, 1_000), "bob": (ASK, 110, 1_000), "carol": (ASK, 120, 1_000)}
    for name, order in orders.items():
        system.auction.commit(people.commitment(name, slot, *order), people.by(name))
    people.go(people.gate(slot))
    openings = [people.opening(name, slot, *orders[name]) for name in ("alice", "carol")]
    system.auction.open(slot, openings, anyone)
    people.go(people.gate(slot) + people.config["auction"]["reveal_window"])
    system.auction.clear(slot, anyone)
    assert system.auction.fillOf(slot, people.ids["alice"]) == 1_000
    system.auction.forfeit(slot, [people.ids["bob"]], anyone)
    people.go(people.gate(slot) + 1_500)
    before = system.auction.marginOf(people.ids["alice"])
    system.auction.compensate(slot, people.ids["alice"], anyone)
    assert system.auction.marginOf(people.ids["alice"]) == before + people.config["auction"]["bond"]
    people.check_books([slot])


def test_without_operator_authority_and_governance_a_day_ends_by_itself(people, slot):
    """From the first commitment on none of them sends anything; mallory, who is nobody, does every duty."""
    system, anyone = people.system, people.by("mallory")
    orders = {"alice": (BID, 160, 1_000), "bob": (ASK, 120, 1_000)}
    for name, order in orders.items():
        system.auction.commit(people.commitment(name, slot, *order), people.by(name))
    offices = {people.accounts[name].address for name in ("operator", "authority", "governance")}
    nonces = {address: brownie.web3.eth.get_transaction_count(address) for address in offices}
    people.go(people.gate(slot))
    system.auction.open(slot, [people.opening(n, slot, *o) for n, o in orders.items()], anyone)
    people.go(people.gate(slot) + people.config["auction"]["reveal_window"])
    system.auction.clear(slot, anyone)
    people.go(people.start(slot + 1))
    readings = [people.reading("alice", slot, 1_000, 0), people.reading("bob", slot, 0, 1_000)]
    system.meters.postReadings(readings, anyone)
    people.go(people.start(slot + 1) + people.config["metering"]["dispute_window"] + 60)
    bills = settle(people, slot, "alice", "bob")
    assert {bill["bill"]["charge"] for bill in bills.values()} == {0}
    system.auction.releaseMargin(system.auction.marginOf(people.ids["bob"]), people.by("bob"))
    free = system.clearinghouse.freeOf(people.ids["bob"])
    system.clearinghouse.withdraw(free, people.by("bob"))
    assert system.token.balanceOf(people.accounts["bob"]) == free
    assert nonces == {at: brownie.web3.eth.get_transaction_count(at) for at in offices}
    people.check_books([slot])


def test_an_auction_that_nobody_clears_gives_everything_back(people, slot):
    system, anyone = people.system, people.by("mallory")
    margin = system.auction.marginOf(people.ids["alice"])
    commitment = people.commitment("alice", slot, BID, 160, 1_000)
    system.auction.commit(commitment, people.by("alice"))
    people.go(people.gate(slot) + 1_500)
    system.auction.collect(slot, [people.ids["alice"]], anyone)
    assert system.auction.marginOf(people.ids["alice"]) == margin


# 4. NO SINGLE PARTY IS NEEDED TO KEEP THE RECORDS


def test_the_books_are_rebuilt_from_events_alone(people, slot):
    """A reader who sees nothing but events knows every balance, position and bill that the contracts know."""
    system, anyone = people.system, people.by("mallory")
    orders = {"alice": (BID, 160, 1_001), "bob": (ASK, 120, 1_000), "carol": (ASK, 130, 500)}
    for name, order in orders.items():
        system.auction.commit(people.commitment(name, slot, *order), people.by(name))
    agreed = people.signed_agreement("alice", "bob", terms_of(slot, price=42_337))
    system.negotiation.agree(*agreed, anyone)
    people.go(people.gate(slot))
    openings = [people.opening(name, slot, *orders[name]) for name in ("alice", "bob")]
    system.auction.open(slot, openings, anyone)
    people.go(people.gate(slot) + people.config["auction"]["reveal_window"])
    system.auction.clear(slot, anyone)
    system.auction.forfeit(slot, [people.ids["carol"]], anyone)
    people.go(people.gate(slot) + 1_500)
    system.auction.compensate(slot, people.ids["alice"], anyone)
    people.go(people.start(slot + 1))
    system.meters.postReadings(
        [people.reading("alice", slot, 2_000, 0), people.reading("bob", slot, 0, 1_700)], anyone
    )
    people.go(people.start(slot + 1) + people.config["metering"]["reading_window"])
    settle(people, slot, "alice", "bob", "carol")

    rebuilt = Rebuilt(people)
    names = {number: name for name, number in people.ids.items()}
    found = {key: amount for key, amount in people.balances().items() if amount}
    assert {key: amount for key, amount in rebuilt.balances(names).items() if amount} == found
    for name, number in people.ids.items():
        assert rebuilt.accounts[number] == people.accounts[name].address
        for venue in ("auction", "negotiation"):
            trade = getattr(system, venue).tradeOf(slot, number)
            bought, sold, payment, revenue = trade
            closed = rebuilt.trades.get((venue, slot, number), (0, 0, 0))
            assert closed == (bought, sold, revenue)
            assert rebuilt.payments[venue, slot, number] == payment
        assert rebuilt.readings.get((slot, number)) == reading_on_chain(people, slot, number)
        assert ((slot, number) in rebuilt.bills) == system.settlement.isSettled(slot, number)
        assert rebuilt.arrears[number] == system.settlement.arrearsOf(number)


def reading_on_chain(people, slot, number):
    found = people.system.meters.readingOf(number, slot)
    return (found[1], found[2]) if found[3] else None


class Rebuilt:
    """A fold over the logs of the six contracts, read from the node; no call of any contract."""

    def __init__(self, people):
        system = people.system
        self.roles = {
            getattr(system, role).address: role
            for role in (*VENUES, "clearinghouse", "meters", "registry")
        }
        self.money, self.arrears = Counter(), Counter()
        self.payments: Counter = Counter()
        self.trades, self.bills, self.readings = {}, {}, {}
        self.accounts, self.meters = {}, {}
        for role, name, args in self._logs(system):
            fold = getattr(self, f"_{name}", None)
            if fold is not None:
                fold(role, args)

    def _logs(self, system):
        query = {"fromBlock": 0, "toBlock": "latest", "address": list(self.roles)}
        for log in brownie.web3.eth.get_logs(query):
            role = self.roles[log["address"]]
            decoded = brownie.network.event._decode_logs([log])
            for event in decoded:
                yield role, event.name, dict(event)

    def balances(self, names):
        """The folded balances, by the names of people and venues."""
        return {(where, names.get(who, who)): amount for (where, who), amount in self.money.items()}

    def _ParticipantJoined(self, role, args):  # noqa: N802 - named as the event
        self.accounts[args["participantId"]] = args["account"]

    def _Deposited(self, role, args):  # noqa: N802
        self.money["free", args["participantId"]] += args["amount"]

    def _Withdrawn(self, role, args):  # noqa: N802
        self.money["free", args["participantId"]] -= args["amount"]

    def _CollateralLocked(self, role, args):  # noqa: N802
        self.money["free", args["participantId"]] -= args["amount"]
        self.money[self.roles[args["venue"]], args["participantId"]] += args["amount"]

    def _CollateralReleased(self, role, args):  # noqa: N802
        self.money["free", args["participantId"]] += args["amount"]
        self.money[self.roles[args["venue"]], args["participantId"]] -= args["amount"]

    def _Closed(self, role, args):  # noqa: N802
        venue, number = self.roles[args["venue"]], args["participantId"]
        to = "free" if args["heir"] == NOBODY else self.roles[args["heir"]]
        self.money[venue, number] -= args["charged"] + args["released"]
        self.money["pool", venue] += args["charged"] - args["paid"]
        self.money[to, number] += args["released"] + args["paid"]

    def _TradeCollected(self, role, args):  # noqa: N802
        self.payments[role, args["slot"], args["participantId"]] += args["payment"]

    def _TradeClosed(self, role, args):  # noqa: N802
        key = role, args["slot"], args["participantId"]
        self.trades[key] = (args["boughtWh"], args["soldWh"], args["revenue"])

    def _MeterBound(self, role, args):  # noqa: N802
        self.meters[args["meter"]] = args["participantId"]

    def _ReadingsPosted(self, role, args):  # noqa: N802
        for word in args["readings"]:
            slot, number = word >> 64 & 0xFFFFFFFF, self.meters[word >> 96]
            self.readings[slot, number] = (word >> 32 & 0xFFFFFFFF, word & 0xFFFFFFFF)

    def _SlotSettled(self, role, args):  # noqa: N802
        self.bills[args["slot"], args["participantId"]] = dict(args["bill"])
        self.arrears[args["participantId"]] += args["arrearsChange"]

    def _ArrearsPaid(self, role, args):  # noqa: N802
        self.arrears[args["participantId"]] -= args["amount"]
