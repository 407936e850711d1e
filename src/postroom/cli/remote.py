"""The desk over HTTP: a running server."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from postroom.cli.desk import Call, Desk
from postroom.errors import InvalidInputError, UnavailableError

TIMEOUT_SECONDS = 60.0
MAX_ANSWER_BYTES = 256 * 1024 * 1024


@asynccontextmanager
async def open_desk(server: str, token: str) -> AsyncIterator[Desk]:
    """Open a desk on a server, and close its connections after.

    Raises `InvalidInputError` for an address or a token that cannot be sent.
    """
    url = _checked(server)
    try:
        headers = httpx.Headers({"Authorization": f"Bearer {token}"}, encoding="ascii")
    except UnicodeEncodeError:
        raise InvalidInputError("the token has characters that no token has") from None
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) as http:

        async def line(call: Call, take: Callable[[bytes], None]) -> int:
            return await _send(http, call, take)

        yield Desk(line)


async def _send(http: httpx.AsyncClient, call: Call, take: Callable[[bytes], None]) -> int:
    url = httpx.URL(call.path, query=call.query.encode()) if call.query else httpx.URL(call.path)
    headers = {"Accept": call.accept} | ({"Content-Type": "application/json"} if call.body else {})
    read = 0
    try:
        async with http.stream(call.method, url, content=call.body, headers=headers) as answer:
            async for chunk in answer.aiter_bytes():
                read += len(chunk)
                if read > MAX_ANSWER_BYTES:
                    raise UnavailableError("the answer does not end; ask for less with --limit")
                take(chunk)
            return answer.status_code
    except httpx.TimeoutException:
        raise UnavailableError(
            f"{_address(http)} did not answer within {TIMEOUT_SECONDS:.0f} s; try again"
        ) from None
    except httpx.HTTPError as problem:
        raise UnavailableError(_why(_address(http), problem)) from None


def _why(address: str, problem: httpx.HTTPError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):  # httpx tells no kinds of them apart
        return (
            f"the certificate of {address} is not trusted; set SSL_CERT_FILE to the one to trust,"
            " such as the file that `postroom serve --tls self-signed` names"
        )
    return (
        f"no answer from {address} ({type(problem).__name__}); is the server running, and is this"
        " its address, http or https?"
    )


def _address(http: httpx.AsyncClient) -> str:
    return str(http.base_url).rstrip("/")


def _checked(server: str) -> httpx.URL:
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidInputError(
            "--server: give the address of a server, like http://127.0.0.1:8080"
        )
    if url.userinfo:
        raise InvalidInputError("--server: no user or password in the address; use --token")
    return url.copy_with(path=url.path.rstrip("/") + "/", query=None, fragment=None)
