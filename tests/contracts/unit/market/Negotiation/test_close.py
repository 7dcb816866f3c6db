"""Negotiation.close, called by settlement: here by a plain account in its place"""

import brownie
import pytest


@pytest.fixture(scope="module")
def settler(actors):
    return actors.others[5]


@pytest.fixture(scope="module")
def venue(actors, config, settler):
    """A Negotiation of a deployment whose settlement is a plain account."""
    from scripts.deploy import deploy
    from scripts.register import fund, register

    project = brownie.project.get_loaded_projects()[0]
    system = deploy(actors.governance, config, actors)
    values, sent = tuple(config["negotiation"].values()), {"from": actors.governance}
    venue = project.Negotiation.deploy(system.clearinghouse, settler, values, sent)
    for address in (venue, settler):
        system.clearinghouse.addVenue(address, sent)
    for person in (actors.alice, actors.bob, actors.carol):
        register(system.registry, actors.authority, person, 4)
        fund(system, person, 10_000_000)
        system.clearinghouse.lock(venue, 10_000_000, {"from": person})
    return venue


@pytest.fixture(scope="module")
def clearinghouse(venue):
    project = brownie.project.get_loaded_projects()[0]
    return project.Clearinghouse.at(venue.clearinghouse())


def test_refuses_everybody_but_settlement(venue, ids, agreed, slot, alice, settler):
    with brownie.reverts(f"OnlyBy: {settler.address.lower()}, {alice.address.lower()}"):
        venue.close(slot, ids.alice, {"from": alice})


def test_refuses_a_slot_before_its_gate_closes(venue, ids, agreed, slot, settler):
    with brownie.reverts(f"OutcomeOpen: {slot}"):
        venue.close(slot, ids.alice, {"from": settler})


def test_refuses_to_pay_a_seller_before_the_buyers_are_collected(
    venue, ids, agreed, slot, gate_at, money, settler, wait_until
):
    wait_until(gate_at)
    with brownie.reverts(f"SlotPoolTooLow: {slot}, {money.revenue}, 0"):
        venue.close(slot, ids.bob, {"from": settler})


def test_returns_nothing_for_a_participant_without_a_trade(
    venue, ids, agreed, slot, gate_at, settler, wait_until
):
    wait_until(gate_at)
    sent = venue.close(slot, ids.carol, {"from": settler})
    assert sent.return_value == (0, 0, 0)
    assert not sent.events


def test_collects_the_buyer_and_hands_the_seller_revenue_and_cover(
    venue, clearinghouse, ids, agreed, slot, gate_at, money, settler, wait_until
):
    wait_until(gate_at)
    bought = venue.close(slot, ids.alice, {"from": settler})
    assert bought.return_value == (333, 0, 0)
    sold = venue.close(slot, ids.bob, {"from": settler})
    assert sold.return_value == (0, 333, money.revenue + money.cover)
    assert clearinghouse.collateralOf(settler, ids.bob) == money.revenue + money.cover
    assert venue.boundOf(slot, ids.bob) == 0
    assert venue.slotPool(slot) == clearinghouse.poolOf(venue) == money.payment - money.revenue


def test_closes_each_trade_once(venue, ids, agreed, slot, gate_at, settler, wait_until):
    wait_until(gate_at)
    for person in (ids.alice, ids.bob):
        venue.close(slot, person, {"from": settler})
        assert venue.close(slot, person, {"from": settler}).return_value == (0, 0, 0)


def test_says_what_settlement_took_over(
    venue, ids, agreed, slot, gate_at, money, settler, wait_until
):
    wait_until(gate_at)
    venue.collect(slot, [ids.alice], {"from": settler})
    sent = venue.close(slot, ids.bob, {"from": settler})
    assert dict(sent.events["TradeClosed"]) == {
        "slot": slot,
        "participantId": ids.bob,
        "boughtWh": 0,
        "soldWh": 333,
        "revenue": money.revenue,
    }


def test_keeps_an_unfinished_slot_until_it_is_closed_then_uses_its_place_again(
    venue, ids, agreed, agreement, bring, slot, config, money, settler, wait_until
):
    from setm.types import Terms

    later = slot + 1024
    wait_until(later * config["slot_seconds"] - 86_400)
    terms = Terms(first_slot=later, slot_count=1, energy_wh=333, price=46_001)
    message = agreement(terms=terms, deadline=later * config["slot_seconds"])
    with brownie.reverts(f"EarlierSlotOpen: {slot}"):
        bring(message)
    for person in (ids.alice, ids.bob):
        venue.close(slot, person, {"from": settler})
    bring(message)
    assert venue.boundOf(later, ids.alice) == money.payment
    assert venue.boundOf(slot, ids.alice) == 0
    assert venue.tradeOf(slot, ids.alice) == (0, 0, 0, 0)
