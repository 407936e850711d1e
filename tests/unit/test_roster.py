"""Who is there right now: what listeners are told by Basic authentication and by OAuth."""

from typing import Any, Literal

from postroom.delivery.bearer import Client
from postroom.model import Account, Credentials, Listener, Registry, Secret
from postroom.roster import Roster, build

A1 = "a1000000-0000-4000-8000-000000000001"
NOW = 1_000


def password(listener: str, **more: int) -> Secret:
    kept = {"created_at": 0, **more}
    return Secret(
        id=listener, account_id=A1, listener=listener, purpose="password", text="pw", **kept
    )


def client_secret(listener: str | None, text: str, **more: int) -> Secret:
    purpose: Literal["client-secret"] = "client-secret"
    kept = {"created_at": 0, **more}
    return Secret(id=text, account_id=A1, listener=listener, purpose=purpose, text=text, **kept)


def roster(*secrets: Secret, oauth: Any = None, **configuration: Any) -> Roster:
    listener = Listener(
        id=7, account_id=A1, name="connect-1", url="https://x", configuration=configuration
    )
    plain = Listener(id=8, account_id=A1, name="plain", url="https://x")
    listeners = {7: listener, 8: plain}
    accounts = {A1: Account(id=A1)}
    registry = Registry(revision=1, accounts=accounts, listeners=listeners, lanes={})
    return build(registry, secrets, {}, now=NOW, oauth=oauth or {})


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


SAID = {"authorizationServerUrl": "https://login.example.com/token", "clientId": "c1"}
OWN = {**SAID, "clientId": "c2", "scope": "s", "customParameters": {"b": "2", "a": "1"}}
BOTH = (client_secret(None, "accounts"), client_secret("connect-1", "own"))


def test_oauth_is_for_those_who_ask_for_it() -> None:
    assert roster(*BOTH, oauth={A1: SAID}).oauth == {}
    assert roster(*BOTH, oauth={A1: SAID}, includeOAuth="false").oauth == {}
    [url, client_id] = SAID.values()
    assert roster(*BOTH, oauth={A1: SAID}, includeOAuth="true").oauth == {
        7: Client(token_url=url, id=client_id, secret="accounts")
    }


def test_a_configurations_own_client_goes_before_the_accounts_where_it_is_enabled() -> None:
    said = {"includeOAuth": "true", "oAuthConfiguration": OWN}
    own = Client(
        token_url="https://login.example.com/token",
        id="c2",
        secret="own",
        scope="s",
        parameters=(("a", "1"), ("b", "2")),
    )
    on = roster(*BOTH, oauth={A1: SAID}, enableOAuthPerConfiguration="true", **said).oauth[7]
    off = roster(*BOTH, oauth={A1: SAID}, enableOAuthPerConfiguration="false", **said).oauth[7]
    assert on == own
    assert off is not None
    assert off.secret == "accounts"


def test_an_own_client_never_takes_the_accounts_secret() -> None:
    said = {"includeOAuth": "true", "enableOAuthPerConfiguration": "true"}
    found = roster(BOTH[0], oauth={A1: SAID}, oAuthConfiguration=OWN, **said)
    assert found.oauth == {7: None}
    assert roster(BOTH[1], oauth={A1: SAID}, **said).oauth == {7: None}


def test_a_retired_client_secret_is_told_to_nobody() -> None:
    retired = client_secret(None, "accounts", retired_at=NOW)
    assert roster(retired, oauth={A1: SAID}, includeOAuth="true").oauth == {7: None}


def test_without_a_configuration_of_the_account_there_is_no_client() -> None:
    assert roster(*BOTH, includeOAuth="true").oauth == {7: None}
