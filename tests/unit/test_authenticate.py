import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom import signature
from postroom.intake import authenticate as intake
from postroom.intake.authenticate import Accepted, Door, Refused, authenticate
from postroom.intake.normalise import normalise
from postroom.model import Secret

A1 = "a1000000-0000-4000-8000-000000000001"
A2 = "a2000000-0000-4000-8000-000000000002"
A3 = "a3000000-0000-4000-8000-000000000003"
A4 = "a4000000-0000-4000-8000-000000000004"
A9 = "a9000000-0000-4000-8000-000000000009"


def door(account: str, *texts: str, is_unsigned: bool = False) -> Door:
    keys = tuple(
        Secret(
            id=f"key of {text}",
            account_id=account,
            listener=None,
            purpose="hmac",
            text=text,
            created_at=0,
        )
        for text in texts
    )
    return Door(account_id=account, keys=keys, is_unsigned=is_unsigned)


DOORS = {
    A1: door(A1, "KA1=", "KA1-new="),
    A2: door(A2, "KA2="),
    A3: door(A3),
    A4: door(A4, is_unsigned=True),
}


def body_of(account: str) -> bytes:
    return json.dumps({"event": "envelope-sent", "data": {"accountId": account}}).encode()


def present(body: bytes, *keys: str, **more: Any) -> Accepted | Refused:
    given: dict[str, Any] = {
        "path_account": None,
        "header_account": None,
        "algorithm": "HMACSHA256",
        "signatures": signature.docusign(keys, body),
        "doors": DOORS,
    }
    return authenticate(body, **(given | more))


def reason(result: Accepted | Refused) -> str:
    assert isinstance(result, Refused)
    return result.reason


@pytest.mark.parametrize("keys", [("KA1=",), ("KA1-new=",), ("other", "KA1=")])
def test_any_key_of_the_account_against_any_header(keys: tuple[str, ...]) -> None:
    result = present(body_of(A1.upper()), *keys)
    assert isinstance(result, Accepted)
    assert result.account_id == A1


def test_the_account_in_the_body_chooses_the_keys() -> None:
    assert reason(present(body_of(A2), "KA1=")) == intake.WRONG_SIGNATURE


@pytest.mark.parametrize("more", [{"path_account": A1}, {"header_account": A1}])
def test_another_account_in_the_url_or_the_header_is_refused(more: dict[str, str]) -> None:
    assert reason(present(body_of(A2), "KA2=", **more)) == intake.OTHER_ACCOUNT


def test_a_header_that_is_no_guid_is_passed_over() -> None:
    assert isinstance(present(body_of(A2), "KA2=", header_account="12345678"), Accepted)


@pytest.mark.parametrize(
    ("account", "keys", "expected"),
    [
        (A9, ("KA9=",), intake.UNKNOWN_ACCOUNT),
        (A3, ("any",), intake.NO_KEYS),
        (A1, (), intake.NO_SIGNATURE),
        ("not a guid", ("KA1=",), intake.UNKNOWN_ACCOUNT),
    ],
)
def test_it_fails_closed(account: str, keys: tuple[str, ...], expected: str) -> None:
    assert reason(present(body_of(account), *keys)) == expected


def test_an_unsigned_account_takes_what_names_it() -> None:
    assert isinstance(present(body_of(A4)), Accepted)


@pytest.mark.parametrize(
    ("algorithm", "taken"), [(None, True), ("hmacsha256", True), ("HMACSHA1", False), ("", False)]
)
def test_the_digest_header_names_the_algorithm(algorithm: str | None, *, taken: bool) -> None:
    result = present(body_of(A1), "KA1=", algorithm=algorithm)
    assert isinstance(result, Accepted) is taken


def test_an_empty_account_is_no_name() -> None:
    body = body_of("")
    assert isinstance(present(body, "KA1=", path_account=A1), Accepted)
    assert reason(present(body, "KA1=", path_account=A2)) == intake.WRONG_SIGNATURE


def test_what_is_kept_of_a_claimed_account_is_short_and_printable() -> None:
    for claimed in ("\x00\x1b[31m", "x" * 5000):
        result = present(body_of(claimed), "KA1=")
        assert isinstance(result, Refused)
        assert result.account_id is not None
        assert len(result.account_id) <= 100
        assert result.account_id.isprintable()


def test_an_account_named_twice_is_the_one_named_last_here_and_in_normalise() -> None:
    body = b'{"event":"click-agreed","data":{"accountId":"%b"},"data":{"accountId":"%b"}}' % (
        A1.encode(),
        A2.encode(),
    )
    assert reason(present(body, "KA1=")) == intake.WRONG_SIGNATURE
    result = present(body, "KA2=")
    assert isinstance(result, Accepted)
    read = normalise(
        body, account_id=result.account_id, content_type="application/json", received_at=1
    )
    assert (read.account_id, read.is_readable) == (A2, True)


UNREADABLE = [b"", b"{", b"<xml/>", b'{"data":{}}', b"[" * 10_000 + b"]" * 10_000, b"\xff\x00"]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_signed_body_that_names_no_account_is_found_by_its_signature(body: bytes) -> None:
    result = present(body, "KA2=")
    assert isinstance(result, Accepted)
    assert result.account_id == A2


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_unreadable_body_is_the_accounts_in_the_url(body: bytes) -> None:
    assert isinstance(present(body, "KA1=", path_account=A1), Accepted)
    assert reason(present(body, "KA2=", path_account=A1)) == intake.WRONG_SIGNATURE


def test_an_unreadable_body_is_never_taken_unsigned_without_a_name() -> None:
    assert reason(present(b"{")) == intake.NO_SIGNATURE
    assert reason(present(b"{", header_account=A4)) == intake.NO_ACCOUNT
    assert reason(present(body_of(A4)[:-1])) == intake.NO_ACCOUNT
    assert isinstance(present(b"{", path_account=A4), Accepted)


@pytest.mark.parametrize(("keys", "size"), [(201, 10), (140, 1024 * 1024)])
def test_the_account_is_not_guessed_at_any_cost(keys: int, size: int) -> None:
    doors = {A1: door(A1, *(f"key-{number}" for number in range(keys)))}
    assert reason(present(b"{" * size, "key-1", doors=doors)) == intake.NO_ACCOUNT


def test_a_broken_body_is_searched_for_its_account() -> None:
    body = body_of(A1)[:-1]
    assert isinstance(present(body, "KA1="), Accepted)
    assert reason(present(body, "KA2=")) == intake.WRONG_SIGNATURE


def test_a_refusal_tells_the_operator_the_likely_cause() -> None:
    result = present(body_of(A1), "KA1")
    assert isinstance(result, Refused)
    assert result.hint is not None
    assert "KA1" not in result.hint


anything = st.text(st.characters(exclude_categories=()), max_size=50)


@given(st.binary(max_size=400), anything, anything)
def test_no_bytes_and_no_headers_raise_or_enter(body: bytes, path: str, header: str) -> None:
    result = authenticate(
        body,
        path_account=path,
        header_account=header,
        algorithm=None,
        signatures=[header],
        doors=DOORS,
    )
    assert isinstance(result, Refused)
