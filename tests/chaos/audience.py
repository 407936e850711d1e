"""The listeners: they note everything that arrives; some are slow, some fail, one wants half."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import yaml
from benchmarks.wire import Reader
from tests.chaos import letters
from tests.chaos.letters import Letter
from tests.chaos.proxy import HOST

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_FAILS = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"
_ID = b"webhook-id: "
_RETRY = [0.1, 0.3, 1.0, *[2.0] * 90]
"""So often that nothing is ever given up here."""


@dataclass(frozen=True, kw_only=True)
class Character:
    """A listener, and how it behaves."""

    name: str
    concurrency: int
    fails: float = 0.0
    """How many of its answers are 503."""
    hangs_up: float = 0.0
    """How many requests it ends without an answer, and without having taken them."""
    slowest_seconds: float = 0.0
    wants_odd_only: bool = False
    is_ordered: bool = True

    def wants(self, letter: Letter) -> bool:
        """Tell whether an event is for it."""
        return letter[0] % 2 == 1 or not self.wants_odd_only


CAST = (
    Character(name="steady", concurrency=6),
    Character(name="moody", concurrency=6, fails=0.04, hangs_up=0.01),
    Character(name="slow", concurrency=12, slowest_seconds=0.12),
    Character(name="picky", concurrency=6, wants_odd_only=True),
    Character(name="unordered", concurrency=4, is_ordered=False, fails=0.02),
)
PLACES = sum(one.concurrency for one in CAST)
"""So many calls can be in flight at once, over all nodes together."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that a listener took: it answered 200, or meant to."""

    letter: Letter
    id: str
    at: float
    """The event loop's clock."""


class Audience:
    """One server that plays every listener; each is a path."""

    def __init__(self, *, seed: int) -> None:
        self.arrivals: dict[str, list[Arrival]] = defaultdict(list)
        """What each listener took, in order."""
        self.distinct: dict[str, set[Letter]] = {one.name: set() for one in CAST}
        self.strange: list[str] = []
        """Requests that should not be."""
        self.turned_away = 0
        self.port = 0
        self.is_moody_away = False
        self._random = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free port of the loopback."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(partial(_Ear, self), HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def connect_yaml(self) -> str:
        """Return the listeners as a document to apply."""
        return yaml.safe_dump(
            {
                "accounts": [
                    {"id": letters.ACCOUNT, "name": "Chaos", "keys": [{"text": letters.KEY}]}
                ],
                "listeners": [self._listener(one) for one in CAST],
            }
        )

    def hear(self, head: bytes, body: bytes) -> tuple[bytes | None, float]:
        """Take one request; return the answer, None to hang up, and after how many seconds."""
        name = head[len(b"POST /") : head.index(b" ", len(b"POST /"))].decode()
        character = next(one for one in CAST if one.name == name)
        try:
            letter = letters.read(body)
        except ValueError:
            self.strange.append(f"{name}: {body[:200]!r}")
            return _OK, 0.0
        chance = self._random.random()
        is_away = self.is_moody_away and name == "moody"
        if is_away or chance < character.fails + character.hangs_up:
            self.turned_away += 1
            return (_FAILS if is_away or chance < character.fails else None), 0.0
        lowered = head.lower()
        start = lowered.index(_ID) + len(_ID)
        known_as = head[start : head.find(b"\r", start) if b"\r" in head[start:] else None]
        now = asyncio.get_running_loop().time()
        self.arrivals[name].append(Arrival(letter, known_as.decode(), now))
        self.distinct[name].add(letter)
        return _OK, self._random.random() * character.slowest_seconds

    def _listener(self, one: Character) -> dict[str, object]:
        listener: dict[str, object] = {
            "name": one.name,
            "account": letters.ACCOUNT,
            "url": f"http://{HOST}:{self.port}/{one.name}",
            "concurrency": one.concurrency,
            "retry": _RETRY,
            "probe_seconds": 1,
        }
        if one.wants_odd_only:
            listener["filter"] = {"customFields.Integration": letters.FIELDS[1]}
        if not one.is_ordered:
            listener["ordering"] = "none"
        return listener


class _Ear(Reader):
    """One connection of a node."""

    def __init__(self, audience: Audience) -> None:
        super().__init__()
        self._audience = audience
        self._is_lost = False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # lost is lost
        self._is_lost = True

    def message_received(self, head: bytes, body: bytes) -> None:
        answer, seconds = self._audience.hear(head, body)
        if answer is None:
            self.wire.close()
        elif seconds:
            asyncio.get_running_loop().call_later(seconds, self._answer, answer)
        else:
            self._answer(answer)

    def _answer(self, answer: bytes) -> None:
        if not self._is_lost:  # a node that was killed wants none
            self.wire.write(answer)
