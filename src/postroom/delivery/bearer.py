"""Bearer tokens for listeners that want OAuth: the client-credentials grant (contract 4).

The client names itself by HTTP Basic, which every authorization server must know (RFC 6749, 2.3.1);
scope and custom parameters stand in the form. How Docusign does it, and for how long it keeps a
token, is not documented. Nothing that a token endpoint says is kept or shown but OAuth's own words.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from postroom.clock import SECOND, Clock
from postroom.delivery.send import Sender
from postroom.model import Noun, Outcome, Request

FAILURE = "oauth"
TIMEOUT_SECONDS = 20.0
CONNECT_TIMEOUT_SECONDS = 10.0
UNTOLD_LIFETIME_SECONDS = 300.0
"""Of a token whose server does not tell `expires_in`."""
MOST_LIFETIME_SECONDS = 86_400.0
MARGIN_SECONDS = 30.0
"""A token is not used so shortly before its end, or for the last tenth of a short life."""
UNCONFIGURED = (
    "includeOAuth is on and there is no OAuth configuration with a secret; give the account one"
    " (POST /connect/oauth), or turn includeOAuth off"
)

_OK = range(200, 300)
_TOKEN = re.compile(r"[!-~]{1,8192}", re.ASCII)
"""What can stand in a header, and in no way end it."""
_REFUSALS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
"""OAuth's words for a refusal (RFC 6749, 5.2); any other might hold what was sent."""
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Client(Noun, frozen=True, kw_only=True):
    """Who asks for a token, where and for what. Clients that differ in anything share none.

    The secret counts too: who does not know it never gets a token that others were given.
    """

    token_url: str
    id: str
    secret: str
    scope: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Client(token_url={self.token_url!r}, id={self.id!r})"


class Token(Noun, frozen=True, kw_only=True):
    """A token, and the moment from which it is not used any more. Never logged, never shown."""

    text: str
    fresh_until: int

    def __repr__(self) -> str:
        return f"Token(fresh_until={self.fresh_until})"


class _Answer(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # its kind, no token
    expires_in: float | str | None = None


class _Refusal(msgspec.Struct):
    error: str


def client_of(said: Mapping[str, Any] | None, secret: str | None) -> Client | None:
    """Return the client of a `ConnectOAuthConfig` (contract 1.4); None for one that lacks a part.

    `said` is as it is echoed, its secret apart.
    """
    if not said or not secret:
        return None
    token_url, client_id = said.get("authorizationServerUrl"), said.get("clientId")
    if not token_url or not client_id:
        return None
    return Client(
        token_url=token_url,
        id=client_id,
        secret=secret,
        scope=said.get("scope", ""),
        parameters=tuple(sorted(said.get("customParameters", {}).items())),
    )


class Bearers:
    """Asks for tokens, each once for all who wait for it, and keeps them while they are fresh."""

    def __init__(self, *, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._tokens: dict[Client, Token] = {}
        self._asking: dict[Client, asyncio.Task[Token | Outcome]] = {}

    async def token(self, client: Client | None) -> str | Outcome:
        """Return a token, or why there is none: an outcome of failure `oauth`.

        None stands for a listener that wants OAuth where no configuration says how.
        """
        now = self._clock.now()
        if client is None:
            return Outcome(failure=FAILURE, detail=UNCONFIGURED, started_at=now, duration_us=0)
        known = self._tokens.get(client)
        if known is not None and now < known.fresh_until:
            return known.text
        asking = self._asking.get(client)
        if asking is None:
            asking = self._asking[client] = asyncio.create_task(self._ask(client))
        # Others may wait for the same answer: whoever is cancelled leaves it to them.
        found = await asyncio.shield(asking)
        return found.text if isinstance(found, Token) else found

    def drop(self, client: Client | None, text: str) -> None:
        """Forget a token that a listener did not accept, unless there is another by now."""
        if client is not None and (known := self._tokens.get(client)) and known.text == text:
            del self._tokens[client]

    async def _ask(self, client: Client) -> Token | Outcome:
        try:
            asked_at = self._clock.now()
            outcome = await self._sender.send(_request(client))
            found = _read(outcome, asked_at)
            if isinstance(found, Token):
                self._tokens = {
                    one: token
                    for one, token in self._tokens.items()
                    if asked_at < token.fresh_until
                } | {client: found}
            return found
        finally:
            del self._asking[client]


def _request(client: Client) -> Request:
    """Return the request for a token; what OAuth itself says goes before custom parameters."""
    form = {**dict(client.parameters), "grant_type": "client_credentials"}
    if client.scope:
        form["scope"] = client.scope
    # Encoded before they are joined (RFC 6749, 2.3.1): a colon in either stays its own.
    pair = ":".join(quote_plus(one, errors="replace") for one in (client.id, client.secret))
    return Request(
        url=client.token_url,
        headers=(
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", f"Basic {b64encode(pair.encode('ascii')).decode('ascii')}"),
        ),
        body=urlencode(form, errors="replace").encode("ascii"),
        timeout_seconds=TIMEOUT_SECONDS,
        connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
    )


def _read(outcome: Outcome, asked_at: int) -> Token | Outcome:
    if outcome.status is None:
        return _failed(f"{outcome.failure}: {outcome.detail}", outcome)
    if outcome.status not in _OK:
        return _failed(f"answered {outcome.status}{_word(outcome.response_body)}", outcome)
    try:
        answer = msgspec.json.decode(outcome.response_body, type=_Answer)
    except _UNREADABLE:
        return _failed("answered no JSON with an access_token", outcome)
    if answer.token_type.lower() != "bearer":
        return _failed("gave a token whose token_type is not Bearer", outcome)
    if _TOKEN.fullmatch(answer.access_token) is None:
        return _failed("gave an access_token that cannot stand in a header", outcome)
    lifetime = _lifetime_seconds(answer.expires_in)
    margin = min(MARGIN_SECONDS, lifetime / 10)
    return Token(
        text=answer.access_token, fresh_until=asked_at + round((lifetime - margin) * SECOND)
    )


def _word(body: bytes) -> str:
    """Return OAuth's word for a refusal, in brackets; "" where there is none."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except _UNREADABLE:
        return ""
    return f" ({error})" if error in _REFUSALS else ""


def _lifetime_seconds(told: float | str | None) -> float:
    """Return `expires_in` within bounds; some servers tell it as a text."""
    if isinstance(told, str):
        told = float(told[:9]) if told.isascii() and told.isdigit() else None
    if told is None:
        return UNTOLD_LIFETIME_SECONDS
    return min(max(told, 0.0), MOST_LIFETIME_SECONDS)


def _failed(what: str, outcome: Outcome) -> Outcome:
    """Return the outcome of a delivery that has no token because of this one of the endpoint."""
    return Outcome(
        failure=FAILURE,
        detail=f"no token from authorizationServerUrl: {what}"[:200],
        started_at=outcome.started_at,
        duration_us=outcome.duration_us,
    )
