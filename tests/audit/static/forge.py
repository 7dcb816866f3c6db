"""Runs Foundry's fuzzer over tests/forge, on the very code that is deployed.

::

    .venv/bin/python -m tests.audit.static.forge          # all of it, at SETM_DEPTH
    .venv/bin/python -m tests.audit.static.forge -vvv --match-test testFuzz_fewOrders
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setm.evm import artifact
from tests.audit.figures import DEPTH, ROOT

CODE = ROOT / "build" / "forge" / "code"
FOLDER = ROOT / "tests" / "forge"
# What the tests deploy by name.
DEPLOYED = (
    "Auction",
    "Clearinghouse",
    "McAfeeRule",
    "MeterRegistry",
    "ParticipantRegistry",
    "PayAsBidRule",
    "Settlement",
    "SupplyDemandRule",
    "TestEuro",
    "UniformPriceRule",
    "VickreyRule",
)
FUZZ_RUNS = 300 * DEPTH
INVARIANT_RUNS = 3 * DEPTH
INVARIANT_DEPTH = 500
SEED = "0x5e7"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test as forge reports it."""

    name: str
    is_passed: bool
    reason: str
    runs: int
    calls: int
    # Of a handler: for each of its functions the calls that the contracts did not refuse.
    accepted: dict[str, int]


def binary() -> str:
    """Return the program itself: npm's launcher ends with 0 when tests fail."""
    system = {"Linux": "linux", "Darwin": "darwin"}[platform.system()]
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    folder = ROOT / "node_modules" / "@foundry-rs" / f"forge-{system}-{machine}"
    return str(folder / "bin" / "forge")


def run(
    options: Sequence[str], *, capture: bool, folder: Path = FOLDER
) -> subprocess.CompletedProcess[str]:
    """Write the code to deploy where the tests find it, and run forge on the tests of ``folder``."""
    CODE.mkdir(parents=True, exist_ok=True)
    for name in DEPLOYED:
        # Renamed into place: another forge may be reading.
        partial = CODE / f"{name}.{os.getpid()}"
        partial.write_text(artifact(name)["bytecode"])
        partial.replace(CODE / f"{name}.hex")
    environment = os.environ | {
        "FOUNDRY_FUZZ_RUNS": str(FUZZ_RUNS),
        "FOUNDRY_FUZZ_SEED": SEED,
        "FOUNDRY_INVARIANT_RUNS": str(INVARIANT_RUNS),
        "FOUNDRY_INVARIANT_DEPTH": str(INVARIANT_DEPTH),
        "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
    }
    command = [binary(), "test", "--root", str(folder), *options]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=capture,
        text=True,
        check=False,
    )


def outcomes(report: str) -> list[Outcome]:
    """Return every test of ``forge test --json``."""
    found = []
    for file, suite in json.loads(report).items():
        for signature, result in suite["test_results"].items():
            kind: dict[str, Any] = next(iter(result["kind"].values()), {})
            found.append(
                Outcome(
                    name=f"{file.rpartition(':')[2]}.{signature.partition('(')[0]}",
                    is_passed=result["status"] == "Success",
                    reason=str(result.get("reason") or ""),
                    runs=int(kind.get("runs", 1)),
                    calls=int(kind.get("calls", kind.get("runs", 1))),
                    accepted={
                        name.rpartition(".")[2]: each["calls"] - each["reverts"] - each["discards"]
                        for name, each in kind.get("metrics", {}).items()
                    },
                )
            )
    return sorted(found, key=lambda outcome: outcome.name)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], capture=False).returncode)
