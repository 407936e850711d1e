"""OAuth as the SDKs use it: tokens, consent, and who the token is about (contract 7.1, 7.2)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from postroom.clock import SECOND
from postroom.errors import DocusignError, InvalidInputError
from postroom.model import Account, Noun, User
from postroom.operations.connect import accounts_here, callers, grants, identities, integrations
from postroom.operations.connect.assertions import GrantError, read_scopes
from postroom.operations.connect.callers import Credential
from postroom.operations.connect.integrations import Integration
from postroom.web.connect_api import pages
from postroom.web.connect_api.answers import answer
from postroom.web.connect_api.reach import LOOPBACK, Reach
from postroom.web.connect_api.services import ConnectServices

Services = NamedDependency[ConnectServices]
Asking = Request[Any, Any, Any]

MAX_FORM_BYTES = 32 * 1024
MOST_READ_BYTES = 2 * MAX_FORM_BYTES
"""Of a body by whoever has proved nothing yet; what is longer is not even read."""
MAX_FIELDS = 20
MAX_STATE_CHARACTERS = 2000
MAX_CHALLENGE_CHARACTERS = 128
MOST_SHOWN = 200
"""People that the consent page lists."""
PAGE_SECONDS = 3600
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Consent(Noun, frozen=True, kw_only=True):
    """What a consent page was opened for; sealed, so that nobody changes it on the way back."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    until: int


def refused(_request: Asking, error: GrantError) -> Response[bytes]:
    """Answer why no token is given (RFC 6749, 5.2)."""
    is_client = error.status == HTTPStatus.UNAUTHORIZED
    challenge = {"WWW-Authenticate": 'Basic realm="integration key"'} if is_client else {}
    said = {"error": error.error, "error_description": str(error)}
    return answer(said, status=error.status, headers={**_NO_STORE, **challenge})


@post("/oauth/token", request_max_body_size=MOST_READ_BYTES)
async def give_token(
    services: Services, reach: NamedDependency[Reach], request: Asking
) -> Response[bytes]:
    """Give an access token for an assertion, a code or a refresh token."""
    form = _form(await request.body())
    office = _office(services)
    grant = form.get("grant_type", "")
    if grant == grants.JWT_BEARER:
        told = await grants.by_assertion(
            office,
            form.get("assertion", ""),
            audiences=reach.audiences,
            dated_by=services.machine_clock.now(),
        )
        return answer(told, headers=_NO_STORE)
    if grant not in {"authorization_code", "refresh_token"}:
        raise GrantError(
            "unsupported_grant_type",
            f"grant_type is {grants.JWT_BEARER}, authorization_code or refresh_token.",
        )
    integration = await grants.client_of(office, request.headers.get("authorization", ""))
    if grant == "refresh_token":
        told = await grants.by_refresh_token(office, integration, form.get("refresh_token", ""))
    else:
        told = await grants.by_code(
            office,
            integration,
            form.get("code", ""),
            redirect_uri=form.get("redirect_uri", ""),
            verifier=form.get("code_verifier", ""),
        )
    return answer(told, headers=_NO_STORE)


@get("/oauth/userinfo")
async def user_info(
    services: Services,
    credential: NamedDependency[Credential],
    reach: NamedDependency[Reach],
) -> Response[bytes]:
    """Say who the token is about, and which accounts they have."""
    has = callers.memberships(services.registry(), credential)
    if not has:
        raise DocusignError(
            "AUTHORIZATION_INVALID_TOKEN",
            "The user of this token is not an active member of any account here.",
            status=HTTPStatus.UNAUTHORIZED,
        )
    return answer(accounts_here.user_info(has, base_url=reach.base_url), headers=_NO_STORE)


@get("/oauth/auth")
async def ask_consent(
    services: Services, asked: NamedDependency[dict[str, str]]
) -> Response[bytes]:
    """Show who there is, to be chosen by a click; in offline mode only.

    What is wrong with the integration or its redirect URI is told here: nobody is sent to an
    address that was not registered.
    """
    _must_be_offline(services)
    integration = await _integration(services, asked)
    redirect_uri = _redirect_uri(integration, asked.get("redirect_uri", ""))
    state = asked.get("state", "")[:MAX_STATE_CHARACTERS]
    if problem := _problem(asked):
        return pages.redirect(_back(redirect_uri, state, error=problem))
    consent = Consent(
        client_id=integration.client_id,
        redirect_uri=redirect_uri,
        scopes=tuple(sorted(read_scopes(asked.get("scope", "")))),
        state=state,
        challenge=asked.get("code_challenge", ""),
        until=services.clock.now() + PAGE_SECONDS * SECOND,
    )
    return pages.page(
        "consent.html",
        form_targets=f"'self' {_origin(redirect_uri)}",
        action="/oauth/auth",
        session=services.vault.seal(msgspec.json.encode(consent).decode()).decode(),
        integration=integration.name,
        scopes=consent.scopes,
        where=urlsplit(redirect_uri).netloc,
        people=_people(services),
    )


@post(
    "/oauth/auth",
    status_code=HTTPStatus.SEE_OTHER,
    request_max_body_size=MOST_READ_BYTES,
)
async def give_consent(services: Services, request: Asking) -> Response[bytes]:
    """Send the browser back with a code for the user who was clicked."""
    _must_be_offline(services)
    form = _form(await request.body())
    consent = _opened(services, form.get("session", ""))
    if "user_id" not in form:
        target = _back(consent.redirect_uri, consent.state, error="access_denied")
        return pages.redirect(target)
    integration = await _integration(services, {"client_id": consent.client_id})
    code = await grants.give_code(
        _office(services),
        integration,
        form["user_id"].lower(),
        frozenset(consent.scopes),
        redirect_uri=consent.redirect_uri,
        challenge=consent.challenge,
    )
    return pages.redirect(_back(consent.redirect_uri, consent.state, code=code))


PUBLIC = (give_token, ask_consent, give_consent)


def _office(services: ConnectServices) -> grants.Office:
    return grants.Office(
        store=services.store,
        vault=services.vault,
        registry=services.registry(),
        now=services.clock.now(),
    )


def _form(body: bytes) -> dict[str, str]:
    """Return a form's fields. Raises `GrantError` for one beyond all bounds, or given twice."""
    if len(body) > MAX_FORM_BYTES:
        raise GrantError("invalid_request", "The form is too large.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise GrantError(
            "invalid_request", "Send an application/x-www-form-urlencoded form."
        ) from None
    if len(dict(pairs)) < len(pairs):
        raise GrantError("invalid_request", "A parameter is given twice.")
    return dict(pairs)


def _must_be_offline(services: ConnectServices) -> None:
    if not services.is_offline:
        raise GrantError(
            "access_denied",
            "People sign in here in offline mode only; use the JWT grant, or an API token.",
            status=HTTPStatus.FORBIDDEN,
        )


async def _integration(services: ConnectServices, asked: Mapping[str, str]) -> Integration:
    found = await integrations.find(services.store, asked.get("client_id", ""))
    if found is None:
        raise GrantError("invalid_client", "There is no integration of this client_id here.")
    return found


def _redirect_uri(integration: Integration, given: str) -> str:
    """Return where to send the browser: a registered address, or loopback. Raises `GrantError`."""
    if given in integration.redirect_uris:
        return given
    is_loopback = integrations.is_absolute(given) and urlsplit(given).hostname in LOOPBACK
    if not is_loopback:
        raise GrantError(
            "invalid_request", "redirect_uri is neither registered nor on loopback; register it."
        )
    return given


def _problem(asked: Mapping[str, str]) -> str:
    """Return OAuth's word for what is wrong with an authorization request, or ""."""
    challenge = asked.get("code_challenge", "")
    is_s256 = asked.get("code_challenge_method", "") == "S256"
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    is_sound = challenge.isascii() and len(challenge) <= MAX_CHALLENGE_CHARACTERS
    if (challenge and not is_s256) or not is_sound:
        return "invalid_request"
    try:
        read_scopes(asked.get("scope", ""))
    except GrantError as problem:
        return problem.error
    return ""


def _opened(services: ConnectServices, sealed: str) -> Consent:
    try:
        text = services.vault.open(sealed.encode())
        consent = msgspec.json.decode(text, type=Consent)
    except (InvalidInputError, msgspec.DecodeError):
        raise GrantError("invalid_request", "This page was not made here; open it anew.") from None
    if consent.until <= services.clock.now():
        raise GrantError("invalid_request", "This page is too old; open it anew.")
    return consent


def _people(services: ConnectServices) -> list[tuple[Account, User]]:
    registry = services.registry()
    everyone = [
        (account, user)
        for account in sorted(registry.accounts.values(), key=lambda one: (one.name, one.id))
        for user in identities.people(account)
        if user.status == identities.ACTIVE
    ]
    # One who is in several accounts is one person.
    seen = {user.id: (account, user) for account, user in reversed(everyone)}
    return list(reversed(seen.values()))[:MOST_SHOWN]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _back(redirect_uri: str, state: str, **said: str) -> str:
    """Return the address the browser goes back to, with what is said in its query."""
    query = urlencode({**said, **({"state": state} if state else {})})
    return f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{query}"
