"""A run that cannot have its keys does not begin; tests/audit/keys/test_leaks.py has one that can."""

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from setm import keystore
from setm.cli.app import app
from setm.errors import ConfigError, WrongPassword
from setm.keystore import Keystore
from tests.python.simulation.conftest import CHOSEN, small_scenario

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(keystore.Keystore.__init__, "__kwdefaults__", {"scrypt_cost": 2})


@pytest.fixture
def words(tmp_path):
    """The command, but for where its report goes."""
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    scenario = small_scenario(tmp_path)
    keys = ["--keystore", str(tmp_path / "keys"), "--password-file", str(password)]
    return ["run", str(scenario), "--network", "anvil", "--no-backtest", *keys]


def test_a_wrong_password_starts_nothing(words, tmp_path):
    kept = Keystore(tmp_path / "keys").create()
    kept.new(f"participant {CHOSEN[0]}", SecretStr("another horse battery staple"))

    with pytest.raises(WrongPassword):
        CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False)

    assert not (tmp_path / "out").exists()


def test_a_keystore_without_a_password_is_refused(words, tmp_path):
    with pytest.raises(ConfigError, match="nobody can be asked here"):
        CliRunner().invoke(app, words[:-2], catch_exceptions=False)
