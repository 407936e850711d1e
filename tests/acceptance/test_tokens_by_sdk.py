"""Tokens as the official SDK gets them: over https, which it fixes, by a self-made certificate."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import docusign_esign as ds
import httpx
import pytest
from docusign_esign.client.configuration import Configuration
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway


class Office:
    """The server's side of it, as it was told when it started."""

    def __init__(self, gateway: Gateway) -> None:
        said = "\n".join(gateway.log)
        self.host = f"localhost:{gateway.url.rpartition(':')[2]}"
        self.certificate = found(r"trust this certificate in clients: (\S+)", said)
        self.account = found(r"account\s+(\S+)", said)
        self.sender = found(r"sender\s+(\S+)", said)
        self.client_id, key_file = found_all(r"integration\s+(\S+)\s+private key in (\S+)", said)
        self.key = Path(key_file).read_bytes()
        self.secret = Path(found(r"its secret is in (\S+)", said)).read_text()
        Configuration().ssl_ca_cert = self.certificate  # one for the whole process, read just below
        self.client = ds.ApiClient(host=f"https://{self.host}/restapi", oauth_host_name=self.host)

    def token(self, user: str | None = None, key: bytes | None = None) -> str:
        """Ask for an access token by assertion."""
        given = self.client.request_jwt_user_token(
            client_id=self.client_id,
            user_id=user or self.sender,
            oauth_host_name=self.host,
            private_key_bytes=key or self.key,
            expires_in=3600,
            scopes=["signature", "impersonation"],
        )
        assert given.token_type == "Bearer"
        return str(given.access_token)


def found(pattern: str, text: str) -> str:
    [one] = found_all(pattern, text)
    return one


def found_all(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text)
    assert match is not None, text
    return match.groups()


@pytest.fixture
def office(launch: Launch) -> Iterator[Office]:
    before = Configuration().ssl_ca_cert
    gateway = launch(flags=("--offline", "--tls", "self-signed"))
    yield Office(gateway)
    Configuration().ssl_ca_cert = before


def test_a_token_by_assertion_acts_as_the_user_it_was_given_for(office: Office) -> None:
    token = office.token()
    who = office.client.get_user_info(token)
    assert who.sub == office.sender
    [account] = who.accounts
    assert (account.account_id, account.base_uri) == (office.account, f"https://{office.host}")
    office.client.set_default_header("Authorization", f"Bearer {token}")
    made = ds.EnvelopesApi(office.client).create_envelope(
        office.account, envelope_definition=ds.EnvelopeDefinition(status="created")
    )
    shown = ds.EnvelopesApi(office.client).get_envelope(office.account, made.envelope_id)
    assert shown.sender.user_id == office.sender


def test_a_sender_who_is_no_administrator_may_not_see_the_configurations(office: Office) -> None:
    office.client.set_default_header("Authorization", f"Bearer {office.token()}")
    with pytest.raises(ds.ApiException) as refused:
        ds.ConnectApi(office.client).list_configurations(office.account)
    assert b"USER_NOT_ACCOUNT_ADMIN" in refused.value.body
    assert refused.value.trace_token


def test_an_assertion_signed_with_another_key_is_refused(office: Office) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  # this test's alone
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # as above

    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    with pytest.raises(ds.ApiException) as refused:
        office.token(key=other)
    assert refused.value.status == 400


def test_a_code_after_a_click_becomes_a_token_and_a_refresh_token(
    office: Office,
) -> None:
    back = "http://localhost:3000/callback"
    trusted = ssl.create_default_context(cafile=office.certificate)
    with httpx.Client(base_url=f"https://{office.host}", verify=trusted) as browser:
        asked = browser.get(
            "/oauth/auth",
            params={
                "response_type": "code",
                "scope": "signature",
                "client_id": office.client_id,
                "redirect_uri": back,
                "state": "s-1",
            },
        )
        assert asked.status_code == 200, asked.text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', asked.text))
        fields["user_id"] = office.sender
        clicked = browser.post("/oauth/auth", data=fields)
    went = urlsplit(clicked.headers["location"])
    assert f"{went.scheme}://{went.netloc}{went.path}" == back
    answer = parse_qs(went.query)
    assert answer["state"] == ["s-1"]
    [code] = answer["code"]
    given = office.client.generate_access_token(office.client_id, office.secret, code)
    assert given.refresh_token
    assert office.client.get_user_info(given.access_token).sub == office.sender
    with pytest.raises(ds.ApiException):
        office.client.generate_access_token(office.client_id, office.secret, code)
