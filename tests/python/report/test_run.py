"""Reading a run folder: what is missing or cut off is named with its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from setm.errors import RunError
from setm.report.build import build
from setm.report.run import read_run
from tests.python.report.tampering import read_events, write_events

FILES = (
    "scenario.yaml",
    "run.json",
    "participants.json",
    "forecasts.json",
    "backtest.json",
    "auction/deployment.json",
    "auction/events.jsonl",
    "auction/transactions.jsonl",
)


@pytest.mark.parametrize("name", FILES)
def test_names_a_missing_file_and_the_remedy(run_folder: Path, name: str) -> None:
    (run_folder / name).unlink()
    with pytest.raises(RunError, match=f"{name}: missing; .*start it again"):
        build(run_folder)


@pytest.mark.parametrize("name", FILES[1:])
def test_names_a_file_that_is_cut_off_and_its_line(run_folder: Path, name: str) -> None:
    path = run_folder / name
    text = path.read_text()
    path.write_text(text[: len(text) * 2 // 3])
    with pytest.raises(RunError, match=rf"{name}, line \d+: not JSON .*start the run again"):
        build(run_folder)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("mechanism", ["auction", "negotiation"])
def test_refuses_events_that_end_early_at_the_end_of_a_line(
    run_folder: Path, mechanism: str, share: float
) -> None:
    events = read_events(run_folder, mechanism)
    write_events(run_folder, mechanism, events[: int(len(events) * share)])
    with pytest.raises(RunError, match=r"events.jsonl"):
        build(run_folder)


def test_names_an_empty_event_file(run_folder: Path) -> None:
    (run_folder / "auction/events.jsonl").write_text("")
    with pytest.raises(RunError, match=r"auction/events.jsonl: empty; the run did not finish"):
        read_run(run_folder)


def test_names_the_line_of_an_event_without_a_field(run_folder: Path) -> None:
    events = read_events(run_folder, "auction")
    del events[2]["tx_hash"]
    write_events(run_folder, "auction", events)
    with pytest.raises(RunError, match=r"events.jsonl, line 3: lacks tx_hash"):
        read_run(run_folder)


def test_names_the_line_of_an_event_without_an_argument(run_folder: Path) -> None:
    events = read_events(run_folder, "auction")
    settled = next(index for index, event in enumerate(events) if event["event"] == "SlotSettled")
    del events[settled]["args"]["isMeasured"]
    write_events(run_folder, "auction", events)
    with pytest.raises(RunError, match=rf"line {settled + 1}: .*lacks the argument 'isMeasured'"):
        build(run_folder)


def test_refuses_events_out_of_order(run_folder: Path) -> None:
    events = read_events(run_folder, "auction")
    events[3], events[4] = events[4], events[3]
    write_events(run_folder, "auction", events)
    with pytest.raises(RunError, match="does not follow block"):
        read_run(run_folder)


def test_names_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run folder"):
        read_run(tmp_path / "nothing")


def test_names_a_participant_that_is_not_listed(run_folder: Path) -> None:
    listed = (run_folder / "participants.json").read_text()
    (run_folder / "participants.json").write_text(
        listed.replace('"participant_id": 4', '"participant_id": 9')
    )
    with pytest.raises(RunError, match=r"participants.json: lacks participant 4"):
        build(run_folder)
