"""Where a password comes from: a file, an environment variable or a prompt, and never the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from setm.errors import ConfigError
from setm.keystore import password_from_environment, password_from_file

PasswordFile = Annotated[
    Path | None,
    typer.Option(
        help="File whose first line is the password; mode 0600. Without it you are asked."
    ),
]
PasswordEnv = Annotated[
    str | None, typer.Option(help="Name of the environment variable that holds the password.")
]


def read_password(
    file: Path | None, variable: str | None, *, what: str = "Password", is_new: bool = False
) -> SecretStr:
    """Return the password; ask for it, twice if it is new, when neither file nor variable is named."""
    if file is not None and variable is not None:
        raise ConfigError("password: expected a file or a variable, not both")
    if file is not None:
        return password_from_file(file)
    if variable is not None:
        return password_from_environment(variable)
    return ask_secret(what, twice=is_new)


def ask_secret(what: str, *, twice: bool = False) -> SecretStr:
    """Ask on the terminal without showing what is typed; refuse where nobody can answer."""
    if not sys.stdin.isatty():
        raise ConfigError(
            f"{what.lower()}: nobody can be asked here; name a file or an environment variable, see --help"
        )
    return SecretStr(typer.prompt(what, hide_input=True, confirmation_prompt=twice, err=True))
