"""What may be done with energy tags and orders with conditions, mostly what may succeed."""

from __future__ import annotations

from setm.tags import ANY, GREEN
from setm.tags.tokens import KEPT
from tests.audit.machine.choices import SLOT, Chooser, action
from tests.audit.machine.model_conditional import MARKET, RULES
from tests.audit.machine.steps import Step
from tests.audit.machine.world import CONFIG, CONTRACTS

# Who has nothing better to do does this.
FILLERS = ("post_order", "take_order", "take_order")

Order = tuple[int, int, int, int, int, int, bool]


def wanted(chooser: Chooser, who: int) -> Order:
    """Return mostly an order that others can take, half of them with a share of green energy."""
    dice, limits = chooser.dice, CONFIG[MARKET]
    slot = (chooser.now + limits["gate_lead"]) // SLOT + 1 + dice.randrange(2)
    energy_wh, price = dice.randrange(1, 1_200), dice.randrange(20_000, 60_001)
    share = dice.choice([0, 0, 333, 500, 1_000, 1_000])
    partner = chooser.others(who) if chooser.chance(10) else 0
    if chooser.chance(94):
        return slot, energy_wh, price, partner, share, ANY, chooser.chance(60)
    return (
        slot + dice.choice([-2, 0, 0, 9]),
        dice.choice([0, 3_000, 3_001, energy_wh]),
        dice.choice([19_999, 20_000, 60_000, 60_001, price]),
        dice.choice([0, 1, who, 99]),
        dice.choice([0, share, 1_001]),
        dice.choice([ANY, GREEN, 2, 0, 16]),
        chooser.chance(50),
    )


@action(6)
def post_order(chooser: Chooser) -> Step | None:
    who = chooser.member()
    return chooser.step(chooser.trading_key(who, MARKET), MARKET, "post", wanted(chooser, who))


def open_orders_of(chooser: Chooser) -> list[int]:
    """Return the newest orders that can still be taken."""
    book = chooser.model.market
    found = []
    for number in range(max(1, len(book.orders) - 12), len(book.orders) + 1):
        posted = book.posted(number)
        if posted.left_wh and chooser.now < RULES.limits.gate_at(posted.order.slot):
            found.append(number)
    return found


@action(7)
def take_order(chooser: Chooser) -> Step | None:
    book, dice = chooser.model.market, chooser.dice
    number = chooser.one(open_orders_of(chooser))
    if number is None and chooser.chance(90):
        return None
    if number is None or chooser.chance(3):
        number = dice.randrange(len(book.orders) + 2)
    posted = book.posted(number)
    who = posted.order.partner_id if posted.order.partner_id else chooser.others(posted.maker_id)
    part_wh = dice.randrange(1, max(posted.left_wh, 1) + 1)
    energy_wh = dice.choice([*[posted.left_wh] * 4, *[part_wh] * 5, posted.left_wh + 1])
    price = posted.order.price + dice.choice([0] * 12 + [-1, 1, -100, 100])
    key = chooser.trading_key(who, MARKET)
    return chooser.step(key, MARKET, "take", number, energy_wh, max(price, 0))


@action(1)
def cancel_order(chooser: Chooser) -> Step | None:
    number = chooser.one(open_orders_of(chooser))
    if number is None:
        return None
    maker = chooser.model.market.posted(number).maker_id
    who = maker if chooser.chance(85) else chooser.member()
    return chooser.step(chooser.trading_key(who, MARKET), MARKET, "cancel", number)


# TAGS


@action(1)
def register_device(chooser: Chooser) -> Step | None:
    """Mostly somebody whose newest credential is not written down."""
    model = chooser.model
    due = []
    for who in model.people():
        device = model.devices.get(who)
        if device is None or device.serial != model.certificate(who).serial:
            due.append(who)
    who = chooser.dice.choice(due) if due and chooser.chance(85) else chooser.member()
    sender = chooser.key(who) if chooser.chance(60) else chooser.anybody()
    return chooser.step(sender, "tags", "register", chooser.ids([who]))


@action(5)
def mint_tags(chooser: Chooser) -> Step | None:
    """Mostly what sellers owe tags of, then what else is settled."""
    model = chooser.model
    open_ones = {(d.slot, d.seller_id) for d in model.market.debts.values() if not d.is_delivered}
    owed = sorted((open_ones & model.settled) - model.tags.done)
    due = owed if owed and chooser.chance(60) else sorted(model.settled - model.tags.done)[-20:]
    if not due or chooser.chance(4):
        return chooser.step(
            chooser.anybody(), "tags", "mint", chooser.slot_near(), [chooser.member()]
        )
    slot, _ = chooser.dice.choice(due)
    ids = chooser.ids([who for at, who in due if at == slot])
    return chooser.step(chooser.anybody(), "tags", "mint", slot, ids)


@action(4)
def deliver_tags(chooser: Chooser) -> Step | None:
    book, done = chooser.model.market, chooser.model.tags.done
    owed = {n: (d.slot, d.seller_id) for n, d in book.debts.items() if not d.is_delivered}
    due = [number for number, place in owed.items() if place in done]
    number = chooser.one(due)
    if number is None and owed and chooser.chance(40):
        number = chooser.one(owed)
    if chooser.chance(4):
        number = chooser.dice.randrange(book.trades + 2)
    ended = [number for number, debt in book.debts.items() if debt.is_delivered]
    if ended and chooser.chance(15):
        number = chooser.one(ended)
    if number is None:
        return None
    return chooser.step(chooser.anybody(), MARKET, "deliver", number)


def held(chooser: Chooser) -> tuple[str, int, int] | None:
    """Return somebody with tags: account, id and how many."""
    balances = chooser.model.tags.balances.items()
    found = [(name, number, wh) for (name, number), wh in balances if wh]
    found = [one for one in found if one[0] not in (KEPT, *CONTRACTS)]
    return chooser.one(found[-30:])


@action(3)
def give_tags(chooser: Chooser) -> Step | None:
    found = held(chooser)
    if found is None:
        return None
    holder, number, wh = found
    revoked = [who for who in chooser.model.people() if chooser.model.is_revoked(who)]
    to = chooser.dice.choice(revoked) if revoked and chooser.chance(50) else chooser.member()
    return chooser.step(holder, "tags", "give", to, number, chooser.share(wh))


@action(2)
def transfer_tags(chooser: Chooser) -> Step | None:
    found = held(chooser)
    if found is None:
        return None
    holder, number, wh = found
    sender = holder if chooser.chance(75) else chooser.anybody()
    others = [one for owner, one in sorted(chooser.model.approvals) if owner == holder]
    sender = others[0] if others and chooser.chance(40) else sender
    kind, to = chooser.dice.randrange(10), chooser.anybody()
    if kind < 3:
        return chooser.step(holder, "tags", "setApprovalForAll", to, chooser.chance(80))
    if kind < 7:
        args = (holder, to, number, chooser.share(wh), b"")
        return chooser.step(sender, "tags", "safeTransferFrom", *args)
    args = (holder, to, [number], [chooser.share(wh)], b"")
    return chooser.step(sender, "tags", "safeBatchTransferFrom", *args)


@action(1)
def claim_tags(chooser: Chooser) -> Step | None:
    found = held(chooser)
    if found is None:
        return None
    holder, number, wh = found
    purpose = "0x" + "01" * 32
    args = ([number], [chooser.share(wh)], chooser.anybody(), purpose)
    return chooser.step(holder, "tags", "claim", *args)


@action(2)
def claim_for_consumption(chooser: Chooser) -> Step | None:
    found = held(chooser)
    if found is None:
        return None
    holder, number, wh = found
    return chooser.step(holder, "tags", "claimConsumption", [number], [chooser.share(wh)])


@action(8)
def withdraw_tags(chooser: Chooser) -> Step | None:
    kept = [place for place, wh in chooser.model.tags.kept.items() if wh]
    found = chooser.one(kept)
    if found is None:
        return None
    who, number = found
    entry = chooser.model.registry.participants[who - 1]
    possible_from = entry.revoked_at + chooser.model.registry.recovery_delay
    if chooser.now < possible_from and chooser.chance(50):
        return chooser.wait_until(possible_from - chooser.dice.randrange(2))
    return chooser.step(chooser.anybody(), "tags", "withdraw", who, [number])
