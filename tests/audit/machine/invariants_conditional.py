"""What the invariants say of energy tags and of the venue that owes them; each is called by the one of its number."""

from __future__ import annotations

from typing import Any

from setm.units import payment_up
from tests.audit.machine.model_conditional import MARKET
from tests.audit.machine.world import CONFIG


def check_tags(run: Any) -> None:
    """For each id the sum of all balances is what was minted and not claimed; what was minted a meter measured."""
    for minted, claimed, held in run.view.conditional.tags:
        assert sum(held.values()) == minted - claimed, (run.slot, minted, claimed, held)
    for event in run.witness.news:
        if event.name == "TagsMinted":
            slot, who = event.args["slot"], event.args["participantId"]
            meter = run.witness.meter_in(who, slot)
            _, exported = run.witness.readings.get((meter, slot), (0, 0))
            assert event.args["energyWh"] in (0, exported), (slot, who)
            assert event.args["pledgedWh"] <= event.args["energyWh"]


def check_energy(run: Any) -> None:
    """What buyers get is what sellers give, and both what was taken of orders."""
    view = run.view.conditional
    if not view.is_final:
        return
    bought, sold = (sum(part[at] for part in view.positions.values()) for at in (1, 2))
    assert bought == sold, (run.slot, bought, sold)
    dealt = sum(d.bought_wh for (slot, _), d in run.witness.dealt.items() if slot == run.slot)
    assert bought == dealt, (run.slot, bought, dealt)


def check_payment(run: Any, args: dict[str, Any]) -> None:
    """A buyer pays what its trades of the slot come to."""
    assert args["payment"] == run.witness.dealt[args["slot"], args["participantId"]].payment


def check_deal(run: Any) -> None:
    """A trade keeps the price of its order; what is closed earns what was agreed; a missing tag costs its price."""
    for event in run.witness.news:
        args = event.args
        if event.name == "OrderTaken":
            order = run.witness.posted[args["orderId"]]
            is_met = args["price"] <= order.price if order.isBid else args["price"] >= order.price
            assert is_met, args
            assert run.witness.taken_of[args["orderId"]] <= order.energyWh
            # Rounded up for the whole order, its parts come to no more.
            owed = -(-run.witness.taken_of[args["orderId"]] * order.greenShare // 1000)
            assert run.witness.owed_of[args["orderId"]] == owed
        if event.name == "TagsDelivered":
            price = CONFIG[MARKET]["tag_price"]
            assert args["compensation"] == payment_up(args["missingWh"], price)
        if event.name == "TradeClosed" and event.contract == MARKET:
            agreed = run.witness.dealt[args["slot"], args["participantId"]]
            assert args["revenue"] == agreed.revenue
