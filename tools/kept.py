"""What earlier audits of the same files have shown: two hours that are interrupted go on where they were.

A stage that passed is kept with the hash of all files that belong to the project and the depth; it counts until one of
these is another.
"""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "passed.json"


def content_of(root: Path) -> str:
    """Return a hash of every file below ``root`` that Git knows or would add, names included."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    digest = hashlib.sha256()
    for name in sorted(set(listed.split(b"\0")) - {b""}):
        path = root / name.decode()
        data = path.read_bytes() if path.is_file() else b""
        digest.update(len(name).to_bytes(8, "big") + name)
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def passed(folder: Path, content: str, depth: int) -> dict[str, Any]:
    """Return the outcomes of stages that passed with these files at this depth, by name; none if nothing is kept."""
    try:
        found = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    is_same = (found.get("content"), found.get("depth")) == (content, depth)
    return dict(found["stages"]) if is_same else {}


def keep(folder: Path, content: str, depth: int, stages: Mapping[str, Any]) -> None:
    """Write down which stages passed."""
    found = {"content": content, "depth": depth, "stages": stages}
    draft = folder / f"{FILE}.draft"
    draft.write_text(json.dumps(found, indent=1) + "\n")
    draft.replace(folder / FILE)
