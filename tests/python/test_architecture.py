"""The house keeps its shape: who may import whom, how long a contract may be, and what the README may promise."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "setm"
CONTRACTS = ROOT / "contracts"

# From the bottom up. A part may import parts of its own floor and of the floors below; no two parts need each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "units",
        "slots",
        "types",
        "errors",
        "messages",
        "signatures",
        "environment",
        "keystore",
        "files",
    ),
    (
        "orders",
        "pricing",
        "settlement",
        "metering",
        "days",
        "registry",
        "ledger",
        "negotiation",
        "tags",
        "tariff",
        "deployment_plan",
        "anonymous",
        "schedules",
    ),
    ("data", "forecast", "agents", "households", "scenario", "experiment", "optimum"),
    ("trading",),
    ("chain", "evm"),
    ("simulation",),
    ("report",),
    ("compare",),
    ("verify",),
    ("study", "forecast_value"),
    ("bench", "cli"),
)
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}

MAX_CONTRACT_LINES = 249
MAX_FUNCTION_LINES = 39
# Loops in assembly, in which a call for each order would cost more than what it does.
LONG_FUNCTIONS = {
    "contracts/libraries/FillLib.sol: _fill",
    "contracts/libraries/SingleLib.sol: walk",
    "contracts/libraries/LaneLib.sol: _imbalance",
}


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imported_modules(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file; ``from setm import x`` counts as ``setm.x``."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "setm":
                yield from (f"setm.{alias.name}" for alias in node.names)
            else:
                yield node.module


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def part_imports() -> dict[tuple[str, str], Path]:
    """Which part of the package imports which other part, with one file that does."""
    found: dict[tuple[str, str], Path] = {}
    for path in python_files(PACKAGE):
        for module in imported_modules(path):
            names = module.split(".")
            if names[0] == "setm" and len(names) > 1 and names[1] in FLOOR_OF:
                found.setdefault((part_of(path), names[1]), path.relative_to(ROOT))
    return {pair: path for pair, path in found.items() if pair[0] != pair[1]}


def test_every_part_of_the_package_has_a_floor():
    parts = {part_of(path) for path in python_files(PACKAGE)} - {"__init__"}
    assert parts - FLOOR_OF.keys() == set()


def test_parts_import_downwards_only():
    upwards = {
        f"{path}: {part} imports {other}"
        for (part, other), path in part_imports().items()
        if FLOOR_OF[other] > FLOOR_OF[part]
    }
    assert upwards == set()


def test_no_two_parts_need_each_other():
    needs: dict[str, set[str]] = {}
    for part, other in part_imports():
        needs.setdefault(part, set()).add(other)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"parts that need each other: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("library", ["brownie", "tests", "scripts"])
def test_the_package_never_imports(library):
    offenders = [
        str(path.relative_to(ROOT))
        for path in python_files(PACKAGE)
        if any(module.split(".")[0] == library for module in imported_modules(path))
    ]
    assert offenders == []


def test_only_the_chain_layer_speaks_web3():
    offenders = [
        str(path.relative_to(ROOT))
        for path in python_files(PACKAGE)
        if part_of(path) != "chain"
        and any(module.split(".")[0] == "web3" for module in imported_modules(path))
    ]
    assert offenders == []


def solidity_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.sol"))


def solidity_imports(path: Path) -> list[str]:
    return re.findall(r"^import\b[^;]*?[\"']([^\"']+)[\"'];", path.read_text(), flags=re.M)


def may_import(path: Path, target: str) -> bool:
    if target.startswith("@openzeppelin/contracts/"):
        return True
    resolved = (path.parent / target).resolve()
    if path.is_relative_to(ROOT / "interfaces"):
        return resolved.parent == ROOT / "interfaces"
    homes = (ROOT / "interfaces", CONTRACTS / "libraries", path.parent)
    return resolved.parent in homes


def test_contracts_import_interfaces_libraries_and_their_own_folder_only():
    offenders = [
        f"{path.relative_to(ROOT)} imports {target}"
        for path in solidity_files(CONTRACTS, ROOT / "interfaces")
        if not path.is_relative_to(CONTRACTS / "mocks")
        for target in solidity_imports(path)
        if not may_import(path, target)
    ]
    assert offenders == []


def test_nothing_but_a_test_knows_the_mocks():
    offenders = [
        f"{path.relative_to(ROOT)} imports {target}"
        for path in solidity_files(CONTRACTS)
        if not path.is_relative_to(CONTRACTS / "mocks")
        for target in solidity_imports(path)
        if "mocks" in target
    ]
    assert offenders == []


def test_solidity_files_begin_with_the_licence_and_the_exact_compiler():
    expected = "// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n"
    files = solidity_files(CONTRACTS, ROOT / "interfaces")
    assert [str(path) for path in files if not path.read_text().startswith(expected)] == []


def test_contracts_stay_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in solidity_files(CONTRACTS)
    }
    assert {name: n for name, n in lengths.items() if n > MAX_CONTRACT_LINES} == {}


def function_lengths(source: str) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function with a body, from its first line to its closing brace.

    Relies on the formatter: a function begins at four spaces and its body ends with a brace at four spaces.
    """
    name, begun = "", 0
    for number, line in enumerate(source.splitlines()):
        heading = re.match(
            r"    (?:function (\w+)|(constructor|receive|fallback)\b|modifier (\w+))", line
        )
        if heading:
            name, begun = next(group for group in heading.groups() if group), number
        if name and (line == "    }" or (line.endswith(";") and line.startswith("    function"))):
            yield name, number - begun + 1
            name = ""
        elif name and re.match(r"    \).*;$", line):
            name = ""


def test_functions_stay_short():
    offenders = {
        f"{path.relative_to(ROOT)}: {name}": lines
        for path in solidity_files(CONTRACTS)
        for name, lines in function_lengths(path.read_text())
        if lines > MAX_FUNCTION_LINES
    }
    assert offenders.keys() == LONG_FUNCTIONS


def test_function_lengths_are_counted_from_heading_to_brace():
    lines = (
        "contract C {",
        "    function f()",
        "        external",
        "    {",
        "        g();",
        "    }",
    )
    source = "\n".join((*lines, "", "    function h() external;", "}"))
    assert list(function_lengths(source)) == [("f", 5), ("h", 1)]


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|X" + "XX)\b")
    folders = ("contracts", "interfaces", "scripts", "setm", "tests", "tools", "docs", "scenarios")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = [*files, ROOT / "Makefile", *ROOT.glob("*.md")]
    offenders = [
        str(path.relative_to(ROOT))
        for path in texts
        if path.suffix in {".sol", ".py", ".md", ".yaml", ".json", ".js", ".html", ""}
        and marks.search(path.read_text(errors="replace"))
    ]
    assert offenders == []


def promised_commands() -> list[str]:
    """Every ``setm ...`` that the README and the docs show, in a code block or as inline code."""
    found: set[str] = set()
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = path.read_text()
        blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, flags=re.M | re.S)
        lines = [line for block in blocks for line in block.splitlines()]
        prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        for line in [*lines, *re.findall(r"`([^`\n]+)`", prose)]:
            shown = re.match(
                r"(?:\$ )?(?:\.venv/bin/)?(setm(?: [^#|=]+)?)\s*(?:#.*)?$", line.strip()
            )
            if shown:
                found.add(shown.group(1).strip())
    return sorted(found)


@pytest.mark.parametrize("line", promised_commands())
def test_a_documented_command_exists(line):
    typer = pytest.importorskip("typer")
    from setm.cli.app import app

    command = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        assert words[0] in command.commands, f"there is no `{line}`"
        command = command.commands[words.pop(0)]
    known = {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    assert {word.split("=")[0] for word in words if word.startswith("--")} - known == set()
