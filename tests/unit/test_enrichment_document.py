"""`enrichment:` in connect.yaml: what is taken, what is refused, and where."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from postroom.cli import connect_file
from postroom.errors import InvalidInputError
from postroom.esign import access
from postroom.model import Account, Registry
from postroom.operations.document import InvalidDocumentError, read
from postroom.operations.drafts import draft

NOBODY = Registry(revision=0, accounts={}, listeners={}, lanes={})
HEAD = """accounts:
  - id: a1000000-0000-4000-8000-000000000001
    unsigned: true
    enrichment:
"""
JWT = """      base_url: https://demo.docusign.net/restapi
      jwt:
        integration_key: 1F0C1F3E-0000-4000-8000-00000000ABCD
        user_id: 5f0c1f3e-0000-4000-8000-000000000567
        private_key: {file: integration.pem}
        oauth_base: https://account-d.docusign.com/
"""


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    made = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return made.decode()


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
GOOD = pem(KEY)
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505  # it is to be refused


def drafted(tmp_path: Path, text: str, key: str = GOOD) -> Account:
    (tmp_path / "integration.pem").write_text(key)
    path = tmp_path / "connect.yaml"
    path.write_text(HEAD + text)
    found = connect_file.load(path, {})
    try:
        [one] = draft(read(found.document), NOBODY, allow_private=False).accounts
    except InvalidDocumentError as refused:
        raise InvalidInputError(found.describe(refused.problems)) from None
    return one


def complaint(tmp_path: Path, text: str, key: str = GOOD) -> str:
    with pytest.raises(InvalidInputError) as caught:
        drafted(tmp_path, text, key)
    return str(caught.value)


def test_a_jwt_grant_is_read_with_its_key_from_a_file_beside_it(tmp_path: Path) -> None:
    one = drafted(tmp_path, JWT).enrichment
    assert one is not None
    assert one.integration_key == "1f0c1f3e-0000-4000-8000-00000000abcd"
    assert one.oauth_base == "https://account-d.docusign.com"
    assert GOOD not in str(one)


def test_a_grant_that_was_read_enters_the_account_by_it(tmp_path: Path) -> None:
    entered = access.access_of(drafted(tmp_path, JWT), GOOD)
    assert entered is not None
    assert entered.grant is not None
    assert access.access_of(drafted(tmp_path, JWT), None) is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("secret words", "this is no private key"),
        ("-----BEGIN PUBLIC KEY-----\nsecret words", "this is a public key"),
        (GOOD[:400], "the key cannot be read; copy the whole file"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "this is no RSA key"),
        (pem(KEY, BestAvailableEncryption(b"word")), "encrypted with a password"),
        (pem(SHORT), "the key has 1024 bits"),
    ],
)
def test_what_is_no_key_for_a_grant_is_refused_with_its_place_and_never_shown(
    tmp_path: Path, key: str, said: str
) -> None:
    text = complaint(tmp_path, JWT, key)
    assert text.startswith("connect.yaml:9:9: accounts[0].enrichment.jwt.private_key")
    assert said in text
    assert "secret words" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (JWT.partition("      jwt")[0], "4:5: accounts[0].enrichment: give either token: or jwt:"),
        (f"{JWT}      token: {{text: abc}}\n", "give either token: or jwt:"),
        (JWT.replace("user_id", "userid"), "unknown key 'userid'; did you mean user_id?"),
        (JWT.replace("{file: integration.pem}", "{file: gone.pem}"), "cannot read"),
        (JWT.replace("{file: integration.pem}", "{env: NOT_SET}"), "variable NOT_SET is not set"),
        (JWT.replace("{file: integration.pem}", "integration.pem"), "give one of env:, file:"),
        (JWT.replace("integration_key: 1F", "integration_key: x"), "write the GUID"),
        (JWT.replace("https://account-d.docusign.com/", "https://10.0.0.1"), "private or special"),
        (JWT.replace("https://account-d", "ftp://account-d"), "starts with https://"),
    ],
)
def test_what_a_grant_lacks_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(tmp_path, text)


def test_a_token_is_still_read_as_it_was(tmp_path: Path) -> None:
    text = "      base_url: https://x.example/restapi\n      token: {text: abc}\n"
    one = drafted(tmp_path, text)
    entered = access.access_of(one, "abc")
    assert entered is not None
    assert entered.grant is None
