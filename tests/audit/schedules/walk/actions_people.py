"""What the walk may do around the book: time, money, keys, offices, meters, settlement."""

from __future__ import annotations

from setm.metering import ReadingState
from tests.audit.machine.stage import CAPACITY_WH, YEAR_SECONDS
from tests.audit.machine.steps import Sig, Signed, Step
from tests.audit.schedules.walk.actions_days import due
from tests.audit.schedules.walk.choosing import Chooser, action
from tests.audit.schedules.walk.ground import MEMBERS, credential_values


@action(7)
def time_passes(c: Chooser) -> Step | None:
    if (step := due(c)) is not None:
        return step
    kind, upcoming = c.dice.randrange(100), c.edges()
    if kind < 85:
        edge = upcoming[min(c.dice.randrange(10) // 8, len(upcoming) - 1)]
        return c.wait_until(edge + c.dice.choice([-1, 0, 0, 0, 0, 1]))
    if kind < 96:
        return c.wait_until(c.now + c.dice.randrange(1, 300))
    return c.wait_until(
        c.now + c.dice.choice([c.terms.slot_seconds, 2 * c.terms.slot_seconds, 3_600])
    )


# MONEY


@action(2)
def deposit(c: Chooser) -> Step | None:
    who = c.member()
    sender = c.key(who) if c.chance(80) else c.anybody()
    amount = c.share(c.model.tokens.get(sender, 0)) // 4
    return c.step(sender, "house", "deposit", who, amount)


@action(1)
def withdraw(c: Chooser) -> Step | None:
    who = c.member()
    return c.step(c.key(who), "house", "withdraw", c.share(c.model.ledger.free_of(who)) // 3)


@action(4)
def lock(c: Chooser) -> Step | None:
    who = c.member()
    amount = c.share(c.model.ledger.free_of(who)) // 2
    venue = "venue" if c.chance(85) else c.dice.choice(("settlement", "book"))
    return c.step(c.key(who), "house", "lock", venue, amount)


@action(3)
def release_margin(c: Chooser) -> Step | None:
    who = c.member()
    margin = c.model.margin_of(who)
    # All of it now and then, so that there are people who cannot cover.
    amount = margin if c.chance(15) else c.share(margin)
    return c.step(c.key(who), "venue", "releaseMargin", amount)


@action(1)
def release_margin_of(c: Chooser) -> Step | None:
    inactive = [who for who in c.people() if not c.model.is_active(who)]
    who = c.one(inactive) if inactive and c.chance(80) else c.member()
    return c.step(c.anybody(), "venue", "releaseMarginOf", who)


# KEYS AND OFFICES


@action(1)
def suspend(c: Chooser) -> Step | None:
    sender = c.dice.choice(("authority", "governance")) if c.chance(85) else c.anybody()
    return c.step(sender, "registry", "suspend", c.member())


@action(2)
def reinstate(c: Chooser) -> Step | None:
    held = [who for who in c.people() if not c.model.is_active(who) and not c.model.is_revoked(who)]
    who = c.one(held)
    if who is None:
        return None
    return c.step(c.dice.choice(("authority", "governance")), "registry", "reinstate", who)


@action(1)
def revoke(c: Chooser) -> Step | None:
    # Seldom: nobody comes back.
    gone = sum(c.model.is_revoked(who) for who in c.people())
    if gone >= 2 or not c.chance(30):
        return None
    sender = "authority" if c.chance(90) else c.anybody()
    return c.step(sender, "registry", "revoke", c.member())


@action(2)
def renew(c: Chooser) -> Step | None:
    who = c.member()
    if not 2 <= who <= 1 + len(MEMBERS):
        return None
    known = c.model.registry.participants[who - 1].credential
    zone = known.zone if c.chance(50) else c.dice.choice([1, 1, 1, 2])
    # Some run out in the middle of a span, or after signing and before the book is posted.
    gate = c.terms.gate_of(c.now // c.terms.span_seconds + 2)
    ends = [1, c.terms.slot_seconds, 4 * c.terms.slot_seconds, max(gate - c.now, 1)]
    lifetime = YEAR_SECONDS if c.chance(75) else c.dice.choice(ends)
    serial = known.serial + (1 if c.chance(92) else 0)
    account = c.key(who)
    values = credential_values(MEMBERS[who - 2], account, zone, c.now + lifetime, serial)
    sender = account if c.chance(50) else c.anybody()
    authority = "authority" if c.chance(95) else "mallory"
    return c.step(sender, "registry", "renew", values, authority, Sig(authority))


@action(2)
def rotate(c: Chooser) -> Step | None:
    account = c.fresh_key()
    sig = Sig(account) if c.chance(95) else Sig(c.anybody())
    deadline = c.now + 600
    return c.step(c.key(c.member()), "registry", "rotateKey", account, deadline, sig)


@action(4)
def open_session(c: Chooser) -> Step | None:
    venue = "book" if c.chance(80) else c.dice.choice(("house", "venue"))
    ends = c.now + c.dice.choice(
        [
            1,
            c.terms.slot_seconds,
            12 * c.terms.slot_seconds,
            12 * c.terms.slot_seconds,
            40 * c.terms.slot_seconds,
        ]
    )
    limit = c.dice.choice([500, 20_000, 10**9, 10**9])
    session = (c.fresh_key(), venue, limit, ends)
    return c.step(c.key(c.member()), "registry", "openSession", session)


@action(1)
def close_session(c: Chooser) -> Step | None:
    who = c.member()
    key = c.one(c.sessions_of(who)) or c.anybody()
    return c.step(c.key(who), "registry", "closeSession", key)


@action(1)
def intrude(c: Chooser) -> Step | None:
    """What only contracts of the house may call."""
    who, span = c.member(), c.any_span()
    calls = (
        ("bindGroup", (bytes(32), span, 1, 0, [])),
        ("refundGroup", (bytes(32), span, 1, 0, [])),
        ("addMargin", (who, 1_000)),
        ("close", (c.now // c.terms.slot_seconds, who)),
        ("setBook", (c.anybody(),)),
    )
    function, args = c.dice.choice(calls)
    return c.step(c.anybody(), "venue", function, *args)


@action(3)
def write_roster(c: Chooser) -> Step | None:
    """The book looks for keys there first; what has changed since must not count."""
    return c.step(c.anybody(), "roster", "write", 0 if c.chance(95) else c.dice.choice([1, 2]))


# METERS


@action(6)
def read_meters(c: Chooser) -> Step | None:
    """Readings of a slot that has just ended; some bring nothing and are taken to have used something."""
    slot = c.now // c.terms.slot_seconds - c.dice.choice([1, 1, 2, 2, 3])
    who = [one for one in c.people() if c.chance(80)] if c.chance(90) else [c.member()]
    readings = []
    for one in who:
        meter = c.model.meter_of(one) or 99
        device = f"device {one}" if c.chance(98) and 2 <= one <= 1 + len(MEMBERS) else "mallory"
        traded = c.model.position_of(slot, one)
        import_wh = traded.bought if traded and c.chance(50) else c.dice.randrange(200)
        export_wh = traded.sold if traded and c.chance(50) else c.dice.randrange(200)
        if c.chance(1):
            import_wh = CAPACITY_WH + 1
        readings.append(Signed(meter << 96 | slot << 64 | import_wh << 32 | export_wh, Sig(device)))
    if len(readings) == 1:
        return c.step(c.anybody(), "meters", "postReading", readings[0])
    return c.step(c.anybody(), "meters", "postReadings", readings)


@action(1)
def dispute(c: Chooser) -> Step | None:
    place = _record_in(c, ReadingState.ACCEPTED)
    if place is None:
        return None
    meter, slot = place
    sender = c.key(meter + 1) if c.chance(60) else c.dice.choice(("operator", c.anybody()))
    return c.step(sender, "meters", "dispute", meter, slot)


@action(1)
def resolve(c: Chooser) -> Step | None:
    place = _record_in(c, ReadingState.DISPUTED)
    if place is None:
        return None
    energies = c.dice.randrange(300), c.dice.randrange(300)
    sender = "authority" if c.chance(95) else c.anybody()
    return c.step(sender, "meters", "resolve", *place, *energies)


def _record_in(c: Chooser, state: ReadingState) -> tuple[int, int] | None:
    found = [
        (meter, int(record.slot))
        for meter, records in c.model.records.items()
        for record in records.values()
        if record.state is state
    ]
    return c.one(found[-12:])


# SETTLEMENT


@action(3)
def collect(c: Chooser) -> Step | None:
    slot = (
        c.one(c.open_slots())
        if c.chance(85)
        else c.now // c.terms.slot_seconds + c.dice.randrange(-3, 9)
    )
    if slot is None:
        return None
    return c.step(c.anybody(), "venue", "collect", slot, c.ids(c.holders_of(slot)))


@action(14)
def settle(c: Chooser) -> Step | None:
    done = [slot for slot in c.open_slots() if c.now >= c.terms.windows.end_of(slot)]
    ready = [
        slot
        for slot in done
        if all(c.model.reading_view(who, slot).is_final for who in c.holders_of(slot))
    ]
    slot = c.one(ready) if ready and c.chance(95) else None
    if slot is None and c.chance(15):
        slot = c.one(done)
    if c.chance(3):
        slot = c.now // c.terms.slot_seconds - c.dice.randrange(-4, 12)
    if slot is None:
        return None
    ids = c.ids(c.holders_of(slot))
    # Those who sold alone: nobody has paid yet.
    ids = ids[:1] if c.chance(10) else ids
    return c.step(c.anybody(), "settlement", "settle", slot, ids)


@action(1)
def pay_arrears(c: Chooser) -> Step | None:
    return c.step(c.anybody(), "settlement", "payArrears", c.member())


@action(1)
def guarantee(c: Chooser) -> Step | None:
    """A guarantee is asked back, or released."""
    who = c.member()
    if c.model.requests.get(who) and c.chance(70):
        return c.step(c.anybody(), "settlement", "releaseGuarantee", who)
    amount = c.share(c.model.account(who).guarantee) // 4
    return c.step(c.key(who), "settlement", "requestRelease", amount)
