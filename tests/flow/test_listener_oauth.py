"""`includeOAuth`: a real token endpoint, a real listener, and the road between them."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.acceptance.cast import A1
from tests.acceptance.recorder import Recorder
from tests.contract.wire import answers, ok, read_request, server
from tests.flow.gatehouse import START, eventually
from tests.flow.playhouse import Playhouse

from postroom import observe
from postroom.clock import SECOND, VirtualClock
from postroom.delivery import bearer
from postroom.delivery.bearer import Bearers, Client
from postroom.delivery.curl import CurlSender
from postroom.errors import DocusignError
from postroom.model import DeliveryState, Outcome
from postroom.operations.connect import account_oauth, configurations

SECRET = "the:secret+of the listener/é="
MINUTE = 60 * SECOND


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recording = Recorder()
    yield recording
    recording.close()


@pytest.fixture
async def house(tmp_path: Path, recorder: Recorder) -> AsyncIterator[Playhouse]:
    one = Playhouse(tmp_path, recorder)
    await one.open()
    yield one
    await one.close()


def token(text: str, **said: Any) -> bytes:
    told = {"access_token": text, "token_type": "Bearer", "expires_in": 3600} | said
    return json.dumps(told).encode()


def way(url: str, **said: Any) -> dict[str, Any]:
    """Return a `ConnectOAuthConfig`."""
    given = {"authorizationServerUrl": url, "clientId": "erp client", "clientSecret": SECRET}
    return given | said


async def give_account(house: Playhouse, url: str, **said: Any) -> None:
    await account_oauth.create_oauth(house.connect, A1, way(url, **said), actor="ann")


async def configure(house: Playhouse, name: str = "ERP", **said: Any) -> str:
    """Make a configuration that wants OAuth; return its `connectId`."""
    given = {
        "name": name,
        "urlToPublishTo": house.recorder.url(name),
        "configurationType": "custom",
        "allUsers": "true",
        "allowEnvelopePublish": "true",
        "deliveryMode": "SIM",
        "eventData": {"version": "restv2.1"},
        "events": ["envelope-sent"],
        "includeOAuth": "true",
    }
    made = await configurations.create_configuration(house.connect, A1, given | said, actor="ann")
    return str(made["connectId"])


async def send(house: Playhouse, *numbers: int) -> None:
    """Take in so many messages at once."""
    await asyncio.gather(*(house.take(number, "envelope-sent") for number in numbers))


def told(house: Playhouse, name: str = "ERP") -> list[str | None]:
    """Return with what each request to a listener was authorized."""
    return [one.headers.get("authorization") for one in house.recorder.received_by(name)]


def asked(house: Playhouse, name: str = "token") -> int:
    return len(house.recorder.received_by(name))


async def wait_for_attempts(house: Playhouse, delivery: int, count: int) -> Any:
    async def are_there() -> bool:
        return len(await house.store.attempts(delivery)) == count

    await eventually(are_there)
    return await house.store.attempts(delivery)


@asynccontextmanager
async def bearers_of(clock: VirtualClock) -> AsyncIterator[Bearers]:
    """Get tokens over a sender of their own while the block runs."""
    sender = CurlSender(allow_private_addresses=True, clock=clock)
    try:
        yield Bearers(sender=sender, clock=clock)
    finally:
        await sender.close()


# --- asking and keeping ---


async def test_a_token_is_asked_for_once_and_serves_every_delivery(house: Playhouse) -> None:
    house.recorder.say("token", body=token("t1"))
    parameters = {"audience": "erp & co", "grant_type": "password"}
    url = house.recorder.url("token")
    await give_account(house, url, scope="publish all", customParameters=parameters)
    await configure(house)
    await send(house, *range(30))
    await house.heard("ERP")
    await send(house, 30)
    await house.heard("ERP")
    assert told(house) == ["Bearer t1"] * 31
    [request] = house.recorder.received_by("token")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode(), strict_parsing=True) == {
        "grant_type": ["client_credentials"],
        "scope": ["publish all"],
        "audience": ["erp & co"],
    }
    kind, _, pair = request.headers["authorization"].partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(pair) == b"erp+client:the%3Asecret%2Bof+the+listener%2F%C3%A9%3D"


async def test_deliveries_that_wait_for_a_token_share_one_request(house: Playhouse) -> None:
    arrived, may_answer = asyncio.Event(), asyncio.Event()
    requests = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        arrived.set()
        await may_answer.wait()
        writer.write(ok(body=token("t1")))
        await writer.drain()

    async with server(slow) as port:
        await give_account(house, f"http://127.0.0.1:{port}/token")
        await configure(house)
        await configure(house, "HR")
        await send(house, *range(5))
        await arrived.wait()

        async def all_wait() -> bool:
            return house.worker.in_hand == 10

        await eventually(all_wait)
        may_answer.set()
        await house.heard("ERP")
    assert told(house) + told(house, "HR") == ["Bearer t1"] * 10
    assert requests == 1


async def test_a_token_is_renewed_shortly_before_it_ends_by_the_clock(house: Playhouse) -> None:
    house.recorder.say("token", body=token("t2"))
    house.recorder.say("token", body=token("t1"), times=1)
    await give_account(house, house.recorder.url("token"))
    await configure(house)
    for number, seconds in enumerate((0, 3569, 3570)):
        house.clock.advance_to(START + seconds * SECOND)
        await send(house, number)
        await house.heard("ERP")
    assert told(house) == ["Bearer t1", "Bearer t1", "Bearer t2"]
    assert asked(house) == 2


@pytest.mark.parametrize(
    ("expires_in", "fresh_seconds"),
    [(60, 54), ("600", 570), (None, 270), (-5, 0), (1e300, 86_370), ("soon", 270)],
)
async def test_how_long_a_token_is_kept(expires_in: Any, fresh_seconds: int) -> None:
    clock = VirtualClock(START)
    seen: list[tuple[bytes, bytes]] = []
    play = answers(ok(body=token("t", expires_in=expires_in)), seen=seen)
    async with server(play) as port, bearers_of(clock) as bearers:
        client = Client(token_url=f"http://127.0.0.1:{port}/", id="c", secret="s")
        assert await bearers.token(client) == "t"
        clock.advance_to(START + fresh_seconds * SECOND - 1)
        await bearers.token(client)
        assert len(seen) == (1 if fresh_seconds else 2)
        before = len(seen)
        clock.advance_to(START + fresh_seconds * SECOND)
        await bearers.token(client)
        assert len(seen) == before + 1


async def test_a_401_of_the_listener_drops_the_token(house: Playhouse) -> None:
    house.recorder.say("token", body=token("t2"))
    house.recorder.say("token", body=token("t1"), times=1)
    house.recorder.say("ERP", status=401, times=1)
    await give_account(house, house.recorder.url("token"))
    await configure(house)
    await send(house, 1)
    await wait_for_attempts(house, 1, 1)
    assert asked(house) == 1
    house.clock.advance_to(START + 6 * MINUTE)
    await house.heard("ERP")
    assert told(house) == ["Bearer t1", "Bearer t2"]


async def test_any_other_refusal_of_the_listener_keeps_the_token(house: Playhouse) -> None:
    house.recorder.say("token", body=token("t1"))
    house.recorder.say("ERP", status=403, times=1)
    await give_account(house, house.recorder.url("token"))
    await configure(house)
    await send(house, 1)
    await wait_for_attempts(house, 1, 1)
    house.clock.advance_to(START + 6 * MINUTE)
    await house.heard("ERP")
    assert told(house) == ["Bearer t1"] * 2
    assert asked(house) == 1


async def test_whoever_does_not_know_the_secret_gets_no_token_of_others() -> None:
    clock = VirtualClock(START)
    play = answers(ok(body=token("t1")), ok("401 No", b'{"error":"invalid_client"}'))
    async with server(play) as port, bearers_of(clock) as bearers:
        known = Client(token_url=f"http://127.0.0.1:{port}/", id="c", secret="right")
        assert await bearers.token(known) == "t1"
        wrong = Client(token_url=known.token_url, id="c", secret="wrong")
        assert isinstance(await bearers.token(wrong), Outcome)


async def test_one_who_leaves_does_not_take_the_token_from_those_who_wait() -> None:
    arrived, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await may_answer.wait()
        writer.write(ok(body=token("t1")))
        await writer.drain()

    async with server(slow) as port, bearers_of(VirtualClock(START)) as bearers:
        client = Client(token_url=f"http://127.0.0.1:{port}/", id="c", secret="s")
        first, second = (asyncio.create_task(bearers.token(client)) for _ in range(2))
        await arrived.wait()
        first.cancel()
        may_answer.set()
        assert await second == "t1"
        assert first.cancelled()


# --- when there is none ---


async def test_an_endpoint_that_is_down_means_a_retry_and_then_the_delivery(
    house: Playhouse,
) -> None:
    house.recorder.say("token", body=token("t1"))
    house.recorder.say("token", status=503, times=1)
    await give_account(house, house.recorder.url("token"))
    await configure(house)
    await send(house, 1)
    [attempt] = await wait_for_attempts(house, 1, 1)
    assert (attempt.status, attempt.failure, attempt.verdict) == (None, "oauth", "try-again")
    assert attempt.detail == "no token from authorizationServerUrl: answered 503"
    assert told(house) == []
    house.clock.advance_to(START + 6 * MINUTE)
    await house.heard("ERP")
    assert told(house) == ["Bearer t1"]


async def test_an_endpoint_that_refuses_connections_is_a_failure_like_any_other(
    house: Playhouse,
) -> None:
    async with server(answers(ok())) as port:
        gone = f"http://127.0.0.1:{port}/token"
    await give_account(house, gone)
    await configure(house)
    await send(house, 1)
    [attempt] = await wait_for_attempts(house, 1, 1)
    assert attempt.failure == "oauth"
    assert attempt.detail.startswith("no token from authorizationServerUrl: connect: ")


async def test_an_endpoint_that_does_not_answer_holds_a_delivery_up_for_twenty_seconds(
    house: Playhouse,
) -> None:
    house.recorder.say("token", hang=True)
    await give_account(house, house.recorder.url("token"))
    await configure(house)
    await send(house, 1)

    async def hangs() -> bool:
        return house.recorder.hanging == 1

    await eventually(hangs)
    house.clock.advance_to(START + 20 * SECOND)
    [attempt] = await wait_for_attempts(house, 1, 1)
    assert attempt.failure == "oauth"
    assert "timeout" in attempt.detail


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ok("401 No", b'{"error":"invalid_client"}'), "answered 401 (invalid_client)"),
        (ok("400 No", b'{"error":"your secret is s3cret"}'), "answered 400"),
        (ok("302 Found", headers="Location: http://127.0.0.1:9/\r\n"), "answered 302"),
        (ok(), "no JSON"),
        (ok(body=b"<html>"), "no JSON"),
        (ok(body=b'{"x":' + b"[" * 60_000), "no JSON"),
        (ok(body=b'{"access_token":"\xff"}'), "no JSON"),
        (ok(body=b'{"access_token":7}'), "no JSON"),
        (ok(body=token("t" * 80_000)), "no JSON"),
        (ok(body=token("")), "cannot stand in a header"),
        (ok(body=token("t\r\nX-Evil: 1")), "cannot stand in a header"),
        (ok(body=token("tök")), "cannot stand in a header"),
        (ok(body=token("t", token_type="mac")), "token_type"),
    ],
    ids=[
        "refused",
        "in-its-own-words",
        "redirect",
        "empty",
        "html",
        "nested",
        "not-utf8",
        "number",
        "too-long",
        "no-characters",
        "header-injection",
        "not-ascii",
        "other-kind",
    ],
)
async def test_an_answer_without_a_token_to_use_is_a_failure_in_words_of_ours(
    answer: bytes, said: str
) -> None:
    async with server(answers(answer)) as port, bearers_of(VirtualClock(START)) as bearers:
        client = Client(token_url=f"http://127.0.0.1:{port}/", id="c", secret="s3cret")
        outcome = await bearers.token(client)
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.failure) == (None, "oauth")
    assert said in outcome.detail
    assert "s3cret" not in repr(outcome) + repr(client)


async def test_an_endpoint_at_a_private_address_is_not_dialled() -> None:
    clock, seen = VirtualClock(START), list[tuple[bytes, bytes]]()
    sender = CurlSender(allow_private_addresses=False, clock=clock)
    async with server(answers(ok(body=token("t")), seen=seen)) as port:
        client = Client(token_url=f"http://127.0.0.1:{port}/", id="c", secret="s")
        outcome = await Bearers(sender=sender, clock=clock).token(client)
    await sender.close()
    assert isinstance(outcome, Outcome)
    assert "refused-address" in outcome.detail
    assert seen == []


# --- whose token ---


async def test_a_configuration_with_a_way_of_its_own_uses_that(house: Playhouse) -> None:
    house.recorder.say("token", body=token("of-the-account"))
    house.recorder.say("own", body=token("of-its-own"))
    await give_account(house, house.recorder.url("token"))
    own = way(house.recorder.url("own"))
    await configure(house, oAuthConfiguration=own, enableOAuthPerConfiguration="true")
    await configure(house, "HR", oAuthConfiguration=own)
    await send(house, 1)
    await house.heard("ERP")
    assert told(house) == ["Bearer of-its-own"]
    assert told(house, "HR") == ["Bearer of-the-account"]


async def test_without_any_way_to_get_one_a_delivery_waits_until_the_account_has_one(
    house: Playhouse,
) -> None:
    house.recorder.say("token", body=token("t1"))
    await configure(house)
    await send(house, 1)
    [attempt] = await wait_for_attempts(house, 1, 1)
    assert (attempt.failure, attempt.detail) == ("oauth", bearer.UNCONFIGURED)
    await give_account(house, house.recorder.url("token"))
    house.clock.advance_to(START + 6 * MINUTE)
    await house.heard("ERP")
    assert told(house) == ["Bearer t1"]


async def test_a_change_of_the_accounts_way_is_in_force_at_once(house: Playhouse) -> None:
    house.recorder.say("token", body=token("t1"))
    house.recorder.say("new", body=token("t2"))
    await give_account(house, house.recorder.url("token"))
    await configure(house, requiresAcknowledgement="false")
    await send(house, 1)
    await house.heard("ERP")
    moved = way(house.recorder.url("new"))
    await account_oauth.update_oauth(house.connect, A1, moved, actor="ann")
    await send(house, 2)
    await house.heard("ERP")
    await account_oauth.delete_oauth(house.connect, A1, actor="ann")
    await send(house, 3)
    await house.until(lambda states: states.count(DeliveryState.GIVEN_UP) == 1)
    assert told(house) == ["Bearer t1", "Bearer t2"]
    verbs = [entry.verb for _, entry in await house.store.audit_log(after=None, limit=20)]
    assert {"create-oauth", "update-oauth", "delete-oauth"} <= set(verbs)


async def test_oauth_goes_before_basic_authentication_and_is_off_unless_asked_for(
    house: Playhouse,
) -> None:
    house.recorder.say("token", body=token("t1"))
    await give_account(house, house.recorder.url("token"))
    await configure(house, userName="erp", password="hunter2hunter2")
    await configure(house, "HR", includeOAuth="false")
    await send(house, 1)
    await house.heard("ERP")
    assert told(house) == ["Bearer t1"]
    assert told(house, "HR") == [None]


# --- the secret ---


async def test_a_secret_is_sent_nowhere_but_to_the_url_it_was_given_for(house: Playhouse) -> None:
    house.recorder.say("token", body=token("t1"))
    url = house.recorder.url("token")
    await give_account(house, url)
    own = way(url)
    connect_id = await configure(house, oAuthConfiguration=own, enableOAuthPerConfiguration="true")
    thief = {"authorizationServerUrl": house.recorder.url("thief"), "clientId": "erp client"}
    with pytest.raises(DocusignError, match="clientSecret"):
        await account_oauth.update_oauth(house.connect, A1, thief, actor="eve")
    changed = {"connectId": connect_id, "oAuthConfiguration": thief}
    with pytest.raises(DocusignError, match="clientSecret"):
        await configurations.update_configuration(house.connect, A1, changed, actor="eve")
    same = {"connectId": connect_id, "oAuthConfiguration": {"scope": "publish"}}
    await configurations.update_configuration(house.connect, A1, same, actor="ann")
    await send(house, 1)
    await house.heard("ERP")
    assert asked(house) == 1
    assert asked(house, "thief") == 0


async def test_the_secret_is_in_no_log_no_list_no_attempt_and_no_audit_entry(
    house: Playhouse, capsys: pytest.CaptureFixture[str]
) -> None:
    observe.configure(level="debug", form="text")  # another test may have asked for less
    echoing = json.dumps({"error": SECRET, "error_description": SECRET}).encode()
    house.recorder.say("token", status=400, body=echoing)
    await give_account(house, house.recorder.url("token"))
    own = way(house.recorder.url("token"), scope="own")
    await configure(house, "HR", oAuthConfiguration=own, enableOAuthPerConfiguration="true")
    await configure(house)
    await send(house, 1)
    shown: list[Any] = [await wait_for_attempts(house, number, 1) for number in (1, 2)]
    shown += [
        await house.store.registry(),
        await house.store.audit_log(after=None, limit=100),
        await configurations.list_configurations(house.connect, A1),
        await account_oauth.show_oauth(house.connect, A1),
        house.keeper.current,
        *[await house.ask("GET", path) for path in ("/listeners", "/deliveries", "/deliveries/1")],
        capsys.readouterr(),
    ]
    assert asked(house) == 2
    assert "attempt failed" in repr(shown)
    assert "the:secret" not in repr(shown)
