"""What every sender promises, shown on real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contract.wire import answers, ok, read_request, request, self_made, server

from postroom.clock import SECOND, SystemClock, VirtualClock
from postroom.delivery.curl import MAX_ANSWER_BYTES, CurlSender


@pytest.fixture
async def sender() -> AsyncIterator[CurlSender]:
    made = CurlSender(allow_private_addresses=True, clock=SystemClock())
    yield made
    await made.close()


@pytest.mark.parametrize("status", [200, 204, 302, 404, 410, 500, 503])
async def test_an_answer_is_an_outcome_with_its_status(sender: CurlSender, status: int) -> None:
    async with server(answers(ok(f"{status} X", headers="Retry-After: 7\r\n"))) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/hook"))
    assert (outcome.status, outcome.failure) == (status, None)
    assert ("Retry-After", "7") in outcome.response_headers


async def test_the_bytes_and_headers_arrive_as_they_were_given(sender: CurlSender) -> None:
    seen: list[tuple[bytes, bytes]] = []
    body = b'{"a":"\x00\xc3\xa9"}' * 1000
    async with server(answers(ok(), seen=seen)) as port:
        await sender.send(request(f"http://127.0.0.1:{port}/hook?x=1", body=body))
    head, got = seen[0]
    assert got == body
    assert head.startswith(b"POST /hook?x=1 HTTP/1.1\r\n")
    assert b"expect" not in head.lower()


async def test_a_redirect_is_not_followed(sender: CurlSender) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as target:
        location = f"Location: http://127.0.0.1:{target}/\r\n"
        async with server(answers(ok("307 Elsewhere", headers=location))) as port:
            outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert (outcome.status, seen) == (307, [])


async def test_a_hang_ends_at_the_timeout(sender: CurlSender) -> None:
    async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with server(hang) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/", timeout_seconds=0.1))
    assert (outcome.status, outcome.failure) == (None, "timeout")


async def test_a_drip_of_headers_ends_at_the_total_timeout(sender: CurlSender) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1000):
            writer.write(b"X-Drip: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with server(drip) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/", timeout_seconds=0.2))
    assert outcome.failure == "timeout"


async def test_an_endless_answer_is_cut_and_its_status_counts(sender: CurlSender) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    async with server(endless) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.status == 200
    assert len(outcome.response_body) == MAX_ANSWER_BYTES


async def test_nobody_listening_is_a_connect_failure(sender: CurlSender) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.failure == "connect"


async def test_a_name_that_does_not_exist_is_a_dns_failure(sender: CurlSender) -> None:
    outcome = await sender.send(request("http://nonexistent.invalid/"))
    assert outcome.failure == "dns"


@pytest.mark.parametrize("url", ["gopher://127.0.0.1/", "http://", "file:///etc/hostname"])
async def test_another_protocol_is_a_bad_url(sender: CurlSender, url: str) -> None:
    outcome = await sender.send(request(url))
    assert outcome.failure == "bad-url"


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 2"])
async def test_a_broken_answer_is_a_protocol_failure(sender: CurlSender, raw: bytes) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()

    async with server(broken) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.failure == "protocol"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]", "169.254.169.254"]
)
async def test_a_private_address_is_refused_when_it_is_dialled(host: str) -> None:
    seen: list[tuple[bytes, bytes]] = []
    careful = CurlSender(allow_private_addresses=False, clock=SystemClock())
    async with server(answers(ok(), seen=seen)) as port:
        outcome = await careful.send(request(f"http://{host}:{port}/"))
    await careful.close()
    assert (outcome.failure, seen) == ("refused-address", [])


async def test_a_connection_is_used_again(sender: CurlSender) -> None:
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answers(ok())(reader, writer)

    async with server(count) as port:
        for _ in range(5):
            await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert connections == 1


async def test_two_hundred_at_once_all_end(sender: CurlSender) -> None:
    async with server(answers(ok())) as port:
        sends = (sender.send(request(f"http://127.0.0.1:{port}/")) for _ in range(200))
        outcomes = await asyncio.gather(*sends)
    assert [outcome.status for outcome in outcomes] == [200] * 200


async def test_cancelling_ends_the_transfer(sender: CurlSender) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()
        left.set()

    async with server(hang) as port:
        sending = asyncio.create_task(sender.send(request(f"http://127.0.0.1:{port}/")))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await left.wait()


async def test_a_virtual_deadline_ends_a_hang() -> None:
    clock = VirtualClock(start=1_000 * SECOND)
    virtual = CurlSender(allow_private_addresses=True, clock=clock)
    arrived = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()

    async with server(hang) as port:
        asked = request(f"http://127.0.0.1:{port}/", timeout_seconds=100)
        sending = asyncio.create_task(virtual.send(asked))
        await arrived.wait()
        clock.advance_to(1_101 * SECOND)
        outcome = await sending
    await virtual.close()
    assert outcome.failure == "timeout"


async def test_https_is_verified(tmp_path: Path) -> None:
    context, trust = self_made(tmp_path)
    async with server(answers(ok()), tls=context) as port:
        for ca_file, expected in ((None, (None, "tls")), (str(trust), (200, None))):
            one = CurlSender(allow_private_addresses=True, clock=SystemClock(), ca_file=ca_file)
            outcome = await one.send(request(f"https://localhost:{port}/"))
            await one.close()
            assert (outcome.status, outcome.failure) == expected
