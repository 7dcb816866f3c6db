"""What chain and reference must agree on after every act: tags, money, orders and debts, each conserved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from setm.tags import Source, decode, venue
from setm.tags.fold import fold_tags
from setm.tags.tokens import KEPT
from setm.units import Wh
from tests.audit.books.tag_world import World


def check_tags(world: World, numbers: Iterable[int]) -> None:
    """For each id: everybody's balance, what is kept, and sum of balances == minted - claimed."""
    state, tags = world.tokens, world.tags
    accounts = [found.account for found in world.certificates.values()]
    for number in set(numbers):
        balances = {account: tags.call("balanceOf", account, number) for account in accounts}
        balances[world.market.address] = tags.call("balanceOf", world.market, number)
        balances[KEPT] = tags.call("balanceOf", tags, number)
        assert balances == {account: state.balance(account, number) for account in balances}
        minted, claimed = tags.call("mintedOf", number), tags.call("claimedOf", number)
        assert (minted, claimed) == (state.minted.get(number, 0), state.claimed.get(number, 0))
        assert sum(balances.values()) == minted - claimed
        kept = {one: tags.call("keptOf", one, number) for one in world.certificates}
        assert kept == {one: state.kept.get((one, number), 0) for one in kept}
        assert sum(kept.values()) == balances[KEPT]


def check_money(world: World) -> None:
    """Collateral == margin + what trades and owed tags bind; pools as charged and not paid; nothing created."""
    house, market, ledger = world.stage.system.clearinghouse, world.market, world.book.ledger
    slots = {slot for slot, _ in world.book.pledges} | {
        position.slot for position in ledger.positions.values()
    }
    for one in world.certificates:
        assert market.call("marginOf", one) == ledger.margin_of(one)
        bound = sum(venue.bound_of(world.book, slot, one) for slot in slots)
        assert house.call("collateralOf", market, one) == ledger.margin_of(one) + bound
    assert house.call("poolOf", market) == sum(ledger.pools.values())


def check_venue(world: World, *, is_thorough: bool) -> None:
    """Orders, debts, pledges and positions, the newest ones or all."""
    book, market = world.book, world.market
    first = 1 if is_thorough else max(len(book.orders) - 3, 1)
    for order_id in range(first, len(book.orders) + 1):
        posted = book.posted(order_id)
        maker_id, order = market.call("orderOf", order_id)
        expected = replace(posted.order, energy_wh=Wh(posted.left_wh))
        assert maker_id == posted.maker_id
        assert tuple(order) == tuple(getattr(expected, n) for n in expected.__dataclass_fields__)
    assert (market.call("orderCount"), market.call("tradeCount")) == (len(book.orders), book.trades)
    debts = sorted(book.debts) if is_thorough else sorted(book.debts)[-3:]
    for trade_id in debts:
        debt = book.debts[trade_id]
        expected_debt = tuple(getattr(debt, name) for name in debt.__dataclass_fields__)
        assert tuple(market.call("debtOf", trade_id)) == expected_debt
    for place, pledge in book.pledges.items():
        expected_pledge = (pledge.id, pledge.owed_wh, pledge.collected_wh, pledge.bond)
        assert tuple(market.call("pledgeOf", *place)) == expected_pledge
        assert market.call("boundOf", *place) == venue.bound_of(book, *place)


def check_all(world: World) -> None:
    """Everything that both sides know."""
    state, tags = world.tokens, world.tags
    check_tags(world, {*state.minted, *(number for _, number in state.balances)})
    check_money(world)
    check_venue(world, is_thorough=True)
    for slot, one in world.settled:
        assert tags.call("isMinted", slot, one) == ((slot, one) in state.done)
        claimed = state.consumption_claimed.get((slot, one), 0)
        assert tags.call("consumptionClaimed", slot, one) == claimed
    for (account, number), claimed in state.claimed_by.items():
        assert tags.call("claimedBy", account, number) == claimed
    for one, device in world.devices.items():
        expected = (device.source, device.zone, device.serial, device.from_slot, device.valid_until)
        assert tuple(tags.call("deviceOf", one)) == expected
    check_fold(world)


def check_fold(world: World) -> None:
    """The events alone tell of every source and slot what the contract counts, all zones together."""
    minted: Counter[tuple[Source, int]] = Counter()
    claimed: Counter[tuple[Source, int]] = Counter()
    for number, energy_wh in world.tokens.minted.items():
        minted[decode(number).source, decode(number).slot] += energy_wh
    for number, energy_wh in world.tokens.claimed.items():
        claimed[decode(number).source, decode(number).slot] += energy_wh
    totals = fold_tags(world.events)
    assert Counter({place: total.minted_wh for place, total in totals.items()}) == minted
    assert Counter({place: total.claimed_wh for place, total in totals.items()}) == claimed
    consumed = sum(total.consumed_wh for total in totals.values())
    assert consumed == sum(world.tokens.consumption_claimed.values())
