"""The mutation tester itself: it finds the same mutants each time, kills, knows equal code, and fails for survivors"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutation.compiler import Compiler, Sources
from tools.mutation.killing import Verdict
from tools.mutation.mutants import mutants_of, sampled
from tools.mutation.report import Book, Entry, Explanation, explanations

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = """
compiler:
  evm_version: shanghai
  solc:
    version: 0.8.30
    optimizer: {enabled: true, runs: 200}
    remappings: []
"""
CONTRACT = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

contract Jar {
    uint256 private constant MOST = 10 * 1;
    uint256 public held;

    error TooFull();

    function add(uint256 amount) external {
        uint256 sum = held + amount;
        require(sum <= MOST, TooFull());
        held = sum;
        for (uint256 i = 0; i < amount; ++i) sum = i;
    }
}
"""
TESTS = """
import pytest

from setm.evm import Evm, Reverted


def test_adds_up_to_ten():
    jar = Evm().deploy("Jar")
    jar.add(4)
    jar.add(6)
    assert jar.held() == 10


def test_refuses_more():
    with pytest.raises(Reverted):
        Evm().deploy("Jar").add(11)
"""
# The loop does nothing: whatever happens to it, nobody notices.
LOOP = "for (uint256 i = 0; i < amount; ++i) sum = i;"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of the same shape with one contract and its tests."""
    root = tmp_path_factory.mktemp("jar")
    files = {
        "brownie-config.yaml": SETTINGS,
        "contracts/jar/Jar.sol": CONTRACT,
        "tests/contracts/unit/jar/test_jar.py": TESTS,
        "tests/audit/mutation/explained.yaml": "[]",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    return root


def run(project, *options):
    command = [sys.executable, "-m", "tools.mutation", "--root", str(project), "--all", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def results(project):
    """Return the last result of each mutant."""
    lines = (project / "reports/audit/mutation.jsonl").read_text().splitlines()
    return {entry["id"]: entry for entry in map(json.loads, lines)}


@pytest.fixture(scope="module")
def first(project):
    """The first run, over everything."""
    done = run(project, "--tests", "tests/contracts/unit")
    return done, results(project)


def named(found, operator, code):
    return [e for e in found.values() if e["operator"] == operator and code in e["code"]]


def mutants():
    """Find the mutants with a compiler of its own."""
    source = "contracts/pricing/MeritOrderRule.sol"
    with Compiler() as compiler:
        return mutants_of(source, (ROOT / source).read_bytes(), compiler.tree(source))


def test_finds_the_same_mutants_every_time():
    found = mutants()
    assert found == mutants()
    assert len({mutant.id for mutant in found}) == len(found)
    assert {
        "condition-true",
        "comparison-boundary",
        "arithmetic",
        "require-removed",
        "constant",
    } <= {mutant.operator for mutant in found}


def test_changes_nothing_but_the_named_place():
    source = (ROOT / "contracts/pricing/MeritOrderRule.sol").read_bytes()
    for mutant in mutants():
        changed = mutant.applied_to(source).encode()
        assert changed[: mutant.start] == source[: mutant.start]
        assert changed.endswith(source[mutant.end :])
        assert changed != source


def test_what_is_known_of_a_line_is_not_known_of_an_equal_one(tmp_path):
    found = mutants()
    (code, change), *_ = [(m.code, change_of(m)) for m in found if m.nth > 1]
    by_line = {m.line: m for m in found if (m.code, change_of(m)) == (code, change)}
    assert len(by_line) > 1
    book = Book(tmp_path)
    for number, mutant in by_line.items():
        verdict = Verdict(outcome="survived", seconds=number)
        book.write(Entry.of(mutant, "sources").ended(verdict))
    for known in (book, Book(tmp_path)):
        assert [known.last(m).seconds for m in by_line.values()] == list(by_line)


def test_a_larger_sample_holds_the_smaller_one():
    found = mutants()
    small, large = sampled(found, 20, seed=1), sampled(found, 60, seed=1)
    assert len(small) == 20
    assert len(large) == 60
    assert set(small) < set(large)
    assert small == sampled(found, 20, seed=1) != sampled(found, 20, seed=2)


def test_a_test_that_fails_kills_the_mutant_and_is_named(first):
    (removed,) = named(first[1], "require-removed", "require")
    assert removed["outcome"] == "killed"
    assert removed["by"] == "tests/contracts/unit/jar/test_jar.py::test_refuses_more"
    (boundary,) = named(first[1], "comparison-boundary", "require")
    assert boundary["by"] == "tests/contracts/unit/jar/test_jar.py::test_adds_up_to_ten"


def test_a_mutant_with_the_code_of_the_original_is_none(first):
    (same,) = named(first[1], "arithmetic", "10 * 1")
    assert same["outcome"] == "equivalent"


def test_a_mutant_that_does_not_compile_is_none(first):
    outcomes = {entry["outcome"] for entry in first[1].values()}
    assert outcomes <= {"killed", "survived", "equivalent", "duplicate", "uncompilable"}


def test_a_survivor_makes_the_command_fail_until_it_is_explained(project, first):
    done, found = first
    survivors = [entry for entry in found.values() if entry["outcome"] == "survived"]
    assert done.returncode == 1
    assert survivors
    assert {entry["code"] for entry in survivors} == {LOOP}
    for entry in survivors:
        assert f"not explained: {entry['id']}" in done.stdout
    lines = "".join(f"    - 'Jar | {change_of(entry)} | {LOOP}'\n" for entry in survivors)
    text = f"- why: the loop does nothing\n  mutants:\n{lines}"
    (project / "tests/audit/mutation/explained.yaml").write_text(text)
    before = (project / "reports/audit/mutation.jsonl").read_text()
    again = run(project, "--tests", "tests/contracts/unit")
    assert again.returncode == 0, again.stdout
    assert (project / "reports/audit/mutation.jsonl").read_text() == before, "asked twice"


def change_of(mutant):
    name = mutant["id"] if isinstance(mutant, dict) else mutant.id
    return name.split(":", 2)[2]


def test_every_explanation_is_about_a_mutant_that_exists():
    sources, known = Sources(), explanations(ROOT)
    named = {one.contract for one in known}
    with Compiler() as compiler:
        found = [
            mutant
            for path in sources.mutated
            if Path(path).stem in named
            for mutant in mutants_of(path, sources.text(path).encode(), compiler.tree(path))
        ]
    missing = [one for one in known if not any(one.covers(mutant) for mutant in found)]
    assert missing == []
    places = {(one.contract, one.change, one.line, one.nth) for one in known}
    assert len(places) == len(known)


def test_an_explanation_of_a_line_is_none_of_an_equal_one():
    found = [m for m in mutants() if m.nth < 3]
    code, change = next((m.code, change_of(m)) for m in found if m.nth == 2)
    first, second = (m for m in found if (m.code, change_of(m)) == (code, change))
    terms = {"contract": first.contract, "line": code, "change": change, "why": ""}
    assert [Explanation(**terms).covers(m) for m in (first, second)] == [True, False]
    assert [Explanation(**terms, nth=2).covers(m) for m in (first, second)] == [False, True]


def test_the_contract_tests_pass_on_the_chain_that_replaces_that_of_brownie():
    settings = "tools/mutation/pytest.ini"
    folders = ["unit/clearing/Clearinghouse/test_tokens.py", "integration/test_whole_day.py"]
    paths = [f"tests/contracts/{folder}" for folder in folders]
    command = [sys.executable, "-m", "pytest", "-q", "-c", settings, "--rootdir", ".", *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_tests_that_fail_with_the_contracts_as_they_are_kill_nothing(project):
    folder = project / "tests/contracts/broken"
    folder.mkdir()
    (folder / "test_broken.py").write_text("def test_fails():\n    assert False\n")
    done = run(project, "--tests", "tests/contracts/broken", "--fresh")
    assert done.returncode == 2
    assert "left out" in done.stdout


def test_what_is_deployed_before_there_is_a_mutant_is_refused(project):
    """It would have the contracts' own code for ever, so that all its tests noticed nothing."""
    folder = project / "tests/contracts/early"
    folder.mkdir()
    text = "from setm.evm import Evm\n\nJAR = Evm().deploy('Jar')\n\n\ndef test_passes():\n    assert JAR\n"
    (folder / "test_early.py").write_text(text)
    done = run(project, "--tests", "tests/contracts/early", "--fresh")
    assert done.returncode == 2
    assert "a fixture has to" in done.stdout + done.stderr
