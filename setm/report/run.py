"""What a run wrote into its folder, read and checked for completeness."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from setm.days import DayReading, told_word
from setm.errors import RunError
from setm.types import GridTariff, Kind
from setm.units import Price, Wh

OPERATOR_ID = 1
PARTICIPANT_FIELDS = ("name", "participant_id", "kind", "device", "zone", "account", "meter")
EVENT_FIELDS = ("block", "timestamp", "tx_hash", "log_index", "contract", "event", "args")
# What never succeeds without an event, so that a missing one shows.
LOGGED_ACTIONS = frozenset(
    [
        "join",
        "deposit",
        "withdraw",
        "lock",
        "commit",
        "clear",
        "pay out surplus",
        "offer",
        "counter",
        "accept",
        "reject",
        "post readings",
        "settle",
        "commit book",
        "force",
        "post book",
        "unpack",
        "post days",
        "settle day",
        "unpack day",
    ]
)
SCHEDULE_FIELDS = ("tx_hash", "participant_id", "source", "r", "vs", "orders")
DAY_FIELDS = ("meter", "day", "imports_wh", "exports_wh")
TRANSACTION_FIELDS = (
    "tx_hash",
    "block",
    "timestamp",
    "sender",
    "participant",
    "action",
    "contract",
    "gas_used",
    "ok",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One log; ``event["name"]`` is an argument by its Solidity name."""

    line: str
    block: int
    timestamp: int
    tx_hash: str
    log_index: int
    contract: str
    name: str
    args: Mapping[str, Any]

    def __getitem__(self, argument: str) -> Any:
        try:
            return self.args[argument]
        except KeyError:
            raise RunError(
                f"{self.line}: {self.contract}.{self.name} lacks the argument {argument!r}; run the scenario again"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedSchedule:
    """A schedule as it stood in a batch of a book: signed, forced or set aside; ``orders`` are its words.

    ``r`` and ``vs`` are its signature, or the leaf of its commitment and zero if it was forced in as well.
    """

    tx_hash: str
    participant_id: int
    source: str
    r: str
    vs: str
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One transaction of the run and who sent it, why, at what cost."""

    tx_hash: str
    block: int
    participant: str
    action: str
    contract: str
    gas_used: int
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A participant by its scenario name; prices in 0.001 EUR/MWh."""

    participant_id: int
    name: str
    kind: str
    device: str
    zone: int
    account: str
    meter: int | None
    days_for_forecasting: int | None
    min_bid_price: int | None
    max_bid_price: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismRun:
    """One mechanism's chain record: everything the fold needs."""

    name: str
    slot_seconds: int
    contracts: Mapping[str, str]
    config: Mapping[str, Any]
    participants: Mapping[int, Participant]
    events: tuple[Event, ...]
    transactions: tuple[Transaction, ...]
    # What daily meters signed, by the word that DaysPosted tells of it.
    days: Mapping[int, DayReading] = field(default_factory=dict)
    # What stood in the batches of books, in the order of the chain.
    schedules: tuple[PostedSchedule, ...] = ()

    @property
    def tariff(self) -> GridTariff:
        """The grid operator's two prices."""
        settlement = self.config["settlement"]
        return GridTariff(
            retail_price=Price(settlement["retail_price"]),
            feed_in_price=Price(settlement["feed_in_price"]),
        )

    def of(self, name: str, contract: str | None = None) -> Iterator[Event]:
        """Yield the events of one name, of one contract if it is given."""
        for event in self.events:
            if event.name == name and contract in (None, event.contract):
                yield event

    def role(self, address: str) -> str:
        """Return the role of a contract of this deployment; the address itself if it is none, "" if it is zero."""
        if int(address, 16) == 0:
            return ""
        roles = {known.lower(): role for role, known in self.contracts.items()}
        return roles.get(address.lower(), address)

    def participant_name(self, participant_id: int) -> str:
        """Return a participant's name; raise ``RunError`` for one that participants.json does not know."""
        try:
            return self.participants[participant_id].name
        except KeyError:
            raise RunError(
                f"participants.json: lacks participant {participant_id}, who appears in {self.name}/events.jsonl; "
                "run the scenario again"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole run folder."""

    folder: Path
    info: Mapping[str, Any]
    scenario: str
    participants: Mapping[int, Participant]
    forecasts: tuple[Mapping[str, Any], ...]
    backtest: tuple[Mapping[str, Any], ...]
    mechanisms: Mapping[str, MechanismRun]

    @property
    def slot_seconds(self) -> int:
        """Length of a slot, s."""
        return int(self.info["slot_seconds"])

    def mechanism(self, name: str) -> MechanismRun:
        """Return one mechanism's record; raise ``RunError`` if the run has none of this name."""
        if name not in self.mechanisms:
            raise RunError(
                f"mechanism {name!r}: expected one of {', '.join(self.mechanisms)} in {self.folder}"
            )
        return self.mechanisms[name]


def read_run(folder: Path) -> Run:
    """Return a run folder's content; raise ``RunError`` naming the file if one is missing, cut off or wrong."""
    if not folder.is_dir():
        raise RunError(
            f"{folder}: no such run folder; name one below reports/, or start `setm run`"
        )
    info = _record(
        folder / "run.json",
        ("name", "seed", "slot_seconds", "day", "scenario_sha256", "mechanisms"),
    )
    participants = {
        participant.participant_id: participant
        for participant in map(
            _participant, _rows(folder / "participants.json", PARTICIPANT_FIELDS)
        )
    }
    forecast_fields = ("participant", "slot", "quantity", "mean_wh", "lower_wh", "upper_wh")
    return Run(
        folder=folder,
        info=info,
        scenario=_text(folder / "scenario.yaml"),
        participants=participants,
        forecasts=tuple(_rows(folder / "forecasts.json", forecast_fields)),
        backtest=tuple(_rows(folder / "backtest.json", ("participant", "quantity", "model"))),
        mechanisms={
            name: read_mechanism(folder / name, name, participants) for name in info["mechanisms"]
        },
    )


def read_mechanism(
    folder: Path, name: str, participants: Mapping[int, Participant]
) -> MechanismRun:
    """Return what one mechanism's day left in ``folder``; raise ``RunError`` naming the file as ``read_run`` does."""
    deployment = _record(folder / "deployment.json", ("contracts", "config"))
    _require_fields(
        f"{folder / 'deployment.json'}, config", deployment["config"], ("slot_seconds",)
    )
    events = tuple(_event(*line) for line in _lines(folder / "events.jsonl", EVENT_FIELDS))
    for earlier, later in pairwise(events):
        if (earlier.block, earlier.log_index) >= (later.block, later.log_index):
            raise RunError(
                f"{later.line}: block {later.block}, log {later.log_index} does not follow block {earlier.block}, "
                f"log {earlier.log_index}; the file was changed, run the scenario again"
            )
    transactions = tuple(
        Transaction(**{field: record[field] for field in Transaction.__dataclass_fields__})
        for _, record in _lines(folder / "transactions.jsonl", TRANSACTION_FIELDS)
    )
    logged = {event.tx_hash for event in events}
    for sent in transactions:
        if sent.ok and sent.action in LOGGED_ACTIONS and sent.tx_hash not in logged:
            raise RunError(
                f"{folder / 'events.jsonl'}: lacks the events of transaction {sent.tx_hash} ({sent.action}, block "
                f"{sent.block}); the file is cut off or was changed, start the run again"
            )
    return MechanismRun(
        name=name,
        slot_seconds=deployment["config"]["slot_seconds"],
        contracts=deployment["contracts"],
        config=deployment["config"],
        participants=participants,
        events=events,
        transactions=transactions,
        days=_days(folder / "days.jsonl", events),
        schedules=_schedules(folder / "schedules.jsonl", events),
    )


def _days(path: Path, events: Sequence[Event]) -> dict[int, DayReading]:
    """Return what daily meters signed, which the chain's events tell by its hash: all of it, and nothing else."""
    told = [word for event in events if event.name == "DaysPosted" for word in event["readings"]]
    found = {}
    for _, row in _lines(path, DAY_FIELDS) if told else ():
        reading = DayReading(
            meter=row["meter"],
            day=row["day"],
            imports_wh=tuple(map(Wh, row["imports_wh"])),
            exports_wh=tuple(map(Wh, row["exports_wh"])),
        )
        found[told_word(reading)] = reading
    for word in told:
        if word not in found:
            raise RunError(
                f"{path}: no values have the hash that DaysPosted tells of meter {word >> 224}, day "
                f"{word >> 192 & 2**32 - 1}; the file was changed or is incomplete, start the run again"
            )
    return found


def _schedules(path: Path, events: Sequence[Event]) -> tuple[PostedSchedule, ...]:
    """Return what stood in the batches of books; ``setm.report.schedules`` holds it against what they came to."""
    if not any(event.name == "BookCleared" for event in events):
        return ()
    return tuple(
        PostedSchedule(**{**row, "orders": tuple(row["orders"])})
        for _, row in _lines(path, SCHEDULE_FIELDS)
    )


def _event(line: str, record: Mapping[str, Any]) -> Event:
    return Event(
        line=line,
        block=record["block"],
        timestamp=record["timestamp"],
        tx_hash=record["tx_hash"],
        log_index=record["log_index"],
        contract=record["contract"],
        name=record["event"],
        args=record["args"],
    )


def _participant(record: Mapping[str, Any]) -> Participant:
    kind = record["kind"]
    return Participant(
        participant_id=record["participant_id"],
        name=record["name"],
        kind=Kind(kind).name.lower().replace("_", " ") if isinstance(kind, int) else str(kind),
        device="" if record["device"] is None else str(record["device"]),
        zone=record["zone"],
        account=record["account"],
        meter=record["meter"],
        days_for_forecasting=record.get("days_for_forecasting"),
        min_bid_price=record.get("min_bid_price"),
        max_bid_price=record.get("max_bid_price"),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{path}: missing; the run did not finish, start it again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: not readable ({error}); start the run again") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise RunError(
            f"{path}, line {error.lineno}: not JSON ({error.msg}); the file is cut off or was changed, "
            "start the run again"
        ) from error


def _record(path: Path, fields: tuple[str, ...]) -> dict[str, Any]:
    record = _json(path)
    _require_fields(str(path), record, fields)
    return dict(record)


def _rows(path: Path, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = _json(path)
    if not isinstance(rows, list):
        raise RunError(f"{path}: expected a list of records; start the run again")
    for number, row in enumerate(rows, start=1):
        _require_fields(f"{path}, record {number}", row, fields)
    return rows


def _lines(path: Path, fields: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    text = _text(path)
    if not text:
        raise RunError(f"{path}: empty; the run did not finish, start it again")
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise RunError(
                f"{where}: not JSON ({error.msg}); the file is cut off or was changed, start the run again"
            ) from error
        _require_fields(where, record, fields)
        yield where, record


def _require_fields(where: str, record: Any, fields: tuple[str, ...]) -> None:
    if not isinstance(record, dict):
        raise RunError(f"{where}: expected a record; start the run again")
    missing = [field for field in fields if field not in record]
    if missing:
        raise RunError(f"{where}: lacks {', '.join(missing)}; start the run again")
