"""A trader may buy in one slot and sell in the next; every kind of bidder draws its price alike."""

from dataclasses import replace

import pytest

from setm.agents.types import Band, QuantityForecast
from setm.orders import AuctionRules
from setm.slots import Slot
from setm.trading import Market, Strategy, Trader
from setm.trading.auction import draft_orders
from setm.types import Grid, GridTariff, Side
from setm.units import Money, Price, Wh

SLOTS = [Slot(number) for number in range(100, 130)]
SUNNY = dict.fromkeys(SLOTS[10:20], Side.ASK)
MARKET = Market(
    grid=Grid(floor_price=Price(123_100), tick_size=Price(650)),
    tick_count=253,
    tariff=GridTariff(retail_price=Price(286_900), feed_in_price=Price(123_100)),
    cover_price=Price(286_900),
    bond=Money(10_000),
    max_order_wh=Wh(10**9),
    gate_lead=3600,
    reveal_window=600,
    slot_seconds=900,
)


def trader(**changes) -> Trader:
    forecast = QuantityForecast(mean_wh=400.0, lower_wh=300.0, upper_wh=600.0)
    plain = Trader(
        name="carol",
        side=Side.BID,
        band=Band(min_bid=Price(150_000), max_bid=Price(250_000)),
        strategy=Strategy(),
        forecasts=dict.fromkeys(SLOTS, forecast),
        seed=1,
        sides=SUNNY,
    )
    return replace(plain, **changes)


@pytest.mark.parametrize("bidder", ["forecast", "zero intelligence"])
def test_orders_stand_on_the_side_of_their_slot(bidder):
    drafts = draft_orders(trader(bidder=bidder), SLOTS, MARKET)
    assert {draft.slot: draft.side for draft in drafts} == {
        slot: SUNNY.get(slot, Side.BID) for slot in SLOTS
    }


def test_both_kinds_of_bidder_draw_the_same_prices():
    clever, plain = (
        draft_orders(trader(bidder=bidder), SLOTS, MARKET)
        for bidder in ("forecast", "zero intelligence")
    )
    assert [draft.tick for draft in clever] == [draft.tick for draft in plain]
    assert {draft.energy_wh for draft in plain} == {400}
    assert len({draft.energy_wh for draft in clever}) > 10


def test_an_ask_is_covered_as_an_ask():
    drafts = draft_orders(trader(), SLOTS, MARKET)
    rules = AuctionRules(
        grid=MARKET.grid,
        tick_count=MARKET.tick_count,
        bond=MARKET.bond,
        cover_price=MARKET.cover_price,
        max_order_wh=MARKET.max_order_wh,
    )
    for draft in drafts:
        price = rules.grid.price(draft.tick)
        worst = MARKET.cover_price - price if draft.side is Side.ASK else price
        assert draft.bound >= draft.energy_wh * worst / 1000
