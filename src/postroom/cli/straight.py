"""Messages straight at a URL, without a server: signed and sent as Docusign would."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import httpx

from postroom import __version__, signature
from postroom.errors import InvalidInputError
from postroom.model import Noun
from postroom.operations.connect.rehearsal import Message

TIMEOUT_SECONDS = 30.0
WHOLE_SECONDS = 60.0
"""For one message from the first byte sent to the last one read."""
MAX_ANSWER_BYTES = 64 * 1024
MAX_SILENT = 3
"""After so many messages in a row without any answer nothing more is sent."""


class Posted(Noun, frozen=True, kw_only=True):
    """What became of one message."""

    event: str
    envelope_id: str
    recipient_id: str | None
    status: int | None
    failure: str | None
    """Why there is no status."""

    @property
    def is_acknowledged(self) -> bool:
        """Whether it was answered 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004  # HTTP's success


Told = Callable[[int], None]
"""Hears how many envelopes are done."""


async def post_all(
    url: str,
    envelopes: Iterable[Iterable[Message]],
    *,
    account_id: str,
    keys: Sequence[str],
    rate_per_second: float | None,
    told: Told,
) -> list[Posted]:
    """POST the messages of each envelope in order, one envelope after the other.

    `rate_per_second` bounds the envelopes begun. Raises `InvalidInputError` for a URL that cannot
    be sent to; whatever the other side does is a `Posted`.
    """
    target = _checked(url)
    posted: list[Posted] = []
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    timeout = httpx.Timeout(TIMEOUT_SECONDS)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False) as http:
        for number, messages in enumerate(envelopes):
            if rate_per_second is not None:
                await asyncio.sleep(max(0.0, began_at + number / rate_per_second - loop.time()))
            for message in messages:
                headers = _headers(message.body, account_id, keys)
                posted.append(await _post(http, target, message, headers))
                if all(one.status is None for one in posted[-MAX_SILENT:]) and (
                    len(posted) >= MAX_SILENT
                ):
                    return posted
            told(number + 1)
    return posted


def _headers(body: bytes, account_id: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers of contract 3.4: without keys nothing is signed."""
    headers = {"Content-Type": "application/json", "User-Agent": f"Postroom/{__version__}"}
    if keys:
        headers["X-DocuSign-AccountId"] = account_id
        headers["X-Authorization-Digest"] = signature.ALGORITHM
        for number, signed in enumerate(signature.docusign(keys, body), start=1):
            headers[f"X-DocuSign-Signature-{number}"] = signed
    return headers


async def _post(
    http: httpx.AsyncClient, url: httpx.URL, message: Message, headers: dict[str, str]
) -> Posted:
    status, failure = None, None
    try:
        async with (
            asyncio.timeout(WHOLE_SECONDS),
            http.stream("POST", url, content=message.body, headers=headers) as answer,
        ):
            status, read = answer.status_code, 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read > MAX_ANSWER_BYTES:
                    break
    except (httpx.TimeoutException, TimeoutError):
        failure = f"no answer within {TIMEOUT_SECONDS:.0f} s"
    except httpx.HTTPError as problem:
        failure = f"no answer ({type(problem).__name__})"
    return Posted(
        event=message.event,
        envelope_id=message.envelope_id,
        recipient_id=message.recipient_id,
        status=None if failure else status,
        failure=failure,
    )


def _checked(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL:
        target = httpx.URL()
    if target.scheme not in {"http", "https"} or not target.host:
        raise InvalidInputError("--url: give a listener's URL, like http://localhost:3000/hook")
    return target
