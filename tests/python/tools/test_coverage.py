"""The figures of `make coverage`."""

import json
from pathlib import Path
from typing import Any

from tools.coverage import Row, Share, contract_rows, table, total


def write_artifact(project: Path, name: str, sources: dict[str, str], coverage_map: Any) -> None:
    path = project / "build" / "contracts" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"allSourcePaths": sources, "coverageMap": coverage_map}))


def write_report(project: Path, statements: Any, branches: Any) -> None:
    path = project / "reports" / "coverage.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"highlights": {"statements": statements, "branches": branches}}))


def test_adds_up_what_two_contracts_reach_of_their_common_base(tmp_path: Path) -> None:
    base = {"statements": {"0": {"Base.f": {"0": [1, 5], "1": [6, 9]}}}}
    base |= {"branches": {"0": {"Base.f": {"2": [2, 3, False]}}}}
    for name in ("One", "Two"):
        write_artifact(tmp_path, name, {"0": "contracts/Base.sol"}, base)
    write_report(
        tmp_path,
        statements={
            "One": {"0": [[1, 5, "green", ""], [6, 9, "red", ""]]},
            "Two": {"0": [[1, 5, "red", ""], [6, 9, "green", ""]]},
        },
        branches={
            "One": {"0": [[2, 3, "yellow", ""]]},
            "Two": {"0": [[2, 3, "orange", ""]]},
        },
    )

    assert contract_rows(tmp_path) == [
        Row(
            name="contracts/Base.sol",
            statements=Share(reached=2, total=2),
            branches=Share(reached=2, total=2),
        )
    ]


def test_counts_a_contract_that_no_test_deploys_and_leaves_libraries_of_others_out(
    tmp_path: Path,
) -> None:
    coverage_map = {
        "statements": {"0": {"A.f": {"0": [1, 5]}}, "1": {"Math.f": {"0": [1, 5]}}},
        "branches": {"0": {}, "1": {}},
    }
    sources = {"0": "contracts/A.sol", "1": "node_modules/m/Math.sol"}
    write_artifact(tmp_path, "A", sources, coverage_map)
    write_report(tmp_path, statements={}, branches={})

    assert contract_rows(tmp_path) == [
        Row(
            name="contracts/A.sol",
            statements=Share(reached=0, total=1),
            branches=Share(reached=0, total=0),
        )
    ]


def test_prints_a_table_with_the_sum() -> None:
    row = Row(name="a", statements=Share(reached=1, total=4), branches=Share(reached=0, total=0))

    assert total([row, row]).statements == Share(reached=2, total=8)
    assert table("Title", [row]).splitlines()[-2:] == [
        "| a | 25.0 % (1/4) | - |",
        "| total | 25.0 % (1/4) | - |",
    ]
