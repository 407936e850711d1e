"""The signing page behind `views/recipient`: where a person clicks what a recipient does."""

from typing import Annotated, Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec.structs import replace

from postroom.clock import SECOND
from postroom.envelopes.envelope import Action, Recipient, Verb
from postroom.errors import DocusignError
from postroom.operations.connect import living, signing
from postroom.operations.connect.living import ConnectServer
from postroom.operations.connect.signing import SigningSession
from postroom.web.connect_api import pages
from postroom.web.connect_api.services import ConnectServices

MAX_TOKEN_CHARACTERS = 4000
Services = NamedDependency[ConnectServices]
Token = Annotated[str, PathParameter(max_length=MAX_TOKEN_CHARACTERS)]

PAGE_SECONDS = 3600
"""How long a page that is open can be acted on."""
MAX_FORM_BYTES = 256 * 1024
MOST_READ_BYTES = 2 * MAX_FORM_BYTES
"""Of a body by whoever has proved nothing yet; what is longer is not even read."""
MAX_FIELDS = 500
_DONE: dict[str, str] = {
    "sign": "signing_complete",
    "decline": "decline",
    "finish-later": "cancel",
    "fail-authentication": "access_code_failed",
}
"""What each click tells the return URL as its `event`, as Docusign does."""
_TEXTUAL = ("textTabs", "numberTabs", "dateTabs", "emailTabs", "companyTabs", "titleTabs")


@get("/signing/{token:str}")
async def show_signing(services: Services, token: Token) -> Response[bytes]:
    """Open the envelope for the recipient, which counts as viewing it."""
    server: ConnectServer = services.envelopes
    session = signing.opened(server, token)
    viewing = Action(verb="view", recipient_id=session.recipient_id)
    try:
        opened = await living.act(server, session.account_id, session.envelope_id, viewing)
    except DocusignError:
        # It cannot be viewed any more: it is done, or not its turn.
        return pages.redirect(_return(session, "viewing_complete"))
    recipient = signing.recipient_of(opened, session)
    if recipient is None or opened.envelope.status in {"completed", "declined", "voided"}:
        return pages.redirect(_return(session, "viewing_complete"))
    longer = replace(session, until=server.clock.now() + PAGE_SECONDS * SECOND)
    return pages.page(
        "signing.html",
        form_targets=f"'self' {_origin(session.return_url)}",
        action="/signing",
        session=signing.seal(server, longer),
        subject=opened.envelope.subject or "An envelope without a subject",
        name=recipient.name or "the recipient",
        email=recipient.email,
        recipient_id=recipient.id,
        envelope_id=opened.envelope.id,
        status=opened.envelope.status,
        documents=[document.name for document in opened.envelope.documents],
        tabs=_tabs(recipient),
    )


@post("/signing", request_max_body_size=MOST_READ_BYTES)
async def act_on_signing(services: Services, request: Request[Any, Any, Any]) -> Response[bytes]:
    """Do what was clicked, and send the browser where the integration wants it."""
    server: ConnectServer = services.envelopes
    form = _form(await request.body())
    session = signing.opened(server, form.get("session", ""))
    verb = form.get("verb", "")
    if verb not in _DONE:
        raise DocusignError("INVALID_REQUEST_PARAMETER", "This page has no such button.")
    tabs = {name[4:]: text for name, text in form.items() if name.startswith("tab:")}
    action = Action(
        verb=cast("Verb", verb),
        recipient_id=session.recipient_id,
        reason=form.get("reason", "") if verb == "decline" else "",
        tabs=tabs or None,
    )
    await living.act(server, session.account_id, session.envelope_id, action)
    return pages.redirect(_return(session, _DONE[verb]))


def _form(body: bytes) -> dict[str, str]:
    if len(body) > MAX_FORM_BYTES:
        raise DocusignError("INVALID_REQUEST_BODY", "The form is too large.", status=413)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise DocusignError("INVALID_REQUEST_BODY", "This is not a form's body.") from None
    return dict(pairs)


def _return(session: SigningSession, event: str) -> str:
    """Return the integration's URL with the event that tells it how it went."""
    parts = urlsplit(session.return_url)
    query = "&".join(part for part in (parts.query, urlencode({"event": event})) if part)
    return parts._replace(query=query).geturl()


def _origin(url: str) -> str:
    """Return a URL's origin as a policy names it; nothing that could end the policy's word."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    is_plain = all(c.isascii() and (c.isalnum() or c in ":/.-[]") for c in origin)
    return origin if is_plain else ""


def _tabs(recipient: Recipient) -> list[tuple[str, str]]:
    """Return the labels and values of what a recipient can fill in."""
    tabs = recipient.tabs if isinstance(recipient.tabs, dict) else {}
    kinds = (tabs.get(kind) for kind in _TEXTUAL)
    every = (tab for listed in kinds if isinstance(listed, list) for tab in listed)
    labelled = [one for one in every if isinstance(one, dict) and "tabLabel" in one]
    return [(str(one["tabLabel"]), str(one.get("value") or "")) for one in labelled[:MAX_FIELDS]]


ROUTES = (show_signing, act_on_signing)
