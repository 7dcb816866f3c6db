"""What the walk may do with whole days: post them, dispute and resolve them, write them out, settle groups by them."""

from __future__ import annotations

from setm.metering import ReadingState
from setm.schedules import pack_fills
from tests.audit.machine.stage import CAPACITY_WH
from tests.audit.machine.steps import Step
from tests.audit.schedules.walk.choosing import Chooser, action
from tests.audit.schedules.walk.model_venue import PACKED
from tests.audit.schedules.walk.steps import Day, Key
from tests.audit.schedules.walk.terms import Phase


def _values(c: Chooser) -> tuple[int, ...]:
    most = CAPACITY_WH if c.chance(10) else c.dice.choice([9, 60, 1_500])
    halves = [[c.dice.randrange(most) for _ in range(c.model.day_slots)] for _ in range(2)]
    values = [word for half in halves for word in pack_fills(half)]
    if c.chance(1):
        values[0] |= CAPACITY_WH + 1
    return tuple(values)


def _is_idle(c: Chooser) -> bool:
    """Where meters are read slot by slot, whole days are only tried."""
    return not c.terms.is_daily and not c.chance(15)


@action(7)
def post_days(c: Chooser) -> Step | None:
    if _is_idle(c):
        return None
    day = c.now // (c.model.day_slots * c.terms.slot_seconds) - (1 if c.chance(96) else 0)
    last = c.model.day_slots_of(day)[-1] if day > 0 else 0
    opens = c.terms.windows.end_of(last)
    if not opens <= c.now < opens + c.terms.windows.reading_window and not c.chance(5):
        return None
    days = []
    for who in c.people():
        if c.chance(80):
            signer = f"device {who}" if c.chance(99) else "mallory"
            days.append(Day(c.model.meter_of(who) or 99, day, _values(c), signer))
    return c.step(c.anybody(), "meters", "postDays", days)


def _day_in(c: Chooser, state: ReadingState) -> tuple[int, int] | None:
    late = c.chance(10)
    found = [
        (c.model.meter_of(who), day)
        for (who, day), record in c.model.days.items()
        if record.state is state and (c.now < record.changed_at + 900 or late)
    ]
    return c.one(found[-8:])


def due(c: Chooser) -> Step | None:
    """Mostly what whole days need and time would pass over: their readings, and settlement once these are final."""
    if not c.terms.is_daily or not c.chance(60):
        return None
    return _posting_in_time(c) or (settle_day(c) if _ready(c, _final_groups(c)) else None)


def _posting_in_time(c: Chooser) -> Step | None:
    day = c.now // c.terms.span_seconds - 1
    opens = c.terms.start_of(day + 1)
    is_open = opens <= c.now < opens + c.terms.windows.reading_window
    is_posted = any(of == day for _, of in c.model.days)
    return post_days(c) if is_open and not is_posted else None


@action(3)
def dispute_day(c: Chooser) -> Step | None:
    place = _day_in(c, ReadingState.ACCEPTED)
    if place is None and c.chance(4):
        place = (1, c.now // c.terms.span_seconds)
    if place is None:
        return None
    sender = c.key(place[0] + 1) if c.chance(60) else c.dice.choice(("operator", c.anybody()))
    return c.step(sender, "meters", "disputeDay", *place)


@action(4)
def resolve_day(c: Chooser) -> Step | None:
    place = _day_in(c, ReadingState.DISPUTED)
    if place is None:
        return None
    sender = "authority" if c.chance(95) else c.anybody()
    return c.step(sender, "meters", "resolveDay", *place, list(_values(c)))


@action(3)
def unpack_day(c: Chooser) -> Step | None:
    if c.terms.is_daily and not c.chance(35):
        return None
    days = list(c.model.days.items())[-16:]
    ready = [(who, day) for (who, day), _ in days if c.model.final_day(who, day)]
    place = c.one(ready) if c.chance(90) else c.one([place for place, _ in days])
    if place is None:
        return None
    values = list(c.model.days[place].values)
    if c.chance(4):
        values[0] ^= 1
    return c.step(c.anybody(), "meters", "unpackDay", c.model.meter_of(place[0]), place[1], values)


Place = tuple[Key, int, int]


def _final_groups(c: Chooser) -> list[Place]:
    return [
        place
        for place in c.model.groups
        if c.terms.phase(place[0][0], c.now) is Phase.DECIDED
        and c.model.book_at(place[0]).is_cleared
        and place[1] == c.model.book_at(place[0]).attempt
    ]


def _ready(c: Chooser, groups: list[Place]) -> list[Place]:
    """Return the groups of which somebody's day can be settled as a whole."""
    return [
        place
        for place in groups
        if any(
            c.model.outcome_of(place[0][0], member.who) == PACKED
            and c.model.final_day(member.who, place[0][0])
            for member in c.model.groups[place]
        )
    ]


@action(10)
def settle_day(c: Chooser) -> Step | None:
    """A group is settled by its days; who cannot is passed over, and now and then somebody who could."""
    groups = _final_groups(c)
    ready = _ready(c, groups)
    place = c.one(ready[-6:]) if c.chance(92) else c.one(groups[-6:])
    if place is None or _is_idle(c):
        return None
    key, _, group = place
    members, fills, values = [], [], []
    for member in c.model.groups[place]:
        record = c.model.final_day(member.who, key[0])
        is_ready = record and c.model.outcome_of(key[0], member.who) == PACKED
        is_given = bool(is_ready) if c.chance(96) else c.chance(50)
        members.append(member._replace(is_hidden=not is_given))
        if is_given:
            fills += member.fills
            known = c.model.days.get((member.who, key[0]))
            values += known.values if known else [0] * 2 * c.model.day_words
    if fills and c.chance(3):
        fills[0] ^= 1
    if values and c.chance(3):
        values[-1] ^= 1
    if c.chance(2):
        values = [*values, 0]
    return c.step(
        c.anybody(), "settlement", "settleDay", "venue", key, group, members, fills, values
    )
