"""One question to a Docusign server: its address checked, its answer bounded, never an exception.

The same addresses are allowed as for listeners (`delivery.egress`): the name is looked up here,
and the address that was checked is the one that is dialled.
"""

import asyncio
import ssl
from collections.abc import Mapping
from http import HTTPStatus

import certifi
import httpx

from postroom.delivery import egress
from postroom.delivery.names import Names
from postroom.model import Noun

TIMEOUT_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER_BYTES = 8 * 1024 * 1024
MOST_ADDRESSES = 3
"""How many addresses of one name are tried."""


class Answer(Noun, frozen=True, kw_only=True):
    """What a server answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Dialer:
    """Asks servers over HTTP, one connection a question: pinned addresses share none."""

    def __init__(self, *, allow_private_addresses: bool, ca_file: str | None) -> None:
        self._allow_private = allow_private_addresses
        self._ca_file = ca_file
        self._names = Names()
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Let go of what is open."""
        if self._client is not None:
            await self._client.aclose()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer | str:
        """Return the answer, or in a few words why there is none."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._ask(method, url, headers, query, body)
        except TimeoutError:
            return f"no answer within {TIMEOUT_SECONDS:.0f} s"
        except httpx.HTTPError as problem:
            return _in_words(problem)
        except (httpx.InvalidURL, UnicodeError, ValueError):
            return "its address cannot be read"

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
        body: bytes | None,
    ) -> Answer | str:
        target = httpx.URL(url)
        addresses = await self._addresses(url, target.host)
        if isinstance(addresses, str):
            return addresses
        sent = {**headers, "Host": target.netloc.decode("ascii"), "Accept-Encoding": "identity"}
        # The certificate is that of the name, whatever the address that is dialled.
        extensions = {} if addresses == [target.host] else {"sni_hostname": target.host}
        for place, address in enumerate(addresses, start=1):
            request = self._http().build_request(
                method,
                target.copy_with(host=address),
                headers=sent,
                params=query,
                content=body,
                extensions=extensions,
            )
            try:
                return await self._read(request)
            except httpx.ConnectError:
                if place == len(addresses):
                    raise
        return "its name has no address"

    async def _addresses(self, url: str, host: str) -> list[str] | str:
        """Return the addresses that may be dialled, or why none may."""
        found = await self._names.find(url, patience_seconds=CONNECT_TIMEOUT_SECONDS)
        if found.failure is not None:
            return found.detail
        named = found.resolve[0].split(":", 2)[2].split(",") if found.resolve else [host]
        addresses = [one.strip("[]") for one in named]
        allowed = [
            one for one in addresses if egress.is_allowed(one, allow_private=self._allow_private)
        ]
        return allowed[:MOST_ADDRESSES] or (
            f"{host} is a private or special address; start the server with"
            " --allow-private-addresses to ask there"
        )

    async def _read(self, request: httpx.Request) -> Answer | str:
        answer = await self._http().send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > LARGEST_ANSWER_BYTES:
                    return f"its answer is larger than {LARGEST_ANSWER_BYTES} bytes"
            return Answer(
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=bytes(body),
            )
        finally:
            await answer.aclose()

    def _http(self) -> httpx.AsyncClient:
        """Return the client, made when first needed: certificates take a while to read."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=ssl.create_default_context(cafile=self._ca_file or certifi.where()),
                timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
                follow_redirects=False,
                trust_env=False,
                limits=httpx.Limits(max_connections=20, max_keepalive_connections=0),
            )
        return self._client


def _in_words(problem: httpx.HTTPError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):  # httpx tells no kinds of them apart
        return "its certificate is not trusted; set ca_file to the one to trust"
    if isinstance(problem, httpx.TimeoutException):
        return "no answer in time"
    return f"no connection, or it broke off ({type(problem).__name__})"
