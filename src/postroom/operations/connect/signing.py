"""Embedded signing: the address that `views/recipient` gives, and what it stands for."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from postroom.clock import SECOND
from postroom.envelopes.envelope import Envelope, Recipient
from postroom.errors import DocusignError, InvalidInputError
from postroom.model import Json, Noun
from postroom.operations.connect.living import ConnectServer, Living, read
from postroom.operations.connect.requests import keys_of, text_of

SECONDS = 300
"""How long an address may be opened first, as Docusign's; a page that is open goes on longer."""
MAX_URL_CHARACTERS = 2000


class SigningSession(Noun, frozen=True, kw_only=True):
    """Who may act for which recipient, and where the browser goes afterwards."""

    account_id: str
    envelope_id: str
    recipient_id: str
    return_url: str
    until: int


async def create_recipient_view(
    server: ConnectServer, account_id: str, envelope_id: str, body: Json, *, base_url: str
) -> Json:
    """Return the address of a signing page for one recipient (`views/recipient`).

    The recipient is found as Docusign does, by clientUserId, userName and email, or here by its
    recipientId alone; one that signs embedded only by its clientUserId.
    Raises `DocusignError` UNKNOWN_ENVELOPE_RECIPIENT.
    """
    living = await read(server, account_id, envelope_id)
    said = keys_of(body)
    return_url = text_of(said, "returnUrl")
    if not _is_address(return_url):
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER",
            "returnUrl is not an http or https address, percent-encoded; give one.",
        )
    recipient = _wanted(living.envelope, said)
    if living.envelope.status == "created":
        raise DocusignError("ENVELOPE_INVALID_STATUS", "The envelope is a draft; send it first.")
    session = SigningSession(
        account_id=living.envelope.account_id,
        envelope_id=living.envelope.id,
        recipient_id=recipient.id,
        return_url=return_url,
        until=server.clock.now() + SECONDS * SECOND,
    )
    return {"url": f"{base_url}/signing/{seal(server, session)}"}


def _is_address(url: str) -> bool:
    """Return whether a browser can be sent to a URL: it has to stand in a header."""
    if len(url) > MAX_URL_CHARACTERS or not (url.isascii() and url.isprintable()) or " " in url:
        return False
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and is_whole


def seal(server: ConnectServer, session: SigningSession) -> str:
    """Return a session as a token that only this server can make and read."""
    return server.vault.seal(msgspec.json.encode(session).decode()).decode()


def opened(server: ConnectServer, token: str) -> SigningSession:
    """Return the session of a token. Raises `DocusignError` for a false or an old one."""
    try:
        session = msgspec.json.decode(server.vault.open(token.encode()), type=SigningSession)
    except (InvalidInputError, msgspec.DecodeError, UnicodeError):
        session = None
    if session is None or session.until < server.clock.now():
        raise DocusignError(
            "INVALID_SIGNING_SESSION",
            "This signing address is not valid any more; ask for a new one (views/recipient).",
            status=401,
        )
    return session


def recipient_of(living: Living, session: SigningSession) -> Recipient | None:
    """Return the recipient a session is for, if the envelope still has it."""
    return next((r for r in living.envelope.recipients if r.id == session.recipient_id), None)


def _wanted(envelope: Envelope, said: Mapping[str, Json]) -> Recipient:
    named = {
        "client_user_id": text_of(said, "clientUserId"),
        "name": text_of(said, "userName"),
        "email": text_of(said, "email"),
        "id": text_of(said, "recipientId"),
    }
    asked = {key: value for key, value in named.items() if value}
    for recipient in envelope.recipients:
        is_meant = asked and all(
            str(getattr(recipient, key) or "").casefold() == value.casefold()
            for key, value in asked.items()
        )
        if is_meant and (recipient.client_user_id is None or "client_user_id" in asked):
            return recipient
    raise DocusignError(
        "UNKNOWN_ENVELOPE_RECIPIENT",
        "No recipient of the envelope has this clientUserId, userName and email.",
    )
