"""The command line: ``setm --help``."""

from __future__ import annotations

import sys

from setm.environment import hide_named

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    hide_named(sys.argv)
    # Not before, because what it imports starts programs that inherit the environment.
    from setm.cli.app import main as run

    run()
