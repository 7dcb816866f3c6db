"""Measures how much of the contracts and of the Python package the tests run.

Prints a table for each and writes both to reports/coverage.md. Exits non-zero when a test fails. Brownie sees coverage
only on Ganache with the rules before London, so the contract tests run in a copy of the project with those rules.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.free_ports import free_ports

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(
    ".*", "build", "node_modules", "reports", "runs", "__pycache__", "*.egg-info"
)
RULES_BEFORE_LONDON = "berlin"
BROWNIE = f"{sys.prefix}/bin/brownie"
PARALLEL = ("--numprocesses", "auto", "--maxprocesses", "4")


# The outcomes seen at a place of a source (start, stop): a statement runs, a condition is true or false.
Places = dict[tuple[int, int], set[str]]

# What the colours of Brownie's report stand for.
STATEMENT_OUTCOMES = {"green": {"run"}, "red": set[str]()}
BRANCH_OUTCOMES = {
    "green": {"true", "false"},
    "yellow": {"true"},
    "orange": {"false"},
    "red": set[str](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of a file's or a contract's places the tests reached."""

    reached: int
    total: int

    def __str__(self) -> str:
        """Return the percentage and the counts; a dash where there is nothing to reach."""
        if not self.total:
            return "-"
        return f"{100 * self.reached / self.total:.1f} % ({self.reached}/{self.total})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table."""

    name: str
    statements: Share
    branches: Share


def copy_project(target: Path) -> None:
    """Copy what Brownie needs to ``target`` and set the rules under which it can see coverage."""
    shutil.copytree(ROOT, target, ignore=NOT_COPIED, dirs_exist_ok=True)
    (target / "node_modules").symlink_to(ROOT / "node_modules")
    (target / "reports").mkdir()
    config_path = target / "brownie-config.yaml"
    config = yaml.safe_load(config_path.read_text())
    config["compiler"]["evm_version"] = RULES_BEFORE_LONDON
    config["networks"]["ganache-cli"]["cmd_settings"]["evm_version"] = RULES_BEFORE_LONDON
    # Before London a price of 0 is accepted, and Brownie cannot ask for a base fee.
    del config["networks"]["development"]["gas_price"]
    config_path.write_text(yaml.safe_dump(config))


def run(command: list[str], folder: Path) -> int:
    """Run ``command`` in ``folder``; return its exit status."""
    environment = os.environ | {"SETM_CHAIN_PORT": str(free_ports(random.SystemRandom()))}
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode


def contract_rows(project: Path) -> list[Row]:
    """Return the coverage of every source under contracts/, over all contracts that contain it; not of mocks."""
    highlights = json.loads((project / "reports" / "coverage.json").read_text())["highlights"]
    statements: dict[str, Places] = defaultdict(lambda: defaultdict(set))
    branches: dict[str, Places] = defaultdict(lambda: defaultdict(set))
    for path in (project / "build" / "contracts").glob("*.json"):
        artifact = json.loads(path.read_text())
        for kind, outcomes, places in (
            ("statements", STATEMENT_OUTCOMES, statements),
            ("branches", BRANCH_OUTCOMES, branches),
        ):
            marks = highlights[kind].get(path.stem, {})
            for number, functions in artifact["coverageMap"][kind].items():
                source = places[artifact["allSourcePaths"][number]]
                for start, stop, *_ in (p for f in functions.values() for p in f.values()):
                    source[start, stop] |= set()
                for start, stop, colour, _ in marks.get(number, []):
                    source[start, stop] |= outcomes[colour]
    return [
        Row(
            name=source,
            statements=share(statements[source], outcomes=1),
            branches=share(branches[source], outcomes=2),
        )
        for source in sorted(statements)
        if source.startswith("contracts/") and not source.startswith("contracts/mocks/")
    ]


def share(places: Places, outcomes: int) -> Share:
    """Return how many of the possible outcomes of ``places`` were seen."""
    return Share(reached=sum(map(len, places.values())), total=outcomes * len(places))


def python_rows(report: Path) -> list[Row]:
    """Return the coverage of every module from coverage.py's JSON report."""
    return [
        Row(
            name=name,
            statements=Share(
                reached=file["summary"]["covered_lines"], total=file["summary"]["num_statements"]
            ),
            # A report without any run has no branches.
            branches=Share(
                reached=file["summary"].get("covered_branches", 0),
                total=file["summary"].get("num_branches", 0),
            ),
        )
        for name, file in sorted(json.loads(report.read_text())["files"].items())
    ]


def total(rows: Iterable[Row]) -> Row:
    """Return the sum of ``rows``."""
    rows = list(rows)
    return Row(
        name="total",
        statements=Share(
            reached=sum(row.statements.reached for row in rows),
            total=sum(row.statements.total for row in rows),
        ),
        branches=Share(
            reached=sum(row.branches.reached for row in rows),
            total=sum(row.branches.total for row in rows),
        ),
    )


def table(title: str, rows: list[Row]) -> str:
    """Return ``rows`` and their sum as a Markdown table."""
    lines = [f"## {title}", "", "| name | statements | branches |", "|---|---|---|"]
    lines += [f"| {row.name} | {row.statements} | {row.branches} |" for row in [*rows, total(rows)]]
    return "\n".join(lines) + "\n"


def cover_contracts(tests: str) -> tuple[int, list[Row]]:
    """Run the contract tests with coverage; return their exit status and one row a contract."""
    with tempfile.TemporaryDirectory(prefix="setm-coverage-") as folder:
        project = Path(folder)
        copy_project(project)
        # Workers that find nothing compiled compile beside each other and disagree in the end.
        status = run([BROWNIE, "compile"], project) or run(
            [
                *(BROWNIE, "test", tests, "--coverage", *PARALLEL),
                *("-p", "tools.brownie_immutables"),
                # Gas figures belong to the rules of today.
                *("--ignore", f"{tests}/gas"),
            ],
            project,
        )
        report = project / "reports" / "coverage.json"
        return status, contract_rows(project) if report.exists() else []


def cover_python(tests: str) -> tuple[int, list[Row]]:
    """Run the Python tests with coverage; return their exit status and one row a module."""
    with tempfile.TemporaryDirectory(prefix="setm-coverage-") as folder:
        report = Path(folder) / "coverage.json"
        status = run(
            [
                *(sys.executable, "-m", "pytest", "-c", "tests/python/pytest.ini", tests),
                *("--cov=setm", "--cov-branch", *PARALLEL),
                *(f"--cov-config={ROOT / 'pyproject.toml'}", f"--cov-report=json:{report}"),
            ],
            ROOT,
        )
        return status, python_rows(report) if report.exists() else []


def main() -> int:
    """Measure, report; return 1 when a test failed or nothing was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contracts", default="tests/contracts", help="folder of contract tests")
    parser.add_argument("--python", default="tests/python", help="folder of Python tests")
    arguments = parser.parse_args()

    contract_status, contracts = cover_contracts(arguments.contracts)
    python_status, modules = cover_python(arguments.python)

    report = "# Coverage\n\n" + table("Contracts", contracts) + "\n" + table("Python", modules)
    path = ROOT / "reports" / "coverage.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(report)
    print(f"\n{report}\nWritten to {path.relative_to(ROOT)}")
    return int(bool(contract_status or python_status or not contracts or not modules))


if __name__ == "__main__":
    sys.exit(main())
