"""The compiler behind the native command line."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SOLC = next((ROOT / "tools" / "solc").glob("solc-v*"))
HEADER = "// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n"
ALL = {"*": {"*": ["abi", "evm.bytecode.object"], "": ["ast"]}}


def solc(*arguments: str, folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SOLC, *arguments], cwd=folder, input=text, capture_output=True, text=True, check=False
    )


def compile_standard(folder: Path, sources: Any, *arguments: str, **settings: Any) -> Any:
    request = {
        "language": "Solidity",
        "sources": sources,
        "settings": {"outputSelection": ALL, **settings},
    }
    outcome = solc("--standard-json", *arguments, folder=folder, text=json.dumps(request))
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


def write(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + body)


def errors(output: Any) -> list[str]:
    return [e["message"] for e in output.get("errors", []) if e["severity"] == "error"]


def test_every_pin_names_the_same_version() -> None:
    version = SOLC.name.removeprefix("solc-v")
    package = json.loads((ROOT / "package.json").read_text())
    config = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())
    prettier = json.loads((ROOT / ".prettierrc.json").read_text())
    solhint = json.loads((ROOT / ".solhint.json").read_text())

    assert package["dependencies"]["solc"] == version
    assert config["compiler"]["solc"]["version"] == version
    assert prettier["overrides"][0]["options"]["compiler"] == version
    assert solhint["rules"]["compiler-version"][1] == version


def test_names_its_version_as_a_native_build_does(tmp_path: Path) -> None:
    outcome = solc("--version", folder=tmp_path)

    assert outcome.returncode == 0
    assert f"Version: {SOLC.name.removeprefix('solc-v')}+commit." in outcome.stdout


def test_refuses_an_unknown_option(tmp_path: Path) -> None:
    outcome = solc("--frobnicate", folder=tmp_path)

    assert outcome.returncode == 1
    assert "unrecognised option '--frobnicate'" in outcome.stderr


def test_answers_broken_json_with_an_error(tmp_path: Path) -> None:
    outcome = solc("--standard-json", folder=tmp_path, text="{")

    assert outcome.returncode == 0
    assert errors(json.loads(outcome.stdout))


def test_reports_an_error_of_the_source(tmp_path: Path) -> None:
    output = compile_standard(
        tmp_path, {"A.sol": {"content": HEADER + "contract A { uint256 x = y; }"}}
    )

    assert errors(output) == ["Undeclared identifier."]


def test_reads_sources_given_by_url_and_what_they_import(tmp_path: Path) -> None:
    write(
        tmp_path / "contracts/market/A.sol",
        'import {IA} from "../../interfaces/IA.sol"; contract A is IA {}',
    )
    write(tmp_path / "interfaces" / "IA.sol", "interface IA { error Closed(uint256 at); }")

    output = compile_standard(
        tmp_path, {"contracts/market/A.sol": {"urls": ["contracts/market/A.sol"]}}
    )

    assert errors(output) == []
    assert output["contracts"]["contracts/market/A.sol"]["A"]["abi"][0]["name"] == "Closed"
    assert "interfaces/IA.sol" in output["sources"]


def test_follows_remappings(tmp_path: Path) -> None:
    write(tmp_path / "vendor" / "lib" / "L.sol", "library L {}")
    source = {"content": HEADER + 'import {L} from "@lib/L.sol"; contract A {}'}

    assert errors(compile_standard(tmp_path, {"A.sol": source}))
    assert not errors(compile_standard(tmp_path, {"A.sol": source}, remappings=["@lib=vendor/lib"]))


@pytest.mark.parametrize("option", ["--base-path", "--include-path"])
def test_looks_under_the_given_folder(tmp_path: Path, option: str) -> None:
    write(tmp_path / "elsewhere" / "L.sol", "library L {}")
    source = {"content": HEADER + 'import {L} from "L.sol"; contract A {}'}

    assert errors(compile_standard(tmp_path, {"A.sol": source}))
    assert not errors(compile_standard(tmp_path, {"A.sol": source}, option, "elsewhere"))


def test_writes_all_of_a_long_answer(tmp_path: Path) -> None:
    comments = "\n".join(f"function f{i}() external {{}}" for i in range(2000))

    output = compile_standard(
        tmp_path, {"A.sol": {"content": HEADER + "contract A {" + comments + "}"}}
    )

    assert len(output["contracts"]["A.sol"]["A"]["abi"]) == 2000


def test_combined_json_agrees_with_standard_json(tmp_path: Path) -> None:
    write(
        tmp_path / "A.sol",
        "contract A { function f() external pure returns (uint256) { return 7; } }",
    )

    outcome = solc(
        "A.sol", "--combined-json", "abi,ast,bin", "--evm-version", "shanghai", folder=tmp_path
    )
    combined = json.loads(outcome.stdout)
    standard = compile_standard(
        tmp_path, {"A.sol": {"urls": ["A.sol"]}}, evmVersion="shanghai", remappings=[]
    )["contracts"]["A.sol"]["A"]

    assert outcome.returncode == 0
    assert combined["contracts"]["A.sol:A"]["bin"] == standard["evm"]["bytecode"]["object"]
    assert combined["contracts"]["A.sol:A"]["abi"] == standard["abi"]
    assert combined["sourceList"] == ["A.sol"]
    assert combined["sources"]["A.sol"]["AST"]["nodeType"] == "SourceUnit"


def test_combined_json_fails_on_an_error(tmp_path: Path) -> None:
    write(tmp_path / "A.sol", "contract A { uint256 x = y; }")

    outcome = solc("A.sol", "--combined-json", "abi", folder=tmp_path)

    assert outcome.returncode == 1
    assert "Undeclared identifier" in outcome.stderr
