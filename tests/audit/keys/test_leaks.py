"""A whole day is run, and nothing that it writes, prints or shows tells a key, a password or a salt before its time.

The public test mnemonic of local chains, from which the offices of a local run come, is no secret: everybody has
it, and ``setm.chain.node`` names it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_account.types import Language
from hexbytes import HexBytes
from pydantic import SecretStr

from setm.chain.node import LOCAL_MNEMONIC
from setm.keystore import KeySource, Keystore, StoredKeys
from setm.orders import salt
from setm.scenario import load_scenario, times_of
from setm.simulation.keys import DerivedKeys
from tests.audit.figures import record
from tests.audit.keys.scan import Phrase, Secret, Watcher, contents, files_below, search
from tests.python.simulation.conftest import CHOSEN, small_scenario

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "velvet zebra octave lunar barrel"
VARIABLE = "SETM_LEAK_TEST_PASSWORD"
# Installed before the run, large, and written by nobody else.
LEFT_OUT = (".venv", ".venv-slither", ".venv-halmos", "node_modules", ".git")
GLANCE_SECONDS = 0.25


@dataclass(frozen=True)
class Glance:
    """What stood in the run's files at a moment, and what its journal had planned by then."""

    places: dict[str, bytes]
    commits: int
    opened: set[int]


@dataclass
class Ended:
    """A run that is over, and everything that was seen of it."""

    keys: KeySource
    folder: Path
    scenario: Path
    began_at: float
    printed: bytes
    watcher: Watcher
    glances: list[Glance] = field(default_factory=list)

    @property
    def report(self) -> Path:
        return self.folder / "report"

    def secrets(self) -> list[Secret]:
        """Return what nobody may ever read."""
        found: list[Secret] = [Phrase("the password", PASSWORD.encode())]
        for name in CHOSEN:
            for role in ("participant", "meter"):
                key = bytes(self.keys.account(role, name).key)
                found.append(Secret(f"key of the {role} {name}", key))
            for purpose in ("sealed orders", "identity"):
                value = self.keys.secret(purpose, name)
                found.append(Secret(f"secret of {name} for {purpose}", value))
        return found

    def salts(self) -> dict[int, list[Secret]]:
        """Return by slot what nobody may read before the slot's orders are opened."""
        deployment = json.loads((self.report / "auction" / "deployment.json").read_text())
        auction = deployment["contracts"]["auction"]
        return {
            slot: [
                Secret(
                    f"salt of {name} in slot {slot}",
                    salt(self.keys.secret("sealed orders", name), auction, slot).to_bytes(
                        20, "big"
                    ),
                )
                for name in CHOSEN
            ]
            for slot in times_of(load_scenario(self.scenario)).slots
        }

    def written(self) -> dict[str, bytes]:
        """Return every file that was written since the run began, but for the keystore and the password's file."""
        own = [self.folder / "keys", self.folder / "password"]
        left_out = [ROOT / name for name in LEFT_OUT]
        paths = [
            *files_below(self.folder, but=own),
            *files_below(ROOT, since=self.began_at, but=left_out),
        ]
        return contents(paths)


def glance(folder: Path) -> Glance | None:
    """Read the files first and the journal after them: what was planned in between counts as planned."""
    partial = folder / ".report.partial"
    journal = partial / "auction" / "journal.sqlite"
    places = contents(files_below(partial))
    if not journal.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            query = "SELECT raw FROM signatures NATURAL JOIN transactions WHERE action = ?"
            commits = database.execute(query, ("commit",)).fetchall()
            openings = [bytes(row[0]) for row in database.execute(query, ("open",))]
    except sqlite3.Error:
        # Between two states of the file.
        return None
    return Glance(places, len(commits), {int.from_bytes(_data(raw)[4:36]) for raw in openings})


def _data(raw: bytes) -> bytes:
    return bytes(HexBytes(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["data"]))


def command(folder: Path, scenario: Path, mode: str) -> list[str]:
    words = [
        "run",
        str(scenario),
        "--network",
        "anvil",
        "--no-backtest",
        "--out",
        str(folder / "report"),
    ]
    if mode != "seed":
        words += ["--keystore", str(folder / "keys")]
    words += {
        "seed": [],
        "password in a file": ["--password-file", str(folder / "password")],
        "password in a variable": ["--password-env", VARIABLE],
    }[mode]
    return [sys.executable, "-c", "from setm.cli import main; main()", *words]


def prepared(folder: Path) -> Path:
    """Write the scenario of one auction day, the password's file and the folders that a home has."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    path = small_scenario(folder)
    raw = yaml.safe_load(path.read_text())
    raw["mechanisms"] = ["auction"]
    path.write_text(yaml.safe_dump(raw))
    return path


@pytest.fixture(scope="module", params=["password in a variable", "seed"])
def ended(request, tmp_path_factory) -> Ended:
    folder, mode = tmp_path_factory.mktemp("leaks"), request.param
    scenario, began_at = prepared(folder), time.time() - 1
    environment = {**os.environ, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    if mode == "password in a variable":
        environment[VARIABLE] = PASSWORD
    glances: list[Glance] = []
    with (
        (folder / "printed").open("wb") as printed,
        subprocess.Popen(
            command(folder, scenario, mode),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
        Watcher(process.pid, own_environment=mode == "seed") as watcher,
    ):
        while process.poll() is None:
            time.sleep(GLANCE_SECONDS)
            if (seen := glance(folder)) is not None:
                glances.append(seen)
    printed_bytes = (folder / "printed").read_bytes()
    assert process.returncode == 0, printed_bytes.decode()
    seed = load_scenario(scenario).seed
    stored = mode != "seed"
    keys: KeySource = (
        StoredKeys(Keystore(folder / "keys"), SecretStr(PASSWORD)) if stored else DerivedKeys(seed)
    )
    return Ended(keys, folder, scenario, began_at, printed_bytes, watcher, glances)


def test_the_participants_are_those_whose_keys_are_looked_for(ended):
    rows = json.loads((ended.report / "participants.json").read_text())
    accounts = {row["name"]: row["account"] for row in rows if row["name"] in CHOSEN}

    assert accounts == {name: ended.keys.account("participant", name).address for name in CHOSEN}


def test_no_file_tells_a_secret(ended):
    written, secrets = ended.written(), ended.secrets()

    findings = search(written, secrets)

    record(
        "keys",
        f"secrets found in what a run writes ({ended.keys.origin.split()[0]})",
        len(findings),
        wanted="0",
        ok=not findings,
        files=len(written),
        secrets=len(secrets),
    )
    assert len(secrets) == 1 + 4 * len(CHOSEN)
    assert any("journal" in place for place in written)
    assert findings == []


def test_no_output_tells_a_secret(ended):
    assert ended.printed
    assert search({"output": ended.printed}, ended.secrets()) == []


def test_no_process_shows_a_secret(ended):
    findings = search(ended.watcher.seen, ended.secrets())

    record(
        "keys",
        f"secrets found in processes ({ended.keys.origin.split()[0]})",
        len(findings),
        wanted="0",
        ok=not findings,
        looks=len(ended.watcher.seen),
    )
    assert {"anvil", "brownie"} & {name.split("-")[0] for name in ended.watcher.programs}
    assert findings == []


def test_no_salt_is_told_before_its_slot_is_opened(ended):
    salts, seen, findings, looked_at = ended.salts(), set(), [], 0
    # A busy disk keeps an opening in the journal's log for a while before the journal tells of it: the next look knows.
    later = [*ended.glances[1:], *ended.glances[-1:]]
    for moment, after in zip(ended.glances, later, strict=True):
        secret = [
            item for slot, listed in salts.items() if slot not in after.opened for item in listed
        ]
        if not secret:
            continue
        # What stood there earlier was searched for more.
        fresh = {place: text for place, text in moment.places.items() if text not in seen}
        seen.update(fresh.values())
        looked_at += bool(moment.commits)
        findings += search(fresh, secret)

    record(
        "keys",
        f"salts found before their time ({ended.keys.origin.split()[0]})",
        len(findings),
        wanted="0",
        ok=not findings and looked_at > 0,
        moments=looked_at,
    )
    assert looked_at > 0, "no moment between the orders and their openings was seen"
    assert findings == []


def test_a_salt_is_told_when_its_slot_is_opened(ended):
    """The search above can find one: after the day the openings are public."""
    some = [listed[0] for listed in ended.salts().values()]
    journal = ended.report / "auction" / "journal.sqlite"

    assert search(contents([journal]), some)


def test_the_public_mnemonic_is_the_only_one_in_sight():
    """What looks like twelve words in the sources is the one that everybody knows."""
    words = set(Mnemonic(Language.ENGLISH).wordlist)
    found = set()
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    for name in listed:
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".yaml", ".yml", ".json", ".env", ".ini", "")
            and path.is_file()
        ):
            found |= set(_phrases(path.read_text(errors="replace"), words))

    assert found == {LOCAL_MNEMONIC}


def _phrases(text: str, words: set[str]) -> Iterator[str]:
    run: list[str] = []
    for word in text.split():
        if word.strip("\"',") in words:
            run.append(word.strip("\"',"))
            continue
        if len(run) >= 12:
            yield " ".join(run)
        run = []
    if len(run) >= 12:
        yield " ".join(run)
