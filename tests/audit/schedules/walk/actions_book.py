"""What the walk may do with books: sign, commit, force, post, refund, write out."""

from __future__ import annotations

from setm.schedules import SlotOrder, pack_orders
from setm.types import Side
from setm.units import Wh
from tests.audit.machine.steps import Step
from tests.audit.schedules.walk.choosing import Chooser, action
from tests.audit.schedules.walk.encoding import NONE, SIGNED
from tests.audit.schedules.walk.ground import COLLECTORS
from tests.audit.schedules.walk.planning import first_of, planned, rest_of, spoiled
from tests.audit.schedules.walk.steps import Batch, By, Digest, Key, Line
from tests.audit.schedules.walk.terms import Phase

FORMS = ("flipped", "high_s", "high", "other_v", "zero")


def some_words(c: Chooser) -> tuple[int, ...]:
    """Return a schedule whose orders meet others': few ticks, mostly little energy."""
    most_wh = c.dice.choice([9, 60, 1_500])

    def order() -> SlotOrder | None:
        if c.chance(12):
            return None
        side = Side.BID if c.chance(50) else Side.ASK
        tick = c.dice.randrange(100, 112) if c.chance(95) else c.dice.choice([0, 255])
        return SlotOrder(side=side, tick=tick, energy_wh=Wh(c.dice.randint(1, most_wh)))

    return tuple(pack_orders([order() for _ in range(c.terms.span_slots)]))


def some_signature(c: Chooser, key: Key, who: int) -> By:
    """Return mostly a good signature by the owner key or a session of it."""
    span, _, collector = key
    signer = c.key(who)
    sessions = c.sessions_of(who)
    if sessions and c.chance(50):
        signer = c.dice.choice(sessions)
    if c.chance(92):
        return By(signer)
    if c.chance(30):
        # Somebody who may sign, but for itself.
        return By(c.key(c.dice.choice(c.people())))
    if c.chance(40):
        return By(signer, c.dice.choice(FORMS))
    other = COLLECTORS[collector == COLLECTORS[0]]
    changes = (
        ("span", span + 1),
        ("collector", other),
        ("who", who + 1),
        ("chain", 1),
        ("contract", "venue"),
        ("words", some_words(c)),
    )
    return By(signer, "good", (c.dice.choice(changes),))


@action(7)
def commit(c: Chooser) -> Step | None:
    spans = c.spans_in(Phase.GATHERING)
    span = c.one(spans) if spans and c.chance(95) else c.any_span()
    assert span is not None
    collector = c.dice.choice(COLLECTORS) if c.chance(95) else c.anybody()
    zone = c.dice.choice([1, 1, 1, 2])
    if c.model.book_at((span, zone, collector)).committed != NONE and not c.chance(10):
        return None
    if c.chance(2):
        garbage = "0x" + c.dice.getrandbits(256).to_bytes(32, "big").hex()
        return c.step(collector, "book", "commit", span, zone, garbage)
    participants = c.model.registry.participants
    living = [w for w in c.people() if participants[w - 1].credential.zone == zone]
    chosen = [who for who in living if c.chance(85)]
    if c.chance(8):
        chosen = sorted({*chosen, c.dice.choice(c.people())})
    if c.chance(4):
        c.dice.shuffle(chosen)
    key = (span, zone, collector)
    lines = [Line(SIGNED, who, some_words(c), some_signature(c, key, who)) for who in chosen]
    return c.step(collector, "book", "commit", span, zone, Digest(tuple(lines)))


@action(4)
def force(c: Chooser) -> Step | None:
    spans = c.spans_in(Phase.GATHERING, Phase.FORCING)
    span = c.one(spans) if spans and c.chance(92) else c.any_span()
    assert span is not None
    who = c.member()
    sender, sessions = c.key(who), c.sessions_of(who)
    if sessions and c.chance(30):
        sender = c.dice.choice(sessions)
    key = c.one(c.keys_of(span)) if c.chance(80) else None
    key = key or c.book_key(span)
    participants = c.model.registry.participants
    if 2 <= who <= len(participants) and c.chance(90):
        key = (key[0], participants[who - 1].credential.zone, key[2])
    words = some_words(c) if c.chance(97) else (*some_words(c), 0)
    if c.chance(3) and c.terms.span_slots % 8:
        words = (*words[:-1], words[-1] | 1 << 32 * (c.terms.span_slots % 8))
    return c.step(sender, "book", "force", key, words)


@action(20)
def post(c: Chooser) -> Step | None:
    """A book, whole or in batches, as its collector or anybody would; now and then with something wrong in it."""
    span = c.terms.posted_span(c.now)
    if c.chance(4) or (span and c.chance(2)):
        span = c.any_span()
    open_keys = [k for k in c.keys_of(span) if not c.model.book_at(k).is_cleared]
    key = c.one(open_keys) if c.chance(95) else c.one(c.keys_of(span))
    if key is None and c.chance(8):
        key = c.book_key(span)
    if key is None:
        return None
    book = c.model.book_at(key)
    is_alive = bool(book.sums) and c.now < book.turn_until
    # After its lease a poster must not go on.
    is_tried = is_alive or (bool(book.sums) and c.chance(15))
    if book.unrefunded and not is_tried and c.chance(80):
        return refund(c)
    if is_tried and c.chance(75):
        batch = rest_of(c, key)
        sender = book.poster if c.chance(92) else c.anybody()
    else:
        lines, margins = planned(c, key)
        batch = Batch(margins, (), lines, True)
        if len(lines) > 1 and c.chance(40):
            batch = first_of(c, batch)
        sender = key[2] if c.chance(70) else c.anybody()
    if c.chance(25):
        batch = spoiled(c, key, batch)
    if not batch.sums:
        c.memory.plans[key] = planned(c, key)[0]
    return c.step(sender, "book", "post", key, batch)


@action(5)
def refund(c: Chooser) -> Step | None:
    """Of an attempt that failed, now and then of one that did not, or of one that was refunded before."""
    model = c.model
    failed = [place for place in model.groups if not _is_alive(c, place[0], place[1])]
    place = c.one(failed[-4:]) if failed and c.chance(85) else None
    gone = [place for place in c.memory.groups if place not in model.groups]
    if gone and c.chance(15):
        # Once more what was refunded.
        place = c.one(gone[-3:])
    elif place is None and c.chance(20):
        place = c.one(list(c.memory.groups)[-8:])
    if place is None:
        return None
    key, attempt, group = place
    # Also what was refunded before.
    members = list(c.memory.groups[place])
    if c.chance(5):
        members = [m._replace(is_hidden=c.chance(50)) for m in members]
    if members and c.chance(6):
        at = c.dice.randrange(len(members))
        members[at] = members[at]._replace(payment=members[at].payment + 1)
    if c.chance(4):
        members = members[::-1]
    if c.chance(4):
        attempt += c.dice.choice([-1, 1])
    return c.step(c.anybody(), "book", "refund", key, max(attempt, 0), group, members)


def _is_alive(c: Chooser, key: Key, attempt: int) -> bool:
    book = c.model.book_at(key)
    is_posted = c.terms.phase(key[0], c.now) is Phase.POSTING and c.now < book.turn_until
    return attempt == book.attempt and (book.is_cleared or is_posted)


@action(20)
def unpack(c: Chooser) -> Step | None:
    """An outcome is written out, or several; now and then too early, twice, or another than was bound."""
    if c.terms.is_daily and not c.chance(15):
        # Else nothing would be left to be settled with its day.
        return None
    packed = [
        (place, at)
        for place, members in c.model.groups.items()
        for at, member in enumerate(members)
        if c.model.outcome_of(place[0][0], member.who) == 1
    ]
    ready = [
        (place, at)
        for place, at in packed
        if c.model.book_at(place[0]).is_cleared
        and place[1] == c.model.book_at(place[0]).attempt
        and c.terms.phase(place[0][0], c.now) is Phase.DECIDED
    ]
    found = c.one(ready) if ready and c.chance(95) else None
    if found is None and packed and c.chance(10):
        found = c.one(packed)
    if found is None and c.chance(3):
        found = c.one([(place, 0) for place in list(c.memory.groups)[-8:]])
    if found is None:
        return None
    place, at = found
    chosen = [at]
    if c.chance(30):
        chosen = [i for where, i in ready if where == place and (i == at or c.chance(70))] or [at]
    if c.chance(3):
        chosen = [*chosen, chosen[0]]
    return _writing_out(c, place, chosen)


def _writing_out(c: Chooser, place: tuple[Key, int, int], chosen: list[int]) -> Step:
    key, _, group = place
    members = c.memory.groups[place]
    fills = [word for at in chosen for word in members[at].fills]
    members = [
        m._replace(is_hidden=i not in chosen and c.chance(60)) for i, m in enumerate(members)
    ]
    margins = list(c.model.book_at(key).margins) or [257] * c.terms.span_slots
    if c.chance(4):
        fills[0] ^= 1
    if c.chance(3):
        margins[0] ^= 1 << c.dice.choice([0, 9, 18])
    if c.chance(3):
        members[chosen[0]] = members[chosen[0]]._replace(is_hidden=True)
    if c.chance(3):
        chosen[0] = (chosen[0] + 1) % len(members)
    if len(chosen) == 1 and c.chance(80):
        args = (key, group, members, chosen[0], fills, margins)
        return c.step(c.anybody(), "venue", "unpack", *args)
    if c.chance(3):
        fills = [*fills, 0]
    return c.step(c.anybody(), "venue", "unpackMany", key, group, members, chosen, fills, margins)
