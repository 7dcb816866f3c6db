"""A run that ends anywhere continues from there: the same tables, nothing sent twice, nothing lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest
from web3.types import RPCEndpoint

from setm.chain.journal import Journal
from setm.chain.node import local_node
from setm.chain.sender import Patience, connect
from setm.errors import ChainUnreachable, JournalLocked, JournalMismatch, StorageFull
from setm.report.build import build
from setm.scenario import load_scenario
from setm.simulation import mechanism, settings
from setm.simulation.foresight import foresee, from_json, to_json
from setm.simulation.mechanism import Watch, run_mechanism, start_of
from setm.simulation.run import run
from tests.python.simulation.conftest import small_scenario

FIRST_SLOT, SLOT_COUNT = 12, 2
QUICK = Patience(attempts=4, pause=0.05, block=10)
DEPLOY = mechanism.deploy


class Silent:
    """Progress for nobody."""

    def stage(self, name, steps):
        return lambda: None


class Ended(BaseException):
    """The program ends here."""


def deployed_once(folder, day):
    """Deploy the day's contracts; return what repeats that in no time on any fresh chain."""
    start_at = start_of("auction", day)
    with local_node("anvil", start_at=start_at, log=folder / "log", state=folder / "state") as node:
        DEPLOY(node, day.deploy_config, folder)
        web3 = connect(node.url)
        dump = web3.provider.make_request(RPCEndpoint("anvil_dumpState"), [])["result"]
        now = web3.eth.get_block("latest")["timestamp"]

    def again(node, _config, target):
        web3 = connect(node.url)
        web3.provider.make_request(RPCEndpoint("anvil_loadState"), [dump])
        web3.provider.make_request(RPCEndpoint("anvil_setTime"), [now])
        web3.provider.make_request(RPCEndpoint("anvil_setBlockTimestampInterval"), [1])
        shutil.copyfile(folder / "deployment.json", target / "deployment.json")

    return again


@pytest.fixture(scope="module")
def day_and_deploy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    loaded = settings.load(load_scenario(small_scenario(folder)))
    answers = {
        (asked.name, asked.direction): foresee(asked)
        for asked in settings.questions(loaded, with_backtest=False)
    }
    day = settings.day_of(loaded, answers)
    day = replace(day, slots=day.slots[FIRST_SLOT : FIRST_SLOT + SLOT_COUNT])
    return day, deployed_once(folder, day)


@pytest.fixture
def day(day_and_deploy, monkeypatch):
    day, deploy = day_and_deploy
    monkeypatch.setattr(mechanism, "deploy", deploy)
    return day


def live(name, day, folder, observe=lambda change, entries: None, notices=None):
    folder.mkdir(exist_ok=True)
    notice = (lambda text: None) if notices is None else notices.append
    watch = Watch(observe=observe, patience=QUICK, notice=notice)
    return run_mechanism(name, day, "anvil", folder, Silent(), watch)


def ends_after(count):
    """Return an observer that ends the program after so many writes of the journal."""
    left = iter(range(count, 0, -1))

    def observe(_change, _entries):
        if next(left) == 1:
            raise Ended

    return observe


def result(folder):
    """Return what must not depend on interruptions: events without hashes, and transactions in order."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    told = [(item["contract"], item["event"], item["args"]) for item in events]
    lines = (folder / "transactions.jsonl").read_text().splitlines()
    sent = [json.loads(line) for line in lines]
    return told, [(item["participant"], item["action"], item["ok"]) for item in sent]


def require_each_once(folder):
    """Every key's nonces follow each other, and no signed bytes were replaced by others for the same purpose."""
    with Journal(folder / "journal.sqlite") as journal:
        entries = journal.entries()
        nonces = {}
        for entry in entries:
            (signed,) = journal.signatures(entry)
            nonces.setdefault(entry.sender, []).append(signed.nonce)
    for found in nonces.values():
        assert found == list(range(found[0], found[0] + len(found)))
    assert len({entry.mined.tx_hash for entry in entries}) == len(entries)


@pytest.fixture(scope="module")
def undisturbed(day_and_deploy, tmp_path_factory):
    """Return the result and the number of journal writes of each mechanism's day when nothing happens."""
    day, deploy = day_and_deploy
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mechanism, "deploy", deploy)
        for name in ("negotiation", "auction"):
            writes = Counter()
            folder = tmp_path_factory.mktemp(name)
            live(name, day, folder, lambda change, _entry, w=writes: w.update([change]))
            require_each_once(folder)
            found[name] = (result(folder), writes.total())
    return found


@pytest.mark.parametrize("name", ["negotiation", "auction"])
@pytest.mark.parametrize("shares", [(0.05,), (0.5,), (0.3, 0.2, 0.4), (0.95, 0.02, 0.01)])
def test_a_day_that_was_interrupted_ends_as_if_it_had_not_been(
    name, shares, day, undisturbed, tmp_path
):
    expected, writes = undisturbed[name]
    for share in shares:
        with pytest.raises(Ended):
            live(name, day, tmp_path / name, ends_after(max(1, int(writes * share))))
        assert not (tmp_path / name / "transactions.jsonl").exists()
    notices = []
    live(name, day, tmp_path / name, notices=notices)
    assert result(tmp_path / name) == expected
    require_each_once(tmp_path / name)
    assert notices[0].startswith(f"continuing {name}: ")


@pytest.mark.parametrize("name", ["negotiation", "auction"])
def test_a_chain_that_is_killed_is_started_again_and_the_day_goes_on(
    name, day, undisturbed, tmp_path, monkeypatch
):
    expected, writes = undisturbed[name]
    nodes, made = [], mechanism.local_node

    @contextmanager
    def noted(*args, **options):
        with made(*args, **options) as node:
            nodes.append(node)
            yield node

    monkeypatch.setattr(mechanism, "local_node", noted)
    left, notices = iter(range(1, 10**6)), []

    def kill_twice(_change, _entries):
        if next(left) in (writes // 3, writes):
            os.kill(nodes[-1].process_id, signal.SIGKILL)

    live(name, day, tmp_path / name, kill_twice, notices)
    assert result(tmp_path / name) == expected
    require_each_once(tmp_path / name)
    assert sum("starting the chain again" in notice for notice in notices) == 2


def test_a_chain_that_lost_everything_gets_it_all_again(day, undisturbed, tmp_path):
    expected, writes = undisturbed["auction"]
    with pytest.raises(Ended):
        live("auction", day, tmp_path / "auction", ends_after(writes // 2))
    shutil.rmtree(tmp_path / "auction" / "chain")
    live("auction", day, tmp_path / "auction")
    assert result(tmp_path / "auction") == expected
    require_each_once(tmp_path / "auction")


def test_a_chain_that_ends_again_and_again_is_given_up_and_said(day, tmp_path, monkeypatch):
    nodes, made = [], mechanism.local_node

    @contextmanager
    def dying(*args, **options):
        with made(*args, **options) as node:
            nodes.append(node)
            os.kill(node.process_id, signal.SIGKILL)
            yield node

    monkeypatch.setattr(mechanism, "local_node", dying)
    with pytest.raises(ChainUnreachable):
        live("auction", day, tmp_path / "auction")
    assert len(nodes) == mechanism.RESTARTS + 1


def test_a_day_that_is_whole_is_not_lived_again(day, undisturbed, tmp_path, monkeypatch):
    first = live("auction", day, tmp_path / "auction")
    monkeypatch.setattr(mechanism, "local_node", None)
    assert live("auction", day, tmp_path / "auction") == first


def test_a_program_that_does_something_else_is_told(day, undisturbed, tmp_path):
    with pytest.raises(Ended):
        live("auction", day, tmp_path / "auction", ends_after(undisturbed["auction"][1] // 2))
    fewer = replace(day, people=[replace(day.people[1]), *day.people[:1], *day.people[2:]])
    with pytest.raises(JournalMismatch, match="start anew with --fresh"):
        live("auction", fewer, tmp_path / "auction")


def test_two_runs_of_one_folder_do_not_meet(day, tmp_path):
    def second(_change, _entries):
        with pytest.raises(JournalLocked, match="in use by another process"):
            live("auction", day, tmp_path / "auction")
        raise Ended

    with pytest.raises(Ended):
        live("auction", day, tmp_path / "auction", second)


@contextmanager
def no_file_beyond(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_names_the_file_and_a_rerun_continues(day, undisturbed, tmp_path):
    expected, writes = undisturbed["auction"]
    limits = []

    def fill(_change, _entries):
        if len(limits) < writes // 2:
            limits.append(1)
        elif len(limits) == writes // 2:
            limits.append(1)
            wal = (tmp_path / "auction" / "journal.sqlite-wal").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (wal, resource.RLIM_INFINITY))

    with no_file_beyond(resource.RLIM_INFINITY), pytest.raises(StorageFull, match="journal.sqlite"):
        live("auction", day, tmp_path / "auction", fill)
    live("auction", day, tmp_path / "auction")
    assert result(tmp_path / "auction") == expected
    require_each_once(tmp_path / "auction")


# ---- whole runs ----


@pytest.fixture
def scenario(tmp_path):
    return load_scenario(small_scenario(tmp_path))


@pytest.fixture
def short(monkeypatch, day_and_deploy):
    """Let whole runs trade two slots by auction only, so that they take a second."""
    monkeypatch.setattr(mechanism, "deploy", day_and_deploy[1])
    made = settings.day_of
    monkeypatch.setattr(
        "setm.simulation.run.day_of",
        lambda *args: replace(made(*args), slots=day_and_deploy[0].slots),
    )


def whole(scenario, out, **options):
    options = {"watch": Watch(patience=QUICK), **options}
    return run(
        scenario, network="anvil", out=out, progress=Silent(), with_backtest=False, **options
    )


def interrupted(scenario, out, writes=40, **options):
    with pytest.raises(Ended):
        whole(scenario, out, watch=Watch(observe=ends_after(writes), patience=QUICK), **options)
    assert not out.exists()
    return out.with_name(f".{out.name}.partial")


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_an_interrupted_run_stays_and_the_same_command_ends_it(scenario, short, tmp_path):
    out = tmp_path / "report"
    partial = interrupted(scenario, out)
    notices = []
    whole(scenario, out, watch=Watch(notice=notices.append, patience=QUICK))
    assert not partial.exists()
    assert any(notice.startswith("continuing negotiation: ") for notice in notices)
    assert names(out) == {
        *("negotiation", "auction", "scenario.yaml", "run.json", "participants.json"),
        *("forecasts.json", "backtest.json"),
    }
    files = {"deployment.json", "events.jsonl", "transactions.jsonl", "chain.log", "journal.sqlite"}
    assert names(out / "auction") == files | {"members.json"}


def test_fresh_starts_anew(scenario, short, tmp_path):
    interrupted(scenario, tmp_path / "report")
    notices = []
    watch = Watch(notice=notices.append, patience=QUICK)
    whole(scenario, tmp_path / "report", fresh=True, watch=watch)
    assert ["starting anew" in notice for notice in notices] == [True]


def test_another_seed_starts_anew_and_says_so(scenario, short, tmp_path):
    interrupted(scenario, tmp_path / "report")
    notices = []
    watch = Watch(notice=notices.append, patience=QUICK)
    whole(scenario.with_seed(99), tmp_path / "report", watch=watch)
    assert ["left by another run, removed" in notice for notice in notices] == [True]


def test_a_run_in_use_is_left_alone(scenario, short, tmp_path):
    out = tmp_path / "report"

    def second(_change, _entries):
        with pytest.raises(JournalLocked):
            whole(scenario, out, fresh=True)
        raise Ended

    with pytest.raises(Ended):
        whole(scenario, out, watch=Watch(observe=second, patience=QUICK))
    assert (tmp_path / ".report.partial").exists()
    whole(scenario, out)


def test_a_report_that_fails_leaves_the_older_run_in_place(scenario, short, tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    (out / "older").touch()

    def fail(folder):
        (folder / "half").touch()
        raise OSError(28, "No space left on device", str(folder / "tables.csv"))

    with pytest.raises(StorageFull, match=r"tables.csv: not written \(No space left on device\)"):
        whole(scenario, out, complete=fail)
    assert names(out) == {"older"}
    whole(scenario, out, complete=lambda folder: (folder / "half").unlink())
    assert "older" not in names(out)
    assert not (tmp_path / ".report.older").exists()


def test_the_report_of_an_interrupted_run_has_the_same_hashes(scenario, short, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    whole(scenario, first, complete=build)
    interrupted(scenario, second, 33)
    interrupted(scenario, second, 150)
    whole(scenario, second, complete=lambda folder: build(folder, name=second.name))
    hashes = [json.loads((folder / "hashes.json").read_text()) for folder in (first, second)]
    assert hashes[0] == hashes[1]
    assert ".second.partial" not in (second / "index.html").read_text()


def test_forecasts_are_kept_to_the_last_bit(scenario):
    asked = settings.questions(settings.load(scenario), with_backtest=False)[0]
    answer = foresee(asked)
    (kept,) = from_json(to_json({(answer.name, answer.direction): answer})).values()
    assert kept.by_slot() == answer.by_slot()
    assert (kept.backtest, kept.forecast.model) == (answer.backtest, answer.forecast.model)
