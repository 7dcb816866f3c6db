"""Secrets that come by the environment: taken out of it before any other program is started.

Imports nothing but the standard library, because importing others starts programs (PyCryptodome asks ``file`` what kind
of machine this is), and what is started inherits the environment.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence

# Options whose word names a variable with a secret.
NAMING = ("--password-env", "--new-password-env")

_taken: dict[str, str] = {}


def hide_named(words: Sequence[str]) -> None:
    """Take the variables that a command line names out of the environment, until ``take`` asks for them."""
    for place, word in enumerate(words):
        option, is_joined, value = word.partition("=")
        if option in NAMING:
            name = value if is_joined else next(iter(words[place + 1 : place + 2]), "")
            if name in os.environ:
                _taken[name] = take(name)


def take(name: str) -> str:
    """Return a variable, empty if there is none, and take it out of the environment."""
    if name in _taken:
        return _taken.pop(name)
    value = os.environ.get(name, "")
    if sys.platform == "linux" and value:
        _overwrite(name)
    os.environ.pop(name, None)
    return value


def _overwrite(name: str) -> None:
    """Blank a variable where the system keeps what a process was started with: /proc shows it, of copies as well."""
    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    library.getenv.argtypes = [ctypes.c_char_p]
    place = library.getenv(name.encode())
    if place:
        ctypes.memset(place, 0, len(ctypes.string_at(place)))
