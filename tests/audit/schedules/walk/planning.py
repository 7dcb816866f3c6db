"""How a book is posted: what goes in, what is set aside, by which margins; and how to get it wrong."""

from __future__ import annotations

from setm.schedules import cleared, unpack_orders
from tests.audit.schedules.walk import filling
from tests.audit.schedules.walk.choosing import Chooser
from tests.audit.schedules.walk.encoding import FORCED, SET_ASIDE, SIGNED
from tests.audit.schedules.walk.model_book import NOT_SECURED
from tests.audit.schedules.walk.model_venue import NOT_COVERED
from tests.audit.schedules.walk.steps import Batch, By, Key, Line

SHIFTS = (0, 9, 18, 27, 67, 67, 107, 147, 147)


def planned(c: Chooser, key: Key) -> tuple[tuple[Line, ...], tuple[int, ...]]:
    """Return the lines of a book and its margins, as the state at hand asks for."""
    forced = {who: words for (of, who), words in c.model.forced.items() if of == key}
    signed = {line.who: line for line in c.memory.committed.get(key, ())}
    lines: dict[int, Line] = {}
    for who in sorted({*forced, *signed}):
        if who in forced:
            line = Line(FORCED, who, forced[who], None, signed.get(who))
        else:
            line = signed[who]._replace(source=SIGNED)
        fault = c.model.fault_of(key, line, who in forced)
        # Some that may be set aside may be used too, if the price is good enough.
        is_open = fault == NOT_COVERED or (fault == NOT_SECURED and _is_limited(c, line))
        # Posters try those too whom the contract has to refuse, and more often those whose key has ended.
        is_tried = c.chance(12 if fault == NOT_SECURED else 5)
        if fault and not (is_open and c.chance(50)) and not is_tried:
            line = line._replace(source=SET_ASIDE)
        lines[who] = line
    for _ in lines:
        book = cleared(_counted(c, lines), c.terms.rules)
        poor = [o for o in book.outcomes if not _can_bind(c, o.participant_id, o.bound)]
        if not poor:
            break
        for outcome in poor:
            who = outcome.participant_id
            lines[who] = lines[who]._replace(source=SET_ASIDE)
    if not forced and c.chance(50):
        # As the collector has them, which is not always the order that counts.
        lines = {who: lines[who] for who in signed}
    return tuple(lines.values()), cleared(_counted(c, lines), c.terms.rules).margins


def _counted(c: Chooser, lines: dict[int, Line]) -> dict[int, list]:  # type: ignore[type-arg]
    return {
        who: unpack_orders(line.words, c.terms.span_slots)
        for who, line in lines.items()
        if line.source != SET_ASIDE
    }


def _can_bind(c: Chooser, who: int, bound: int) -> bool:
    margin = c.model.margin_of(who)
    return margin != 0 and margin >= bound


def _is_limited(c: Chooser, line: Line) -> bool:
    """Whether a signature is by a session whose limit may be enough."""
    return line.sig is not None and line.sig.signer in c.sessions_of(line.who)


def first_of(c: Chooser, batch: Batch) -> Batch:
    """Return the first part of a batch."""
    count = c.dice.randrange(1, len(batch.lines) + c.chance(10))
    return batch._replace(lines=batch.lines[:count], is_last=False)


def rest_of(c: Chooser, key: Key) -> Batch:
    """Return what follows the batches that were posted of an attempt."""
    book = c.model.book_at(key)
    lines = tuple(x for x in c.memory.plans.get(key, ()) if x.who > book.last_id)
    sums = tuple(found.word for found in book.sums)
    batch = Batch(book.margins, sums, lines, True)
    return first_of(c, batch) if len(lines) > 1 and c.chance(25) else batch


# WRONG


def spoiled(c: Chooser, key: Key, batch: Batch) -> Batch:
    """Return a batch with one thing changed."""
    kind = c.dice.randrange(13)
    if kind in (0, 1, 2, 3, 12):
        return batch._replace(margins=_other_margins(c, batch.margins))
    if kind == 4:
        return batch._replace(is_last=not batch.is_last)
    if kind == 5:
        return (
            batch._replace(odd_bytes=c.dice.choice([1, 4, 32]))
            if c.chance(50)
            else batch._replace(margins=())
        )
    if kind == 6:
        sums = tuple(x + c.dice.choice([0, 1]) for x in batch.sums)
        return batch._replace(sums=sums if c.chance(70) else batch.sums[:-1])
    if kind == 7:
        nothing = (0,) * -(-c.terms.span_slots // 8)
        stray = Line(SIGNED, c.member(), nothing, By(c.anybody()))
        return batch._replace(lines=(*batch.lines, stray))
    return batch._replace(lines=_other_lines(c, batch.lines))


def _other_margins(c: Chooser, margins: tuple[int, ...]) -> tuple[int, ...]:
    if not margins:
        return margins
    at, shift = c.dice.randrange(len(margins)), c.dice.choice(SHIFTS)
    changed = list(margins)
    if c.chance(35):
        changed[at] = _less_filled(c, margins[at])
        return tuple(changed)
    if c.chance(25):
        # As if nothing were traded.
        changed[at] = filling.NO_BID | c.dice.choice([0, 1, 113]) << 18
        return tuple(changed)
    for place in {at, c.dice.randrange(len(margins)) if c.chance(20) else at}:
        changed[place] = max(changed[place] + c.dice.choice([-1, 1, 5]) * (1 << shift), 0)
    if c.chance(30):
        # Both sides of it, so that they still come to the same.
        other = shift + 80 if shift < 80 else shift - 80
        changed[at] = max(changed[at] + c.dice.choice([-1, 1]) * (1 << other), 0)
    return tuple(changed)


def _less_filled(c: Chooser, word: int) -> int:
    """Return margins of which one side fills less, consistent all the same."""
    plan = filling.plan_of(word)
    if c.chance(50) and plan.ask_filled > 1:
        return (word & ~filling.CUT | min(plan.cut, plan.ask) << 18) - (1 << 147)
    if plan.bid_filled > 1:
        return (word & ~filling.CUT | max(plan.cut, plan.bid + 1) << 18) - (1 << 67)
    return word


def _other_lines(c: Chooser, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    if not lines:
        return lines
    changed, at = list(lines), c.dice.randrange(len(lines))
    kind, line = c.dice.randrange(7), changed[at]
    if kind == 0:
        changed.insert(at, line)
    elif kind == 1:
        c.dice.shuffle(changed)
    elif kind == 2:
        del changed[at]
    elif kind == 3:
        changed[at] = line._replace(source=(line.source + c.dice.choice([1, 2])) % 3)
    elif kind == 4:
        place = c.dice.randrange(len(line.words))
        words = list(line.words)
        words[place] ^= 1 << c.dice.randrange(32 * min(c.terms.span_slots - 8 * place, 8))
        changed[at] = line._replace(words=tuple(words))
    elif kind == 5 and line.sig is not None:
        form = c.dice.choice(("zero", "other_v", "high"))
        changed[at] = line._replace(sig=line.sig._replace(form=form))
    else:
        changed[at] = line._replace(instead=None, sig=line.sig if c.chance(50) else None)
    return tuple(changed)
