"""Attacks on orders with conditions: met by nobody, sold twice, not delivered, taken back, bound too late."""

from __future__ import annotations

import itertools

import pytest

from setm.evm import Evm, default_config, deploy_system
from setm.evm.machine import NOBODY
from setm.tags import ANY, GREEN, Source
from tests.audit.attacks.stage import MARGIN, SLOT, refusal
from tests.audit.attacks.tag_stage import (
    MARKET,
    PRICE,
    REFUSES,
    SOURCES,
    WIND_CLASS,
    TagStage,
)


@pytest.fixture(scope="module")
def stage():
    return TagStage()


@pytest.fixture
def fresh(stage):
    slot = stage.slot
    with stage.evm.undone():
        yield stage
    stage.slot = slot


def test_the_market_signs_under_its_own_name(fresh):
    _, name, version, chain_id, contract, *_ = fresh.system.conditional.call("eip712Domain")
    assert (name, version) == ("SETM ConditionalMarket", "1")
    assert (chain_id, contract) == (fresh.evm.chain_id, fresh.system.conditional.address)


# Selling tags in advance


def test_pledged_tags_reach_the_buyer_before_their_seller_has_them(fresh):
    stage = fresh
    solar = stage.id_of(Source.SOLAR)
    trade = stage.sell(stage.sunny, stage.alice, green_share=600)
    stage.measured(alice=(1_000, 0), sunny=(0, 700))
    stage.mint(stage.sunny)
    assert stage.balance(stage.sunny, solar) == 100
    assert stage.balance(stage.system.conditional, solar) == 600
    stage.system.conditional.send("deliver", trade)
    assert stage.balance(stage.alice, solar) == 600
    assert stage.system.conditional.call("boundOf", stage.slot, stage.sunny.id) == 0
    stage.check_books()


def test_tags_sold_twice_are_shared_and_each_missing_one_is_paid_for(fresh):
    """The seller owes 1,500 tags and produces 1,000: nobody is served first, nobody loses silently."""
    stage = fresh
    solar, market = stage.id_of(Source.SOLAR), stage.system.conditional
    first = stage.sell(stage.sunny, stage.alice, green_share=1_000)
    second = stage.sell(stage.sunny, stage.bob, 500, green_share=1_000)
    stage.measured(alice=(1_000, 0), bob=(500, 0), sunny=(0, 1_000))
    ends = []
    for order in itertools.permutations((first, second)):
        with stage.evm.undone():
            before = {name: market.call("marginOf", stage.people[name].id) for name in stage.people}
            assert refusal(market.send, "deliver", first) == "SlotNotMinted"
            stage.mint(stage.sunny)
            for trade in order:
                market.send("deliver", trade)
                assert refusal(market.send, "deliver", trade) == "NothingOwed"
            after = {name: market.call("marginOf", stage.people[name].id) for name in stage.people}
            change = {name: after[name] - before[name] for name in stage.people}
            ends.append(change)
            assert stage.balance(stage.alice, solar) == 1_000 * 1_000 // 1_500
            assert stage.balance(stage.bob, solar) == 1_000 - 1_000 * 1_000 // 1_500
            assert stage.balance(stage.sunny, solar) == stage.balance(market, solar) == 0
            assert market.call("pledgeOf", stage.slot, stage.sunny.id).bond == 0
            stage.check_books()
    price = MARKET["tag_price"]
    assert ends[0] == ends[1]
    assert ends[0]["alice"] == 334 * price // 1_000
    assert ends[0]["bob"] == 166 * price // 1_000
    # What was bound for the bond comes back, less what the buyers got.
    assert ends[0]["sunny"] == 1_500 * price // 1_000 - ends[0]["alice"] - ends[0]["bob"]


def test_a_seller_that_delivers_nothing_pays_for_every_tag(fresh):
    stage, market = fresh, fresh.system.conditional
    trade = stage.sell(stage.sunny, stage.alice, green_share=1_000)
    wealth = sum(stage.wealths().values())
    stage.settle(stage.alice, stage.sunny)
    stage.mint(stage.sunny)
    told = market.send("deliver", trade).only("TagsDelivered")
    assert (told["energyWh"], told["missingWh"]) == (0, 1_000)
    assert told["compensation"] == MARKET["tag_price"]
    assert sum(stage.wealths().values()) == wealth
    stage.check_books()


def test_a_seller_that_loses_its_certificate_after_selling_pays_for_every_tag(fresh):
    stage, market = fresh, fresh.system.conditional
    trade = stage.sell(stage.sunny, stage.alice, green_share=1_000)
    stage.go(stage.start)
    stage.renew(stage.sunny, device_class=0, serial=2)
    stage.measured(alice=(1_000, 0), sunny=(0, 1_000))
    stage.mint(stage.sunny)
    assert stage.balance(stage.sunny, stage.id_of(Source.GRID)) == 1_000
    assert market.send("deliver", trade).only("TagsDelivered")["missingWh"] == 1_000


def test_a_buyer_that_is_revoked_or_a_contract_blocks_no_delivery(fresh):
    stage, market = fresh, fresh.system.conditional
    buyer = stage.enrol_receiver()
    order = stage.order(green_share=1_000)
    stage.act(stage.receiver, market, "post", order)
    contract_trade = stage.take(stage.sunny, market.call("orderCount"))
    trade = stage.sell(stage.sunny, stage.alice, green_share=1_000)
    stage.receiver.send("choose", REFUSES, NOBODY, b"")
    stage.read(alice=(1_000, 0), sunny=(0, 2_000))
    stage.settle(stage.alice, stage.sunny, buyer)
    stage.revoke(stage.alice)
    stage.mint(stage.sunny)
    solar = stage.id_of(Source.SOLAR)
    for number, person in ((contract_trade, buyer), (trade, stage.alice)):
        market.send("deliver", number)
        assert stage.system.tags.call("keptOf", person.id, solar) == 1_000
    assert market.call("pledgeOf", stage.slot, stage.sunny.id).bond == 0


def test_only_the_tag_contract_says_what_came_in_and_only_governance_names_the_venue(fresh):
    stage, tags = fresh, fresh.system.tags
    collect = (stage.slot, stage.sunny.id, stage.id_of(Source.SOLAR), 1)
    market = stage.system.conditional
    assert refusal(market.send, "collectTags", *collect, sender=stage.sunny) == "OnlyBy"
    for sender in (stage.sunny, stage.system.governance):
        assert refusal(tags.send, "setPledgeBook", market, sender=sender) == "PledgeBookFixed"
    config = default_config(tags=SOURCES)
    bare = deploy_system(Evm(now=stage.evm.now), config)
    for sender in (stage.sunny, bare.authority):
        assert refusal(bare.tags.send, "setPledgeBook", market, sender=sender) == "PledgeBookFixed"
    bare.tags.send("setPledgeBook", market, sender=bare.governance)


def test_taking_an_order_in_small_parts_makes_nobody_owe_more(fresh):
    """A share of one per mille would else become a tag for each Wh taken alone."""
    stage, market = fresh, fresh.system.conditional
    ask = stage.post(stage.sunny, is_bid=False, green_share=1, energy_wh=1_500)
    trades = [stage.take(stage.alice, ask, energy_wh) for energy_wh in (1, 1, 998, 1, 499)]
    owed = [market.call("debtOf", trade).owedWh for trade in trades]
    assert owed == [1, 0, 0, 1, 0]
    assert market.call("pledgeOf", stage.slot, stage.sunny.id).owedWh == 2


# Conditions


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"sources": 0}, "SourcesRefused"),
        ({"sources": 1}, "SourcesRefused"),
        ({"sources": 16}, "SourcesRefused"),
        ({"green_share": 1_001}, "ShareTooHigh"),
        ({"green_share": 1, "sources": Source.GRID.bit}, "ShareUnmeetable"),
        ({"partner_id": 99}, "PartnerInactive"),
        ({"price": MARKET["floor_price"] - 1}, "PriceOutOfBand"),
        ({"price": MARKET["cap_price"] + 1}, "PriceOutOfBand"),
        ({"energy_wh": 0}, "EnergyOutOfRange"),
        ({"energy_wh": MARKET["max_energy_wh"] + 1}, "EnergyOutOfRange"),
        ({"is_bid": False, "sources": GREEN}, "SourceNotCertified"),
        ({"is_bid": False, "green_share": 1}, "SourceNotCertified"),
    ],
)
def test_a_condition_that_nobody_can_meet_is_refused(fresh, changes, name):
    stage, market = fresh, fresh.system.conditional
    order = stage.order(**changes)
    assert refusal(market.send, "post", order, sender=stage.alice) == name
    assert market.call("orderCount") == 0


def test_a_partner_must_be_another_who_may_enter_something(fresh):
    stage, market = fresh, fresh.system.conditional
    itself = stage.order(partner_id=stage.alice.id)
    assert refusal(market.send, "post", itself, sender=stage.alice) == "PartnerIsSelf"
    stage.revoke(stage.bob)
    revoked = stage.order(partner_id=stage.bob.id)
    assert refusal(market.send, "post", revoked, sender=stage.alice) == "PartnerInactive"


def test_who_does_not_meet_a_condition_takes_nothing(fresh):
    stage, market = fresh, fresh.system.conditional
    bid = stage.post(stage.alice, sources=Source.SOLAR.bit, partner_id=stage.sunny.id)
    take = (market.send, "take", bid)
    assert refusal(*take, 1_000, PRICE, sender=stage.windy) == "OtherPartner"
    assert refusal(*take, 1_000, PRICE + 1, sender=stage.sunny) == "PriceNotMet"
    assert refusal(*take, 1_001, PRICE, sender=stage.sunny) == "OrderTooSmall"
    assert refusal(*take, 0, PRICE, sender=stage.sunny) == "OrderTooSmall"
    assert refusal(*take, 1, MARKET["floor_price"] - 1, sender=stage.sunny) == "PriceOutOfBand"
    assert refusal(*take, 1, PRICE, sender=stage.alice) == "PartnerIsSelf"
    assert refusal(market.send, "take", 99, 1, PRICE, sender=stage.sunny) == "OrderTooSmall"
    open_bid = stage.post(stage.alice, sources=Source.SOLAR.bit)
    sent = refusal(market.send, "take", open_bid, 1, PRICE, sender=stage.windy)
    assert sent == "SourceNotCertified"
    ask = stage.post(stage.sunny, is_bid=False, sources=GREEN, green_share=1_000)
    assert refusal(market.send, "take", ask, 1, PRICE - 1, sender=stage.alice) == "PriceNotMet"
    assert refusal(market.send, "take", ask, 1, PRICE, sender=stage.carol) == "BuyerInOtherZone"
    stage.take(stage.alice, ask, 400, PRICE + 1)
    assert refusal(market.send, "take", ask, 601, PRICE, sender=stage.bob) == "OrderTooSmall"


def test_a_green_share_is_sold_by_green_sources_only(fresh):
    stage, market = fresh, fresh.system.conditional
    bid = stage.post(stage.alice, sources=ANY, green_share=500)
    assert refusal(market.send, "take", bid, 1, PRICE, sender=stage.bob) == "SourceNotCertified"
    stage.take(stage.windy, bid)


def test_a_seller_that_changes_its_source_cannot_owe_two_kinds_of_tags_in_a_slot(fresh):
    stage, market = fresh, fresh.system.conditional
    stage.sell(stage.sunny, stage.alice, green_share=1_000)
    stage.renew(stage.sunny, device_class=WIND_CLASS, serial=2)
    stage.system.tags.send("register", [stage.sunny.id], sender=stage.sunny)
    bid = stage.post(stage.bob, green_share=1_000)
    assert refusal(market.send, "take", bid, 1, PRICE, sender=stage.sunny) == "SourceChanged"


def test_orders_end_with_their_gate_and_can_be_taken_back_by_their_own_only(fresh):
    stage, market = fresh, fresh.system.conditional
    bid = stage.post(stage.alice)
    assert refusal(market.send, "cancel", bid, sender=stage.bob) == "NotOrderOf"
    gate = stage.start - MARKET["gate_lead"]
    stage.go(gate - 1)
    with stage.evm.undone():
        market.send("cancel", bid, sender=stage.alice)
        assert refusal(market.send, "cancel", bid, sender=stage.alice) == "OrderTooSmall"
        assert refusal(market.send, "take", bid, 1, PRICE, sender=stage.bob) == "OrderTooSmall"
    stage.take(stage.bob, bid, 1)
    stage.go(gate)
    assert refusal(market.send, "take", bid, 1, PRICE, sender=stage.bob) == "GateClosed"
    assert refusal(market.send, "post", stage.order(), sender=stage.alice) == "GateClosed"
    far = stage.order(slot=stage.slot + 193)
    assert refusal(market.send, "post", far, sender=stage.alice) == "BeyondHorizon"


def test_an_order_of_somebody_who_lost_user_security_is_not_taken(fresh):
    stage, market = fresh, fresh.system.conditional
    bid = stage.post(stage.alice)
    stage.revoke(stage.alice)
    assert refusal(market.send, "take", bid, 1, PRICE, sender=stage.bob) == "PartnerInactive"
    assert refusal(market.send, "post", stage.order(), sender=stage.alice) == "NotSecured"
    mallory = stage.account("mallory")
    assert refusal(market.send, "take", bid, 1, PRICE, sender=mallory) == "NotSecured"


def test_an_order_binds_nothing_and_a_take_binds_both_sides_or_fails(fresh):
    stage, market = fresh, fresh.system.conditional
    dear = 40_000_000
    bid = stage.post(stage.alice, energy_wh=dear)
    assert market.call("marginOf", stage.alice.id) == MARGIN
    refused = refusal(market.send, "take", bid, dear, PRICE, sender=stage.sunny)
    assert refused == "NotCovered"
    assert market.call("marginOf", stage.sunny.id) == market.call("marginOf", stage.alice.id)
    stage.take(stage.sunny, bid, 1_000)
    assert market.call("marginOf", stage.alice.id) == MARGIN - 1_000 * PRICE // 1_000


def test_a_seller_at_the_cover_price_binds_nothing_but_its_bond(fresh):
    stage, market = fresh, fresh.system.conditional
    price = MARKET["cover_price"]
    stage.take(stage.sunny, stage.post(stage.alice, price=price), 999, price)
    assert market.call("marginOf", stage.sunny.id) == MARGIN
    stage.take(stage.sunny, stage.post(stage.alice, price=price, green_share=1_000), 1, price)
    assert market.call("marginOf", stage.sunny.id) == MARGIN - MARKET["tag_price"] // 1_000


def test_a_deployment_that_contradicts_itself_is_refused():
    for changes in (
        {"tag_price": 0},
        {"cap_price": 0, "floor_price": 0},
        {"gate_lead": MARKET["horizon_seconds"]},
        {"horizon_seconds": 1_024 * SLOT},
        {"max_energy_wh": 0},
        {"max_energy_wh": 2**32 - 1, "tag_price": 2**32 - 1},
        {"cover_price": 1},
    ):
        config = default_config(tags=SOURCES, conditional={**MARKET, **changes})
        assert refusal(deploy_system, Evm(), config) == "ConfigRefused"
    evm = Evm()
    system = deploy_system(evm, default_config(tags=SOURCES))
    parts = (system.registry, system.meters, system.settlement)
    for classes in ([(1, 2), (1, 3)], [(1, 0)]):
        assert refusal(evm.deploy, "EnergyTag", *parts, classes) == "ClassRefused"
