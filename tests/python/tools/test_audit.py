"""`make audit`: what is not shown must not look like a success."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import audit, kept
from tools.audit import Stage, chosen


def stage(name: str, code: str, *, has_figures: bool = True) -> Stage:
    return Stage(
        name=name, shows="a thing", command=(sys.executable, "-c", code), has_figures=has_figures
    )


def figure(folder: Path, *, ok: bool) -> str:
    line = json.dumps({"stage": "s", "name": "steps", "value": 7, "wanted": ">= 5", "ok": ok})
    return f"open({str(folder / 'figures.jsonl')!r}, 'a').write({line + chr(10)!r})"


def problems(stages: list[Stage], folder: Path) -> list[str]:
    return [outcome.problem for outcome in audit.audit(stages, folder, depth=1)]


def test_a_stage_that_fails_is_named_and_the_next_one_runs_all_the_same(tmp_path: Path) -> None:
    stages = [stage("bad", "raise SystemExit(3)"), stage("good", figure(tmp_path, ok=True))]

    assert problems(stages, tmp_path) == ["exit code 3: see bad.log", ""]


def test_a_missed_figure_fails_its_stage(tmp_path: Path) -> None:
    assert problems([stage("short", figure(tmp_path, ok=False))], tmp_path) == ["missed: steps"]


def test_a_stage_that_reports_nothing_fails_unless_nothing_is_expected_of_it(
    tmp_path: Path,
) -> None:
    silent = [stage("silent", "pass"), stage("tools", "pass", has_figures=False)]

    assert problems(silent, tmp_path) == ["reported nothing", ""]


def test_figures_of_an_earlier_audit_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "figures.jsonl").write_text('{"name": "old", "ok": true}\n')

    assert problems([stage("silent", "pass")], tmp_path) == ["reported nothing"]


def test_the_depth_reaches_the_tests_and_the_log_holds_what_they_said(tmp_path: Path) -> None:
    audit.audit([stage("deep", "import os; print(os.environ['SETM_DEPTH'])")], tmp_path, depth=15)

    assert (tmp_path / "deep.log").read_text() == "15\n"


def test_the_summary_holds_every_figure(tmp_path: Path) -> None:
    audit.audit([stage("good", figure(tmp_path, ok=True))], tmp_path, depth=1)

    (written,) = json.loads((tmp_path / "summary.json").read_text())
    assert written["figures"][0]["value"] == 7
    assert "| good | steps | 7 | >= 5 | yes |" in (tmp_path / "summary.md").read_text()


def counting(name: str, folder: Path) -> Stage:
    """A stage that notes each time it runs, and one figure."""
    runs = folder / f"{name}.runs"
    return stage(name, f"open({str(runs)!r}, 'a').write('x'); {figure(folder, ok=True)}")


def runs_of(name: str, folder: Path) -> int:
    return len((folder / f"{name}.runs").read_text())


def test_what_passed_with_the_same_files_is_not_run_again(tmp_path: Path) -> None:
    good, bad = counting("good", tmp_path), stage("bad", "raise SystemExit(3)")
    audit.audit([good, bad], tmp_path, depth=1)
    (tmp_path / "outcomes").mkdir(exist_ok=True)
    (tmp_path / "outcomes" / "good.jsonl").write_text("kept")
    (tmp_path / "outcomes" / "bad.jsonl").write_text("gone")
    first, second = audit.audit([good, bad], tmp_path, depth=1)

    assert runs_of("good", tmp_path) == 1
    assert (first.was_before, first.problem, first.figures[0]["value"]) == (True, "", 7)
    assert second.problem == "exit code 3: see bad.log"
    assert [path.name for path in (tmp_path / "outcomes").iterdir()] == ["good.jsonl"]
    assert "passed before" in (tmp_path / "summary.md").read_text()
    assert len((tmp_path / "figures.jsonl").read_text().splitlines()) == 1


def test_it_is_run_again_at_another_depth_and_when_asked_to(tmp_path: Path) -> None:
    good = counting("good", tmp_path)
    audit.audit([good], tmp_path, depth=1)
    audit.audit([good], tmp_path, depth=2)
    audit.audit([good], tmp_path, depth=2, is_fresh=True)
    assert runs_of("good", tmp_path) == 3


def test_it_is_run_again_when_a_file_has_changed_even_while_it_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, contents = counting("good", tmp_path), iter(["a", "b", "b", "b", "b"])
    monkeypatch.setattr(kept, "content_of", lambda root: next(contents))
    for _ in range(3):
        audit.audit([good], tmp_path, depth=1)
    # Changed while it ran; then kept; then taken as it was.
    assert runs_of("good", tmp_path) == 2


def test_a_hash_of_the_files_knows_names_contents_and_new_ones(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("reports\n")
    seen = {kept.content_of(tmp_path)}
    for name, text in (("a", "1"), ("a", "2"), ("b", ""), ("reports", "not a part of it")):
        (tmp_path / name).write_text(text)
        seen.add(kept.content_of(tmp_path))
    (tmp_path / "b").rename(tmp_path / "c")
    seen.add(kept.content_of(tmp_path))
    assert len(seen) == 5


def test_what_was_kept_and_cannot_be_read_is_as_nothing(tmp_path: Path) -> None:
    (tmp_path / kept.FILE).write_text("{cut off")
    assert kept.passed(tmp_path, "a", 1) == {}


def test_stages_run_in_the_order_of_the_audit() -> None:
    assert [found.name for found in chosen(["faults", "machine"])] == ["machine", "faults"]
    assert chosen([]) == list(audit.STAGES)


def test_refuses_an_unknown_stage_and_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no stage luck: expected some of tools, tests, attacks"):
        chosen(["luck"])


def test_every_folder_of_attacks_belongs_to_a_stage() -> None:
    commands = {part for stage in audit.STAGES for part in stage.command}
    folders = {path.parent for path in (audit.ROOT / "tests" / "audit").rglob("test_*.py")}
    asked = {
        folder
        for folder in folders
        for part in commands
        if (audit.ROOT / part) in (folder, *folder.parents)
    }
    # A stage that named the whole project would belong to all of them.
    assert not commands & {"tests", "tests/audit", "."}
    assert folders - asked == set()
