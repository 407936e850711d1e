"""Asking an account: tokens, the account's limits, and answers of any kind."""

import json
from collections.abc import AsyncIterator, Iterator

import jwt
import pytest
from tests.flow.docusign_stub import INTEGRATION, PRIVATE, PUBLIC, USER, Said, Stub, said

from postroom.clock import SECOND, VirtualClock
from postroom.esign import listing
from postroom.esign.account import Accounts, Failure
from postroom.esign.dial import LARGEST_ANSWER_BYTES

START = 1_772_442_000 * SECOND
ENVELOPE = "e0000000-0000-4000-8000-000000000208"
OTHER = "e0000000-0000-4000-8000-000000000209"


@pytest.fixture
def stub() -> Iterator[Stub]:
    one = Stub()
    yield one
    one.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
async def accounts(clock: VirtualClock) -> AsyncIterator[Accounts]:
    one = Accounts(clock=clock, machine_clock=clock, allow_private_addresses=True)
    yield one
    await one.close()


async def failed(accounts: Accounts, stub: Stub, envelope_id: str = ENVELOPE) -> Failure:
    answer = await accounts.envelope(stub.by_grant(), envelope_id)
    assert isinstance(answer, Failure)
    return answer


# --- tokens


async def test_an_assertion_says_who_asks_for_whom_and_is_signed_with_the_key(
    accounts: Accounts, stub: Stub
) -> None:
    await accounts.envelope(stub.by_grant(), ENVELOPE)
    [assertion] = stub.assertions
    host = stub.url.removeprefix("http://")
    claims = jwt.decode(
        assertion,
        PUBLIC,
        algorithms=["RS256"],
        audience=host,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["iss"], claims["sub"], claims["scope"]) == (
        INTEGRATION,
        USER,
        "signature impersonation",
    )
    assert (claims["iat"], claims["exp"]) == (START // SECOND, START // SECOND + 600)
    assert stub.asked[0][2] == "Bearer token-1"


async def test_a_token_is_used_until_shortly_before_its_end(
    accounts: Accounts, stub: Stub, clock: VirtualClock
) -> None:
    for minutes, asked in ((0, 1), (50, 1), (56, 2)):
        clock.advance_to(START + minutes * 60 * SECOND)
        await accounts.envelope(stub.by_grant(), f"{ENVELOPE[:-2]}{minutes:02d}")
        assert len(stub.assertions) == asked


async def test_a_token_that_is_not_accepted_any_more_is_replaced_once(
    accounts: Accounts, stub: Stub
) -> None:
    stub.rest = lambda _path, _query: said(401 if len(stub.asked) == 1 else 200)
    assert await accounts.envelope(stub.by_grant(), ENVELOPE) == b"{}"
    assert [one[2] for one in stub.asked] == ["Bearer token-1", "Bearer token-2"]


async def test_a_given_token_that_is_not_accepted_is_not_tried_again_at_once(
    accounts: Accounts, stub: Stub
) -> None:
    stub.rest = lambda _path, _query: said(401)
    for envelope_id in (ENVELOPE, OTHER):
        answer = await accounts.envelope(stub.by_token("given-token"), envelope_id)
        assert isinstance(answer, Failure)
        assert "does not accept the bearer token (401)" in answer.reason
    assert len(stub.asked) == 1
    assert await accounts.envelope(stub.by_token("another"), ENVELOPE)
    assert stub.asked[1][2] == "Bearer another"


@pytest.mark.parametrize(
    ("error", "description", "remedy"),
    [
        ("consent_required", "", "as that user open {url}/oauth/auth?response_type=code"),
        ("invalid_grant", "no_valid_keys_or_signatures", "the private key is none of integration"),
        ("invalid_grant", "user_not_found", f"there is no user {USER}"),
        ("invalid_grant", "issuer_not_found", f"knows no integration {INTEGRATION}"),
        ("invalid_request", "secret words", "answered 400 (invalid_request); check oauth_base"),
    ],
)
async def test_a_refused_token_says_what_to_do_and_is_not_asked_for_again_within_a_minute(
    accounts: Accounts, stub: Stub, clock: VirtualClock, error: str, description: str, remedy: str
) -> None:
    stub.token = lambda: said(400, {"error": error, "error_description": description})
    answer = await failed(accounts, stub)
    assert remedy.format(url=stub.url) in answer.reason
    assert "secret words" not in answer.reason
    assert answer.is_of_account
    assert await failed(accounts, stub, OTHER) == answer
    assert len(stub.assertions) == 1
    clock.advance_to(START + 61 * SECOND)
    await failed(accounts, stub)
    assert len(stub.assertions) == 2


async def test_consent_is_asked_for_with_the_scopes_and_the_integration(
    accounts: Accounts, stub: Stub
) -> None:
    stub.token = lambda: said(400, {"error": "consent_required"})
    reason = (await failed(accounts, stub)).reason
    assert f"scope=signature%20impersonation&client_id={INTEGRATION}&redirect_uri=" in reason


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"[]", b'{"access_token": 1}', b'{"access_token": "a\\nb"}', b"\xff", b"[" * 9999],
)
async def test_what_is_no_token_is_a_failure_and_nothing_of_it_is_repeated(
    accounts: Accounts, stub: Stub, body: bytes
) -> None:
    stub.token = lambda: said(200, body)
    assert "OAuth server" in (await failed(accounts, stub)).reason
    assert stub.asked == []


# --- limits


async def test_an_envelope_is_asked_for_once_in_fifteen_minutes(
    accounts: Accounts, stub: Stub, clock: VirtualClock
) -> None:
    stub.rest = lambda _path, _query: said(200, {"envelopeId": ENVELOPE})
    for minutes, asked in ((0, 1), (14, 1), (15, 2)):
        clock.advance_to(START + minutes * 60 * SECOND)
        await accounts.envelope(stub.by_grant(), ENVELOPE)
        assert len(stub.asked) == asked


async def test_an_envelope_that_is_not_there_is_not_asked_for_again_either(
    accounts: Accounts, stub: Stub
) -> None:
    stub.rest = lambda _path, _query: said(404, {"errorCode": "ENVELOPE_DOES_NOT_EXIST"})
    for _ in range(2):
        answer = await failed(accounts, stub)
        assert answer.retry_at == START + 900 * SECOND
        assert not answer.is_of_account
    assert len(stub.asked) == 1


async def test_a_refusal_for_too_many_calls_is_waited_out_by_all_who_ask_the_account(
    accounts: Accounts, stub: Stub, clock: VirtualClock
) -> None:
    stub.rest = lambda _path, _query: said(429, Retry_After="120")
    assert (await failed(accounts, stub)).retry_at == START + 120 * SECOND
    clock.advance_to(START + 119 * SECOND)
    assert "limit is reached" in (await failed(accounts, stub, OTHER)).reason
    page = await accounts.list_page(stub.by_grant(), {})
    assert isinstance(page, Failure)
    assert len(stub.asked) == 1
    clock.advance_to(START + 120 * SECOND)
    stub.rest = lambda _path, _query: said(200)
    assert await accounts.envelope(stub.by_grant(), OTHER) == b"{}"


async def test_the_last_tenth_of_the_hour_is_left_to_other_integrations(
    accounts: Accounts, stub: Stub
) -> None:
    stub.rest = lambda _path, _query: said(
        200,
        X_RateLimit_Limit="3000",
        X_RateLimit_Remaining="300",
        X_RateLimit_Reset=str(START // SECOND + 600),
    )
    assert await accounts.envelope(stub.by_grant(), ENVELOPE) == b"{}"
    assert (await failed(accounts, stub, OTHER)).retry_at == START + 600 * SECOND
    assert len(stub.asked) == 1


# --- answers of any kind


async def test_an_answer_without_end_is_not_read_to_its_end(accounts: Accounts, stub: Stub) -> None:
    stub.rest = lambda _path, _query: said(200, b" " * (LARGEST_ANSWER_BYTES + 1))
    assert "larger than" in (await failed(accounts, stub)).reason


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"<html>", b"[" * 9999])
async def test_what_is_no_envelope_is_a_failure(
    accounts: Accounts, stub: Stub, body: bytes
) -> None:
    stub.rest = lambda _path, _query: said(200, body)
    assert "is no envelope" in (await failed(accounts, stub)).reason


async def test_nobody_is_followed_to_another_address(accounts: Accounts, stub: Stub) -> None:
    stub.rest = lambda _path, _query: said(302, Location=f"{stub.url}/elsewhere")
    assert "302" in (await failed(accounts, stub)).reason
    assert len(stub.asked) == 1


async def test_a_refusal_in_words_of_its_own_is_not_repeated(
    accounts: Accounts, stub: Stub
) -> None:
    stub.rest = lambda _path, _query: said(400, {"errorCode": "Bearer token-1 is\nwrong"})
    assert (await failed(accounts, stub)).reason == "the account answered 400"


async def test_a_private_address_is_asked_only_where_listeners_may_have_one(
    clock: VirtualClock, stub: Stub
) -> None:
    strict = Accounts(clock=clock, machine_clock=clock, allow_private_addresses=False)
    assert "--allow-private-addresses" in (await failed(strict, stub)).reason
    assert stub.assertions == []
    await strict.close()


async def test_an_account_that_does_not_answer_is_left_alone_for_a_while(
    accounts: Accounts, stub: Stub, clock: VirtualClock
) -> None:
    gone = stub.by_token("given-token")
    stub.close()
    answer = await accounts.envelope(gone, ENVELOPE)
    assert isinstance(answer, Failure)
    assert answer.is_of_account
    assert answer.retry_at == clock.now() + 30 * SECOND


def test_neither_key_nor_token_is_ever_shown(stub: Stub) -> None:
    shown = repr(stub.by_grant()) + repr(stub.by_token("given-token"))
    assert PRIVATE not in shown
    assert "given-token" not in shown
    assert json.dumps(PRIVATE) not in shown


async def test_an_account_whose_list_never_ends_is_left_after_so_many_pages(
    stub: Stub, accounts: Accounts
) -> None:
    def endless(_path: str, query: dict[str, str]) -> Said:
        first = int(query["from_date"][20:26]) + 1
        envelopes = [
            {
                "envelopeId": f"e0000000-0000-4000-8000-{first:06d}{number:06d}",
                "statusChangedDateTime": f"2026-03-02T09:00:00.{first:06d}0Z",
            }
            for number in range(listing.PAGE)
        ]
        return said(200, {"envelopes": envelopes})

    stub.rest = endless
    told = listing.touched(accounts, stub.by_grant(), since=START, most_pages=4)
    pages = [page async for page in told]
    assert len(pages) == 5
    assert isinstance(pages[-1], Failure)
    assert "more than 400 envelopes" in pages[-1].reason
