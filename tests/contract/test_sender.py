"""What every sender promises, shown on real sockets."""

import asyncio
import gc
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from tests.contract.wire import answers, ok, read_request, request, self_made, server

from postroom.clock import SECOND, SystemClock, VirtualClock
from postroom.delivery.curl import MAX_ANSWER_BYTES, MAX_HEADERS, CurlSender
from postroom.delivery.names import Answer, Names


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


async def test_a_long_answer_of_known_length_is_cut_too(sender: CurlSender) -> None:
    async with server(answers(ok("500 Oh", body=b"y" * 200_000))) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert (outcome.status, outcome.response_body) == (500, b"y" * MAX_ANSWER_BYTES)


async def test_the_next_answer_is_not_mixed_with_the_last(sender: CurlSender) -> None:
    first = ok(body=b"one", headers="X-One: 1\r\n")
    async with server(answers(first, ok("202 Later", headers="X-Two: 2\r\n"))) as port:
        await sender.send(request(f"http://127.0.0.1:{port}/"))
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert (outcome.status, outcome.response_body) == (202, b"")
    assert outcome.response_headers == (("Content-Length", "0"), ("X-Two", "2"))


async def test_headers_are_bounded_in_number_and_size(sender: CurlSender) -> None:
    many = "".join(f"X-{n}: 1\r\n" for n in range(500))
    async with server(answers(ok(headers=many), ok(headers=f"X: {'v' * 60_000}\r\n"))) as port:
        outcomes = [await sender.send(request(f"http://127.0.0.1:{port}/")) for _ in range(2)]
    assert [outcome.status for outcome in outcomes] == [200, 200]
    assert [len(outcome.response_headers) for outcome in outcomes] == [MAX_HEADERS, 1]


async def test_endless_headers_are_a_protocol_failure(sender: CurlSender) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
            await writer.drain()

    async with server(endless) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.failure == "protocol"


async def test_an_interim_answer_is_not_the_answer(sender: CurlSender) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with server(answers(interim + ok("200 OK", headers="X-Real: 1\r\n"))) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.status == 200
    assert outcome.response_headers == (("Content-Length", "0"), ("X-Real", "1"))


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"]
)
async def test_a_reset_in_mid_answer_is_a_protocol_failure(sender: CurlSender, raw: bytes) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        at_once = struct.pack("ii", 1, 0)  # linger for no time: close by RST
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.transport.abort()

    async with server(reset) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert (outcome.status, outcome.failure) == (None, "protocol")


async def test_a_kept_connection_that_died_is_replaced(sender: CurlSender) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ok())

    async with server(once) as port:
        outcomes = [await sender.send(request(f"http://127.0.0.1:{port}/")) for _ in range(5)]
    assert [outcome.status for outcome in outcomes] == [200] * 5


async def test_nobody_listening_is_a_connect_failure(sender: CurlSender) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.failure == "connect"


async def test_a_name_that_does_not_exist_is_a_dns_failure(sender: CurlSender) -> None:
    outcome = await sender.send(request("http://nonexistent.invalid/"))
    assert outcome.failure == "dns"


@pytest.mark.parametrize(
    "url",
    [
        "gopher://127.0.0.1/",
        "http://",
        "file:///etc/hostname",
        "http://a b/",
        "http://a/\r\nX: 1",
        "http://a\0/",
        "http://\ud800/",
        "",
    ],
)
async def test_what_is_no_http_url_is_a_bad_url(sender: CurlSender, url: str) -> None:
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


@pytest.mark.parametrize("host", ["hook.example", "Hook.Example", "hook.example."])
async def test_the_address_found_is_dialled_under_the_hosts_name(host: str) -> None:
    names = Names(look_up=lambda _host: (("127.0.0.1",), ""))
    one = CurlSender(allow_private_addresses=True, clock=SystemClock(), names=names)
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        outcome = await one.send(request(f"http://{host}:{port}/"))
    await one.close()
    assert outcome.status == 200
    assert f"\r\nHost: {host}:{port}\r\n".encode() in seen[0][0]


async def test_a_dead_name_server_delays_no_other_host() -> None:
    answer_now = threading.Event()

    def look_up(host: str) -> Answer:
        if host == "alive.example":
            return ("127.0.0.1",), ""
        answer_now.wait()
        return (), "too late"

    one = CurlSender(
        allow_private_addresses=True, clock=SystemClock(), names=Names(look_up=look_up)
    )
    async with server(answers(ok())) as port:
        dead = [
            asyncio.create_task(one.send(request(f"http://dead{n}.example/"))) for n in range(50)
        ]
        outcome = await one.send(request(f"http://alive.example:{port}/"))
    assert outcome.status == 200
    assert not any(task.done() for task in dead)
    answer_now.set()
    assert {outcome.failure for outcome in await asyncio.gather(*dead)} == {"dns"}
    await one.close()


async def test_the_environments_proxy_is_not_used(
    sender: CurlSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1/")
    async with server(answers(ok())) as port:
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.status == 200


async def test_a_body_is_let_go_of_once_it_is_sent(sender: CurlSender) -> None:
    body = bytes(1000)
    before = sys.getrefcount(body)
    async with server(answers(ok())) as port:
        await sender.send(request(f"http://127.0.0.1:{port}/", body=body))
    gc.collect()
    assert sys.getrefcount(body) == before


def test_uvloop_drives_it_as_well() -> None:
    async def send() -> list[int | None]:
        one = CurlSender(allow_private_addresses=True, clock=SystemClock())
        async with server(answers(ok())) as port:
            sends = (one.send(request(f"http://localhost:{port}/")) for _ in range(100))
            outcomes = await asyncio.gather(*sends)
        await one.close()
        return [outcome.status for outcome in outcomes]

    assert uvloop.run(send()) == [200] * 100


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
    async with server(answers(ok())) as port:  # with the handle that was given back
        outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert outcome.status == 200


async def test_closing_ends_what_is_under_way() -> None:
    one = CurlSender(allow_private_addresses=True, clock=SystemClock())
    arrived = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()

    async with server(hang) as port:
        sending = asyncio.create_task(one.send(request(f"http://127.0.0.1:{port}/")))
        await arrived.wait()
        await one.close()
        outcome = await sending
    assert (outcome.failure, outcome.detail) == ("protocol", "the sender was closed")


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
