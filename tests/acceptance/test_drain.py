"""Stopping a server with something that hangs: it ends in time, with 0, and gives back its work."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.cast import A1, account, envelope
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.contract import postgres

from postroom.vault import Vault

START = "2026-03-02T09:00:00Z"
KEY = {"POSTROOM_SECRET_KEY": Vault.generate_key().decode()}
DRAIN_SECONDS = 3
NOTICE_SECONDS = 2
SLACK_SECONDS = 2
"""For a crowded machine to start and end a process; what would hang, hangs for at least 15."""

Serve = Callable[..., Gateway]


@pytest.fixture(scope="session", autouse=True)
def _stop_what_was_started() -> Iterator[None]:
    yield
    postgres.stop_server()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Yield what starts a node, on a file unless a DSN is given."""
    started: list[Gateway] = []

    def one(dsn: str | None = None, *more: str) -> Gateway:
        flags = ("--drain-seconds", str(DRAIN_SECONDS), *more)
        node = Gateway(tmp_path, start=START, database=dsn, environment=KEY, flags=flags)
        started.append(node)
        node.start()
        return node

    yield one
    for node in started:
        node.close()


def document(recorder: Recorder) -> dict[str, Any]:
    named = {"name": "erp", "account": A1, "url": recorder.url("erp")}
    return {"accounts": [account(A1, "Acme Corp")], "listeners": [named]}


def process(node: Gateway) -> "subprocess.Popen[str]":
    assert node._process is not None
    return node._process


def told_to_stop(node: Gateway, how: signal.Signals = signal.SIGTERM) -> None:
    process(node).send_signal(how)


def ended(node: Gateway) -> int:
    """Return the exit code; it is there before the time to drain and some slack are over."""
    return process(node).wait(DRAIN_SECONDS + SLACK_SECONDS)


def hang(node: Gateway, recorder: Recorder) -> None:
    """Have one delivery hang at its listener; whoever tries it again will be answered."""
    applied = node.http.post("/api/v1/apply", json=document(recorder))
    assert applied.is_success, applied.text
    recorder.say("erp", hang=True, times=1)
    node.tell(envelope(1), "envelope-completed")
    node.wait_until(lambda: recorder.hanging == 1, "nothing hangs")


def until_delivered(node: Gateway, recorder: Recorder, count: int = 1) -> None:
    """Wait for each delivery, once. No clock is moved: a lease's minute does not run out."""
    node.wait_until(lambda: recorder.totals() == {"erp": count}, "it was not delivered")
    node.wait_until(lambda: node.owed("erp") == 0, "it was not settled")


@contextmanager
def half_a_message(node: Gateway) -> Iterator[socket.socket]:
    """Hold a request open at the front door whose body never comes."""
    port = httpx.URL(node.url).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(
            b"POST /connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
        client.settimeout(DRAIN_SECONDS + SLACK_SECONDS)
        yield client


def test_a_hanging_listener_and_an_open_request_do_not_keep_a_server(
    serve: Serve, recorder: Recorder
) -> None:
    node = serve(None, "--drain-notice-seconds", str(NOTICE_SECONDS))
    hang(node, recorder)
    with half_a_message(node) as client:
        told_to_stop(node)
        node.wait_until(
            lambda: "it is being stopped" in node.http.get("/readyz").text, "it does not say so"
        )
        node.tell(envelope(2), "envelope-completed")
        assert ended(node) == 0
        assert client.recv(1000).startswith(b"HTTP/1.1 503 ")
    assert not any("Traceback" in line for line in node.log)
    again = serve()
    until_delivered(again, recorder, 2)
    told_to_stop(again)
    assert process(again).wait(DRAIN_SECONDS - 1) == 0, "nothing was in flight"


async def test_what_a_stopped_node_had_in_hand_another_delivers_at_once(
    serve: Serve, recorder: Recorder
) -> None:
    dsn = await postgres.server().bare_database()
    leaving = serve(dsn)
    hang(leaving, recorder)
    staying = serve(dsn)
    told_to_stop(leaving)
    assert ended(leaving) == 0
    until_delivered(staying, recorder)


async def test_a_database_that_hangs_does_not_keep_a_server_and_nothing_is_lost(
    serve: Serve, recorder: Recorder
) -> None:
    engine = postgres.server()
    dsn = await engine.bare_database()
    node = serve(dsn)
    hang(node, recorder)
    asleep = _family(engine.pid)
    for one in asleep:
        os.kill(one, signal.SIGSTOP)
    try:
        assert node.http.get("/healthz").is_success
        ready = node.http.get("/readyz")
        assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "the database cannot be used now" in ready.text
        told_to_stop(node)
        assert ended(node) == 0
    finally:
        for one in asleep:
            os.kill(one, signal.SIGCONT)
    until_delivered(serve(dsn), recorder)


def test_a_second_signal_ends_the_server_at_once(serve: Serve, recorder: Recorder) -> None:
    node = serve()
    hang(node, recorder)
    told_to_stop(node)
    node.wait_until(lambda: not _takes_requests(node), "it took requests on and on")
    told_to_stop(node)
    assert process(node).wait(DRAIN_SECONDS) == -signal.SIGTERM


def _takes_requests(node: Gateway) -> bool:
    try:
        node.http.get("/healthz")
    except httpx.TransportError:
        return False
    return True


def _family(pid: int) -> list[int]:
    return [pid, *(one for child in postgres._children(pid) for one in _family(child))]
