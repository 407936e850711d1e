"""The nouns: frozen values that every room shares. Moments are microseconds since the epoch.

The words are those of ARCHITECTURE.md; a word is used for one thing only.
"""

import itertools
import secrets
from enum import StrEnum
from typing import Any, Literal

import msgspec

Json = Any
"""A decoded JSON value."""

LEASE_SECONDS = 60
"""How long one lease lasts; the worker extends those it still holds well before."""


_tokens = itertools.count(secrets.randbits(62))


def new_token() -> int:
    """Return a lease token that no other lease has: counted up from where chance began.

    Drawing each from the system's randomness cost 8 % of the road's processor time.
    """
    return next(_tokens)


class Noun(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value with named fields only.

    Each noun repeats `frozen` and `kw_only`: msgspec does not hand `kw_only` down, and type
    checkers hand down neither.
    """


# --- who is there -----------------------------------------------------------------------------


class User(Noun, frozen=True, kw_only=True):
    """A Docusign user of an account, as far as routing needs to know one."""

    id: str | None = None
    email: str | None = None
    groups: tuple[str, ...] = ()
    """The names of its groups."""
    name: str = ""
    is_admin: bool = False
    status: str = "Active"
    """As Docusign spells it: Active, Closed, ActivationSent and so on (contract 6)."""
    created_at: int | None = None
    profile: Json = None
    """What else Docusign keeps of a user, by its key names: firstName, jobTitle and so on."""


class Group(Noun, frozen=True, kw_only=True):
    """A group of users that Docusign has given an id."""

    id: str
    name: str


class AccountField(Noun, frozen=True, kw_only=True):
    """A custom field that the account offers, or demands, on every envelope (contract 7.4)."""

    id: str
    name: str
    kind: Literal["text", "list"] = "text"
    value: str = ""
    items: tuple[str, ...] = ()
    """What may be chosen, for a list."""
    is_required: bool = False
    """True: nothing is sent without a value."""
    is_shown: bool = True


class Enrichment(Noun, frozen=True, kw_only=True):
    """Where the parts of an envelope that a feed leaves out can be fetched (eSignature REST)."""

    base_url: str
    """Up to and including `/restapi`."""
    token_key: str
    """The id of the stored secret: the bearer token, or the RSA key of the JWT grant."""
    integration_key: str | None = None
    """With `user_id` and `oauth_base`: a token is asked for by JWT grant; None: it is given."""
    user_id: str | None = None
    oauth_base: str | None = None
    """Such as `https://account-d.docusign.com`."""


class Account(Noun, frozen=True, kw_only=True):
    """A Docusign account or sub-account whose feed we accept."""

    id: str
    """The account GUID, lower case."""
    name: str = ""
    parent_id: str | None = None
    is_unsigned: bool = False
    """True only where the file says `unsigned: true`: messages without a signature are taken."""
    users: tuple[User, ...] = ()
    environment_field: str | None = None
    """The custom field that tells production from staging, for the guard on `environment`."""
    enrichment: Enrichment | None = None
    groups: tuple[Group, ...] = ()
    fields: tuple[AccountField, ...] = ()
    created_at: int | None = None


class Secret(Noun, frozen=True, kw_only=True):
    """A signing key, or a token, as the vault gives it back. Never logged, never shown."""

    id: str
    account_id: str
    listener: str | None
    """The name of the listener whose key it is; None for a key of the account."""
    purpose: Literal["hmac", "enrichment", "password", "client-secret"]
    text: str
    """The secret exactly as Docusign displays it: text, never base64-decoded (contract 4)."""
    created_at: int
    retired_at: int | None = None
    """From this moment on the key neither verifies nor signs."""

    def __repr__(self) -> str:
        return f"Secret(id={self.id!r}, account_id={self.account_id!r}, listener={self.listener!r})"


class UserCondition(Noun, frozen=True, kw_only=True):
    """Option 4, associated users: whose envelopes a listener wants, by sender."""

    kind: Literal["only", "except"]
    ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Listener(Noun, frozen=True, kw_only=True):
    """Someone who wants some notifications: one revision of what it said."""

    id: int
    """Ours, stable through revisions and renamings of its conditions."""
    account_id: str
    name: str
    url: str
    events: tuple[str, ...] = ()
    """SIM names, lower case; empty means every event."""
    users: UserCondition | None = None
    filter: Json = None
    """The content filter as `routing.filters` checked it, or None for all content."""
    comparison: Literal["exact", "loose"] = "exact"
    """`loose` trims both sides and ignores case in string comparisons."""
    field_policy: Literal["current", "sticky"] = "current"
    """`sticky` decides by the custom fields the envelope had when it was first seen."""
    lane: str | None = None
    environment: str | None = None
    format: Literal["pass-through", "sim", "aggregate", "xml"] = "pass-through"
    """`aggregate` and `xml` tell the state of the envelope at the moment of sending."""
    include: tuple[str, ...] | None = None
    """For `sim`: the includeData tokens to keep; None keeps what the feed carries."""
    mask: tuple[str, ...] = ()
    """For `sim`: what to hide; only `emails` so far."""
    retry: str | tuple[float, ...] = "docusign"
    """A named profile of `delivery.retry`, or the delays in seconds."""
    acknowledgement: bool = True
    """False: one try, as Docusign does without requiresAcknowledgement."""
    timeout_seconds: float = 100.0
    connect_timeout_seconds: float = 10.0
    concurrency: int = 16
    ordering: Literal["envelope", "none"] = "envelope"
    breaker_threshold: int = 5
    """So many different deliveries failing in a row mark the listener down; 0 never does."""
    probe_seconds: float = 60.0
    """How often a listener that is down is tried with one delivery."""
    is_active: bool = True
    """False: it is kept and wants nothing (Docusign's `allowEnvelopePublish` false)."""
    mode: Literal["live", "shadow"] = "live"
    """`shadow`: what it wants is decided and recorded, and never sent."""
    scope: Literal["account", "envelope"] = "account"
    """`envelope`: an `eventNotification`; it wants only envelopes that carry its name."""
    configuration: Json = None
    """The Connect configuration or `eventNotification` it was made from, as Docusign echoes it."""
    is_signed: bool = True
    """False: no signature headers (Docusign's `includeHMAC` false)."""
    is_logged: bool = True
    """Whether Docusign's own log shows its deliveries (`enableLog`, `loggingEnabled`)."""
    documents_for: tuple[str, ...] = ()
    """The events whose message carries the documents' bytes, where they are kept here."""
    extras: tuple[str, ...] = ()
    """What else a message carries: `certificate`, `document_fields`, `sender_account`,
    `time_zone`, `void_reason`."""


class Lane(Noun, frozen=True, kw_only=True):
    """A set of listeners that must not share an envelope's notification."""

    account_id: str
    name: str
    on_crossing: Literal["hold", "deliver"] = "hold"
    prefer: tuple[str, ...] = ()
    """Listener names: the first that wants a crossed notification gets it, alone."""


class ListenerState(Noun, frozen=True, kw_only=True):
    """What happens to a listener as opposed to what it said."""

    listener_id: int
    paused_at: int | None = None
    down_since: int | None = None
    """Since when its breaker is open; None while it is well."""
    probe_at: int | None = None


class Registry(Noun, frozen=True, kw_only=True):
    """All accounts, lanes and listeners as they stood at one revision."""

    revision: int
    accounts: dict[str, Account]
    listeners: dict[int, Listener]
    lanes: dict[tuple[str, str], Lane]
    """Keyed by (account id, lane name); a lane without an entry holds on crossing."""


# --- what came in -----------------------------------------------------------------------------


def is_xml(body: bytes, content_type: str) -> bool:
    """Tell whether a message is, or says that it is, XML: Docusign's older format."""
    if content_type == "application/json" and body[:1] == b"{":  # nearly all, and at no cost
        return False
    return "xml" in content_type.lower() or body[:64].lstrip().startswith(b"<")


class Notification(Noun, frozen=True, kw_only=True):
    """One event as received, kept: Docusign's message read as far as we need to."""

    id: str
    """`evt_` and 32 hex digits: the same for the same logical event, always."""
    account_id: str
    envelope_id: str | None
    event: str
    """The SIM name, lower case, also where it is outside the vocabulary; "" if unreadable."""
    recipient_id: str | None
    """The envelope-local recipient id of `recipient-*` events, for instance "1"."""
    sender_id: str | None
    """The sending user's GUID, lower case (contract 7.6)."""
    occurred_at: int
    """`generatedDateTime`, or the moment of arrival where it is missing."""
    received_at: int
    retry_count: int = 0
    configuration_id: str | None = None
    content_type: str = "application/json"
    body: bytes
    """The bytes as they came."""
    flaw: str | None = None
    """Why it cannot be understood in full; None for a sound message."""
    is_readable: bool = True
    """False for a signed message kept raw, which no listener can be matched with."""
    enrichment: bytes | None = None
    """Envelope JSON fetched by REST, used only for what the body does not carry.

    Of an XML message: the envelope it tells, with what was fetched filled in.
    """
    sticky_fields: bytes | None = None
    """`customFields` JSON of the envelope as first seen, where a listener goes by it."""
    origin: Literal["feed", "here", "historical", "derived"] = "feed"
    """`here`: an envelope kept here caused it; its documents and present state can be looked up.
    `historical`: published again on demand, for the listeners in `attached` alone.
    `derived`: made up of what the account's REST API tells, where the feed's never came."""
    attached: tuple[str, ...] = ()
    """The names of the listeners of `scope: envelope` that the envelope carries."""

    @property
    def is_xml(self) -> bool:
        """Whether it came as XML; what that tells is then in `enrichment` (contract 3.3)."""
        return is_xml(self.body, self.content_type)


class OwedState(StrEnum):
    """In what state a delivery is born."""

    DUE = "due"
    HELD = "held"
    CROSSED = "crossed"
    MERGED = "merged"
    """Never sent: a listener of states hears of the whole action by its last event."""
    SHADOWED = "shadowed"
    """Never sent: the listener is a shadow. With a reason: it would be held."""


class Match(Noun, frozen=True, kw_only=True):
    """A listener chosen for a notification, and why: what it is owed."""

    listener_id: int
    state: OwedState
    reason: str | None = None
    """For held and crossed, and a shadow that would be held: the sentence a person reads."""
    lane: str | None = None


class Routing(Noun, frozen=True, kw_only=True):
    """Who wants a notification. `is_unclaimed`: nobody does, or may."""

    matches: tuple[Match, ...]
    is_unclaimed: bool


class Truth(StrEnum):
    """Three-valued truth: unknown is neither a match nor a silent no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Finding(Noun, frozen=True, kw_only=True):
    """What one condition of a listener says about a notification."""

    truth: Truth
    condition: str
    """The condition in words, such as `customFields.Integration equals "ERP"`."""
    seen: Json = None
    """The value or values seen; None where there was none."""
    hint: str | None = None
    """What would help: the include a feed lacks, or the value that nearly matched."""


# --- what goes out ----------------------------------------------------------------------------


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    DUE = "due"
    """To be sent when `due_at` comes; while leased, `due_at` is the end of the lease."""
    WAITING = "waiting"
    """Behind an earlier event of the same envelope for the same listener."""
    HELD = "held"
    CROSSED = "crossed"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    DISMISSED = "dismissed"
    """Decided by a person or by the removal of the listener: will not be sent."""
    SHADOWED = "shadowed"
    """What a shadow would get, or (with a reason) would be held: recorded, never sent."""


OPEN_STATES = (DeliveryState.DUE, DeliveryState.WAITING)


class Replay(Noun, frozen=True, kw_only=True):
    """The mark a replayed delivery carries."""

    id: str
    reason: str
    is_forced: bool = False


class Lease(Noun, frozen=True, kw_only=True):
    """Permission to try one delivery until a moment, with the token that proves it."""

    delivery_id: int
    listener_id: int
    token: int
    leased_until: int
    attempt: int
    """The number of the attempt this lease is for: 1 for the first."""
    notification: Notification
    replay: Replay | None = None
    is_late: bool = False
    """A later event of the same envelope has already been delivered to this listener."""


class Request(Noun, frozen=True, kw_only=True):
    """What is put on the wire for one attempt."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_seconds: float
    connect_timeout_seconds: float


class Enclosure(Noun, frozen=True, kw_only=True):
    """What a message carries that its notification does not: looked up when it is sent.

    `delivery.shape.needs` tells which of it a delivery wants; the rest is left out.
    """

    envelope_json: bytes | None = None
    """The envelope as of now: one JSON object with every include but the documents' bytes."""
    documents: tuple[tuple[str, bytes], ...] = ()
    """Documents as (document id, PDF bytes)."""
    certificate: bytes | None = None
    """The certificate of completion, as PDF."""
    xml: bytes | None = None
    """The whole body for a listener of format xml."""
    sender_account: tuple[tuple[str, str], ...] = ()
    """The sender's account as custom fields (name, value): AccountId, the numeric one,
    AccountName and AccountSite (contract 1.1)."""


class Credentials(Noun, frozen=True, kw_only=True):
    """What a listener wants to be told by Basic authentication. Never logged, never shown."""

    user_name: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(user_name={self.user_name!r})"


class Outcome(Noun, frozen=True, kw_only=True):
    """What the wire did. An answer has a status; anything else has a failure."""

    status: int | None = None
    failure: str | None = None
    """`timeout`, `connect`, `dns`, `tls`, `refused-address`, `bad-url`, `protocol`, `shape`,
    `store`, `oauth`."""
    detail: str = ""
    """The failure in words, without secrets."""
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: bytes = b""
    """The first bytes of the answer, bounded by the sender."""
    started_at: int
    duration_us: int


class Done(Noun, frozen=True, kw_only=True, tag="done"):
    """The listener has it."""


class TryAgain(Noun, frozen=True, kw_only=True, tag="try-again"):
    """Try again at a moment."""

    at: int
    reason: str


class GiveUp(Noun, frozen=True, kw_only=True, tag="give-up"):
    """Stop trying; it goes to the failures list."""

    reason: str


Verdict = Done | TryAgain | GiveUp
"""What we do about an outcome."""
