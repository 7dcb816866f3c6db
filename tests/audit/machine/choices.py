"""What the machine may do next, chosen by dice that know the reference: mostly what may succeed, or else what must not.

Each action returns a step, or nothing if there is nothing to do it with. The dice come seeded from Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, TypeVar

from setm import negotiation as talks
from setm.anonymous.book import State as DealState
from setm.metering import ReadingState, Record
from setm.tariff import Phase as TariffPhase
from setm.tariff import State as PartState
from tests.audit.machine.model import Model
from tests.audit.machine.model_auction import RULES, Phase, State, cover_of, start_of
from tests.audit.machine.model_meters import WINDOWS
from tests.audit.machine.model_tariff import worst_cost
from tests.audit.machine.stage import CAPACITY_WH, FOREVER, PURSE, YEAR_SECONDS, credential
from tests.audit.machine.steps import NOBODY, WAIT, Seal, Sig, Signed, Step
from tests.audit.machine.walking import Deck
from tests.audit.machine.witness import MARGINED
from tests.audit.machine.world import (
    AUCTIONS,
    CONFIG,
    CONTRACTS,
    DEVICES,
    MEMBERS,
    NEWCOMERS,
    OFFICES,
    SPARE_KEYS,
    World,
)

SLOT = CONFIG["slot_seconds"]
# Venues with margins that are no auctions.
UNPRICED = ("negotiation", "tariff", "conditional", "anonymous")
Thing = TypeVar("Thing")
Action = Callable[["Chooser"], "Step | None"]
DECK: Deck[Action] = Deck()
ACTIONS, WEIGHTS, action = DECK.actions, DECK.weights, DECK.action


class Memory:
    """What the adversary and the participants remember of a run: sealed orders, and all steps that were signed."""

    def __init__(self) -> None:
        self.seals: dict[tuple[str, int, int], Seal] = {}
        self.signed: list[Step] = []
        self.readings: list[Signed] = []

    def note(self, step: Step, is_done: bool) -> None:
        """Remember a step."""
        if is_done and step.function in ("commit", "commitMany", "commitFor"):
            listed = step.args[0] if step.function == "commitMany" else [step.args[0]]
            for slot, _, _, seal in listed:
                if isinstance(seal, Seal):
                    self.seals[step.contract, slot, seal.participant_id] = seal
        if any(isinstance(arg, Sig) for arg in step.args):
            self.signed = [*self.signed[-40:], step]
        if step.function == "postReading":
            self.readings = [*self.readings[-40:], step.args[0]]


class Chooser:
    """One throw of the dice."""

    def __init__(self, model: Model, world: World, memory: Memory, now: int, dice: Random) -> None:
        self.model, self.world, self.memory, self.now, self.dice = model, world, memory, now, dice

    # Throwing

    def chance(self, percent: int) -> bool:
        return self.dice.randrange(100) < percent

    def one(self, things: Iterable[Thing]) -> Thing | None:
        found = list(things)
        return self.dice.choice(found) if found else None

    def step(self, sender: str, contract: str, function: str, *args: Any) -> Step:
        """Return a step of now; a contract that was made somebody's key, and nobody, cannot send."""
        sender = "mallory" if sender in CONTRACTS or sender == NOBODY else sender
        return Step(self.now, sender, contract, function, args)

    def wait_until(self, seconds: int) -> Step | None:
        """Return a step that lets time pass; a long wait seldom, since it ends what is under way."""
        is_long = seconds > self.now + 700
        if seconds <= self.now or (is_long and not self.chance(12)):
            return None
        return Step(seconds, "nobody", "time", WAIT)

    # People and keys

    def member(self) -> int:
        """Return mostly somebody who trades."""
        people = [who for who in self.model.people() if who != 1 and not self.model.is_revoked(who)]
        active = [who for who in people if self.model.is_active(who)]
        if people and self.chance(96):
            return self.dice.choice(active if active and self.chance(85) else people)
        return self.dice.choice([0, 1, *self.model.people(), 99])

    def others(self, who: int) -> int:
        found = [one for one in self.model.people() if one not in (1, who)]
        active = [one for one in found if self.model.is_active(one)]
        found = active if active and self.chance(85) else found
        return self.dice.choice(found) if found and self.chance(95) else self.member()

    def key(self, who: int) -> str:
        """Return mostly the key that owns a participant now."""
        if 1 <= who <= len(self.model.registry.participants) and self.chance(96):
            return self.model.key_of(who)
        return self.anybody()

    def trading_key(self, who: int, venue: str) -> str:
        """The same, or one of its sessions."""
        if self.chance(12) and 1 <= who <= len(self.model.registry.participants):
            sessions = self.model.registry.participants[who - 1].sessions
            found = [key for key, session in sessions.items() if session.venue == venue]
            if found:
                return self.dice.choice(found)
        return self.key(who)

    def anybody(self) -> str:
        return self.dice.choice(
            ("mallory", "stranger", "operator", *MEMBERS, *NEWCOMERS, *SPARE_KEYS[:4], *OFFICES)
        )

    def fresh_key(self) -> str:
        """Return mostly a key that never owned anything."""
        participants = self.model.registry.participants
        taken = {tenure.account for one in participants for tenure in one.owners}
        fresh = [key for key in SPARE_KEYS if key not in taken]
        return self.dice.choice(fresh) if fresh and self.chance(90) else self.anybody()

    def signature(self, signer: str) -> Sig:
        """Return mostly a good signature."""
        if self.chance(95):
            return Sig(signer)
        form = self.dice.choice(("high_s", "flipped", "compact", "low_v", "zero", "empty"))
        return Sig(signer, "own", form) if self.chance(70) else Sig(self.anybody())

    def deadline(self) -> int:
        return self.now + (600 if self.chance(95) else self.dice.choice([-1, 0, 1]))

    def share(self, amount: int) -> int:
        """Return a part of an amount, now and then all of it or one unit too much."""
        kind = self.dice.randrange(20)
        if kind == 0:
            return amount + 1
        return amount if kind < 4 else amount * self.dice.randrange(1, 60) // 100

    # Slots

    def slot_in(self, venue: str, phase: Phase, *, with_orders: bool = False) -> int | None:
        """Return a slot of an auction in a phase."""
        book = self.model.auctions[venue]
        if with_orders or phase not in (Phase.ORDERING, Phase.EARLY):
            slots = {order.slot for order in book.orders.values() if order.state != State.NONE}
        else:
            first = (self.now + CONFIG[venue]["gate_lead"]) // SLOT + 1
            slots = set(range(first, first + 3))
        found = sorted(slot for slot in slots if self.model.phase(venue, slot) is phase)
        return self.dice.choice(found[-4:]) if found else None

    def traded_slots(self) -> list[int]:
        """Return every slot in which somebody has an order or a position that is not settled."""
        model = self.model
        found = {
            (order.slot, who)
            for book in model.auctions.values()
            for (who, _), order in book.orders.items()
            if order.state != State.NONE
        }
        found |= {(position.slot, who) for (who, _), position in model.talks.positions.items()}
        found |= {(part.slot, who) for (who, _), part in model.board.parts.items()}
        found |= {(one.slot, who) for (who, _), one in model.hidden.ledger.positions.items()}
        sales = model.market.ledger.positions.items()
        found |= {(position.slot, who) for (who, _), position in sales}
        return sorted({slot for slot, who in found if (slot, who) not in model.settled})[-12:]

    def slot_near(self) -> int:
        """Return any slot about now."""
        return self.now // SLOT + self.dice.randrange(-4, 9)

    def ids(self, found: Sequence[int]) -> list[int]:
        """Return mostly these participants in any order, now and then others and one of them twice."""
        chosen = list(found)
        self.dice.shuffle(chosen)
        if self.chance(30):
            chosen = chosen[: self.dice.randrange(len(chosen) + 1)]
        if self.chance(6):
            chosen.append(self.member())
        if chosen and self.chance(6):
            chosen.append(chosen[0])
        return chosen


# TIME


def edges(chooser: Chooser) -> list[int]:
    """Return the seconds at which something becomes possible or impossible, from now on."""
    model, now = chooser.model, chooser.now
    found = [(now // SLOT + 1) * SLOT]
    for slot in chooser.traded_slots():
        for venue in AUCTIONS:
            config, gate = CONFIG[venue], start_of(slot) - CONFIG[venue]["gate_lead"]
            closes = gate + config["reveal_window"]
            found += [gate, closes, closes + config["clear_window"]]
        found += [start_of(slot) - CONFIG["negotiation"]["gate_lead"], WINDOWS.end_of(slot)]
        found += [
            start_of(slot) - CONFIG["tariff"][lead] for lead in ("announce_lead", "gate_lead")
        ]
        found.append(WINDOWS.end_of(slot) + WINDOWS.reading_window)
    for records in model.records.values():
        for record in records.values():
            if record.state is ReadingState.ACCEPTED:
                found.append(record.accepted_at + WINDOWS.dispute_window)
            if record.state is ReadingState.DISPUTED:
                found.append(record.disputed_at + WINDOWS.resolve_window)
    for deal in model.hidden.deals.values():
        if deal.state is DealState.HELD:
            found += [
                model.hidden.config.gate_at(deal.slot),
                model.hidden.config.decided_from(deal.slot),
            ]
    found += [talk.expires_at for talk in model.talks.negotiations[-6:]]
    found += [possible_from for _, possible_from in model.requests.values()]
    found += list(model.venues.values())
    for one in model.registry.participants:
        found.append(one.recovering[1] if one.recovering else now)
        found.append(one.revoked_at + model.registry.recovery_delay)
        found += [session.ends_at for session in one.sessions.values()]
        if one.credential.valid_until < now + SLOT * 20:
            found.append(one.credential.valid_until)
    return sorted({edge for edge in found if edge > now})


@action(4)
def time_passes(chooser: Chooser) -> Step | None:
    dice, upcoming = chooser.dice, edges(chooser)
    kind = dice.randrange(100)
    if kind < 80:
        edge = upcoming[min(dice.randrange(8) // 6, len(upcoming) - 1)]
        return chooser.wait_until(edge + dice.choice([-1, 0, 0, 0, 1]))
    if kind < 95:
        return chooser.wait_until(chooser.now + dice.randrange(1, 400))
    if kind < 97:
        return chooser.wait_until(chooser.now + SLOT + dice.randrange(SLOT))
    if kind < 98:
        return chooser.wait_until(chooser.now + dice.choice([3_600, 7_200, 86_400]))
    # The ring turns once: slots that nobody finished meet those that want their place.
    slot = dice.choice(chooser.traded_slots() or [chooser.now // SLOT])
    return chooser.wait_until(start_of(slot + 1024) - 2_700 - dice.randrange(SLOT))


# IDENTITY


@action(2)
def join(chooser: Chooser) -> Step | None:
    dice = chooser.dice
    identity = dice.choice(NEWCOMERS) if chooser.chance(80) else dice.choice(MEMBERS)
    account = identity if chooser.chance(80) else chooser.fresh_key()
    lifetime = YEAR_SECONDS if chooser.chance(85) else dice.choice([0, 1, SLOT, 5 * SLOT])
    values = credential(identity, account, dice.choice([1, 2, 3, 4]), chooser.now + lifetime)
    authority = "authority" if chooser.chance(90) else dice.choice(("notary", "mallory"))
    recovery = chooser.fresh_key() if chooser.chance(60) else NOBODY
    signed, consent = chooser.signature(authority), chooser.signature(account)
    deadline = chooser.deadline()
    sender = account if consent.form == "empty" else chooser.anybody()
    args = (values, authority, signed, recovery, deadline, consent)
    return chooser.step(sender, "registry", "join", *args)


@action(1)
def renew(chooser: Chooser) -> Step | None:
    who = chooser.member()
    expired = [
        one
        for one, entry in enumerate(chooser.model.registry.participants, 1)
        if entry.credential.valid_until <= chooser.now
    ]
    who = chooser.dice.choice(expired) if expired and chooser.chance(70) else who
    if not 1 <= who <= len(chooser.model.registry.participants):
        return None
    entry = chooser.model.registry.participants[who - 1]
    known = entry.credential
    account = chooser.key(who)
    lifetime = YEAR_SECONDS if chooser.chance(88) else chooser.dice.choice([0, 1, 2 * SLOT])
    serial = known.serial + (1 if chooser.chance(90) else 0)
    commitment = "0x" + known.identity_commitment.hex()
    values = (account, int(known.kind), 0, 1, commitment, chooser.now + lifetime, serial)
    authority = entry.authority if chooser.chance(85) else "notary"
    sig = chooser.signature(authority)
    sender = account if chooser.chance(40) else chooser.anybody()
    return chooser.step(sender, "registry", "renew", values, authority, sig)


@action(2)
def rotate(chooser: Chooser) -> Step | None:
    sender, account = chooser.key(chooser.member()), chooser.fresh_key()
    sig = chooser.signature(account)
    return chooser.step(sender, "registry", "rotateKey", account, chooser.deadline(), sig)


@action(3)
def open_session(chooser: Chooser) -> Step | None:
    venue = chooser.dice.choice(("auction", "open_auction", *UNPRICED, "house"))
    ends = chooser.now + chooser.dice.choice([0, 1, SLOT, 10 * SLOT, 10 * SLOT, 40 * SLOT])
    session = (chooser.fresh_key(), venue, chooser.dice.choice([1_000, 50_000, 10**9]), ends)
    return chooser.step(chooser.key(chooser.member()), "registry", "openSession", session)


@action(1)
def close_session(chooser: Chooser) -> Step | None:
    who = chooser.member()
    if not 1 <= who <= len(chooser.model.registry.participants):
        return None
    key = chooser.one(chooser.model.registry.participants[who - 1].sessions)
    return chooser.step(chooser.key(who), "registry", "closeSession", key or chooser.anybody())


@action(2)
def set_recovery(chooser: Chooser) -> Step | None:
    to = chooser.fresh_key() if chooser.chance(90) else NOBODY
    return chooser.step(chooser.key(chooser.member()), "registry", "setRecovery", to)


@action(2)
def start_recovery(chooser: Chooser) -> Step | None:
    who = chooser.member()
    sender = chooser.anybody()
    if 1 <= who <= len(chooser.model.registry.participants) and chooser.chance(90):
        sender = chooser.model.registry.participants[who - 1].recovery_address(chooser.now)
    if sender == NOBODY:
        return None
    return chooser.step(sender, "registry", "startRecovery", who, chooser.fresh_key())


@action(2)
def end_recovery(chooser: Chooser) -> Step | None:
    asked = [
        (who, one.recovering)
        for who, one in enumerate(chooser.model.registry.participants, 1)
        if one.recovering
    ]
    found = chooser.one(asked)
    if found is None:
        return None
    who, (account, possible_from) = found
    if chooser.chance(25):
        return chooser.step(chooser.key(who), "registry", "cancelRecovery")
    if chooser.now < possible_from and chooser.chance(50):
        return chooser.wait_until(possible_from - chooser.dice.randrange(2))
    sender = account if chooser.chance(95) else chooser.anybody()
    return chooser.step(sender, "registry", "completeRecovery", who)


@action(2)
def judge(chooser: Chooser) -> Step | None:
    """An office suspends, reinstates or, seldom, revokes."""
    who, sender = chooser.member(), chooser.dice.choice(("authority", "governance"))
    suspended = [
        one
        for one in chooser.model.people()
        if not chooser.model.is_active(one) and not chooser.model.is_revoked(one)
    ]
    if suspended and chooser.chance(75):
        return chooser.step(sender, "registry", "reinstate", chooser.dice.choice(suspended))
    verdict = "revoke" if chooser.chance(33) else "suspend"
    if chooser.chance(5):
        sender = chooser.anybody()
    return chooser.step(sender, "registry", verdict, who)


# MONEY


@action(4)
def deposit(chooser: Chooser) -> Step | None:
    who = chooser.member()
    payer = chooser.key(who) if chooser.chance(80) else chooser.anybody()
    amount = chooser.dice.choice([0, 1, 700_000, 1_500_000, 1_500_000, 2**64])
    if chooser.model.tokens.get(payer, 0) == 0 and chooser.chance(70):
        return chooser.step(payer, "token", "mint", payer, PURSE)
    if chooser.model.allowances.get((payer, "house"), 0) == 0 and chooser.chance(50):
        return chooser.step(payer, "token", "approve", "house", 2**256 - 1)
    if chooser.model.allowances.get((payer, "house"), 0) < amount or chooser.chance(10):
        sig = chooser.signature(payer)
        args = (who, amount, chooser.deadline(), sig, sig, sig)
        return chooser.step(payer, "house", "depositWithPermit", *args)
    return chooser.step(payer, "house", "deposit", who, amount)


@action(1)
def donate(chooser: Chooser) -> Step | None:
    payer = chooser.anybody()
    amount = chooser.share(chooser.model.tokens.get(payer, 0)) % 100_000
    to = "house" if chooser.chance(90) else chooser.dice.choice(("auction", "settlement"))
    if chooser.chance(25):
        # Of a stranger's money only what it allows, mostly nothing.
        taker = chooser.anybody()
        most = min(amount, chooser.model.allowances.get((payer, taker), 0))
        return chooser.step(taker, "token", "transferFrom", payer, to, most)
    return chooser.step(payer, "token", "transfer", to, amount)


@action(2)
def withdraw(chooser: Chooser) -> Step | None:
    who = chooser.member()
    amount = chooser.share(chooser.model.ledger.free_of(who))  # type: ignore[arg-type]
    return chooser.step(chooser.key(who), "house", "withdraw", amount)


@action(4)
def withdraw_for_a_revoked_one(chooser: Chooser) -> Step | None:
    model = chooser.model
    revoked = [who for who in model.people() if model.is_revoked(who)]
    entries = model.registry.participants
    payable = [who for who in revoked if entries[who - 1].recovery_address(chooser.now) != NOBODY]
    revoked = payable if payable and chooser.chance(80) else revoked
    if not revoked and chooser.chance(70):
        return None
    who = chooser.dice.choice(revoked) if revoked and chooser.chance(95) else chooser.member()
    if who in revoked:
        entry = chooser.model.registry.participants[who - 1]
        possible_from = entry.revoked_at + chooser.model.registry.recovery_delay
        if chooser.now < possible_from and chooser.chance(50):
            return chooser.wait_until(possible_from - chooser.dice.randrange(2))
    return chooser.step("stranger", "house", "withdrawRevoked", who)


@action(5)
def lock(chooser: Chooser) -> Step | None:
    who = chooser.member()
    venue = chooser.dice.choice(("settlement", "settlement", *AUCTIONS, *UNPRICED))
    free = chooser.model.ledger.free_of(who)  # type: ignore[arg-type]
    if chooser.chance(2):
        venue = chooser.dice.choice(("house", "mallory", "liar"))
    key = chooser.trading_key(who, "house")
    return chooser.step(key, "house", "lock", venue, chooser.share(free))


@action(3)
def release_margin(chooser: Chooser) -> Step | None:
    who, venue = chooser.member(), chooser.dice.choice(MARGINED)
    model = chooser.model
    books = {**model.auctions, "negotiation": model.talks, "tariff": model.board}
    books["conditional"] = model.market.ledger
    books["anonymous"] = model.hidden.ledger
    margins = books[venue].margins
    amount = chooser.share(margins.get(who, 0))  # type: ignore[call-overload]
    if chooser.chance(45):
        others = [one for one in model.people() if not model.is_active(one)]
        other = chooser.dice.choice(others) if others else who
        return chooser.step("stranger", venue, "releaseMarginOf", other)
    return chooser.step(chooser.key(who), venue, "releaseMargin", amount)


# AUCTIONS


def order_of(chooser: Chooser, venue: str, who: int) -> tuple[int, int, int]:
    """Return side, tick and energy of an order, mostly covered, inside the band, and such that both sides meet."""
    dice, rules = chooser.dice, RULES[venue]
    side = dice.randrange(2)
    if chooser.chance(3):
        return side, dice.choice([0, rules.tick_count, 65_535]), dice.choice([0, 1, 2_001])
    top = rules.tick_count - 1
    tick = min(top, dice.randrange(rules.tick_count + 4)) if side == 0 else dice.randrange(top + 1)
    energy_wh = dice.choice([1, 2, 3, 7, rules.max_order_wh, *[dice.randrange(1, 2_000)] * 6])
    margin, needed = chooser.model.auctions[venue].margins.get(who, 0), 0
    if tick < rules.tick_count:
        needed = cover_of(venue, side, tick, energy_wh)
    if needed > margin and chooser.chance(90):
        energy_wh = max(1, energy_wh * margin // (2 * needed))
    return side, tick, energy_wh


def commitment_of(chooser: Chooser, who: int, slot: int) -> tuple[Any, ...]:
    side, tick, energy_wh = order_of(chooser, "auction", who)
    needed = max(cover_of("auction", side, tick, energy_wh), RULES["auction"].bond)
    bound = needed + chooser.dice.choice([0, 0, 0, 500, 5_000])
    if chooser.chance(8):
        bound = max(RULES["auction"].bond, needed * chooser.dice.randrange(100) // 100)
    if chooser.chance(2):
        bound = RULES["auction"].bond - 1
    salt = chooser.dice.getrandbits(160)
    copied = chooser.one(chooser.memory.seals.values()) if chooser.chance(2) else None
    sealed: Any = copied or Seal(slot, who, side, tick, energy_wh, salt)
    if chooser.chance(1):
        sealed = "0x" + "ff" * 32
    return slot, side, bound, sealed


def ordering_slot(chooser: Chooser, venue: str) -> int:
    """Return mostly the first slot whose gate is open, so that orders meet."""
    first = (chooser.now + CONFIG[venue]["gate_lead"]) // SLOT + 1
    if chooser.chance(75):
        return first + (first * SLOT - CONFIG[venue]["gate_lead"] - chooser.now < 200)
    return first + chooser.dice.randrange(4) if chooser.chance(90) else chooser.slot_near()


def orderer(chooser: Chooser, venue: str, slot: int) -> int:
    """Return mostly somebody who has no order in the slot yet."""
    book = chooser.model.auctions[venue]
    found = [
        who
        for who in chooser.model.people()
        if who != 1 and chooser.model.is_active(who) and book.order(slot, who) is None
    ]
    found = [who for who in found if book.margins.get(who, 0) > 5_000] or found
    return chooser.dice.choice(found) if found and chooser.chance(93) else chooser.member()


@action(16)
def commit(chooser: Chooser) -> Step | None:
    slot = ordering_slot(chooser, "auction")
    who = orderer(chooser, "auction", slot)
    sender = chooser.trading_key(who, "auction")
    if chooser.chance(8):
        slots = range(slot, slot + chooser.dice.randrange(4))
        listed = [commitment_of(chooser, who, one) for one in slots]
        return chooser.step(sender, "auction", "commitMany", listed)
    commitment = commitment_of(chooser, who, slot)
    if chooser.chance(12):
        nonce = chooser.model.nonces.get(("auction", sender), 0) + chooser.chance(5)
        args = (commitment, sender, nonce, chooser.deadline(), chooser.signature(sender))
        return chooser.step(chooser.anybody(), "auction", "commitFor", *args)
    return chooser.step(sender, "auction", "commit", commitment)


@action(2)
def cancel(chooser: Chooser) -> Step | None:
    slot = chooser.slot_in("auction", Phase.ORDERING, with_orders=True)
    if slot is None:
        return None
    sealed = [
        who
        for (who, _), order in chooser.model.auctions["auction"].orders.items()
        if order.slot == slot and order.state == State.COMMITTED
    ]
    who = chooser.one(sealed) if chooser.chance(90) else chooser.member()
    return chooser.step(chooser.trading_key(who or 0, "auction"), "auction", "cancel", slot)


@action(13)
def place_order(chooser: Chooser) -> Step | None:
    slot = ordering_slot(chooser, "open_auction")
    who = orderer(chooser, "open_auction", slot)
    order = (slot, *order_of(chooser, "open_auction", who))
    sender = chooser.trading_key(who, "open_auction")
    if chooser.chance(12):
        nonce = chooser.model.nonces.get(("open_auction", sender), 0) + chooser.chance(5)
        args = (order, sender, nonce, chooser.deadline(), chooser.signature(sender))
        return chooser.step(chooser.anybody(), "open_auction", "placeOrderFor", *args)
    return chooser.step(sender, "open_auction", "placeOrder", order)


def opening_of(chooser: Chooser, seal: Seal) -> int:
    """Return an opening, now and then with one value changed."""
    word = seal.participant_id << 224 | seal.tick << 208 | seal.energy_wh << 160 | seal.salt
    return (
        word ^ 1 << chooser.dice.choice([0, 80, 160, 170, 208, 224]) if chooser.chance(4) else word
    )


@action(24)
def open_orders(chooser: Chooser) -> Step | None:
    slot = chooser.slot_in("auction", Phase.REVEALING)
    if slot is None:
        later = chooser.slot_in("auction", Phase.ORDERING, with_orders=True)
        if later is None:
            return None
        gate = start_of(later) - CONFIG["auction"]["gate_lead"]
        if chooser.chance(15):
            return chooser.wait_until(gate - chooser.dice.choice([0, 0, 0, 1]))
        slot = later if chooser.chance(15) else None
    if slot is None:
        return None
    book, rules = chooser.model.auctions["auction"], RULES["auction"]
    seals = [
        seal
        for (_, at, who), seal in chooser.memory.seals.items()
        if at == slot and (book.order(slot, who) is not None or chooser.chance(3))
    ]
    # One that can never be opened spoils the batch that brings it.
    seals = [s for s in seals if s.tick < rules.tick_count or chooser.chance(5)]
    seals = [s for s in seals if 0 < s.energy_wh <= rules.max_order_wh or chooser.chance(5)]
    count = len(seals) if chooser.chance(60) else chooser.dice.randrange(len(seals) + 1)
    # Some never open what they sealed, whoever asks.
    chosen = [
        seal for seal in chooser.dice.sample(seals, count) if seal.salt % 4 or chooser.chance(3)
    ]
    unopened = set(with_order(chooser, "auction", slot, State.COMMITTED))
    if not any(seal.participant_id in unopened for seal in chosen) and chooser.chance(90):
        return None
    openings = [opening_of(chooser, seal) for seal in chosen]
    return chooser.step(chooser.anybody(), "auction", "open", slot, openings)


@action(6)
def clear(chooser: Chooser) -> Step | None:
    venue = chooser.dice.choice(AUCTIONS)
    slot = chooser.slot_in(venue, Phase.CLEARING)
    if slot is None:
        if chooser.chance(10):
            return chooser.step(chooser.anybody(), venue, "clear", chooser.slot_near())
        revealing = chooser.slot_in("auction", Phase.REVEALING)
        if revealing is None or chooser.chance(60):
            return None
        config = CONFIG["auction"]
        until = start_of(revealing) - config["gate_lead"] + config["reveal_window"]
        return chooser.wait_until(until - chooser.dice.choice([0, 0, 1]))
    return chooser.step(chooser.anybody(), venue, "clear", slot)


def with_order(chooser: Chooser, venue: str, slot: int, *states: State) -> list[int]:
    return [
        who
        for (who, _), order in chooser.model.auctions[venue].orders.items()
        if order.slot == slot and order.state in states
    ]


@action(3)
def forfeit(chooser: Chooser) -> Step | None:
    if chooser.chance(10):
        slot = chooser.slot_in("auction", chooser.dice.choice([Phase.CLEARED, Phase.CLEARING]))
    else:
        sealed = {
            order.slot
            for order in chooser.model.auctions["auction"].orders.values()
            if order.state == State.COMMITTED
            and chooser.model.phase("auction", order.slot) in (Phase.CLEARED, Phase.CLEARING)
        }
        slot = chooser.one(sorted(sealed))
    if slot is None:
        return None
    states = (State.COMMITTED, State.OPENED) if chooser.chance(25) else (State.COMMITTED,)
    ids = chooser.ids(with_order(chooser, "auction", slot, *states))
    if not ids and chooser.chance(80):
        return None
    return chooser.step(chooser.anybody(), "auction", "forfeit", slot, ids)


@action(3)
def compensate(chooser: Chooser) -> Step | None:
    forfeited = [slot for slot, _ in chooser.model.auctions["auction"].forfeits][-3:]
    slot = (
        chooser.one(forfeited) if chooser.chance(85) else chooser.slot_in("auction", Phase.CLEARED)
    )
    if slot is None:
        return None
    owed = [
        who for who in chooser.model.people() if chooser.model.compensation_of("auction", slot, who)
    ]
    if not owed and chooser.chance(85):
        return None
    who = chooser.dice.choice(owed) if owed and chooser.chance(90) else chooser.member()
    return chooser.step(chooser.anybody(), "auction", "compensate", slot, who)


@action(3)
def pay_out_surplus(chooser: Chooser) -> Step | None:
    venue = "open_auction" if chooser.chance(90) else "auction"
    left = [
        slot
        for slot in chooser.model.auctions[venue].results
        if chooser.model.surplus_of(venue, slot)
    ]
    slot = chooser.one(left[-3:]) if chooser.chance(90) else chooser.slot_in(venue, Phase.CLEARED)
    if slot is None:
        return None
    return chooser.step(chooser.anybody(), venue, "payOutSurplus", slot)


@action(4)
def collect(chooser: Chooser) -> Step | None:
    venue = chooser.dice.choice(MARGINED)
    slot = chooser.one(chooser.traded_slots()[:6])
    if slot is None:
        return None
    return chooser.step(
        chooser.anybody(), venue, "collect", slot, chooser.ids(chooser.model.people())
    )


# NEGOTIATION


def terms_of(chooser: Chooser) -> tuple[int, int, int, int]:
    dice, config = chooser.dice, CONFIG["negotiation"]
    first = (chooser.now + config["gate_lead"]) // SLOT + 1 + dice.randrange(3)
    count = dice.choice([1, 1, 1, 2, 3])
    if chooser.chance(3):
        first, count = first + dice.choice([-2, 9]), dice.choice([0, 1, 96, 97])
    return first, count, *amounts_of(chooser)


def amounts_of(chooser: Chooser) -> tuple[int, int]:
    dice = chooser.dice
    if chooser.chance(3):
        return dice.choice([0, 1, 3_000, 3_001]), dice.choice([19_999, 20_000, 60_000, 60_001])
    return dice.randrange(1, 1_500), dice.randrange(20_000, 60_001)


def expiry_of(chooser: Chooser, slot: int) -> int:
    gate = start_of(slot) - CONFIG["negotiation"]["gate_lead"]
    late = chooser.dice.choice([0, gate + 1, chooser.now])
    found = late if chooser.chance(3) else min(gate, chooser.now + chooser.dice.randrange(20, 900))
    return max(found, 0)


@action(5)
def offer(chooser: Chooser) -> Step | None:
    who = chooser.member()
    terms = terms_of(chooser)
    sender = chooser.trading_key(who, "negotiation")
    args = (chooser.others(who), chooser.chance(50), terms, expiry_of(chooser, terms[0]))
    return chooser.step(sender, "negotiation", "offer", *args)


def open_talk(chooser: Chooser) -> tuple[int, talks.Negotiation] | None:
    book = chooser.model.talks
    numbers = range(max(1, len(book.negotiations) - 10), len(book.negotiations) + 1)
    found = [n for n in numbers if talks.view(book, n, chooser.now).state is talks.State.OPEN]
    number = chooser.one(found) if chooser.chance(95) else chooser.one(numbers)
    return None if number is None else (number, book.negotiation(number))


@action(3)
def counter(chooser: Chooser) -> Step | None:
    found = open_talk(chooser)
    if found is None:
        return None
    number, talk = found
    sender = chooser.trading_key(talk.turn_id(), "negotiation")
    expires_at = expiry_of(chooser, talk.terms.first_slot)
    args = (number, *amounts_of(chooser), expires_at)
    return chooser.step(sender, "negotiation", "counter", *args)


@action(5)
def accept(chooser: Chooser) -> Step | None:
    found = open_talk(chooser)
    if found is None:
        return None
    number, talk = found
    sender = chooser.trading_key(talk.turn_id(), "negotiation")
    return chooser.step(sender, "negotiation", "accept", number, talk.round + chooser.chance(4))


@action(2)
def end_talk(chooser: Chooser) -> Step | None:
    """Reject, take back or expire."""
    found = open_talk(chooser)
    if found is None:
        return None
    number, talk = found
    kind = chooser.dice.randrange(3)
    if kind == 0:
        return chooser.step(chooser.key(talk.turn_id()), "negotiation", "reject", number)
    if kind == 1:
        return chooser.step(chooser.key(talk.maker_id()), "negotiation", "withdrawOffer", number)
    if chooser.now < talk.expires_at and chooser.chance(70):
        return chooser.wait_until(talk.expires_at - chooser.dice.choice([0, 0, 1]))
    return chooser.step(chooser.anybody(), "negotiation", "expire", number)


@action(5)
def agree(chooser: Chooser) -> Step | None:
    buyer = chooser.member()
    seller = chooser.others(buyer)
    salt = chooser.dice.getrandbits(64)
    agreement = (buyer, seller, *terms_of(chooser), salt, chooser.deadline())
    buyer_key = chooser.trading_key(buyer, "negotiation")
    seller_key = chooser.trading_key(seller, "negotiation")
    signatures = chooser.signature(buyer_key), chooser.signature(seller_key)
    args = (agreement, buyer_key, signatures[0], seller_key, signatures[1])
    return chooser.step(chooser.anybody(), "negotiation", "agree", *args)


# TARIFF


def announcement_of(chooser: Chooser, who: int, slot: int) -> tuple[int, int, int]:
    """Return slot, side and energy, mostly covered."""
    dice, side = chooser.dice, chooser.dice.randrange(2)
    if chooser.chance(3):
        return slot, side, dice.choice([0, 2_000, 2_001])
    energy_wh = dice.choice([1, 2, 3, 7, *[dice.randrange(1, 1_500)] * 6])
    margin, needed = chooser.model.board.margin_of(who), worst_cost((slot, side, energy_wh))
    if needed > margin and chooser.chance(90):
        energy_wh = max(1, energy_wh * margin // (2 * needed))
    return slot, side, energy_wh


def announced_slot(chooser: Chooser) -> int:
    """Return mostly the first slot that is announced for, so that supply and demand meet."""
    first = (chooser.now + CONFIG["tariff"]["announce_lead"]) // SLOT + 1
    if chooser.chance(80):
        return first
    return first + chooser.dice.randrange(4) if chooser.chance(85) else chooser.slot_near()


@action(14)
def announce(chooser: Chooser) -> Step | None:
    slot = announced_slot(chooser)
    board = chooser.model.board
    found = [
        who
        for who in chooser.model.people()
        if who != 1
        and chooser.model.is_active(who)
        and board.part(slot, who).state is PartState.NONE
    ]
    found = [who for who in found if board.margin_of(who) > 5_000] or found
    who = chooser.dice.choice(found) if found and chooser.chance(93) else chooser.member()
    sender = chooser.trading_key(who, "tariff")
    if chooser.chance(8):
        slots = range(slot, slot + chooser.dice.randrange(4))
        listed = [announcement_of(chooser, who, one) for one in slots]
        return chooser.step(sender, "tariff", "announceMany", listed)
    announcement = announcement_of(chooser, who, slot)
    if chooser.chance(12):
        nonce = chooser.model.nonces.get(("tariff", sender), 0) + chooser.chance(5)
        args = (announcement, sender, nonce, chooser.deadline(), chooser.signature(sender))
        return chooser.step(chooser.anybody(), "tariff", "announceFor", *args)
    return chooser.step(sender, "tariff", "announce", announcement)


def taking_of(chooser: Chooser, who: int, slot: int) -> tuple[int, int, int, int]:
    """Return slot, side, energy and price of a taking, mostly as it was announced and posted."""
    board, dice = chooser.model.board, chooser.dice
    part, announced = board.part(slot, who), board.sums_of(slot).announced
    price = board.config.price(announced[1], announced[0]) + chooser.chance(3)
    energy_wh = dice.randrange(1, part.announced_wh + 1) if part.announced_wh else 1
    if chooser.chance(50):
        energy_wh = part.announced_wh + chooser.chance(4)
    return slot, part.side ^ chooser.chance(3), energy_wh, price


@action(20)
def take(chooser: Chooser) -> Step | None:
    board = chooser.model.board
    waiting = sorted(
        {
            (part.slot, who)
            for (who, _), part in board.parts.items()
            if part.state is PartState.ANNOUNCED
        }
    )
    ready = [one for one in waiting if chooser.model.tariff_phase(one[0]) is TariffPhase.TAKING]
    later = [one for one in waiting if chooser.model.tariff_phase(one[0]) < TariffPhase.TAKING]
    if not ready and later and chooser.chance(15):
        posted = start_of(later[0][0]) - CONFIG["tariff"]["announce_lead"]
        return chooser.wait_until(posted - chooser.dice.choice([0, 0, 0, 1]))
    chosen = chooser.one(ready) if chooser.chance(95) else chooser.one(waiting)
    if chosen is None:
        return None
    slot, who = chosen if chooser.chance(97) else (chosen[0], chooser.member())
    sender, taking = chooser.trading_key(who, "tariff"), taking_of(chooser, who, slot)
    kind = chooser.dice.randrange(100)
    if kind < 8:
        listed = [taking_of(chooser, who, at) for at, other in ready if other == who] or [taking]
        return chooser.step(sender, "tariff", "takeMany", listed)
    if kind < 20:
        nonce = chooser.model.nonces.get(("tariff", sender), 0) + chooser.chance(5)
        args = (taking, sender, nonce, chooser.deadline(), chooser.signature(sender))
        return chooser.step(chooser.anybody(), "tariff", "takeFor", *args)
    return chooser.step(sender, "tariff", "take", taking)


# METERING


@action(2)
def bind_meter(chooser: Chooser) -> Step | None:
    model = chooser.model
    without = [
        who
        for who in model.people()
        if who != 1
        and model.is_active(who)
        and (model.meter_of(who) == 0 or _ends_soon(chooser, model.meter_of(who)))
    ]
    who = chooser.dice.choice(without) if without and chooser.chance(85) else chooser.member()
    used = {belonging.device for belonging in model.belongings}
    fresh = [device for device in DEVICES if device not in used]
    is_used = not fresh or chooser.chance(30)
    device = chooser.dice.choice(sorted(used)) if is_used and used else fresh[0]
    serial = len(model.meters) + 1 if chooser.chance(90) else chooser.dice.randrange(8)
    meter_id = f"0x{serial:064x}"
    until = FOREVER if chooser.chance(70) else chooser.now // SLOT + chooser.dice.randrange(6)
    capacity_wh = chooser.dice.choice([0, 1, *[CAPACITY_WH] * 8])
    binding = (meter_id, who, device, capacity_wh, until, False)
    authority = "authority" if chooser.chance(93) else "notary"
    is_new = authority == "notary" and authority not in model.accepted_authorities
    if is_new and chooser.chance(40):
        return chooser.step(chooser.key(1), "meters", "acceptAuthority", authority)
    sig = chooser.signature(authority)
    return chooser.step(chooser.key(who), "meters", "bindMeter", binding, authority, sig)


def _ends_soon(chooser: Chooser, meter: int) -> bool:
    until = chooser.model.meters[meter - 1].valid_until_slot
    return until <= WINDOWS.next_slot(chooser.now)


@action(1)
def retire_meter(chooser: Chooser) -> Step | None:
    meter = chooser.dice.randrange(len(chooser.model.meters) + 2)
    sender = "authority"
    if 1 <= meter <= len(chooser.model.meters) and chooser.chance(60):
        sender = chooser.key(chooser.model.belongings[meter - 1].participant_id)
    return chooser.step(sender, "meters", "retireMeter", meter) if chooser.chance(40) else None


def measured_slot(chooser: Chooser) -> int | None:
    """Return a slot whose reading may be posted now, mostly one that somebody traded in."""
    last = chooser.now // SLOT - 1
    slots = [last - back for back in range(3)]
    found = [slot for slot in slots if chooser.now < WINDOWS.end_of(slot) + WINDOWS.reading_window]
    traded = [slot for slot in found if slot in chooser.traded_slots()]
    if traded and chooser.chance(80):
        return chooser.dice.choice(traded)
    if found and chooser.chance(60):
        return chooser.dice.choice(found)
    return chooser.slot_near() if chooser.chance(20) else None


def reading_of(chooser: Chooser, meter: int, slot: int) -> Signed:
    dice = chooser.dice
    import_wh, export_wh = (dice.choice([0, 0, dice.randrange(1_500), CAPACITY_WH]) for _ in "ie")
    if chooser.chance(2):
        import_wh = CAPACITY_WH + 1
    word = meter << 96 | slot << 64 | import_wh << 32 | export_wh
    known = 1 <= meter <= len(chooser.model.meters)
    device = chooser.model.belongings[meter - 1].device if known else "device 0"
    sig = Sig(device) if chooser.chance(96) else chooser.signature(chooser.anybody())
    if sig.form not in ("good", "high_s", "flipped", "zero"):
        sig = Sig(device, "own", "flipped")
    return Signed(word, sig)


def meters_in(chooser: Chooser, slot: int) -> list[int]:
    model = chooser.model
    return [m.number for m in model.meters if m.valid_from_slot <= slot < m.valid_until_slot]


@action(7)
def post_reading(chooser: Chooser) -> Step | None:
    slot = measured_slot(chooser)
    if slot is None:
        return None
    found = meters_in(chooser, slot)
    if chooser.chance(70):
        open_ones = [
            meter for meter in found if slot % 1024 not in chooser.model.records.get(meter, {})
        ]
        found = open_ones or found
    meter = chooser.one(found) if chooser.chance(97) else chooser.dice.randrange(20)
    if meter is None:
        return None
    poster = chooser.anybody()
    return chooser.step(poster, "meters", "postReading", reading_of(chooser, meter, slot))


@action(4)
def post_readings(chooser: Chooser) -> Step | None:
    slot = measured_slot(chooser)
    if slot is None:
        return None
    found = chooser.ids(meters_in(chooser, slot))
    readings = [reading_of(chooser, meter, slot) for meter in found]
    return chooser.step(chooser.anybody(), "meters", "postReadings", readings)


def recorded(chooser: Chooser, state: ReadingState) -> tuple[int, int] | None:
    found = [
        (_closes_at(record), meter, record.slot)
        for meter, records in chooser.model.records.items()
        for record in records.values()
        if record.state is state
    ]
    still_open = [entry for entry in found if chooser.now < entry[0]]
    chosen = chooser.one(sorted(still_open if still_open or chooser.chance(85) else found))
    return chosen[1:] if chosen else None


def _closes_at(record: Record) -> int:
    if record.state is ReadingState.DISPUTED:
        return record.disputed_at + WINDOWS.resolve_window
    return record.accepted_at + WINDOWS.dispute_window


@action(2)
def dispute(chooser: Chooser) -> Step | None:
    found = recorded(chooser, ReadingState.ACCEPTED)
    if found is None:
        return None
    who = chooser.model.belongings[found[0] - 1].participant_id
    sender = chooser.key(who) if chooser.chance(50) else "operator"
    return chooser.step(sender, "meters", "dispute", *found)


@action(2)
def resolve(chooser: Chooser) -> Step | None:
    found = recorded(chooser, ReadingState.DISPUTED)
    if found is None:
        return None
    sender = "authority" if chooser.chance(93) else chooser.anybody()
    values = chooser.dice.randrange(CAPACITY_WH + 2), chooser.dice.choice([0, 5, CAPACITY_WH])
    return chooser.step(sender, "meters", "resolve", *found, *values)


@action(2)
def prove_equivocation(chooser: Chooser) -> Step | None:
    dice = chooser.dice
    slot = chooser.now // SLOT - dice.randrange(-1, 4)
    meter = chooser.one(meters_in(chooser, slot))
    if meter is None or chooser.chance(60):
        return None
    first, second = reading_of(chooser, meter, slot), reading_of(chooser, meter, slot)
    if chooser.chance(10):
        second = first
    return chooser.step(chooser.anybody(), "meters", "proveEquivocation", first, second)


# SETTLEMENT


@action(9)
def settle(chooser: Chooser) -> Step | None:
    model = chooser.model
    slots = [slot for slot in chooser.traded_slots() if WINDOWS.end_of(slot) <= chooser.now]
    slot = chooser.one(slots) if chooser.chance(97) else chooser.slot_near()
    if slot is None:
        return None
    people = [who for who in model.people() if who != 1 and (slot, who) not in model.settled]
    ready = [who for who in people if model.reading_view(who, slot).is_final]
    if not ready and chooser.chance(12):
        until = WINDOWS.end_of(slot) + WINDOWS.final_after()
        return chooser.wait_until(min(until, chooser.now + WINDOWS.reading_window))
    ids = chooser.ids(ready if chooser.chance(95) else people)
    if chooser.chance(1):
        ids.append(1)
    return chooser.step(chooser.anybody(), "settlement", "settle", slot, ids)


@action(5)
def pay_arrears(chooser: Chooser) -> Step | None:
    owing = [who for who, account in chooser.model.accounts.items() if account.arrears]
    who = chooser.one(owing) if chooser.chance(90) else chooser.member()
    if who is None:
        return None
    return chooser.step(chooser.anybody(), "settlement", "payArrears", who)


@action(3)
def request_release(chooser: Chooser) -> Step | None:
    who = chooser.member() if chooser.chance(85) else 1
    revoked = [one for one in chooser.model.people() if chooser.model.is_revoked(one)]
    who = chooser.dice.choice(revoked) if revoked and chooser.chance(60) else who
    if 1 <= who <= len(chooser.model.registry.participants) and chooser.model.is_revoked(who):
        return chooser.step("stranger", "settlement", "requestReleaseOf", who)
    if chooser.chance(4):
        return chooser.step(chooser.anybody(), "settlement", "requestReleaseOf", who)
    amount = chooser.share(chooser.model.account(who).guarantee)
    return chooser.step(chooser.key(who), "settlement", "requestRelease", amount)


@action(2)
def release_guarantee(chooser: Chooser) -> Step | None:
    who = chooser.one(chooser.model.requests)
    if who is None or chooser.chance(4):
        return chooser.step("stranger", "settlement", "releaseGuarantee", chooser.member())
    possible_from = chooser.model.requests[who][1]
    if chooser.now < possible_from and chooser.chance(40):
        return chooser.wait_until(possible_from - chooser.dice.choice([0, 0, 1]))
    return chooser.step(chooser.anybody(), "settlement", "releaseGuarantee", who)
