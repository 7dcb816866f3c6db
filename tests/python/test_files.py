"""Folders that cannot be made are a user's mistake, said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from setm.cli.app import app
from setm.errors import ConfigError
from setm.files import make_folder


def test_makes_a_folder_with_its_parents_once_or_again(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert make_folder(wanted) == make_folder(wanted) == wanted
    assert wanted.is_dir()


def test_refuses_a_folder_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="cannot be made .*; give a folder"):
            make_folder(place)


@pytest.mark.parametrize("command", [("bench", "--quick"), ("bench", "gas")])
def test_a_bench_says_so_before_it_measures(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("")
    words = [*command[:1], "--out", str(tmp_path / "file"), *command[1:]]
    if command[-1] == "gas":
        words = [*command, "--out", str(tmp_path / "file")]
    outcome = CliRunner().invoke(app, words)
    assert isinstance(outcome.exception, ConfigError)
