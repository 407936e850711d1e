"""Who is there right now: what listeners are told by Basic authentication."""

from postroom.model import Account, Credentials, Listener, Registry, Secret
from postroom.roster import Roster, build

A1 = "a1000000-0000-4000-8000-000000000001"
NOW = 1_000


def password(listener: str, **more: int) -> Secret:
    kept = {"created_at": 0, **more}
    return Secret(
        id=listener, account_id=A1, listener=listener, purpose="password", text="pw", **kept
    )


def roster(*secrets: Secret, **configuration: str) -> Roster:
    listener = Listener(
        id=7, account_id=A1, name="connect-1", url="https://x", configuration=configuration
    )
    plain = Listener(id=8, account_id=A1, name="plain", url="https://x")
    listeners = {7: listener, 8: plain}
    accounts = {A1: Account(id=A1)}
    registry = Registry(revision=1, accounts=accounts, listeners=listeners, lanes={})
    return build(registry, secrets, {}, now=NOW)


def test_user_name_and_password_make_credentials_of_their_listener_alone() -> None:
    found = roster(password("connect-1"), password("plain"), userName="erp").credentials
    assert found == {7: Credentials(user_name="erp", password="pw")}


def test_neither_is_any_use_without_the_other() -> None:
    assert roster(userName="erp").credentials == {}
    assert roster(password("connect-1")).credentials == {}
    assert roster(password("connect-2"), userName="erp").credentials == {}


def test_a_retired_password_is_told_to_nobody() -> None:
    assert roster(password("connect-1", retired_at=NOW), userName="erp").credentials == {}
    assert roster(password("connect-1", retired_at=NOW + 1), userName="erp").credentials


def test_a_password_never_signs() -> None:
    assert roster(password("connect-1"), userName="erp").signing[7] == ()
