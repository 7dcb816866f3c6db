"""One mechanism's day on a chain of its own, from enrolment to the last settled slot."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from setm.chain.deployment import attach, deploy
from setm.chain.events import read_events, write_events
from setm.chain.node import NodeKind, local_node
from setm.chain.sender import Sent, connect
from setm.data import MeterSeries
from setm.errors import ConfigError
from setm.simulation import auction_day, negotiation_day
from setm.simulation.check import check_books
from setm.simulation.clock import Agenda
from setm.simulation.community import (
    Community,
    Enrolment,
    Member,
    enrol,
    fund_operator,
    open_community,
)
from setm.simulation.delivery import Delivery, plan_delivery
from setm.simulation.traders import Enrolled, Trader
from setm.slots import Slot, slot_start
from setm.types import Kind
from setm.units import payment_up

MECHANISMS = ("negotiation", "auction")
# Enrolment and trading happen in the half day before delivery begins.
LEAD_SECONDS = 12 * 3600


class Progress(Protocol):
    """Somebody who wants to see how far the work is."""

    def stage(self, name: str, steps: int) -> Callable[[], None]:
        """Begin a stage of ``steps`` steps; the returned function says that one is done."""


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
    """Everything that a mechanism's day is made of, the same for each mechanism."""

    seed: int
    slots: Sequence[Slot]
    slot_seconds: int
    dispute_window: int
    people: Sequence[Person]
    market: auction_day.Market
    rules: negotiation_day.Rules
    deploy_config: Mapping[str, Any]


def run_mechanism(
    name: str, day: Day, network: NodeKind, folder: Path, progress: Progress
) -> list[Member]:
    """Run one mechanism's day and write its deployment, events and transactions into ``folder``."""
    if name not in MECHANISMS:
        raise ConfigError(f"mechanism {name}: expected one of {', '.join(MECHANISMS)}")
    sent: list[Sent] = []
    start_at = slot_start(day.slots[0] - LEAD_SECONDS // day.slot_seconds, day.slot_seconds)
    with local_node(network, start_at=start_at, log=folder / "chain.log") as node:
        done = progress.stage(f"{name}: deploy", 1)
        deployment_file = deploy(node, day.deploy_config, folder)
        web3 = connect(node.url)
        community = open_community(day.seed, web3, attach(web3, deployment_file), sent.append)
        done()
        enrolled = _enrol_all(name, day, community, progress)
        agenda = Agenda(node_kind=network, web3=web3)
        _trade(name, day, community, enrolled, agenda, progress)
        _deliver(name, day, community, enrolled, agenda, progress)
        check_books(community, [item.member for item in enrolled])
        events = read_events(web3, community.deployment.addresses)
        write_events(events, folder / "events.jsonl")
    lines = "".join(json.dumps(asdict(item)) + "\n" for item in sent)
    (folder / "transactions.jsonl").write_text(lines)
    return [item.member for item in enrolled]


def _enrol_all(name: str, day: Day, community: Community, progress: Progress) -> list[Enrolled]:
    done = progress.stage(f"{name}: enrol", len(day.people))
    exported = sum(person.capacity_wh for person in day.people) * len(day.slots)
    fund_operator(community, payment_up(exported, day.market.tariff.retail_price))
    enrolled = []
    for person in day.people:
        member = enrol(community, _enrolment(name, day, community, person))
        enrolled.append(Enrolled(trader=person.trader, member=member))
        done()
    return enrolled


def _enrolment(name: str, day: Day, community: Community, person: Person) -> Enrolment:
    if name == "auction":
        drafts = auction_day.draft_orders(person.trader, day.slots, day.market)
        margin: int = sum(draft.bound for draft in drafts)
        venue = community.deployment.auction.address
    else:
        margin = negotiation_day.margin(person.trader, day.slots, day.rules)
        venue = community.deployment.negotiation.address
    bill = payment_up(person.capacity_wh * len(day.slots), day.market.tariff.retail_price)
    return Enrolment(
        name=person.trader.name,
        kind=person.kind,
        device_class=person.device_class,
        zone=person.zone,
        capacity_wh=person.capacity_wh,
        venue=venue,
        margin=margin,
        guarantee=bill,
    )


def _trade(
    name: str,
    day: Day,
    community: Community,
    enrolled: Sequence[Enrolled],
    agenda: Agenda,
    progress: Progress,
) -> None:
    steps = len(enrolled) if name == "auction" else len(day.slots)
    done = progress.stage(f"{name}: trade", steps)
    if name == "auction":
        auction_day.trade(community, enrolled, day.slots, day.market, agenda, done)
        return
    rng = np.random.default_rng([day.seed, len(day.slots)])
    contract = community.deployment.negotiation
    negotiation_day.trade(contract, enrolled, day.slots, day.rules, agenda, rng, done)


def _deliver(
    name: str,
    day: Day,
    community: Community,
    enrolled: Sequence[Enrolled],
    agenda: Agenda,
    progress: Progress,
) -> None:
    delivery = Delivery(
        community=community,
        members=[item.member for item in enrolled],
        delivered={person.trader.name: person.delivered for person in day.people},
        slot_seconds=day.slot_seconds,
        dispute_window=day.dispute_window,
    )
    plan_delivery(delivery, agenda, day.slots)
    done = progress.stage(f"{name}: deliver and settle", len(agenda))
    agenda.run(done)
