"""What the chain says of energy tags and the venue that owes them (AuditTagLens), and what the reference expects."""

from __future__ import annotations

from typing import Any, NamedTuple

from setm import negotiation
from setm.tags import Source, tag_id, venue
from setm.tags.tokens import KEPT
from tests.audit.machine.model_conditional import MARKET
from tests.audit.machine.world import ACCOUNTS, PEOPLE

NEWEST = 3
HEAD = ("isFinal", "pool", "orders", "trades")
ORDER = ("maker", "slot", "left", "price", "partner")
DEBT = ("buyer", "seller", "owed", "before", "bond", "isDelivered")
POSITION = ("bound", "boughtWh", "soldWh", "payment", "revenue")
PLEDGE = (
    "pledge id",
    "pledge owed",
    "pledge collected",
    "pledge bond",
    "isMinted",
    "consumptionClaimed",
    "kept of the grid",
    "kept of the sun",
)
# Everybody who may hold tags; no other contract takes them.
HOLDERS = (*ACCOUNTS, MARKET, "tags")
SOURCES = (Source.GRID, Source.SOLAR)
ZONE = 1


class TagView(NamedTuple):
    """The venue and the tags of one slot."""

    words: list[int]
    is_final: bool
    pool: int
    tags: list[tuple[int, int, dict[str, int]]]
    positions: dict[int, tuple[int, ...]]
    pledges: dict[int, tuple[int, ...]]


def records(driver: Any, slot: int) -> TagView:
    """Ask the chain for everything about a slot."""
    words = driver.read("tag_lens", "records", slot, PEOPLE, list(HOLDERS))[2:]
    at = len(HEAD) + NEWEST * (len(ORDER) + len(DEBT))
    tags = []
    for _ in SOURCES:
        held = dict(zip(HOLDERS, words[at + 2 : at + 2 + len(HOLDERS)], strict=True))
        tags.append((words[at], words[at + 1], held))
        at += 2 + len(HOLDERS)
    view = TagView(words, words[0] == 1, words[1], tags, {}, {})
    for who in range(1, PEOPLE + 1):
        view.positions[who] = tuple(words[at : at + len(POSITION)])
        at += len(POSITION)
        view.pledges[who] = tuple(words[at : at + len(PLEDGE)])
        at += len(PLEDGE)
    return view


def expected_records(model: Any, slot: int) -> list[int]:
    """Return the words that the reference expects."""
    book, tokens = model.market, model.tags
    is_final = model.conditional_is_final(slot)
    words = [int(is_final), book.ledger.pools.get(slot, 0), len(book.orders), book.trades]
    for back in range(NEWEST):
        posted, debt = book.posted(len(book.orders) - back), book.debts.get(book.trades - back)
        order = posted.order
        words += [posted.maker_id, order.slot, posted.left_wh, order.price, order.partner_id]
        words += [0] * len(DEBT) if debt is None else _debt(debt)
    numbers = [tag_id(source, ZONE, slot) for source in SOURCES]
    for number in numbers:
        words += [tokens.minted.get(number, 0), tokens.claimed.get(number, 0)]
        words += [tokens.balance(KEPT if name == "tags" else name, number) for name in HOLDERS]
    for who in range(1, PEOPLE + 1):
        words += [venue.bound_of(book, slot, who), *_trade(book.ledger, slot, who, is_final)]  # type: ignore[arg-type]
        pledge = book.pledge(slot, who)
        words += [pledge.id, pledge.owed_wh, pledge.collected_wh, pledge.bond]
        words += [int((slot, who) in tokens.done), tokens.consumption_claimed.get((slot, who), 0)]
        words += [tokens.kept.get((who, number), 0) for number in numbers]
    return words


def _debt(debt: venue.Debt) -> list[int]:
    found = [debt.buyer_id, debt.seller_id, debt.owed_wh, debt.before_wh, debt.bond]
    return [*found, int(debt.is_delivered)]


def _trade(ledger: negotiation.Book, slot: int, who: int, is_final: bool) -> list[int]:
    if not is_final:
        return [0, 0, 0, 0]
    position = ledger.position(slot, who)  # type: ignore[arg-type]
    return [position.bought_wh, position.sold_wh, position.payment, position.receivable]


def name_of(place: int) -> str:
    """Return what a word means."""
    newest = [f"{word} of newest {n}" for n in range(NEWEST) for word in (*ORDER, *DEBT)]
    heads = [*HEAD, *newest]
    for source in SOURCES:
        heads += [f"{source.name} {word}" for word in ("minted", "claimed", *HOLDERS)]
    if place < len(heads):
        return f"conditional {heads[place]}"
    names = (*POSITION, *PLEDGE)
    who, field = divmod(place - len(heads), len(names))
    return f"conditional {names[field]} of participant {who + 1}"
