"""``setm keys``: make, list, import and re-encrypt private keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from setm.cli.output import AsJson, console, print_json, print_rows
from setm.cli.passwords import PasswordEnv, PasswordFile, ask_secret, read_password
from setm.errors import KeystoreError
from setm.keystore import Keystore, decoded_key, secret_from_file

app = typer.Typer(
    no_args_is_help=True,
    help="Make, list, import and re-encrypt private keys (eth-account's keystore format).",
)

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Keystore: a folder of encrypted keys.")
]
Name = Annotated[str, typer.Argument(help="Name of the key in the keystore.")]


@app.command("new")
def new(
    folder: Folder,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of the new keys.")],
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Make new keys and encrypt them; the folder is made if it is not there.

    Examples:

        setm keys new keys alice

        setm keys new keys governance authority operator --password-file ~/.setm-password
    """
    keystore = Keystore(folder).create()
    keystore.require_free(*names)
    password = read_password(password_file, password_env, is_new=True)
    made = [{"name": name, "address": keystore.new(name, password).address} for name in names]
    _show(f"new in {folder}", made, as_json)


@app.command("list")
def list_keys(folder: Folder, as_json: AsJson = False) -> None:
    """List the keys of a keystore and how they are encrypted; needs no password.

    Example: setm keys list keys
    """
    _show(str(folder), [asdict(entry) for entry in Keystore(folder).entries()], as_json)


@app.command("show-address")
def show_address(folder: Folder, name: Name, as_json: AsJson = False) -> None:
    """Print the address of a key, and nothing else; needs no password.

    Example: setm keys show-address keys alice
    """
    address = Keystore(folder).address(name)
    if as_json:
        print_json({"name": name, "address": address})
    else:
        typer.echo(address)


@app.command("import")
def import_key(
    folder: Folder,
    name: Name,
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the key, mode 0600: 64 hex digits, or another keystore file that the same "
            "password opens. Without it you are asked for the key."
        ),
    ] = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt a key that exists already. Delete the file that it came from.

    Examples:

        setm keys import keys alice

        setm keys import keys alice --key-file alice.hex --password-file ~/.setm-password
    """
    keystore = Keystore(folder).create()
    keystore.require_free(name)
    given = ask_secret("Private key") if key_file is None else secret_from_file(key_file)
    password = read_password(password_file, password_env, is_new=True)
    account = keystore.add(name, decoded_key(given, password), password)
    _show(f"imported into {folder}", [{"name": name, "address": account.address}], as_json)


@app.command("change-password")
def change_password(
    folder: Folder,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Keys; all if left out.")
    ] = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    new_password_file: PasswordFile = None,
    new_password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt keys under a new password; all are opened before the first is replaced.

    Example: setm keys change-password keys --password-file old --new-password-file new
    """
    keystore = Keystore(folder)
    if not keystore.entries():
        raise KeystoreError(f"{folder}: has no keys; make one with `setm keys new`")
    old = read_password(password_file, password_env, what="Old password")
    fresh: SecretStr = read_password(
        new_password_file, new_password_env, what="New password", is_new=True
    )
    changed = keystore.change_password(old, fresh, names or ())
    _show(f"new password in {folder}", [{"name": name} for name in changed], as_json)


def _show(title: str, rows: Sequence[Mapping[str, object]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
    elif rows:
        print_rows(title, rows)
    else:
        console.print(f"{title}: no keys", highlight=False)
