"""A small run, written once; tests that change it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from setm.report.build import build
from tests.python.report.runs import write_run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with its report; not to be changed."""
    folder = write_run(tmp_path_factory.mktemp("runs") / "small")
    build(folder)
    return folder


@pytest.fixture
def run_folder(built: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(built, tmp_path / "small"))
