"""Asks the tests about one mutant after another: a pytest plugin that forks a fresh process for each.

Tests are collected once. A forked process gets the mutant's code, runs the tests that use a changed contract, the
likeliest killers first, and ends at the first that fails. A test counts only if it passes with the contracts as they
are, compiled in the same way: that is asked first, module by module, each in a process of its own.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyrevm
import pytest
from hypothesis import HealthCheck, Phase, settings

import setm.evm
import setm.evm.compiler
import setm.evm.machine
from tools.mutation.compiler import Artifacts

# Above what any test needs; ends a loop that has no end within seconds.
GAS_LIMIT = 2 * 10**9
# Code that the optimizer has not seen is larger than a chain accepts.
CODE_LIMIT = 10**6
CPU_SECONDS = 15
# What a slow machine does to a random test, rather than a mutant.
NOT_A_KILL = ("FailedHealthCheck", "DeadlineExceeded", "Unsatisfiable")


@dataclass(slots=True)
class Verdict:
    """What the tests say of a mutant."""

    outcome: str
    by: str = ""
    why: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Module:
    """The tests of one file: what they use, how long they take, how often they have killed."""

    path: str
    items: list[pytest.Item]
    contracts: frozenset[str] = frozenset()
    seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Code:
    """Gives the EVM each contract's code, or a mutant's instead, and notes which contracts were asked for."""

    def __init__(self, originals: Artifacts) -> None:
        self.originals = originals
        self.changed: Mapping[str, Mapping[str, Any]] = {}
        self.asked: set[str] = set()
        self._others = setm.evm.compiler.artifact

    def artifact(self, name: str) -> Mapping[str, Any]:
        """Stand in for `setm.evm.artifact`."""
        self.asked.add(name)
        return self.changed.get(name) or self.originals.get(name) or self._others(name)

    def install(self) -> None:
        """Let every module that asks for code ask here; before tests are imported."""
        for module in (setm.evm, setm.evm.compiler, setm.evm.machine):
            setattr(module, "artifact", self.artifact)  # noqa: B010
        setattr(setm.evm.machine, "GAS_LIMIT", GAS_LIMIT)  # noqa: B010

        def new_machine(evm: Any) -> Any:
            config = pyrevm.CfgEnv(chain_id=evm.chain_id, limit_contract_code_size=CODE_LIMIT)
            env = pyrevm.Env(cfg=config, block=evm._block())
            return pyrevm.EVM(env=env, gas_limit=GAS_LIMIT, spec_id="SHANGHAI")

        setattr(setm.evm.machine.Evm, "_new_machine", new_machine)  # noqa: B010


class Reporter:
    """Hears of each test in a forked process: notes the first failure, or how each test went."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a report."""
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            why = _reason(report)
            if not any(name in why for name in NOT_A_KILL):
                self.failed.setdefault(report.nodeid, why)


def _reason(report: pytest.TestReport) -> str:
    text = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr))
    return " ".join(str(text).split())[:160]


Asker = Callable[["Tests"], int]


class Tests:
    """The plugin; ``asker`` is what pytest does instead of running the tests, and its answer the exit status."""

    __test__ = False

    def __init__(self, code: Code, asker: Asker) -> None:
        self.code, self._asker = code, asker
        self.modules: dict[str, Module] = {}
        self.unfit: dict[str, str] = {}
        self._config: Any = None
        self._kills: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let random tests ask the same every time, and not look for the smallest example of a failure."""
        self._config = config
        phases = (Phase.explicit, Phase.generate)
        everything = list(HealthCheck)
        settings.register_profile(
            "mutation",
            derandomize=True,
            database=None,
            deadline=None,
            phases=phases,
            suppress_health_check=everything,
            print_blob=False,
        )
        settings.load_profile("mutation")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Ask instead of running."""
        if session.testsfailed:
            raise session.Interrupted("tests that cannot be collected")
        if any(isinstance(found, setm.evm.machine.Contract) for found in gc.get_objects()):
            # What is deployed by now would have the code of the contracts as they are for ever, and notice no mutant.
            raise session.Interrupted(
                "a test deploys contracts while it is imported: a fixture has to"
            )
        for item in session.items:
            path = item.nodeid.partition("::")[0]
            self.modules.setdefault(path, Module(path, [])).items.append(item)
        gc.collect()
        gc.freeze()
        session.testsfailed = self._asker(self)
        return True

    # With the contracts as they are

    def measure(self, jobs: int, known: Mapping[str, Any]) -> dict[str, Any]:
        """Find what each module uses and takes, and leave out the tests that do not pass here; return the answers."""
        answers = dict(known)
        waiting = [module for path, module in self.modules.items() if path not in known]
        running: dict[int, tuple[Module, Child]] = {}
        while waiting or running:
            while waiting and len(running) < jobs:
                module = waiting.pop()
                child = Child(partial(self._measured, module), cpu=300)
                running[child.pipe] = (module, child)
            ready, _, _ = select.select(list(running), [], [])
            for pipe in ready:
                module, child = running[pipe]
                if child.read():
                    del running[pipe]
                    answers[module.path] = child.answer()
        for path, module in list(self.modules.items()):
            self._learn(module, answers[path])
            if not module.items:
                del self.modules[path]
        return answers

    def _measured(self, module: Module) -> dict[str, Any]:
        reporter = self._run(module.items, is_first=False)
        return {
            "failed": reporter.failed,
            "seconds": sum(reporter.seconds.values()),
            "asked": sorted(self.code.asked),
        }

    def _learn(self, module: Module, answer: Mapping[str, Any] | None) -> None:
        if answer is None:
            self.unfit[module.path] = "stopped"
            module.items.clear()
            return
        self.unfit |= answer["failed"]
        module.items = [item for item in module.items if item.nodeid not in answer["failed"]]
        module.seconds = answer["seconds"]
        module.contracts = frozenset(answer["asked"])

    # With a mutant

    def child(
        self,
        changed: Artifacts,
        modules: Sequence[Module],
        near: Sequence[str],
        source: str,
        first: str,
    ) -> Child:
        """Start asking modules about a mutant; ``first`` is the test that killed it the last time, if any."""
        order = list(self._order(modules, near, source, first))
        seconds = sum(module.seconds for module in modules)

        def ask() -> dict[str, Any]:
            self.code.changed = changed
            reporter = self._run(order, is_first=True)
            return {"failed": reporter.failed}

        return Child(ask, cpu=int(CPU_SECONDS + 3 * seconds))

    def verdict(self, child: Child, source: str) -> Verdict:
        """Return what came out, and learn from it which tests to ask first."""
        answer = child.answer()
        if answer is None:
            return Verdict(outcome="timed out", why=child.ending, seconds=child.seconds)
        for by, why in answer["failed"].items():
            self.remember(source, by)
            return Verdict(outcome="killed", by=by, why=why, seconds=child.seconds)
        return Verdict(outcome="survived", seconds=child.seconds)

    def remember(self, source: str, by: str) -> None:
        """Note that a test killed a mutant of a source: it is asked sooner about the others."""
        self._kills[source][by] += 1
        module = self.modules.get(by.partition("::")[0])
        if module is not None:
            module.kills[source] += 1

    def relevant(self, contracts: frozenset[str]) -> list[Module]:
        """Return the modules that use one of the contracts."""
        return [module for module in self.modules.values() if module.contracts & contracts]

    def _order(
        self, modules: Sequence[Module], near: Sequence[str], source: str, first: str
    ) -> Iterator[pytest.Item]:
        """Yield tests: the known killer, then modules by kills a second, the near ones first while nothing is known."""
        kills = self._kills[source]

        def rank(module: Module) -> float:
            is_near = any(module.path.startswith(folder) for folder in near)
            return (module.kills[source] + (1.0 if is_near else 0.05)) / (module.seconds + 0.1)

        relevant = sorted(modules, key=lambda m: (-rank(m), m.path))
        if first:
            yield from (i for m in relevant for i in m.items if i.nodeid == first)
        for module in relevant:
            yield from sorted(module.items, key=lambda item: -kills[item.nodeid])

    def _run(self, items: Iterable[pytest.Item], *, is_first: bool) -> Reporter:
        """Run tests in this forked process; up to the first failure, if that is asked."""
        manager, reporter = self._config.pluginmanager, Reporter()
        for name in ("terminalreporter", "capturemanager", "logging-plugin"):
            plugin = manager.get_plugin(name)
            if plugin is not None:
                manager.unregister(plugin)
        manager.register(reporter)
        ordered = list(items)
        for item, following in zip(ordered, [*ordered[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if is_first and reporter.failed:
                break
        return reporter


class Child:
    """A forked process that answers with JSON through a pipe, or dies of too much work."""

    def __init__(self, work: Callable[[], Mapping[str, Any]], *, cpu: int) -> None:
        self.pipe, end = os.pipe()
        self._read = b""
        self._started = time.monotonic()
        self.ending = ""
        self.seconds = 0.0
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self.pipe)
            self._answer(work, cpu, end)
        os.close(end)

    @staticmethod
    def _answer(work: Callable[[], Mapping[str, Any]], cpu: int, end: int) -> None:
        # Work is counted, not time: a busy machine makes nothing time out.
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        try:
            text = json.dumps(work()).encode()
            while text:
                text = text[os.write(end, text) :]
            os._exit(0)
        finally:
            # Whatever happened: the parent's work is not to be continued here.
            os._exit(1)

    def read(self) -> bool:
        """Take what has come; return whether that is all."""
        part = os.read(self.pipe, 65_536)
        self._read += part
        if part:
            return False
        os.close(self.pipe)
        _, status = os.waitpid(self._pid, 0)
        self.seconds = time.monotonic() - self._started
        if os.WIFSIGNALED(status):
            self.ending = signal.Signals(os.WTERMSIG(status)).name
        elif status:
            self.ending = "stopped"
            self._read = b""
        return True

    def answer(self) -> Any:
        """Return what it answered, or nothing if it died."""
        return json.loads(self._read) if self._read and not self.ending else None


def digest_of(paths: Iterable[Path]) -> str:
    """Return a hash of files, names included."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def collect(paths: Sequence[str], root: Path, plugin: Tests, ignored: Sequence[str]) -> int:
    """Let pytest collect the tests under ``paths`` of a project and hand them to the plugin; return its exit status."""
    settings = Path(__file__).with_name("pytest.ini")
    arguments = ["-c", str(settings), "--rootdir", str(root), "-q", "--capture=no"]
    arguments += [f"--ignore={root / path}" for path in ignored]
    arguments += [str(root / path) for path in paths if (root / path).exists()]
    sys.stdout.flush()
    return int(pytest.main(arguments, plugins=[plugin]))
