"""Settings that belong together, and what may not be beside a PostgreSQL."""

from typing import Any

import pytest

from postroom.errors import InvalidInputError
from postroom.settings import Settings
from postroom.vault import Vault

POSTGRES = "postgresql://postroom:hush-hush@db.example.com/postroom"
KEY = Vault.generate_key().decode()


@pytest.mark.parametrize("database", [POSTGRES, POSTGRES.replace("postgresql", "postgres")])
def test_a_database_may_be_on_postgresql(database: str) -> None:
    assert not Settings.load(database=database, secret_key=KEY).is_embedded
    assert Settings.load().is_embedded


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"secret_key": None}, "POSTROOM_SECRET_KEY"),
        ({"offline": True}, "sqlite:///FILE"),
        ({"tls": "self-signed"}, "tls_certificate"),
    ],
)
def test_what_needs_a_file_beside_the_database_is_refused_with_the_remedy(
    given: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSTROOM_SECRET_KEY", raising=False)
    with pytest.raises(InvalidInputError, match=told) as refused:
        Settings.load(**({"database": POSTGRES, "secret_key": KEY} | given))
    assert "hush-hush" not in str(refused.value)


@pytest.mark.parametrize("database", ["", "sqlite:///", "mysql://localhost/x", "postgres"])
def test_what_is_no_database_url_is_refused_with_an_example(database: str) -> None:
    with pytest.raises(InvalidInputError, match=r"sqlite:///postroom\.db or postgresql://"):
        Settings.load(database=database, secret_key=KEY)


def test_settings_do_not_show_the_password_of_their_database() -> None:
    assert "hush-hush" not in repr(Settings.load(database=POSTGRES, secret_key=KEY))
