"""Every refusal of the tag contract and of its venue, by name and with its values, and the edges of their phases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from setm.evm import Evm, default_config, deploy_system
from setm.evm.compiler import ROOT
from setm.evm.machine import NOBODY
from setm.tags import ANY, GREEN, Source
from tests.audit.attacks.stage import DAY, FIRST_SLOT, MARGIN, SLOT, Stage
from tests.audit.attacks.tag_stage import MARKET, PRICE, SOURCES, WIND_CLASS, TagStage
from tests.contracts.common.refusal import refuses

PURPOSE = b"report".ljust(32, b"\0")
GATE = FIRST_SLOT * SLOT - MARKET["gate_lead"]


@pytest.fixture(scope="module")
def stage():
    return TagStage()


@pytest.fixture
def fresh(stage):
    slot = stage.slot
    with stage.evm.undone():
        yield stage
    stage.slot = slot


@pytest.fixture
def market(fresh):
    return fresh.system.conditional


@pytest.fixture
def tags(fresh):
    return fresh.system.tags


# The tag contract


def test_what_is_not_settled(fresh, tags):
    with refuses("NotSettled", slot=fresh.slot, participantId=fresh.bob.id):
        tags.send("mint", fresh.slot, [fresh.bob.id])


def test_what_cannot_be_claimed(fresh, tags):
    solar, foreign = fresh.id_of(Source.SOLAR), fresh.id_of(Source.GRID, zone=2)
    fresh.measured(alice=(600, 0), sunny=(0, 1_000), carol=(0, 9))
    fresh.mint(fresh.sunny, fresh.carol)
    tags.send("give", fresh.alice.id, solar, 1_000, sender=fresh.sunny)
    tags.send("give", fresh.alice.id, foreign, 9, sender=fresh.carol)
    alice = {"sender": fresh.alice}
    with refuses("NoTags", id=solar):
        tags.send("claim", [solar], [0], NOBODY, PURPOSE, **alice)
    with refuses("LengthMismatch", ids=2, amounts=1):
        tags.send("claimConsumption", [solar, solar], [1], **alice)
    with refuses("OtherZone", expected=1, found=2):
        tags.send("claimConsumption", [foreign], [9], **alice)
    one = {"slot": fresh.slot, "participantId": fresh.alice.id}
    with refuses("ConsumptionExceeded", **one, measuredWh=600, claimedWh=601):
        tags.send("claimConsumption", [solar], [601], **alice)
    with refuses(
        "ERC1155InsufficientBalance",
        sender=fresh.alice.address,
        balance=1_000,
        needed=1_001,
        tokenId=solar,
    ):
        tags.send("claim", [solar], [1_001], NOBODY, PURPOSE, **alice)


def test_an_id_that_no_energy_has(tags):
    with refuses("UnknownTag", id=9 << 64):
        tags.call("decode", 9 << 64)


def test_a_venue_that_is_not_named_by_governance_or_asks_too_much(fresh, tags, market):
    with refuses("PledgeBookFixed", pledgeBook=market.address, caller=fresh.governance.address):
        tags.send("setPledgeBook", market, sender=fresh.governance)
    bare = deploy_system(Evm(now=fresh.evm.now), default_config(tags=SOURCES))
    with refuses("PledgeBookFixed", pledgeBook=NOBODY, caller=bare.authority.address):
        bare.tags.send("setPledgeBook", market, sender=bare.authority)


def test_a_class_that_stands_for_no_source_or_for_two(fresh):
    parts = (fresh.system.registry, fresh.system.meters, fresh.system.settlement)
    for classes in ([(3, 2), (3, 2)], [(3, 0)]):
        with refuses("ClassRefused", deviceClass=3):
            fresh.evm.deploy("EnergyTag", *parts, classes)


def test_a_venue_that_asks_for_more_tags_than_there_are():
    """It stops minting and takes nothing: governance named it before the first tag, for all to see."""
    stage = Stage(("alice",), tags=SOURCES)
    venue = stage.evm.deploy("AttackPledgeBook")
    stage.tags.send("setPledgeBook", venue, sender=stage.governance)
    stage.read(alice=(0, 70))
    stage.settle()
    with refuses("PledgeTooHigh", available=70, asked=71):
        stage.tags.send("mint", stage.slot, [stage.alice.id])
    assert not stage.tags.call("isMinted", stage.slot, stage.alice.id)


# Orders


@pytest.mark.parametrize(
    ("changes", "name", "values"),
    [
        ({"sources": 0}, "SourcesRefused", {"sources": 0}),
        ({"sources": 255}, "SourcesRefused", {"sources": 255}),
        ({"green_share": 65_535}, "ShareTooHigh", {"greenShare": 65_535}),
        (
            {"green_share": 1, "sources": 2},
            "ShareUnmeetable",
            {"greenShare": 1, "sources": 2},
        ),
        (
            {"price": MARKET["cap_price"] + 1},
            "PriceOutOfBand",
            {"price": 55_501, "floorPrice": 30_000, "capPrice": 55_500},
        ),
        ({"energy_wh": 0}, "EnergyOutOfRange", {"energyWh": 0, "limit": MARKET["max_energy_wh"]}),
        ({"partner_id": 99}, "PartnerInactive", {"participantId": 99}),
        (
            {"is_bid": False, "sources": GREEN, "green_share": 1},
            "SourceNotCertified",
            {"sellerId": 2, "found": Source.GRID, "sources": GREEN},
        ),
        (
            {"slot": 2**32 - 1},
            "BeyondHorizon",
            {"slot": 2**32 - 1, "lastSlot": FIRST_SLOT + (172_800 - DAY) // SLOT},
        ),
        (
            {"slot": 0},
            "GateClosed",
            {"slot": 0, "gateAt": 0, "nowAt": FIRST_SLOT * SLOT - DAY},
        ),
    ],
)
def test_an_order_that_the_venue_does_not_take(fresh, market, changes, name, values):
    # alice is 2: the grid operator is 1.
    with refuses(name, **values):
        market.send("post", fresh.order(**changes), sender=fresh.alice)


def test_who_may_not_take(fresh, market):
    own = fresh.post(fresh.alice, partner_id=fresh.sunny.id, sources=Source.WIND.bit)
    with refuses("PartnerIsSelf", participantId=fresh.alice.id):
        market.send("take", own, 1, PRICE, sender=fresh.alice)
    pair = {"partnerId": fresh.sunny.id, "participantId": fresh.bob.id}
    with refuses("OtherPartner", **pair):
        market.send("take", own, 1, PRICE, sender=fresh.bob)
    sunny = {"sellerId": fresh.sunny.id, "found": Source.SOLAR, "sources": Source.WIND.bit}
    with refuses("SourceNotCertified", **sunny):
        market.send("take", own, 1, PRICE, sender=fresh.sunny)
    with refuses("PriceNotMet", limit=PRICE, price=PRICE + 1):
        market.send("take", own, 1, PRICE + 1, sender=fresh.sunny)
    with refuses("OrderTooSmall", orderId=own, leftWh=1_000, askedWh=1_001):
        market.send("take", own, 1_001, PRICE, sender=fresh.sunny)
    with refuses("NotOrderOf", orderId=own, participantId=fresh.sunny.id):
        market.send("cancel", own, sender=fresh.sunny)
    ask = fresh.post(fresh.sunny, is_bid=False, green_share=1)
    with refuses("BuyerInOtherZone", buyerZone=2, tagZone=1):
        market.send("take", ask, 1, PRICE, sender=fresh.carol)


def test_a_seller_that_would_owe_two_kinds_of_tags(fresh, market, tags):
    fresh.sell(fresh.sunny, fresh.alice, green_share=1_000)
    fresh.renew(fresh.sunny, device_class=WIND_CLASS, serial=2)
    tags.send("register", [fresh.sunny.id], sender=fresh.sunny)
    bid = fresh.post(fresh.bob, green_share=1_000)
    ids = {"expectedId": fresh.id_of(Source.SOLAR), "foundId": fresh.id_of(Source.WIND)}
    with refuses("SourceChanged", slot=fresh.slot, sellerId=fresh.sunny.id, **ids):
        market.send("take", bid, 1, PRICE, sender=fresh.sunny)


def test_a_delivery_of_nothing_or_too_early(fresh, market):
    with refuses("NothingOwed", tradeId=1):
        market.send("deliver", 1)
    trade = fresh.sell(fresh.sunny, fresh.alice, green_share=1_000)
    with refuses("SlotNotMinted", slot=fresh.slot, sellerId=fresh.sunny.id):
        market.send("deliver", trade)


def test_a_margin_that_does_not_cover_bond_and_cover(fresh, market):
    energy_wh = 40_000_000
    bid = fresh.post(fresh.alice, energy_wh=energy_wh, green_share=1_000)
    cover = energy_wh * (MARKET["cover_price"] - PRICE) // 1_000
    needed = cover + energy_wh * MARKET["tag_price"] // 1_000
    market.send("releaseMargin", MARGIN - 1, sender=fresh.sunny)
    fresh.system.fund(fresh.alice, market, energy_wh * PRICE)
    with refuses("NotCovered", participantId=fresh.sunny.id, needed=needed, available=1):
        market.send("take", bid, energy_wh, PRICE, sender=fresh.sunny)


@pytest.mark.parametrize("seconds", [-1, 0, 1])
@pytest.mark.parametrize("act", ["post", "take"])
def test_gate_closure_a_second_before_at_and_after(fresh, market, act, seconds):
    bid = fresh.post(fresh.alice)
    fresh.go(GATE + seconds)
    calls = {"post": (fresh.order(),), "take": (bid, 1, PRICE)}

    def enter():
        market.send(act, *calls[act], sender=fresh.bob)

    if seconds < 0:
        enter()
        return
    with refuses("GateClosed", slot=fresh.slot, gateAt=GATE, nowAt=GATE + seconds):
        enter()
    # What is left can be taken back at any time; it binds nothing.
    market.send("cancel", bid, sender=fresh.alice)


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_the_horizon_a_second_before_at_and_after(fresh, market, seconds):
    slot = FIRST_SLOT + 300
    fresh.go(slot * SLOT - MARKET["horizon_seconds"] + seconds)
    order = fresh.order(slot=slot, sources=ANY)
    if seconds >= 0:
        market.send("post", order, sender=fresh.alice)
        return
    with refuses("BeyondHorizon", slot=slot, lastSlot=slot - 1):
        market.send("post", order, sender=fresh.alice)


def test_every_refusal_of_both_contracts_is_named_here():
    text = "".join(
        (ROOT / "interfaces" / f"{name}.sol").read_text()
        for name in ("IEnergyTag", "IConditionalMarket")
    )
    errors = set(re.findall(r"^\s*error (\w+)\(", text, flags=re.M))
    here = Path(__file__).read_text()
    assert {name for name in errors if f'"{name}"' not in here} == set()
