"""Whoever follows a link or an error message arrives: headings, anchors and files are there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from setm import errors
from setm.chain.abi import ROLES, abi

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for folder in (".", "docs", "contracts", "interfaces", "scripts", "tests", "data")
    for path in ((ROOT / folder).rglob("*.md") if folder != "." else (ROOT / folder).glob("*.md"))
)
ERRORS_PAGE = DOCS / "errors.md"
# What setm.chain.abi.decode_error says of revert data that is no custom error.
STAND_INS = {"Reverted", "Error", "Panic", "UnknownError"}


def anchor(heading: str) -> str:
    """GitHub's anchor of a heading."""
    text = re.sub(r"[`*]", "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    return {anchor(heading) for heading in re.findall(r"^#{1,6} (.+)$", prose, flags=re.M)}


def interface_errors() -> set[str]:
    text = "\n".join(path.read_text() for path in (ROOT / "interfaces").glob("*.sol"))
    return set(re.findall(r"^\s*error (\w+)\(", text, flags=re.M))


def python_errors() -> set[str]:
    classes = inspect.getmembers(errors, inspect.isclass)
    return {name for name, found in classes if issubclass(found, errors.SetmError)}


def test_the_sources_of_errors_are_found():
    assert {"NotSecured", "SlotPoolTooLow", "EarlierSlotOpen"} <= interface_errors()
    assert {"SetmError", "DataError", "Reverted"} <= python_errors()


@pytest.mark.parametrize("name", sorted(interface_errors() | python_errors() | STAND_INS))
def test_every_error_is_explained(name):
    assert name.lower() in anchors(ERRORS_PAGE)


@pytest.mark.parametrize("contract", sorted(ROLES.values()))
def test_every_error_that_a_contract_can_answer_is_explained(contract):
    names = {item["name"] for item in abi(contract) if item["type"] == "error"}
    known = anchors(ERRORS_PAGE)
    assert {name for name in names if name.lower() not in known} == set()


def test_no_error_is_explained_that_does_not_exist():
    answered = {
        item["name"]
        for contract in ROLES.values()
        for item in abi(contract)
        if item["type"] == "error"
    }
    known = interface_errors() | python_errors() | STAND_INS | answered
    headings = re.findall(r"^### (\w+)$", ERRORS_PAGE.read_text(), flags=re.M)
    assert sorted(headings) == sorted(set(headings)), "a heading stands twice"
    assert set(headings) - known == set()


def links(page: Path) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    found = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page):
    broken = []
    for link in links(page):
        target, _, fragment = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (fragment and fragment not in anchors(file)):
            broken.append(link)
    assert broken == []


def test_tests_named_in_the_docs_exist():
    named = {
        found
        for page in PAGES
        for found in re.findall(r"`(tests/[\w./]+?)(?:::(\w+))?`", page.read_text())
    }
    missing = [
        f"{file}::{test}" if test else file
        for file, test in sorted(named)
        if not (ROOT / file).exists()
        or (test and not re.search(rf"^\s*def {test}\b", (ROOT / file).read_text(), flags=re.M))
    ]
    assert missing == []


def fields_of(model):
    """Every field of a scenario, parts included."""
    for name, field in model.model_fields.items():
        yield name
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for part in inner:
            if isinstance(part, type) and hasattr(part, "model_fields"):
                yield from fields_of(part)


def test_every_field_of_a_scenario_is_explained():
    from setm.scenario import Scenario

    text = (DOCS / "scenarios.md").read_text()
    assert {name for name in fields_of(Scenario) if f"`{name}`" not in text} == set()


def test_every_forecast_model_is_explained():
    from setm.forecast import MODEL_NAMES

    text = (DOCS / "scenarios.md").read_text()
    assert [name for name in MODEL_NAMES if f"`{name}`" not in text] == []


def test_the_console_example_can_be_typed():
    """Every line is Python, and nothing is used before it is named; Brownie brings run and chain."""
    import ast
    import builtins

    block = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    lines = re.findall(r"^>>> (.+)$", block.group(1), flags=re.M)
    known = {"run", "chain", *dir(builtins)}
    for line in lines:
        tree = ast.parse(line)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        stored = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        assert used - stored <= known, line
        known |= stored
