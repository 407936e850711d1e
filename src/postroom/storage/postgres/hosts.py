"""Of several hosts the first that will do, none of which can keep us from the next.

The driver would wait for a host that takes a connection and says nothing until there is no time
left for the others, and would not go on after one that ends it at once, as a proxy does with
nobody behind it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

NEXT_HOST_SECONDS = 1.0
"""A host that has not answered by then is no longer waited for alone."""


class Connection(Protocol):
    """A connection, as far as one too many is given up."""

    def terminate(self) -> None:
        """Let go of it at once."""
        ...


C = TypeVar("C", bound=Connection)


def one_by_one(dsn: str) -> tuple[str, ...]:
    """Return the DSN of each host that a DSN names, in their order.

    Hosts stand before the path or, such as sockets, in the query. Raises ValueError for what is
    no URL.
    """
    parts = urlsplit(dsn)
    who, at, hosts = parts.netloc.rpartition("@")
    if hosts:
        places = [f"{who}{at}{host}" for host in hosts.split(",")]
        return tuple(urlunsplit(parts._replace(netloc=place)) for place in places)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    named = asked.get("host", "").split(",")
    if len(named) == 1:
        return (dsn,)
    ports = asked.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(named)
    return tuple(
        urlunsplit(parts._replace(query=urlencode(asked | _place(host, port))))
        for host, port in zip(named, ports, strict=True)
    )


def _place(host: str, port: str) -> dict[str, str]:
    return {"host": host, "port": port} if port else {"host": host}


_took: dict[str, str] = {}
"""By DSN, the host of this process's last connection: after a failover the first is mostly wrong,
and each of a node's connections would find that out for itself."""


async def first(dsn: str, connect: Callable[[str], Awaitable[C]]) -> C:
    """Connect to the first host that will do; raise what went wrong where none will.

    They are tried in order, behind the one taken last, the next beside those before it once they
    take long.
    """
    last = _took.get(dsn)
    left = sorted(one_by_one(dsn), key=lambda one: one != last)
    taken, made = await _first(left, connect)
    _took[dsn] = taken
    return made


async def _first(left: list[str], connect: Callable[[str], Awaitable[C]]) -> tuple[str, C]:
    problems: list[BaseException] = []
    under_way: set[asyncio.Task[tuple[str, C]]] = set()
    try:
        while left or under_way:
            if left:
                under_way.add(asyncio.create_task(_named(left.pop(0), connect)))
            done, under_way = await asyncio.wait(
                under_way,
                timeout=NEXT_HOST_SECONDS if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            problems += [problem for one in done if (problem := one.exception()) is not None]
            made = [one.result() for one in done if one.exception() is None]
            for _, spare in made[1:]:
                spare.terminate()
            if made:
                return made[0]
    finally:
        for one in under_way:
            one.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
    # That one of them does not write says less than what keeps us from the one that does.
    telling = [
        one for one in problems if not isinstance(one, asyncpg.TargetServerAttributeNotMatched)
    ]
    raise (telling or problems)[-1]


async def _named(dsn: str, connect: Callable[[str], Awaitable[C]]) -> tuple[str, C]:
    return dsn, await connect(dsn)
