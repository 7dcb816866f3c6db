"""A run: which mutants, asked of which tests, with what result."""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import setm.evm.compiler
from tests.audit import figures
from tools.mutation.compiler import Artifacts, Compiler, Sources
from tools.mutation.killing import Child, Code, Tests, Verdict, collect, digest_of
from tools.mutation.mutants import Mutant, mutants_of, sampled
from tools.mutation.report import Book, Entry, Report

# Every test of the contracts that runs in this process. Gas ceilings are left out: almost any change costs gas, so that
# they would kill mutants without noticing that anything is wrong.
TESTS = (
    "tests/contracts/unit",
    "tests/contracts/common",
    "tests/contracts/integration",
    "tests/contracts/invariant",
    "tests/audit/mutation",
    "tests/audit/anonymous",
    "tests/audit/schedules",
    "tests/audit/attacks",
    # The same ladders on the chain and in the reference, rule by rule.
    "tests/audit/books/test_rules.py",
)
# Walks at random, which would be walked anew for each mutant.
NOT_ASKED = ("tests/audit/schedules/walk",)
IMPORTED = re.compile(r"^(?:from|import) ((?:tests|scripts|setm\.evm)[\w.]*)", re.MULTILINE)
# Tests that start processes of their own, such as chains, cannot be asked in a fork.
STARTS_PROCESSES = re.compile(r"\b(subprocess|local_node)\b")
# Where the unit tests are, in folders that are called as those of the contracts.
UNIT = "tests/contracts/unit"
NEAR = (UNIT, "tests/audit/mutation")
# What the libraries are for.
BESIDE = (f"{UNIT}/market", f"{UNIT}/settlement")


@dataclass(slots=True)
class Task:
    """A mutant while it is asked about."""

    mutant: Mutant
    child: Child
    entry: Entry


@dataclass(slots=True, kw_only=True)
class Run:
    """What was asked on the command line."""

    root: Path
    contracts: Sequence[str]
    sample: int | None
    seed: int
    jobs: int
    ids: Sequence[str]
    tests: Sequence[str] | None
    is_fresh: bool
    is_quick: bool
    sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        setm.evm.compiler.ROOT = self.root
        self.sources = Sources(self.root)

    def mutants(self, compiler: Compiler) -> list[Mutant]:
        """Return the mutants to ask about."""
        paths = self.sources.mutated
        unknown = set(self.contracts) - {Path(path).stem for path in paths}
        if unknown:
            raise SystemExit(f"no such sources: {', '.join(sorted(unknown))}")
        found: list[Mutant] = []
        for path in paths:
            if not self.contracts or Path(path).stem in self.contracts:
                text = self.sources.text(path)
                found += mutants_of(path, text.encode(), compiler.tree(path))
        if self.ids:
            return [mutant for mutant in found if mutant.id in self.ids]
        return found if self.sample is None else sampled(found, self.sample, self.seed)

    def list_mutants(self) -> int:
        """Print the mutants."""
        with Compiler(self.root) as compiler:
            for mutant in self.mutants(compiler):
                print(f"{mutant.id:45} {_short(mutant.before)} -> {_short(mutant.after)}")
        return 0

    def execute(self) -> int:
        """Ask about all mutants and report; return the exit status."""
        # What tests reach with a mutant is no figure of the audit.
        figures.FIGURES = Path(os.devnull)
        with Compiler(self.root) as compiler:
            mutants = self.mutants(compiler)
            code = Code(self.sources.originals(compiler))
            code.install()
            asking = Asking(self, compiler, code, mutants)
            tests = self.tests or (NEAR if self.is_quick else TESTS)
            status = collect(tests, self.root, Tests(code, asking), self._not_asked())
        figures.FIGURES = self.root / "reports" / "audit" / "figures.jsonl"
        if status not in (0, 1) or asking.book is None:
            return 2
        is_whole = self.sample is None
        report = Report(self.root, asking.book, mutants, is_whole=is_whole, is_quick=self.is_quick)
        return report.publish()

    def _not_asked(self) -> list[str]:
        tests = sorted((self.root / "tests").rglob("test_*.py"))
        found = [path for path in tests if STARTS_PROCESSES.search(path.read_text())]
        return [*NOT_ASKED, *(path.relative_to(self.root).as_posix() for path in found)]


class Asking:
    """Asks the tests about the mutants, one after another or some at a time."""

    def __init__(self, run: Run, compiler: Compiler, code: Code, mutants: Sequence[Mutant]) -> None:
        self._run, self._compiler, self._code, self._mutants = run, compiler, code, mutants
        self.book: Book | None = None
        self._seen: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        self._tests: dict[str, str] = {}
        self._optimized: dict[str, Artifacts] = {}

    def __call__(self, asked: Tests) -> int:
        started = time.monotonic()
        self._measure(asked)
        for test, why in asked.unfit.items():
            print(f"left out, does not pass with the contracts as they are: {test}: {why}")
        seconds = time.monotonic() - started
        count = sum(len(module.items) for module in asked.modules.values())
        print(f"{count} tests pass with the contracts as they are, in {seconds:.0f} s", flush=True)
        if not count:
            return 1
        self.book = Book(self._run.root)
        for entry in self.book.killed():
            asked.remember(entry.path, entry.by)
        running: dict[int, Task] = {}
        for number, mutant in enumerate(self._mutants, start=1):
            while len(running) >= self._run.jobs:
                self._reap(running, asked)
            task = self._start(mutant, asked)
            if task is not None:
                running[task.child.pipe] = task
            if self._run.jobs == 1:
                while running:
                    self._reap(running, asked)
            if number % 50 == 0:
                print(f"{number} of {len(self._mutants)} mutants", flush=True)
        while running:
            self._reap(running, asked)
        return 0

    def _measure(self, asked: Tests) -> None:
        """Ask the tests about the contracts as they are; what is known of these tests and their contracts is kept."""
        file = self._run.root / "build" / "mutation" / "tests.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        keys = {f"{path} {self._digest_of(path)}": path for path in asked.modules}
        answers = {
            keys[key]: kept["answer"]
            for key, kept in known.items()
            if key in keys and kept["code"] == self._code_digest(kept["answer"])
        }
        found = asked.measure(self._run.jobs, answers)
        for key, path in keys.items():
            known[key] = {"code": self._code_digest(found[path]), "answer": found[path]}
        file.write_text(json.dumps(known))

    def _code_digest(self, answer: Mapping[str, Any] | None) -> str:
        names = set(answer["asked"] if answer else ()) & set(self._run.sources.deployable)
        return self._run.sources.digest(*sorted(names))

    def _start(self, mutant: Mutant, asked: Tests) -> Task | None:
        """Compile a mutant and ask about it, unless its fate is known."""
        assert self.book is not None
        source = self._source_digest(mutant.path)
        known = self.book.last(mutant)
        entry = Entry.of(mutant, source)
        if known is not None and known.sources == source and not self._run.is_fresh:
            if known.outcome in ("equivalent", "duplicate", "uncompilable", "timed out"):
                return None
            if known.outcome == "killed" and self._digest_of(known.by) == known.tested.get(
                _file(known.by)
            ):
                self._seen.setdefault(known.code_hash, mutant.id)
                return None
        changed = self._compile(mutant)
        if changed is None:
            self.book.write(entry.ended(Verdict(outcome="uncompilable")))
            return None
        entry.code_hash = _hash(changed)
        if twin := self._twin(mutant, changed, entry.code_hash):
            entry.by = twin
            outcome = "duplicate" if twin != "original" else "equivalent"
            self.book.write(entry.ended(Verdict(outcome=outcome, by=twin)))
            return None
        folder = mutant.path.split("/")[1]
        near = [f"{UNIT}/{folder}", NEAR[1], *(BESIDE if folder == "libraries" else ())]
        modules = asked.relevant(frozenset(changed))
        if self._run.is_quick:
            modules = [module for module in modules if module.path.startswith(tuple(near))]
        entry.tested = {module.path: self._digest_of(module.path) for module in modules}
        if known is not None and known.sources == source and known.outcome == "survived":
            if not self._run.is_fresh:
                modules = [m for m in modules if known.tested.get(m.path) != entry.tested[m.path]]
                entry.tested = known.tested | entry.tested
            if not modules:
                return None
        first = known.by if known is not None and known.outcome == "killed" else ""
        return Task(mutant, asked.child(changed, modules, near, mutant.path, first), entry)

    def _reap(self, running: dict[int, Task], asked: Tests) -> None:
        """Wait for one answer."""
        assert self.book is not None
        ready, _, _ = select.select(list(running), [], [])
        for pipe in ready:
            task = running[pipe]
            if task.child.read():
                del running[pipe]
                verdict = asked.verdict(task.child, task.mutant.path)
                is_final = verdict.outcome == "survived" and not self._run.is_quick
                if is_final and self._is_equivalent(task.mutant):
                    verdict.outcome = "equivalent"
                if verdict.outcome == "survived":
                    print(f"survived: {task.mutant.id}: {task.mutant.code}", flush=True)
                self.book.write(task.entry.ended(verdict))

    # Code

    def _compile(self, mutant: Mutant) -> Artifacts | None:
        names = self._run.sources.affected(mutant.path)
        paths = [self._run.sources.deployable[name] for name in names]
        text = mutant.applied_to(self._run.sources.text(mutant.path).encode())
        return self._compiler.compiled(paths, {mutant.path: text})

    def _twin(self, mutant: Mutant, changed: Artifacts, code: str) -> str:
        """Return the mutant that has the same code, or "original"."""
        if all(
            self._code.originals[name]["bytecode"] == changed[name]["bytecode"] for name in changed
        ):
            return "original"
        twin = self._seen.setdefault(code, mutant.id)
        return "" if twin == mutant.id else twin

    def _is_equivalent(self, mutant: Mutant) -> bool:
        """Return whether the optimizer makes the same code of it as of the original."""
        names = self._run.sources.affected(mutant.path)
        paths = [self._run.sources.deployable[name] for name in names]
        if mutant.path not in self._optimized:
            self._optimized[mutant.path] = self._compiler.compiled(paths, is_optimized=True) or {}
        text = mutant.applied_to(self._run.sources.text(mutant.path).encode())
        found = self._compiler.compiled(paths, {mutant.path: text}, is_optimized=True)
        return found == self._optimized[mutant.path]

    # What a result depends on

    def _source_digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = self._run.sources.digest(*self._run.sources.affected(path))
        return self._digests[path]

    def _digest_of(self, test: str) -> str:
        """Return a hash of a test's file, its fixtures, and all that these import from the tests and the EVM."""
        name = _file(test)
        if name not in self._tests:
            self._tests[name] = digest_of(helpers(self._run.root, self._run.root / name))
        return self._tests[name]


def helpers(root: Path, test: Path) -> set[Path]:
    """Return a test's file and what it stands on: fixtures above it, and what it imports of tests, scripts and EVM."""
    found: set[Path] = set()
    waiting = [test, *(folder / "conftest.py" for folder in test.parents if root in folder.parents)]
    while waiting:
        path = waiting.pop()
        if path in found or not path.exists():
            continue
        found.add(path)
        for module in IMPORTED.findall(path.read_text()):
            waiting.append(root / (module.replace(".", "/") + ".py"))
            waiting.append(root / module.replace(".", "/") / "__init__.py")
    return found


def _file(test: str) -> str:
    return test.partition("::")[0]


def _hash(changed: Artifacts) -> str:
    text = "".join(changed[name]["bytecode"] for name in sorted(changed))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 50 else line[:47] + "..."
