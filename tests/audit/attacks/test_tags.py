"""Attacks on energy tags: minted from nothing or twice, of a source that nobody certified, claimed or sold twice."""

from __future__ import annotations

import re

import pytest

from setm import messages
from setm.errors import ConfigError
from setm.evm import Evm, Reverted, default_config, deploy_system
from setm.evm.machine import NOBODY
from setm.tags import Source, tag_id
from tests.audit.attacks.stage import SLOT, Stage, refusal
from tests.audit.attacks.tag_stage import (
    BURNS_GAS,
    CALLS_BACK,
    MARKET,
    REFUSES,
    SOLAR_CLASS,
    SOURCES,
    WIND_CLASS,
    TagStage,
)
from tests.contracts.common.refusal import refuses

PURPOSE = b"report".ljust(32, b"\0")


@pytest.fixture(scope="module")
def stage():
    return TagStage()


@pytest.fixture
def fresh(stage):
    slot = stage.slot
    with stage.evm.undone():
        yield stage
    stage.slot = slot


def supply(stage, number):
    """Return the tags of an id that anybody has, wherever they are."""
    holders = [person.address for person in stage.people.values()]
    holders += [stage.system.tags.address, stage.system.conditional.address]
    return sum(stage.balance(holder, number) for holder in holders)


# Minting


def test_a_slot_is_minted_once_however_often_it_is_named(fresh):
    stage = fresh
    stage.measured(sunny=(0, 700), windy=(0, 300))
    solar = stage.id_of(Source.SOLAR)
    stage.mint(stage.sunny, stage.sunny)
    stage.mint(stage.sunny, stage.windy)
    stage.mint(stage.windy)
    assert stage.balance(stage.sunny, solar) == 700
    assert stage.balance(stage.windy, stage.id_of(Source.WIND)) == 300
    assert stage.system.tags.call("mintedOf", solar) == 700


def test_nothing_is_minted_before_settlement_or_under_dispute(fresh):
    stage, mint = fresh, fresh.system.tags.send
    stage.read(sunny=(0, 700))
    args = ("mint", stage.slot, [stage.sunny.id])
    assert refusal(mint, *args) == "NotSettled"
    stage.meters.send("dispute", 3, stage.slot, sender=stage.system.operator)
    stage.go(stage.evm.now + 2 * int(stage.system.config["metering"]["dispute_window"]))
    assert refusal(stage.settlement.send, "settle", stage.slot, [stage.sunny.id]) == "ReadingOpen"
    assert refusal(mint, *args) == "NotSettled"
    stage.meters.send("resolve", 3, stage.slot, 0, 40, sender=stage.system.authority)
    stage.settle(stage.sunny)
    stage.mint(stage.sunny)
    assert stage.balance(stage.sunny, stage.id_of(Source.SOLAR)) == 40


def test_one_unsettled_participant_leaves_a_batch_undone(fresh):
    stage = fresh
    stage.measured(sunny=(0, 700))
    assert refusal(stage.mint, stage.sunny, stage.bob) == "NotSettled"
    assert stage.balance(stage.sunny, stage.id_of(Source.SOLAR)) == 0


def test_energy_that_no_meter_measured_brings_no_tags(fresh):
    """The default rule bills a silent meter's capacity; it is an assumption, and assumptions are not certified."""
    stage = fresh
    stage.settle(stage.sunny, stage.alice)
    stage.mint(stage.sunny, stage.alice)
    assert stage.system.tags.call("isMinted", stage.slot, stage.sunny.id)
    assert stage.system.tags.call("mintedOf", stage.id_of(Source.SOLAR)) == 0
    assert stage.system.tags.call("mintedOf", stage.id_of(Source.GRID)) == 0


def test_a_meter_that_signed_two_values_brings_no_tags(fresh):
    stage = fresh
    stage.read(sunny=(0, 700))
    stage.meters.send("proveEquivocation", stage.signed(3, 0, 700), stage.signed(3, 0, 9_000))
    stage.settle(stage.sunny)
    stage.mint(stage.sunny)
    assert stage.system.tags.call("mintedOf", stage.id_of(Source.SOLAR)) == 0


def test_a_reading_that_is_no_longer_kept_brings_no_tags(fresh):
    stage = fresh
    stage.measured(sunny=(0, 700))
    later = stage.slot + 1_024
    stage.go((later + 1) * SLOT)
    stage.meters.send("postReading", stage.signed(3, 0, 99, slot=later))
    stage.mint(stage.sunny)
    assert stage.system.tags.call("mintedOf", stage.id_of(Source.SOLAR)) == 0


def test_producers_of_one_source_zone_and_slot_add_up(fresh):
    stage = fresh
    stage.renew(stage.windy, device_class=SOLAR_CLASS, serial=2)
    stage.system.tags.send("register", [stage.windy.id], sender=stage.windy)
    stage.measured(sunny=(0, 700), windy=(0, 300))
    stage.mint(stage.sunny, stage.windy)
    solar = stage.id_of(Source.SOLAR)
    assert stage.system.tags.call("mintedOf", solar) == supply(stage, solar) == 1_000


def test_tags_need_no_venue_that_owes_them():
    """And they name no page on the web: what an id says stands in it."""
    stage = Stage(("alice",), tags=SOURCES)
    stage.read(alice=(0, 70))
    stage.settle()
    stage.tags.send("mint", stage.slot, [stage.alice.id])
    number = tag_id(Source.GRID, 1, stage.slot)
    assert stage.tags.call("balanceOf", stage.alice, number) == 70
    assert stage.tags.call("uri", number) == ""


# Sources


def source_after(stage, person, energy_wh=100):
    """Return the source of what somebody fed in, minted at once after settlement."""
    meter = list(stage.people.values()).index(person) + 1
    stage.go(stage.end)
    stage.meters.send("postReading", stage.signed(meter, 0, energy_wh))
    stage.settle(person)
    (minted,) = stage.mint(person).named("TagsMinted")
    return Source(stage.system.tags.call("decode", minted.args["id"])[0])


@pytest.mark.parametrize(
    ("name", "source"), [("sunny", Source.SOLAR), ("windy", Source.WIND), ("bob", Source.GRID)]
)
def test_the_source_is_what_the_authority_certified(fresh, name, source):
    assert source_after(fresh, fresh.people[name]) is source


def test_a_slot_before_the_registration_has_no_certified_source(fresh):
    stage = fresh
    stage.renew(stage.bob, device_class=SOLAR_CLASS, serial=2)
    stage.go(stage.start)
    stage.system.tags.send("register", [stage.bob.id], sender=stage.bob)
    assert source_after(stage, stage.bob) is Source.GRID
    stage.slot = stage.evm.now // SLOT + 1
    assert source_after(stage, stage.bob) is Source.SOLAR


def test_a_later_credential_makes_earlier_energy_no_greener(fresh):
    """Whoever swaps a burner for panels before its slots are minted gains nothing."""
    stage = fresh
    stage.go(stage.end)
    stage.meters.send("postReading", stage.signed(2, 0, 100))
    stage.renew(stage.bob, device_class=SOLAR_CLASS, serial=2)
    stage.system.tags.send("register", [stage.bob.id])
    stage.settle(stage.bob)
    stage.mint(stage.bob)
    assert stage.balance(stage.bob, stage.id_of(Source.GRID)) == 100


@pytest.mark.parametrize(
    ("serials", "classes", "source"),
    [
        ((2,), (SOLAR_CLASS,), Source.SOLAR),
        ((2,), (WIND_CLASS,), Source.GRID),
        ((2, 3), (0, SOLAR_CLASS), Source.GRID),
        ((3,), (SOLAR_CLASS,), Source.GRID),
    ],
    ids=["renewed alike", "another source", "away and back", "a serial left out"],
)
@pytest.mark.parametrize("is_registered_again", [False, True])
def test_a_source_counts_only_if_nothing_else_was_certified_in_between(
    fresh, serials, classes, source, is_registered_again
):
    stage = fresh
    stage.go(stage.start)
    for serial, device_class in zip(serials, classes, strict=True):
        stage.renew(stage.sunny, device_class=device_class, serial=serial)
    if is_registered_again:
        stage.system.tags.send("register", [stage.sunny.id])
    assert source_after(stage, stage.sunny) is source


def test_nobody_interrupts_what_somebody_else_is_certified_for(fresh):
    """Registering anew would make what is not minted yet energy of the grid."""
    stage, tags = fresh, fresh.system.tags
    stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=3)
    before = tags.call("deviceOf", stage.sunny.id)
    sent = tags.send("register", [stage.sunny.id], sender=stage.windy)
    assert not sent.events
    assert tags.call("deviceOf", stage.sunny.id) == before
    tags.send("register", [stage.sunny.id], sender=stage.sunny)
    assert tags.call("deviceOf", stage.sunny.id).fromSlot == stage.evm.now // SLOT + 1


def test_the_time_between_two_credentials_is_certified_by_none(fresh):
    """The first one ends a day before the slot and the next one comes in it: nobody said what produced in between."""
    stage, tags = fresh, fresh.system.tags
    stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=2, valid_until=stage.start)
    tags.send("register", [stage.sunny.id])
    stage.slot += 1
    with stage.evm.undone():
        stage.go(stage.start - 1)
        stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=3)
        # It ended as the slot before began, so that registering now does not go on from it.
        assert not tags.send("register", [stage.sunny.id]).events
        assert source_after(stage, stage.sunny) is Source.GRID
    stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=3)
    told = tags.send("register", [stage.sunny.id]).only("DeviceRegistered")
    assert told["fromSlot"] < stage.slot
    assert source_after(stage, stage.sunny) is Source.SOLAR


@pytest.mark.parametrize(
    ("seconds", "source"), [(-1, Source.GRID), (0, Source.SOLAR), (1, Source.SOLAR)]
)
def test_a_slot_counts_that_ends_no_later_than_the_registered_credential(fresh, seconds, source):
    """The next credential says the same for longer, and nobody registered it."""
    stage = fresh
    until = stage.end + seconds
    stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=2, valid_until=until)
    stage.system.tags.send("register", [stage.sunny.id])
    stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=3)
    assert source_after(stage, stage.sunny) is source


def test_another_zone_is_not_what_was_registered(fresh):
    stage = fresh
    stage.go(stage.start)
    stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=2, zone=9)
    stage.go(stage.end)
    stage.meters.send("postReading", stage.signed(3, 0, 100))
    stage.settle(stage.sunny)
    (minted,) = stage.mint(stage.sunny).named("TagsMinted")
    assert minted.args["id"] == stage.id_of(Source.GRID, zone=9)


def test_a_revoked_or_expired_producer_is_certified_for_nothing(fresh):
    stage = fresh
    with stage.evm.undone():
        stage.go(stage.end - 1)
        stage.revoke(stage.sunny)
        assert source_after(stage, stage.sunny) is Source.GRID
    with stage.evm.undone():
        stage.go(stage.end)
        stage.revoke(stage.sunny)
        assert source_after(stage, stage.sunny) is Source.SOLAR
    stage.renew(stage.sunny, device_class=SOLAR_CLASS, serial=2, valid_until=stage.start)
    # A day from a day before the slot: it ends as the slot begins.
    assert source_after(stage, stage.sunny) is Source.GRID


def test_registering_again_changes_nothing(fresh):
    stage, tags = fresh, fresh.system.tags
    before = tags.call("deviceOf", stage.sunny.id)
    stage.go(stage.start)
    assert tags.send("register", [stage.sunny.id, stage.sunny.id]).events == ()
    assert tags.call("deviceOf", stage.sunny.id) == before
    assert refusal(tags.send, "register", [99]) == "UnknownParticipant"


# Who gets them


def test_tags_of_a_revoked_producer_wait_for_its_recovery_address(fresh):
    """Its account may be stolen: nobody takes the tags before the delay, and then only the recovery address."""
    stage = fresh
    tags, solar = stage.system.tags, stage.id_of(Source.SOLAR)
    haven = stage.account("haven").address
    stage.registry.send("setRecovery", haven, sender=stage.sunny)
    stage.read(sunny=(0, 700))
    stage.settle(stage.sunny)
    stage.revoke(stage.sunny)
    stage.mint(stage.sunny)
    assert tags.call("keptOf", stage.sunny.id, solar) == 700
    assert stage.balance(stage.sunny, solar) == 0
    assert refusal(tags.send, "withdraw", stage.sunny.id, [solar]) == "TooEarly"
    stage.go(stage.evm.now + int(stage.system.config["recovery_delay"]))
    tags.send("withdraw", stage.sunny.id, [solar])
    assert stage.balance(haven, solar) == 700
    assert refusal(tags.send, "withdraw", stage.sunny.id, [solar]) == "NoTags"
    assert refusal(tags.send, "withdraw", stage.sunny.id, [solar, solar]) == "NoTags"


def test_a_hostile_account_does_not_spoil_the_batch_of_others(fresh):
    stage = fresh
    villain = stage.enrol_receiver()
    tags, solar = stage.system.tags, stage.id_of(Source.SOLAR)
    stage.go(stage.end)
    stage.meters.send("postReadings", [stage.signed(3, 0, 700), stage.signed(6, 0, 50)])
    stage.settle(stage.sunny, villain)
    for mood in (REFUSES, BURNS_GAS):
        with stage.evm.undone():
            stage.receiver.send("choose", mood, NOBODY, b"")
            used = stage.mint(villain, stage.sunny).gas_used
            assert used < 500_000
            assert stage.balance(stage.sunny, solar) == 700
            assert tags.call("keptOf", villain.id, solar) == 50
            assert stage.receiver.call("asked") == 0
            with pytest.raises(Reverted):
                tags.send("withdraw", villain.id, [solar], gas=5_000_000)
            assert tags.call("keptOf", villain.id, solar) == 50


@pytest.mark.parametrize("function", ["withdraw", "mint", "claim", "claimConsumption", "give"])
def test_an_account_that_calls_back_while_it_receives_gains_nothing(fresh, function):
    stage = fresh
    villain = stage.enrol_receiver()
    tags, solar = stage.system.tags, stage.id_of(Source.SOLAR)
    stage.go(stage.end)
    stage.meters.send("postReading", stage.signed(6, 10, 50))
    stage.settle(villain)
    stage.mint(villain)
    calls = {
        "withdraw": (villain.id, [solar]),
        "mint": (stage.slot, [villain.id]),
        "claim": ([solar, solar], [50, 50], NOBODY, PURPOSE),
        "claimConsumption": ([solar], [11]),
        "give": (stage.sunny.id, solar, 51),
    }
    data = stage.call_of(tags, function, *calls[function])
    stage.receiver.send("choose", CALLS_BACK, tags, data)
    tags.send("withdraw", villain.id, [solar])
    assert stage.receiver.call("asked") == 1
    # Minting a second time is passed over and changes nothing; all else is refused.
    assert stage.receiver.call("succeeded") == (function == "mint")
    assert stage.balance(stage.receiver, solar) == 50
    assert tags.call("keptOf", villain.id, solar) == 0
    assert tags.call("mintedOf", solar) == 50
    assert stage.claimed_of(solar) == 0


def test_tags_go_to_the_key_that_owns_the_participant_when_they_are_minted(fresh):
    stage = fresh
    heir = stage.account("heir")
    message = messages.rotate(
        stage.system.domain(stage.registry),
        participant_id=stage.sunny.id,
        account=heir.address,
        deadline=stage.evm.now + 60,
    )
    signed = (heir.address, stage.evm.now + 60, message.sign(heir))
    stage.registry.send("rotateKey", *signed, sender=stage.sunny)
    stage.measured(sunny=(0, 700))
    stage.mint(stage.sunny)
    assert stage.balance(heir, stage.id_of(Source.SOLAR)) == 700


def test_nobody_gives_what_it_does_not_have(fresh):
    stage, tags = fresh, fresh.system.tags
    stage.measured(sunny=(0, 700))
    stage.mint(stage.sunny)
    solar = stage.id_of(Source.SOLAR)
    give = (tags.send, "give", stage.alice.id, solar)
    assert refusal(*give, 1, sender=stage.bob) == "ERC1155InsufficientBalance"
    assert refusal(*give, 701, sender=stage.sunny) == "ERC1155InsufficientBalance"
    assert refusal(*give, 0, sender=stage.sunny) == "NoTags"
    tags.send("give", stage.alice.id, solar, 700, sender=stage.sunny)
    assert stage.balance(stage.alice, solar) == 700


# Claiming


@pytest.fixture
def holder(fresh):
    """alice took 600 Wh and has 1,000 Wh of sunny's and 200 Wh of windy's tags."""
    stage, tags = fresh, fresh.system.tags
    stage.measured(alice=(600, 0), sunny=(0, 1_000), windy=(0, 200), carol=(600, 0))
    stage.mint(stage.sunny, stage.windy)
    tags.send("give", stage.alice.id, stage.id_of(Source.SOLAR), 1_000, sender=stage.sunny)
    tags.send("give", stage.alice.id, stage.id_of(Source.WIND), 200, sender=stage.windy)
    return stage


def test_what_was_claimed_cannot_be_claimed_given_or_delivered_again(holder):
    stage, tags = holder, holder.system.tags
    solar = stage.id_of(Source.SOLAR)
    claim = ([solar], [1_000], stage.bob.address, PURPOSE)
    told = tags.send("claim", *claim, sender=stage.alice).only("TagsClaimed")
    assert (told["energyWh"], told["beneficiary"]) == (1_000, stage.bob.address)
    short = "ERC1155InsufficientBalance"
    assert refusal(tags.send, "claim", *claim, sender=stage.alice) == short
    assert refusal(tags.send, "claimConsumption", [solar], [1], sender=stage.alice) == short
    assert refusal(tags.send, "give", stage.bob.id, solar, 1, sender=stage.alice) == short
    assert stage.claimed_of(solar) == tags.call("claimedBy", stage.alice, solar) == 1_000
    assert supply(stage, solar) == tags.call("mintedOf", solar) - stage.claimed_of(solar) == 0


def test_minting_moves_no_tags_where_none_are_left(fresh):
    """All of sunny's energy is pledged to alice, and alice herself feeds nothing in."""
    stage = fresh
    stage.sell(stage.sunny, stage.alice, green_share=1_000)
    stage.measured(alice=(1_000, 0), sunny=(0, 600))
    moved = stage.mint(stage.alice, stage.sunny).named("TransferSingle")
    assert [(event.args["to"], event.args["value"]) for event in moved] == [
        (stage.system.conditional.address, 600)
    ]


def test_the_same_tags_named_twice_in_one_claim_are_counted_once(holder):
    stage, tags = holder, holder.system.tags
    wind = stage.id_of(Source.WIND)
    for name, more in (("claim", (NOBODY, PURPOSE)), ("claimConsumption", ())):
        for amounts in ([150, 150], [1, 2**256 - 1]):
            args = (name, [wind, wind], amounts, *more)
            assert refusal(tags.send, *args, sender=stage.alice) == "ERC1155InsufficientBalance"
    tags.send("claimConsumption", [wind, wind], [100, 100], sender=stage.alice)
    assert stage.claimed_of(wind) == 200


def test_no_more_consumption_is_claimed_than_the_meter_measured(holder):
    stage, tags = holder, holder.system.tags
    solar, wind = stage.id_of(Source.SOLAR), stage.id_of(Source.WIND)
    claim = (tags.send, "claimConsumption")
    with pytest.raises(Reverted) as refused:
        tags.send("claimConsumption", [solar, wind], [500, 101], sender=stage.alice)
    assert refused.value.name == "ConsumptionExceeded"
    assert refused.value.arguments["measuredWh"] == 600
    assert refused.value.arguments["claimedWh"] == 601
    tags.send("claimConsumption", [solar], [500], sender=stage.alice)
    assert refusal(*claim, [wind], [101], sender=stage.alice) == "ConsumptionExceeded"
    tags.send("claimConsumption", [wind], [100], sender=stage.alice)
    assert refusal(*claim, [solar], [1], sender=stage.alice) == "ConsumptionExceeded"
    assert tags.call("consumptionClaimed", stage.slot, stage.alice.id) == 600


def test_consumption_is_proved_by_tags_of_its_own_slot_and_zone_only(holder):
    stage, tags = holder, holder.system.tags
    solar = stage.id_of(Source.SOLAR)
    claim = (tags.send, "claimConsumption", [solar], [1])
    # carol took as much in the same slot, in another zone; bob's slot is not settled; mallory is nobody.
    for name in ("carol", "bob"):
        tags.send("give", stage.people[name].id, solar, 1, sender=stage.alice)
    mallory = stage.account("mallory")
    receive = (stage.alice, mallory, solar, 1, b"")
    tags.send("safeTransferFrom", *receive, sender=stage.alice)
    assert refusal(*claim, sender=stage.carol) == "OtherZone"
    with refuses("NotSettled", slot=stage.slot, participantId=stage.people["bob"].id):
        tags.send("claimConsumption", [solar], [1], sender=stage.bob)
    assert refusal(*claim, sender=mallory) == "NotSecured"
    # alice has tags of a later slot too, in which she took nothing.
    stage.slot = stage.evm.now // SLOT + 1
    stage.go(stage.end)
    stage.meters.send("postReadings", [stage.signed(1, 0, 0), stage.signed(3, 0, 5)])
    stage.settle(stage.alice, stage.sunny)
    stage.mint(stage.sunny)
    later = stage.id_of(Source.SOLAR)
    tags.send("give", stage.alice.id, later, 5, sender=stage.sunny)
    refused = refusal(tags.send, "claimConsumption", [later], [1], sender=stage.alice)
    assert refused == "ConsumptionExceeded"


def test_a_claim_of_nothing_or_of_unequal_lists_is_refused(holder):
    stage, tags = holder, holder.system.tags
    solar = stage.id_of(Source.SOLAR)
    for name, more in (("claim", (NOBODY, PURPOSE)), ("claimConsumption", ())):
        send = (tags.send, name)
        assert refusal(*send, [solar], [0], *more, sender=stage.alice) == "NoTags"
        assert refusal(*send, [solar], [1, 1], *more, sender=stage.alice) == "LengthMismatch"
        assert refusal(*send, [solar], [], *more, sender=stage.alice) == "LengthMismatch"


def test_nobody_claims_the_tags_of_another_even_with_its_approval_to_move_them(holder):
    stage, tags = holder, holder.system.tags
    solar = stage.id_of(Source.SOLAR)
    tags.send("setApprovalForAll", stage.bob, True, sender=stage.alice)
    args = ("claim", [solar], [1], NOBODY, PURPOSE)
    assert refusal(tags.send, *args, sender=stage.bob) == "ERC1155InsufficientBalance"


# Ids and deployments


def test_the_venue_that_comes_first_is_named_before_the_first_tag_or_never(stage):
    bare = Stage(("alice",), tags=SOURCES)
    bare.settle()
    bare.tags.send("mint", bare.slot, [])
    named = ("setPledgeBook", bare.negotiation)
    assert refusal(bare.tags.send, *named, sender=bare.governance) == "PledgeBookFixed"


def test_an_id_says_source_zone_and_slot(stage):
    tags = stage.system.tags
    for tag in ((Source.GRID, 0, 0), (Source.WIND, 2**32 - 1, 2**32 - 1), (Source.SOLAR, 7, 9)):
        assert tags.call("idOf", *tag) == tag_id(*tag)
        assert tuple(tags.call("decode", tag_id(*tag))) == tag
    for number in (7, 4 << 64, 1 << 72, (1 << 72) + (2 << 64), 2**256 - 1):
        with pytest.raises(Reverted) as refused:
            tags.call("decode", number)
        assert (refused.value.name, refused.value.arguments) == ("UnknownTag", {"id": number})


def test_plain_deployments_have_no_tags():
    assert not hasattr(Stage(("alice",)).system, "tags")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"conditional": MARKET}, "conditional: the venue owes energy tags: add a section tags"),
        (
            {"tags": {"sources": {"7": "coal"}}},
            "tags.sources.7: 'coal': expected grid, solar, wind",
        ),
        (
            {"tags": {"sources": {"65536": "wind"}}},
            "tags.sources: class '65536': expected 0 to 65535",
        ),
    ],
)
def test_sections_that_say_nothing_useful_are_refused(sections, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        deploy_system(Evm(), default_config(**sections))
