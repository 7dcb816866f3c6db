"""One mechanism's day on a chain of its own, from enrolment to the last settled slot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from setm.chain.connection import Connection, Patience, connect
from setm.chain.deployment import addresses_of, attach, deploy, stands
from setm.chain.events import write_events
from setm.chain.handed_in import write_handed_in
from setm.chain.journal import Journal, Observer, unobserved
from setm.chain.keeper import Keeper
from setm.chain.node import CHAIN_ID, SAVE_SECONDS, Node, NodeKind, local_node
from setm.data import MeterSeries
from setm.days import slots_a_day
from setm.errors import ChainUnreachable, RolledBack, SetupError
from setm.files import write_whole
from setm.keystore import KeySource
from setm.simulation.check import all_events, check_books
from setm.simulation.clock import Agenda
from setm.simulation.community import (
    Community,
    Enrolment,
    Member,
    enrol_all,
    fund_operator,
    open_community,
)
from setm.simulation.daily import plan_days
from setm.simulation.delivery import Delivery, plan_delivery
from setm.simulation.on_chain import ON_CHAIN
from setm.simulation.scene import Enrolled, Scene
from setm.simulation.timing import Progress
from setm.slots import Slot, slot_start
from setm.trading import Day as TradingDay
from setm.trading import (
    DayAheadTerms,
    Market,
    Rules,
    Trader,
    is_read_daily,
    mechanism_named,
)
from setm.types import Kind
from setm.units import payment_up

# Enrolment and trading happen in the half day before the day of delivery begins, or before the first gate.
LEAD_SECONDS, DAY_SECONDS = 12 * 3600, 86_400
# The clock counts a second for each block; most blocks hold more than one transaction.
ENROL_SECONDS, ENROL_SECONDS_EACH = 3600, 10
# Bills that a chain that is killed may have to make again.
SAVED_TOGETHER = 500
# How often a chain that ends in the middle of a day is started again.
RESTARTS = 5
JOURNAL = "journal.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the community knows of a participant when it enrols; energy Wh per slot."""

    trader: Trader
    kind: Kind
    device_class: int
    zone: int
    capacity_wh: int
    delivered: MeterSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Everything that a mechanism's day on a chain is made of, the same for each mechanism."""

    seed: int
    keys: KeySource
    slots: Sequence[Slot]
    slot_seconds: int
    dispute_window: int
    people: Sequence[Person]
    market: Market
    rules: Rules
    deploy_config: Mapping[str, Any]
    day_ahead: DayAheadTerms = field(default_factory=DayAheadTerms)

    @property
    def trading(self) -> TradingDay:
        """What of it the agents trade, as ``setm.trading`` rehearses it."""
        return TradingDay(
            seed=self.seed,
            slots=self.slots,
            slot_seconds=self.slot_seconds,
            traders=[person.trader for person in self.people],
            market=self.market,
            rules=self.rules,
            day_ahead=self.day_ahead,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Under which number, account and meter somebody took part."""

    name: str
    participant_id: int
    account: str
    meter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who hears of a run: notices in words, each write of its journal; and how patient it is with its chain."""

    notice: Callable[[str], None] = lambda text: None
    observe: Observer = unobserved
    patience: Patience = field(default_factory=Patience)


def start_of(name: str, day: Day) -> datetime:
    """Return the time of the first block of a mechanism's chain."""
    begin = day.slots[0] * day.slot_seconds // DAY_SECONDS * DAY_SECONDS
    lead = LEAD_SECONDS + ON_CHAIN[name].lead_seconds(day.trading)
    return slot_start(Slot((begin - lead) // day.slot_seconds), day.slot_seconds)


@dataclass(frozen=True, slots=True)
class _Stage:
    """What all steps of one mechanism's run need."""

    name: str
    day: Day
    network: NodeKind
    folder: Path
    progress: Progress
    watch: Watch
    journal: Journal

    @property
    def start_at(self) -> datetime:
        """The time of the chain's first block."""
        return start_of(self.name, self.day)

    @property
    def opens_at(self) -> int:
        """The time at which all have enrolled and trading begins, however often enrolment was interrupted."""
        needed = ENROL_SECONDS + ENROL_SECONDS_EACH * len(self.day.people)
        return int(self.start_at.timestamp()) + needed

    @property
    def save_seconds(self) -> int:
        """How often the chain's state is written: what a large day writes grows with it, what was lost is repeated."""
        return max(SAVE_SECONDS, len(self.day.people) * len(self.day.slots) // SAVED_TOGETHER)


def run_mechanism(
    name: str,
    day: Day,
    network: NodeKind,
    folder: Path,
    progress: Progress,
    watch: Watch | None = None,
) -> list[Membership]:
    """Run one mechanism's day and write its deployment, events and transactions into ``folder``.

    What an earlier run of the same day left in ``folder`` is continued, and not done again once it is whole. A chain
    that ends in the middle is started again from its saved state, ``RESTARTS`` times at most.
    """
    mechanism_named(name)
    watch, whole = watch or Watch(), folder / "members.json"
    if whole.is_file():
        _tidy(folder)
        return [Membership(**row) for row in json.loads(whole.read_text())]
    folder.mkdir(exist_ok=True)
    with Journal(folder / JOURNAL, watch.observe) as journal:
        stage = _Stage(name, day, network, folder, progress, watch, journal)
        members = [_membership(item.member) for item in _persistently(stage)]
        lines = "".join(json.dumps(asdict(item)) + "\n" for item in journal.history())
    write_whole(folder / "transactions.jsonl", lines)
    write_whole(whole, json.dumps([asdict(item) for item in members]))
    _tidy(folder)
    return members


def _tidy(folder: Path) -> None:
    """Remove what only a day that is under way needs."""
    shutil.rmtree(folder / "chain", ignore_errors=True)
    (folder / f"{JOURNAL}.lock").unlink(missing_ok=True)


def _persistently(stage: _Stage) -> list[Enrolled]:
    for left in reversed(range(RESTARTS + 1)):
        try:
            return _live(stage)
        except ChainUnreachable as error:
            if left == 0:
                raise
            stage.watch.notice(f"{stage.name}: {error}; starting the chain again")
    raise AssertionError("the last attempt returns or raises")


def _live(stage: _Stage) -> list[Enrolled]:
    """Live through the day from its first step; what the journal has is not sent again."""
    name, day, progress = stage.name, stage.day, stage.progress
    done = progress.stage(f"{name}: deploy", 1)
    with _contracts_on_chain(stage) as web3:
        keeper = Keeper(web3, stage.journal, stage.network, patience=stage.watch.patience)
        _continue(stage, keeper)
        deployment = attach(web3, stage.folder / "deployment.json")
        community = open_community(day.keys, deployment, keeper)
        done()
        enrolled = _enrol_all(stage, community)
        keeper.advance(stage.opens_at)
        agenda = Agenda(keeper=keeper)
        scene = _trade(name, day, community, enrolled, agenda, progress)
        _deliver(name, day, scene, progress)
        done = progress.stage(f"{name}: check", 1)
        keeper.advance(0)
        check_books(community, [item.member for item in enrolled])
        events = all_events(keeper, deployment.addresses)
        write_events(events, stage.folder / "events.jsonl")
        config = json.loads((stage.folder / "deployment.json").read_text())["config"]
        write_handed_in(keeper, events, config, stage.folder)
        done()
    return enrolled


def _continue(stage: _Stage, keeper: Keeper) -> None:
    """Put back what the chain lost since the journal was written, and say how far the run is."""
    mined, planned = stage.journal.counts()
    lost = keeper.reconcile()
    if planned:
        stage.watch.notice(
            f"continuing {stage.name}: {mined - len(lost)} of {planned} transactions are on the chain"
        )


@contextmanager
def _contracts_on_chain(stage: _Stage) -> Iterator[Connection]:
    """Start the chain from its saved state; deploy onto a fresh one if it has no whole deployment."""
    state, deployment = stage.folder / "chain", stage.folder / "deployment.json"
    for is_fresh in (not deployment.is_file(), True):
        if is_fresh:
            shutil.rmtree(state, ignore_errors=True)
        with local_node(
            stage.network,
            start_at=stage.start_at,
            log=stage.folder / "chain.log",
            state=state,
            save_seconds=stage.save_seconds,
        ) as node:
            web3 = connect(
                node.url,
                chain_id=CHAIN_ID,
                patience=stage.watch.patience,
                is_alive=node.is_alive,
            )
            if is_fresh:
                _deploy(stage, node)
            elif not stands(web3, deployment):
                continue
            yield web3
            return


def _deploy(stage: _Stage, node: Node) -> None:
    """Deploy; again, at the addresses of the first time, if the chain lost everything."""
    target = stage.folder / "deployment.json"
    before = addresses_of(target) if target.is_file() else None
    try:
        own = ON_CHAIN[stage.name].sections(stage.day.trading)
        deploy(node, {**stage.day.deploy_config, **own}, stage.folder)
    except SetupError as error:
        if node.is_alive():
            raise
        raise ChainUnreachable(f"the chain ended during deployment: {error}") from error
    if before not in (None, addresses_of(target)):
        raise RolledBack(
            f"{stage.name}: the chain lost its contracts, and they came back at other addresses: start anew with "
            "--fresh"
        )


def _membership(member: Member) -> Membership:
    return Membership(
        name=member.name,
        participant_id=member.participant_id,
        account=member.sender.address,
        meter=member.meter,
    )


def _enrol_all(stage: _Stage, community: Community) -> list[Enrolled]:
    name, day = stage.name, stage.day
    done = stage.progress.stage(f"{name}: enrol", len(day.people))
    exported = sum(person.capacity_wh for person in day.people) * len(day.slots)
    fund_operator(community, payment_up(exported, day.market.tariff.retail_price))
    trading = day.trading
    enrolments = [_enrolment(name, day, trading, community, person) for person in day.people]
    members = enrol_all(community, enrolments, stage.opens_at, done)
    return [
        Enrolled(trader=person.trader, member=member)
        for person, member in zip(day.people, members, strict=True)
    ]


def _enrolment(
    name: str, day: Day, trading: TradingDay, community: Community, person: Person
) -> Enrolment:
    mechanism = mechanism_named(name)
    bill = payment_up(person.capacity_wh * len(day.slots), day.market.tariff.retail_price)
    return Enrolment(
        name=person.trader.name,
        kind=person.kind,
        device_class=person.device_class,
        zone=person.zone,
        capacity_wh=person.capacity_wh,
        venue=community.deployment.addresses[ON_CHAIN[name].venue],
        margin=mechanism.margin(person.trader, trading),
        guarantee=bill,
        day_slots=slots_a_day(day.slot_seconds) if is_read_daily(mechanism, trading) else 0,
    )


def _trade(
    name: str,
    day: Day,
    community: Community,
    enrolled: Sequence[Enrolled],
    agenda: Agenda,
    progress: Progress,
) -> Scene:
    scene = Scene(
        day=day.trading,
        community=community,
        enrolled=enrolled,
        agenda=agenda,
        traded_in=[ON_CHAIN[name].venue],
    )
    done = progress.stage(f"{name}: trade", ON_CHAIN[name].steps(scene.day, len(enrolled)))
    ON_CHAIN[name].trade(scene, done)
    return scene


def _deliver(name: str, day: Day, scene: Scene, progress: Progress) -> None:
    agenda = scene.agenda
    delivery = Delivery(
        community=scene.community,
        traded_in=scene.traded_in,
        members=[item.member for item in scene.enrolled],
        delivered={person.trader.name: person.delivered for person in day.people},
        slot_seconds=day.slot_seconds,
        dispute_window=day.dispute_window,
        open_seconds=ON_CHAIN[name].open_seconds(day.trading),
    )
    if is_read_daily(mechanism_named(name), day.trading):
        plan_days(delivery, scene, day.slots)
    else:
        plan_delivery(delivery, agenda, day.slots)
    done = progress.stage(f"{name}: deliver and settle", len(agenda))
    agenda.run(done)
