"""What the chain says of notes and one-time accounts (AuditAnonymousLens), and what the reference expects it to say."""

from __future__ import annotations

from typing import NamedTuple

from setm import negotiation
from tests.audit.machine.model import Model
from tests.audit.machine.stage import Driver
from tests.audit.machine.world import MASKS, PEOPLE

POSITION = ("bound", "boughtWh", "soldWh", "payment", "revenue")


class HiddenView(NamedTuple):
    """Notes, accounts and agreements, and one slot's positions."""

    words: list[int]
    counts: tuple[int, ...]
    balances: dict[str, int]
    deals: dict[bytes, tuple[int, ...]]
    pool: int
    positions: dict[int, tuple[int, ...]]

    @property
    def unredeemed(self) -> int:
        """Return how many notes were paid and are neither paid back nor redeemed."""
        sold, _, refunded, redeemed = self.counts
        return sold - refunded - redeemed


def hidden(driver: Driver, slot: int, agreement_ids: list[bytes]) -> HiddenView:
    """Ask the chain."""
    ids = ["0x" + number.hex() for number in agreement_ids]
    words = driver.read("anonymous_lens", "state", slot, PEOPLE, list(MASKS), ids)[2:]
    at = 4 + len(MASKS)
    deals = {
        number: tuple(words[at + 3 * place : at + 3 * place + 3])
        for place, number in enumerate(agreement_ids)
    }
    at += 3 * len(ids)
    positions = {
        who: tuple(words[at + 2 + 5 * (who - 1) : at + 2 + 5 * who]) for who in range(1, PEOPLE + 1)
    }
    return HiddenView(
        words,
        tuple(words[:4]),
        dict(zip(MASKS, words[4 : 4 + len(MASKS)], strict=True)),
        deals,
        words[at + 1],
        positions,
    )


def expected_hidden(model: Model, slot: int) -> list[int]:
    """Return the words that the reference expects."""
    book, counts = model.hidden, model.hidden.counts
    words = [counts.sold, counts.issued, counts.refunded, counts.redeemed]
    words += [book.balance(model.world.address(mask)) for mask in MASKS]
    for deal in book.deals.values():
        words += [int(deal.state), deal.buyer_id, deal.seller_id]
    is_final = model.anonymous_is_final(slot)
    words += [int(is_final), book.ledger.pools.get(slot, 0)]  # type: ignore[call-overload]
    for who in range(1, PEOPLE + 1):
        found = book.ledger.position(slot, who)  # type: ignore[arg-type]
        words.append(negotiation.bound_of(book.ledger, slot, who))  # type: ignore[arg-type]
        traded = (found.bought_wh, found.sold_wh, found.payment, found.receivable)
        words += traded if is_final else (0, 0, 0, 0)
    return words


def name_of_hidden(place: int, deals: int) -> str:
    """Return what a word means."""
    names = ["sold", "issued", "refunded", "redeemed", *(f"balance of {mask}" for mask in MASKS)]
    for number in range(deals):
        names += [f"{word} of agreement {number}" for word in ("state", "buyerId", "sellerId")]
    names += ["isFinal", "pool"]
    if place < len(names):
        return names[place]
    who, field = divmod(place - len(names), len(POSITION))
    return f"hidden {POSITION[field]} of participant {who + 1}"
