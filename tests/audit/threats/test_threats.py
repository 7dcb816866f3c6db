"""The check of docs/security.md finds what it is there for, and the page itself passes it."""

import json

import pytest

from tools import threats

HEAD = "| # | attack | what the system does | tests | when |\n|---|---|---|---|---|\n"
KEPT = "`tests/python/test_sums.py::test_adds`"
TESTS = """
class TestMachine:
    def test_runs(self): ...

TestCase = TestMachine

def test_adds(): ...

async def test_waits(): ...
"""


@pytest.fixture
def project(tmp_path):
    """A root with one test file."""
    (tmp_path / "tests" / "python").mkdir(parents=True)
    (tmp_path / "tests" / "python" / "test_sums.py").write_text(TESTS)
    return tmp_path


def page_of(changes=None, without=()):
    """A page on which every row is kept by the same test, but for the changes."""
    numbers = [*threats.CLAIMS, *threats.INVARIANTS, *map(str, range(1, 45))]
    lines = {number: f"| {number} | an attack | an answer | {KEPT} | CI |" for number in numbers}
    lines |= changes or {}
    return HEAD + "\n".join(line for number, line in lines.items() if number not in without) + "\n"


def check(project, page, outcomes=None, when="CI"):
    """Return the exit status and what was written to standard error."""
    (project / "security.md").write_text(page)
    options = ["--page", str(project / "security.md"), "--root", str(project), "--when", when]
    if outcomes is not None:
        folder = project / "ran"
        folder.mkdir(exist_ok=True)
        lines = [json.dumps({"test": test, "outcome": outcome}) for test, outcome in outcomes]
        (folder / "python.jsonl").write_text("\n".join(lines))
        options += ["--ran", str(folder)]
    return threats.main(options)


RAN = ("tests/python/test_sums.py::test_adds", "passed")


def test_a_page_whose_tests_exist_and_ran_passes(project, capsys):
    assert check(project, page_of(), [RAN]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "44 attacks, of which 0 are accepted risks" in captured.out


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        (page_of(without=("7",)), "row 7: missing"),
        (page_of(without=("I9",)), "row I9: missing"),
        (page_of(without=("C2",)), "row C2: missing"),
        (page_of({"46": f"| 46 | a | b | {KEPT} | CI |"}), "row 45: missing"),
        (page_of({"I17": f"| I17 | a | b | {KEPT} | CI |"}), "row I17: unknown"),
        (page_of({"9x": f"| 9x | a | b | {KEPT} | CI |"}), "row 9x: unknown"),
        (page_of({"9x": f"| 9 | a | b | {KEPT} | CI |"}), "row 9: stands twice"),
        (page_of({"3": "| 3 | a | b | by thinking | CI |"}), "row 3: names no test"),
        (page_of({"3": f"| 3 | a | b | {KEPT} | later |"}), "row 3: runs in 'later'"),
        (page_of({"3": "| 3 | a | no | accepted risk | CI |"}), "row 3: an accepted risk without"),
        (
            page_of({"3": "| 3 | a | b | `tests/python/test_sums.py::test_subtracts` | CI |"}),
            "row 3: tests/python/test_sums.py::test_subtracts does not exist",
        ),
        (
            page_of({"3": "| 3 | a | b | `tests/python/test_nothing.py` | CI |"}),
            "row 3: tests/python/test_nothing.py does not exist",
        ),
    ],
)
def test_names_a_row_that_the_page_does_not_keep(project, capsys, page, fault):
    assert check(project, page) == 1
    assert f"threats: {fault}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcomes", "fault"),
    [
        ([], "row 3: tests/python/test_sums.py::test_adds did not run"),
        ([(RAN[0], "skipped")], "row 3: tests/python/test_sums.py::test_adds skipped"),
        ([(RAN[0], "xfailed")], "row 3: tests/python/test_sums.py::test_adds xfailed"),
        ([(RAN[0], "failed")], "row 3: tests/python/test_sums.py::test_adds failed"),
        # It passed and then its tear-down failed.
        ([RAN, (RAN[0], "failed")], "row 3: tests/python/test_sums.py::test_adds failed"),
        # One of its cases was left out.
        (
            [(RAN[0] + "[1]", "passed"), (RAN[0] + "[2]", "skipped")],
            "row 3: tests/python/test_sums.py::test_adds[2] skipped",
        ),
        # Another test that begins with the same letters.
        ([(RAN[0] + "_up", "passed")], "row 3: tests/python/test_sums.py::test_adds did not run"),
    ],
)
def test_names_a_row_whose_test_did_not_run_and_pass(project, capsys, outcomes, fault):
    assert check(project, page_of(), outcomes) == 1
    assert f"threats: {fault}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "named",
    [
        "tests/python/test_sums.py",
        "tests/python/test_sums.py::TestMachine::test_runs",
        "tests/python/test_sums.py::TestCase",
        "tests/python/test_sums.py::test_adds[a::b]",
        "tests/python/test_sums.py::test_waits",
        "tests/python",
    ],
)
def test_a_row_may_name_a_file_a_class_or_one_case(project, named):
    page = page_of({"3": f"| 3 | a | b | `{named}` | CI |"})
    ran = named if "::" in named else "tests/python/test_sums.py::test_adds"
    assert check(project, page, [RAN, (ran, "passed")]) == 0


def test_an_audits_tests_are_demanded_of_an_audit_only(project, capsys):
    marked = "`tests/python/test_sums.py::test_waits`"
    page = page_of(
        {
            "3": f"| 3 | a | b | {marked} | audit |",
            "4": f"| 4 | a | b | {KEPT}, {marked} (audit) | CI |",
        }
    )
    assert check(project, page, [RAN]) == 0
    folder = project / "ran"
    rows = list(threats.rows_of(page))
    faults = list(threats.run_faults(rows, threats.read_outcomes(folder), "audit"))
    assert faults == [
        "row 3: tests/python/test_sums.py::test_waits did not run",
        "row 4: tests/python/test_sums.py::test_waits did not run",
    ]


def test_an_accepted_risk_with_its_reason_needs_no_test(project, capsys):
    reason = "nothing on a chain can see it; the operator reads the report"
    page = page_of({"3": f"| 3 | a | {reason} | accepted risk | CI |"})
    assert check(project, page, [RAN]) == 0
    assert "1 are accepted risks (3)" in capsys.readouterr().out


def test_a_table_without_tests_is_no_list_of_threats(project):
    other = "| who | can |\n|---|---|\n| governance | 3 |\n\n"
    assert check(project, other + page_of(), [RAN]) == 0


def test_the_page_names_tests_that_exist_for_every_row():
    """Whether they ran, and passed, is asked when all have run."""
    assert threats.main([]) == 0
