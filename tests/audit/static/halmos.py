"""Runs Halmos over tests/symbolic: what holds for every value, or the reason why nobody knows yet.

::

    tools/audit-tools                                     # once
    .venv/bin/python -m tests.audit.static.halmos [--function check_name]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.audit.figures import ROOT
from tests.audit.static.forge import binary

FOLDER = ROOT / "tests" / "symbolic"
HALMOS = ROOT / ".venv-halmos" / "bin" / "halmos"
OUT = ROOT / "build" / "halmos"
# Seconds that the solver may think about one assertion.
ASSERTION_SECONDS = 60
