"""What the chain says of itself (AuditLens), and what the reference expects it to say: the same words."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.audit.machine import lens_conditional
from tests.audit.machine.model import Model
from tests.audit.machine.model_auction import State
from tests.audit.machine.model_negotiation import book as talks
from tests.audit.machine.stage import Driver
from tests.audit.machine.world import AUCTIONS, PEOPLE, TRADING, VENUES

MARGINED = VENUES[1 : 1 + TRADING]
HEAD = ("tokens", "held", "participants", "negotiations")
ACCOUNT = ("free", "guarantee", "arrears", "asked", "possibleFrom", "isActive")
ORDER = ("state", "side", "bound", "tick", "energyWh", "aheadWh", "digest", "fill", "boundOf")
PART = (
    "state",
    "side",
    "bound",
    "announcedWh",
    "takenWh",
    "aheadWh",
    "boughtWh",
    "soldWh",
    "payment",
    "revenue",
)
BOARD = ("phase", "pool", "announced bids", "announced asks", "taken bids", "taken asks")
POSITION = ("bound", "boughtWh", "soldWh", "payment", "revenue")
READING = (
    "state",
    "importWh",
    "exportWh",
    "isMeasured",
    "isFinal",
    "isFraud",
    "capacityWh",
    "meter",
)


class Account(NamedTuple):
    """A participant's money."""

    free: int
    guarantee: int
    arrears: int
    asked: int
    possible_from: int
    is_active: bool
    collateral: dict[str, int]
    margins: dict[str, int]

    @property
    def wealth(self) -> int:
        """All that is the participant's in the clearinghouse."""
        return self.free + sum(self.collateral.values())


class Balances(NamedTuple):
    """All money, as the chain says."""

    words: list[int]
    tokens: int
    held: int
    pools: dict[str, int]
    accounts: dict[int, Account]


def balances(driver: Driver) -> Balances:
    """Ask the chain for all balances."""
    words = driver.read("lens", "balances", PEOPLE, list(VENUES), TRADING)[2:]
    at = len(HEAD)
    pools = {venue: words[at + 2 * place] for place, venue in enumerate(VENUES)}
    at += 2 * len(VENUES)
    size = len(ACCOUNT) + len(VENUES) + TRADING
    accounts = {}
    for who in range(1, PEOPLE + 1):
        own = words[at : at + size]
        at += size
        accounts[who] = Account(
            free=own[0],
            guarantee=own[1],
            arrears=own[2] - 2**256 if own[2] >> 255 else own[2],
            asked=own[3],
            possible_from=own[4],
            is_active=own[5] == 1,
            collateral=dict(zip(VENUES, own[6 : 6 + len(VENUES)], strict=True)),
            margins=dict(zip(MARGINED, own[6 + len(VENUES) :], strict=True)),
        )
    return Balances(words, words[0], words[1], pools, accounts)


def expected_balances(model: Model) -> list[int]:
    """Return the words that the reference expects."""
    ledger = model.ledger
    words = [
        model.tokens.get("house", 0),
        ledger.held,
        len(model.registry.participants),
        len(model.talks.negotiations),
    ]
    for venue in VENUES:
        words += [ledger.pool_of(venue), int(model.is_venue(venue))]  # type: ignore[arg-type]
    for who in range(1, PEOPLE + 1):
        account, (asked, possible_from) = model.account(who), model.requests.get(who, (0, 0))
        words += [
            ledger.free_of(who),  # type: ignore[arg-type]
            account.guarantee,
            account.arrears % 2**256,
            asked,
            possible_from,
            int(model.is_active(who)),
            *(ledger.collateral_of(venue, who) for venue in VENUES),  # type: ignore[arg-type]
            *(model.auctions[venue].margins.get(who, 0) for venue in AUCTIONS),
            model.talks.margin_of(who),
            model.board.margin_of(who),
            model.market.ledger.margin_of(who),
            model.hidden.ledger.margin_of(who),
        ]
    return words


def name_of_balance(place: int) -> str:
    """Return what a word of the balances means."""
    if place < len(HEAD):
        return HEAD[place]
    place -= len(HEAD)
    if place < 2 * len(VENUES):
        return f"{('pool', 'isVenue')[place % 2]} of {VENUES[place // 2]}"
    names = (
        *ACCOUNT,
        *(f"collateral in {venue}" for venue in VENUES),
        *(f"margin in {venue}" for venue in MARGINED),
    )
    who, field = divmod(place - 2 * len(VENUES), len(names))
    return f"{names[field]} of participant {who + 1}"


# SLOTS


class SlotView(NamedTuple):
    """Phase and final state of a slot in each venue."""

    words: list[int]
    phases: dict[str, int]
    pools: dict[str, int]
    is_final: bool
    orders: dict[str, dict[int, tuple[int, ...]]]
    positions: dict[int, tuple[int, ...]]
    board: tuple[int, ...]
    parts: dict[int, tuple[int, ...]]
    readings: dict[int, tuple[int, ...]]
    settled: dict[int, bool]
    conditional: Any = None


def records(driver: Driver, slot: int) -> SlotView:
    """Ask the chain for everything about a slot."""
    words = driver.read("lens", "records", [slot], PEOPLE, list(AUCTIONS))[2:]
    phases = dict(zip(AUCTIONS, words[0:4:2], strict=True))
    venues = (*AUCTIONS, "negotiation", "tariff")
    pools = dict(zip(venues, (words[1], words[3], words[5], words[7]), strict=True))
    head = 6 + len(BOARD)
    view = SlotView(
        words,
        phases,
        pools,
        words[4] == 1,
        {venue: {} for venue in AUCTIONS},
        {},
        tuple(words[6:head]),
        {},
        {},
        {},
    )
    size = len(AUCTIONS) * len(ORDER) + len(POSITION) + len(PART) + len(READING) + 1
    for who in range(1, PEOPLE + 1):
        at = head + (who - 1) * size
        for venue in AUCTIONS:
            view.orders[venue][who] = tuple(words[at : at + len(ORDER)])
            at += len(ORDER)
        view.positions[who] = tuple(words[at : at + len(POSITION)])
        at += len(POSITION)
        view.parts[who] = tuple(words[at : at + len(PART)])
        at += len(PART)
        view.readings[who] = tuple(words[at : at + len(READING)])
        view.settled[who] = words[at + len(READING)] == 1
    own = lens_conditional.records(driver, slot)
    view.pools["conditional"] = own.pool
    return view._replace(words=[*words, *own.words], conditional=own)


def expected_records(model: Model, slot: int) -> list[int]:
    """Return the words that the reference expects."""
    words = []
    for venue in AUCTIONS:
        words += [int(model.phase(venue, slot)), model.auctions[venue].pools.get(slot, 0)]
    is_final = model.negotiation_is_final(slot)
    words += [int(is_final), model.talks.pools.get(slot, 0)]  # type: ignore[call-overload]
    sums, phase = model.board.sums_of(slot), int(model.tariff_phase(slot))
    words += [phase, model.board.pools.get(slot, 0), *sums.announced, *sums.taken]  # type: ignore[call-overload]
    for who in range(1, PEOPLE + 1):
        for venue in AUCTIONS:
            words += _order(model, venue, slot, who)
        words += _position(model, slot, who, is_final)
        words += _part(model, slot, who)
        view = model.reading_view(who, slot)
        words += [
            int(view.state),
            view.import_wh,
            view.export_wh,
            int(view.is_measured),
            int(view.is_final),
            int(view.is_fraud),
            view.capacity_wh,
            model.meter_of(who),
            int((slot, who) in model.settled),
        ]
    return [*words, *lens_conditional.expected_records(model, slot)]


def _order(model: Model, venue: str, slot: int, who: int) -> list[int]:
    book = model.auctions[venue]
    order = book.order(slot, who)
    if order is None:
        return [0] * len(ORDER)
    fill = 0
    if slot in book.results and order.energy_wh and order.state != State.COMMITTED:
        fill = book.results[slot].outcomes[who].filled_wh  # type: ignore[index]
    digest = int.from_bytes(order.digest, "big") if order.state == State.COMMITTED else 0
    return [
        int(order.state),
        order.side,
        order.bound,
        order.tick,
        order.energy_wh,
        order.ahead_wh,
        digest,
        fill,
        order.bound,
    ]


def _position(model: Model, slot: int, who: int, is_final: bool) -> list[int]:
    position = model.talks.position(slot, who)
    bound = talks.bound_of(model.talks, slot, who)
    if not is_final:
        return [bound, 0, 0, 0, 0]
    return [bound, position.bought_wh, position.sold_wh, position.payment, position.receivable]


def _part(model: Model, slot: int, who: int) -> list[int]:
    part = model.board.part(slot, who)
    words = [int(part.state), int(part.side), part.bound, part.announced_wh, part.taken_wh]
    words.append(part.ahead_wh)
    if not model.tariff_is_final(slot):
        return [*words, 0, 0, 0, 0]
    trade = model.tariff_trade(slot, who)
    return [*words, trade.bought_wh, trade.sold_wh, trade.payment, trade.revenue]


def name_of_record(place: int) -> str:
    """Return what a word of the records means."""
    heads = (*(f"{word} of {venue}" for venue in AUCTIONS for word in ("phase", "pool")),)
    heads = (*heads, "isFinal of negotiation", "pool of negotiation")
    heads = (*heads, *(f"{word} of tariff" for word in BOARD))
    if place < len(heads):
        return heads[place]
    names = (
        *(f"{venue} {word}" for venue in AUCTIONS for word in ORDER),
        *(f"position {word}" for word in POSITION),
        *(f"tariff {word}" for word in PART),
        *(f"reading {word}" for word in READING),
        "isSettled",
    )
    who, field = divmod(place - len(heads), len(names))
    if who >= PEOPLE:
        return lens_conditional.name_of(place - len(heads) - PEOPLE * len(names))
    return f"{names[field]} of participant {who + 1}"
