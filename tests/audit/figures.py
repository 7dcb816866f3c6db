"""What the audit reached, one JSON line a figure in reports/audit/figures.jsonl; `make audit` prints the table."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "reports" / "audit" / "figures.jsonl"
# Multiplies the depth of every random test: 1 in CI, 15 in `make audit`.
DEPTH = int(os.environ.get("SETM_DEPTH", "1"))


def record(
    stage: str, name: str, value: int | float | str, *, wanted: str, ok: bool, **details: object
) -> None:
    """Append a figure; ``wanted`` says in words what it is compared with, ``ok`` whether it is met.

    One short line in one write: several processes may append at the same time.
    """
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    figure = {"stage": stage, "name": name, "value": value, "wanted": wanted, "ok": ok, **details}
    with FIGURES.open("a") as file:
        file.write(json.dumps(figure) + "\n")
