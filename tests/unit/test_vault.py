import logging
import os
from pathlib import Path

import pytest

from postroom import vault
from postroom.errors import InvalidInputError
from postroom.vault import Vault

OLD, NEW = Vault.generate_key(), Vault.generate_key()
SECRET = "connect-key-Zm9v="


def test_what_is_sealed_is_opened_again_and_does_not_show() -> None:
    sealed = Vault([NEW]).seal("clé " + SECRET)
    assert SECRET.encode() not in sealed
    assert Vault([NEW]).open(sealed) == "clé " + SECRET


def test_keys_rotate_the_first_seals_and_all_open() -> None:
    old = Vault([OLD]).seal(SECRET)
    both = Vault([NEW, OLD])
    assert both.open(old) == SECRET
    assert Vault([NEW]).open(both.seal(SECRET)) == SECRET


def test_a_wrong_key_names_the_setting_to_check(tmp_path: Path) -> None:
    sealed = Vault([OLD]).seal(SECRET)
    with pytest.raises(InvalidInputError, match="POSTROOM_SECRET_KEY") as caught:
        Vault([NEW]).open(sealed)
    assert SECRET not in str(caught.value)
    # Of a key that is not there none is made: it would be taken for the one that sealed them.
    locked = vault.load(None, beside=tmp_path / "postroom.db", has_secrets=True)
    for use in (lambda: locked.open(sealed), lambda: locked.seal(SECRET)):
        with pytest.raises(InvalidInputError, match=r"postroom\.db\.key is missing"):
            use()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", [b"", b"not sealed at all", b"\xff\x00", OLD], ids=range(4))
def test_what_was_never_sealed_is_refused_not_crashed_on(broken: bytes) -> None:
    with pytest.raises(InvalidInputError):
        Vault([OLD]).open(broken)


def test_a_fingerprint_tells_keys_apart_and_stays_while_keys_rotate() -> None:
    first = Vault([OLD]).fingerprint(SECRET)
    assert (len(first), int(first, 16) >= 0) == (8, True)
    assert Vault([NEW, OLD]).fingerprint(SECRET) == first
    assert Vault([OLD]).fingerprint(SECRET + "x") != first


def test_a_fingerprint_says_nothing_without_the_vault_s_key() -> None:
    assert Vault([OLD]).fingerprint(SECRET) != Vault([NEW]).fingerprint(SECRET)


@pytest.mark.parametrize(
    "given", ["", " , ", "short", "ключ", f"{NEW.decode()},short"], ids=range(5)
)
def test_what_is_no_key_is_refused_with_the_way_to_make_one(given: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="secret_key"):
        vault.load(given, beside=tmp_path / "postroom.db")
    assert list(tmp_path.iterdir()) == []


def test_keys_given_win_over_the_file(tmp_path: Path) -> None:
    database = tmp_path / "postroom.db"
    given = vault.load(f" {NEW.decode()} , {OLD.decode()}", beside=database)
    assert given.open(Vault([OLD]).seal(SECRET)) == SECRET
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    database = tmp_path / "postroom.db"
    sealed = vault.load(None, beside=database).seal(SECRET)
    (made,) = tmp_path.iterdir()
    assert (made.name, made.stat().st_mode & 0o777) == ("postroom.db.key", 0o600)
    assert vault.load(None, beside=database).open(sealed) == SECRET


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "postroom.db.key").touch()
    with pytest.raises(InvalidInputError, match=r"postroom\.db\.key is empty"):
        vault.load(None, beside=tmp_path / "postroom.db")


def test_a_file_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"postroom\.db\.key: .*POSTROOM_SECRET_KEY"):
        vault.load(None, beside=tmp_path / "nowhere" / "postroom.db")


def test_two_at_once_get_the_same_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process makes the file between our look and our link."""
    database = tmp_path / "postroom.db"
    link = os.link

    def late(source: str, target: str) -> None:
        Path(target).write_bytes(OLD)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    assert vault.load(None, beside=database).open(Vault([OLD]).seal(SECRET)) == SECRET
    assert [one.name for one in tmp_path.iterdir()] == ["postroom.db.key"]


def test_nothing_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        one = Vault([OLD])
        one.open(one.seal(SECRET))
    assert OLD.decode() not in f"{one!r} {caplog.text}"
