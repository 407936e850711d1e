"""The envelope a made message tells of: as much of one as a Connect message shows."""

from typing import Literal

from postroom.model import Noun

Role = Literal["signers", "carbonCopies"]
"""The list of `recipients` in which a recipient stands."""


class SimSender(Noun, frozen=True, kw_only=True):
    """The user who sent the envelope: the one that associated users are about (contract 7.6)."""

    user_id: str
    name: str
    email: str


class SimRecipient(Noun, frozen=True, kw_only=True):
    """A recipient, in the envelope's own numbering."""

    id: str
    """The envelope-local id, for instance "1"; never the GUID (contract 8.9)."""
    name: str
    email: str
    routing_order: int = 1
    role: Role = "signers"


class SimEnvelope(Noun, frozen=True, kw_only=True):
    """An envelope of our own making."""

    account_id: str
    id: str
    sender: SimSender
    subject: str = "Please sign: agreement.pdf"
    blurb: str = ""
    """The e-mail's text; left out of the message where it is empty."""
    text_fields: tuple[tuple[str, str], ...] = ()
    """Text custom fields as (name, value)."""
    list_fields: tuple[tuple[str, str], ...] = ()
    """List custom fields as (name, chosen item)."""
    recipients: tuple[SimRecipient, ...] = ()
    created_at: int | None = None
    """When it was created; None means ten minutes before each message."""
