"""Pytest plugin that says whether a session came to its end, for `tools/run-tests`.

A test that ends its process takes pytest with it: the exit code is the test's, the rest never runs. So the session
writes its own exit code, last of all, into the file that the environment names.
"""

import os
from pathlib import Path

import pytest

VARIABLE = "SETM_FINISHED"


class Witness:
    """Writes the end of one session."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the session's exit code."""
        self.file.write_text(f"{int(exitstatus)}\n")


def pytest_configure(config: pytest.Config) -> None:
    """Watch this session; not its workers, nor another that a test of it starts."""
    named = os.environ.pop(VARIABLE, None)
    if named and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Witness(Path(named)), "setm-finished")
