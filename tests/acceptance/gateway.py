"""The gateway under test: the real command as a process, on a file, under a clock we move.

It is driven as a person would drive it: by its command line and its HTTP API.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.acceptance.cast import KEYS, signed_headers
from tests.acceptance.recorder import Recorder

from postroom.envelopes.sim_envelope import SimEnvelope
from postroom.envelopes.sim_message import message

TOKEN = "acceptance-admin-token-0123456789"
PATIENCE_SECONDS = 30.0
PATIENCE_MINUTES = 120
PAGE = 200
COMMAND = (sys.executable, "-m", "postroom")


class Gateway:
    """One `postroom serve` on one database, through all its lives."""

    def __init__(
        self,
        folder: Path,
        *,
        start: str,
        flags: Sequence[str] = (),
        database: str | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._database = database or f"sqlite:///{folder / 'postroom.db'}"
        self._environment = environment or {}
        self.now = datetime.fromisoformat(start).astimezone(UTC)
        self.log: list[str] = []
        """Every line the process wrote, through all its lives."""
        self._flags = tuple(flags)
        self._port = _free_port()
        is_https = "--tls" in self._flags
        self.url = f"{'https' if is_https else 'http'}://127.0.0.1:{self._port}"
        self.http = httpx.Client(
            verify=not is_https,  # its certificate is made when it starts; it is our own process
            base_url=self.url,
            timeout=PATIENCE_SECONDS,
            headers={"Authorization": f"Bearer {TOKEN}"},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    # its life

    def start(self, command: Sequence[str] = COMMAND, *, may_die: bool = False) -> None:
        """Start it with the clock where it stands; wait until it is ready, or (`may_die`) dead."""
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            [
                *command,
                "serve",
                "--database",
                self._database,
                "--host",
                "127.0.0.1",
                "--port",
                str(self._port),
                "--allow-private-addresses",
                "--virtual-clock",
                self.now.isoformat(),
                *self._flags,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"POSTROOM_ADMIN_TOKEN": TOKEN} | self._environment,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()
        self.wait_until(
            lambda: (may_die and not self.is_alive) or self._is_ready(),
            "the server did not become ready",
        )

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator would."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Let go of everything."""
        if self._process is not None:
            self.kill()
        self.http.close()

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Let every write of the process to a file fail, as on a full disk."""
        assert self._process is not None
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, unlimited)

    # its command line and its API

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run a command against this server; return what it printed."""
        done = subprocess.run(  # noqa: S603  # our own command
            [*COMMAND, *arguments, "--server", self.url, "--token", TOKEN],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}:\n{printed}"
        return printed if expect else done.stdout

    def ask(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command with `--json`; return what it printed, decoded."""
        return json.loads(self.run(*arguments, "--json", expect=expect))

    def apply(self, document: dict[str, Any], *flags: str, expect: int = 0) -> str:
        """Write a connect.yaml and apply it."""
        path = self.folder / "connect.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return self.run("apply", str(path), *flags, expect=expect)

    def get(self, path: str, **parameters: Any) -> Any:
        """GET from the API; return the decoded answer."""
        answer = self.http.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    def every(self, path: str, **parameters: Any) -> list[Any]:
        """Return all items of a listing, page by page."""
        items: list[Any] = []
        after: dict[str, str] = {}
        while True:
            page = self.get(path, limit=PAGE, **parameters, **after)
            items += page["items"]
            if page["next_after"] is None:
                return items
            after = {"after": page["next_after"]}

    def find(self, envelope_id: str, event: str) -> Any:
        """Return the one notification of an event of an envelope."""
        found = [
            one
            for one in self.every("notifications")
            if (one["envelope_id"], one["event"]) == (envelope_id, event)
        ]
        assert len(found) == 1
        return found[0]

    def listener(self, name: str) -> Any:
        """Return a listener as it stands."""
        return next(one for one in self.every("listeners") if one["name"] == name)

    def owed(self, listener: str) -> int:
        """Return how many deliveries of a listener are still to be sent."""
        backlog = self.listener(listener)["backlog"]
        return int(backlog["due"] + backlog["waiting"])

    # its clock

    def advance(self, **duration: float) -> None:
        """Move the clock, as `timedelta` takes it: `advance(minutes=5)`."""
        self.advance_to(self.now + timedelta(**duration))

    def advance_to(self, moment: datetime) -> None:
        """Move the clock to a moment."""
        answer = self.http.post("/api/v1/clock", json={"to": moment.isoformat()})
        assert answer.is_success, answer.text
        self.now = moment

    @property
    def now_at(self) -> int:
        """The clock in microseconds since the epoch."""
        return (self.now - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)

    # what it is fed

    def post(self, body: bytes, headers: dict[str, str] | None = None, path: str = "") -> int:
        """POST to the front door; return the status."""
        return self.post_raw(body, headers, path).status_code

    def post_raw(
        self, body: bytes, headers: dict[str, str] | None = None, path: str = ""
    ) -> httpx.Response:
        """POST to the front door, signed by the account's own key unless headers are given."""
        if headers is None:
            account = json.loads(body)["data"]["accountId"]
            headers = signed_headers([KEYS[account]], body)
        return self.http.post(f"/connect{path}", content=body, headers=headers)

    def tell(self, envelope: SimEnvelope, *events: str, include: Iterable[str] = ()) -> None:
        """Feed events of one envelope in order, a second apart; each must be acknowledged.

        A recipient event names its recipient after a colon: `recipient-sent:1`.
        """
        for body in self.messages(envelope, *events, include=include):
            assert self.post(body) == httpx.codes.OK

    def messages(
        self, envelope: SimEnvelope, *events: str, include: Iterable[str] = ()
    ) -> list[bytes]:
        """Make the messages that `tell` feeds; the last happens now."""
        tokens = tuple(include) or ("custom_fields", "recipients")
        first_at = self.now_at - 1_000_000 * (len(events) - 1)
        made = []
        for number, event in enumerate(events):
            name, _, recipient = event.partition(":")
            at = first_at + 1_000_000 * number
            made.append(
                message(envelope, name, at=at, recipient_id=recipient or None, include=tokens)
            )
        return made

    def tell_all(self, bodies: Sequence[bytes], *, at_once: int = 16) -> list[int]:
        """POST many messages, so many at once; return the statuses in order."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.post, bodies))

    # waiting

    def until_quiet(self) -> None:
        """Wait until nothing is in flight and nothing that is owed is due by the clock."""
        self.wait_until(self._is_quiet, "the gateway did not come to rest")

    def until_quiet_or_dead(self) -> None:
        """Wait until it comes to rest, or has killed itself."""

        def is_over() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return self._is_quiet()
            return not self.is_alive

        self.wait_until(is_over, "it neither came to rest nor died")

    def until_idle(self) -> None:
        """Wait until no attempt is in hand, whatever is still due."""
        self.wait_until(lambda: self.get("health")["in_hand"] == 0, "attempts did not end")

    def catch_up(self, listener: str) -> None:
        """Move the clock minute by minute until a listener has everything it is owed."""
        for _ in range(PATIENCE_MINUTES):
            self.until_quiet()
            if self.owed(listener) == 0:
                return
            self.advance(minutes=1)
        raise AssertionError(f"{listener} is still owed {self.owed(listener)}")

    def hang_through(self, recorder: Recorder, *, timeout_seconds: float) -> None:
        """Come to rest although requests hang: once all in flight do, let them time out."""
        self.wait_until(
            lambda: self._is_quiet(recorder.hanging), "something neither ended nor hung"
        )
        if recorder.hanging:
            self.advance(seconds=timeout_seconds + 1)
            self.until_quiet()

    def until_enriched(self) -> None:
        """Wait until nothing is held for want of data, and what came of it is delivered."""
        self.wait_until(lambda: not self.every("held"), "something is still held")
        self.until_quiet()

    def until_rejected(self, count: int) -> list[Any]:
        """Wait until so many refusals are listed; return them."""
        self.wait_until(
            lambda: len(self.every("rejections")) >= count, f"{count} refusals were not listed"
        )
        return self.every("rejections")

    def wait_until(self, holds: Callable[[], bool], complaint: str) -> None:
        """Poll until something holds; fail with a complaint and the log after the deadline."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                tail = "\n".join([*self.log[-30:], self._standing()])
                raise AssertionError(f"{complaint} within {PATIENCE_SECONDS:.0f} s:\n{tail}")
            time.sleep(0.01)

    def _standing(self) -> str:
        """Return how it stands, for a complaint."""
        if not self.is_alive:
            return "it is dead"
        return str([self.http.get(f"/api/v1/{one}").text for one in ("health", "listeners")])

    def _is_quiet(self, hanging: int = 0) -> bool:
        """Whether all that is in hand hangs at a listener, and nothing more can be sent."""
        health = self.get("health")
        # A listener that is down gets one try at a time: behind a hanging one the rest is due.
        down = sum(one["state"] == "down" for one in health["backlog"]) if hanging else 0
        return bool(health["in_hand"] <= hanging and health["due_now"] <= down)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the server ended:\n" + "\n".join(self.log[-30:])
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/readyz").is_success
        return False

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            self.log.extend(line.rstrip() for line in process.stdout)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        assert self._reader is not None
        self._process.send_signal(how)
        self._process.wait(PATIENCE_SECONDS)
        self._reader.join()
        self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
