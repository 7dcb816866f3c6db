"""The command line: ``setm --help``."""

from setm.cli.app import main

__all__ = ["main"]
