"""What is installed is what was locked: exact versions, each file by its hash, each licence known."""

import json
import re
from pathlib import Path

import pytest

from tests.audit.figures import record
from tools.licences import DECLARED, EXPLAINED, Package, packages, page, refused

ROOT = Path(__file__).resolve().parents[3]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
EXACT = re.compile(r"^\d+\.\d+\.\d+$")
PIN = re.compile(r"^[A-Za-z0-9._-]+(\[[A-Za-z0-9,_-]+\])?==[A-Za-z0-9.+!]+( ; [^\\]+)?$")
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")


def requirements(text: str) -> list[list[str]]:
    """Return each requirement of a lock file as its pin and its hashes; a continued line belongs to the one before."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "\x00", kept)
    return [
        [part.strip() for part in line.split("\x00")]
        for line in joined.splitlines()
        if line.strip()
    ]


def faults(text: str) -> list[str]:
    """Return what in a lock file is not an exact version with at least one hash."""
    found = []
    for pin, *hashes in requirements(text):
        if not PIN.match(pin):
            found.append(f"{pin}: not an exact version")
        if not hashes or not all(HASH.match(item) for item in hashes):
            found.append(f"{pin}: no hash")
    return found


def test_there_are_lock_files_for_every_environment():
    inputs = {path.stem for path in ROOT.glob("requirements*.in")}

    assert {"requirements", "requirements-uv", "requirements-node"} <= inputs
    assert {path.stem for path in LOCKS} == inputs


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_python_package_has_one_version_and_its_hashes(lock):
    assert requirements(lock.read_text())
    assert faults(lock.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        f"web3>=7 \\\n    --hash=sha256:{'a' * 64}",
        "web3==7.16.0",
        f"web3==7.16.0 \\\n    --hash=md5:{'a' * 32}",
        f"web3 @ https://example.org/web3.whl \\\n    --hash=sha256:{'a' * 64}",
        f"-e git+https://example.org/web3 \\\n    --hash=sha256:{'a' * 64}",
        f"--index-url https://example.org/simple\nweb3==7 \\\n    --hash=sha256:{'a' * 64}",
    ],
)
def test_a_loose_requirement_is_noticed(line):
    assert faults(line) != []


@pytest.mark.parametrize("name", ["setup", "audit-tools"])
def test_installing_refuses_a_file_without_its_hash(name):
    script = (ROOT / "tools" / name).read_text().replace("\\\n", " ")
    installs = re.findall(r"(?:pip install|pip sync) .*", script)
    fetching = [command for command in installs if "--no-index" not in command]

    assert fetching
    assert all("--require-hashes" in command for command in fetching)


def test_node_packages_have_one_version_each():
    package = json.loads((ROOT / "package.json").read_text())
    kinds = [kind for kind in package if kind.lower().endswith("dependencies")]
    named = {name: wanted for kind in kinds for name, wanted in package[kind].items()}

    assert "solc" in named
    assert {name: wanted for name, wanted in named.items() if not EXACT.match(wanted)} == {}


def test_every_locked_node_package_has_a_hash():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    # What is bundled comes inside the archive of the package that bundles it, under that archive's hash.
    entries = {
        path: entry
        for path, entry in lock["packages"].items()
        if path and not entry.get("inBundle")
    }

    assert lock["lockfileVersion"] == 3
    assert len(entries) > 100
    assert [
        path
        for path, entry in entries.items()
        if not entry.get("integrity", "").startswith("sha512-") or "link" in entry
    ] == []


def test_no_node_package_runs_a_script_while_it_is_installed():
    assert "tools/npm ci --ignore-scripts" in (ROOT / "tools" / "setup").read_text()


def test_every_licence_is_known_and_allowed():
    listed = packages()
    offending = {item.name: refused(item) for item in listed if refused(item)}
    record(
        "keys",
        "packages with a locked version, hashes and a known licence",
        len(listed) - len(offending),
        wanted=f"all {len(listed)}",
        ok=not offending,
    )

    assert offending == {}


@pytest.mark.parametrize(
    "licence", ["", "SSPL-1.0", "MIT AND BUSL-1.1", "GPL-2.0-only OR SSPL-1.0"]
)
def test_an_unknown_or_unexplained_licence_is_refused(licence):
    assert refused(Package("requirements.lock", "somebody", "1.0", licence)) != []


def test_every_licence_with_conditions_is_explained():
    text = page(packages())

    assert all(f"| {licence} |" in text for licence in EXPLAINED)
    assert "solc" in next(line for line in text.splitlines() if line.startswith("| GPL-3.0-only"))


def test_nothing_is_declared_for_a_package_that_is_not_locked():
    assert DECLARED.keys() - {item.name for item in packages()} == set()


def test_the_page_of_licences_is_current():
    written = (ROOT / "docs" / "licences.md").read_text()

    assert written == page(packages()), "run `python -m tools.licences > docs/licences.md`"
