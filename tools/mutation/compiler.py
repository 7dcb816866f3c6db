"""The compiler that stays loaded, and which contracts a source goes into."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from setm.evm.compiler import ROOT, _closure

Artifacts = dict[str, dict[str, Any]]

_CONTRACT = re.compile(r"^contract (\w+)", re.MULTILINE)


class Compiler:
    """A Node process with solc in it; ends with the block that opened it."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        config = yaml.safe_load((root / "brownie-config.yaml").read_text())["compiler"]
        solc = config["solc"]
        command = ["node", str(Path(__file__).with_name("solc_worker.js")), str(root)]
        command += [config["evm_version"], str(solc["optimizer"]["runs"]), *solc["remappings"]]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Compiler:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closes the pipes, which ends it, and waits.
        self._process.__exit__(kind, value, trace)

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def tree(self, path: str) -> Any:
        """Return the syntax tree of a source."""
        return self._ask({"ast": path})["ast"]

    def compiled(
        self,
        paths: list[str],
        changed: Mapping[str, str] | None = None,
        *,
        is_optimized: bool = False,
    ) -> Artifacts | None:
        """Return the contracts in ``paths`` with some sources changed, or nothing if it does not compile."""
        request = {"compile": paths, "changed": changed or {}, "optimize": is_optimized}
        found = self._ask(request)
        return None if "error" in found else found


class Sources:
    """The project's sources as they are now: which are mutated, which contracts each of them goes into.

    They are read once, so that somebody who edits a file meanwhile disturbs nothing.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        # The source of each contract that can be deployed, mocks of the tests included.
        self.deployable: dict[str, str] = {}
        self._closures: dict[str, dict[str, str]] = {}
        for path in sorted((root / "contracts").rglob("*.sol")):
            for name in _CONTRACT.findall(path.read_text()):
                self.deployable[name] = path.relative_to(root).as_posix()
                self._closures[name] = _closure(path)

    @property
    def mutated(self) -> list[str]:
        """The sources that have mutants: all with code but the mocks."""
        closures = self._closures.values()
        found = {path for closure in closures for path in closure if path.startswith("contracts/")}
        return sorted(path for path in found if not path.startswith("contracts/mocks/"))

    def text(self, path: str) -> str:
        """Return a source."""
        return self._closures[self.affected(path)[0]][path]

    def affected(self, path: str) -> list[str]:
        """Return the names of the contracts that a source goes into."""
        return sorted(name for name, closure in self._closures.items() if path in closure)

    def digest(self, *names: str) -> str:
        """Return a hash of everything that these contracts are compiled from."""
        sources: dict[str, str] = {}
        for name in names:
            sources |= self._closures[name]
        settings = (self.root / "brownie-config.yaml").read_text()
        text = json.dumps([sources, settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def originals(self, compiler: Compiler) -> Artifacts:
        """Return every contract as it is, without the optimizer; kept for the next time."""
        names = sorted(self.deployable)
        stored = self.root / "build" / "mutation" / f"{self.digest(*names)}.json"
        if not stored.exists():
            found = compiler.compiled([self.deployable[name] for name in names])
            if found is None:
                raise SystemExit("the contracts do not compile")
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_text(json.dumps(found))
        kept: Artifacts = json.loads(stored.read_text())
        return kept
