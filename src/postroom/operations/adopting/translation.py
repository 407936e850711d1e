"""A Connect configuration in the words of connect.yaml, or why it is better left alone."""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from postroom.errors import DocusignError
from postroom.model import Account, Json, Listener, Noun
from postroom.operations.adopting.account import (
    Configuration,
    Standing,
    bare,
    connect_id,
    is_on,
    word,
)
from postroom.operations.connect import configuration as connect_configuration
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.document import GUID, NAME_CHARACTERS

EmptyMode = Literal["SIM", "Aggregate"]
OF_STATES = ("xml", "aggregate")


class Difference(Noun, frozen=True, kw_only=True):
    """What will be otherwise for a listener although it gets the same notifications."""

    what: str
    remedy: str


class Adopted(Noun, frozen=True, kw_only=True):
    """A configuration that a listener of the gateway stands in for."""

    connect_id: str
    name: str
    url: str
    listener: dict[str, Json]
    """As connect.yaml has it."""
    differences: tuple[Difference, ...]


class Left(Noun, frozen=True, kw_only=True):
    """A configuration that is not touched."""

    connect_id: str
    name: str
    url: str
    is_on: bool
    why: str
    remedy: str


class Reading(Noun, frozen=True, kw_only=True):
    """A configuration, and the listener by which Docusign would decide."""

    adopted: Adopted
    listener: Listener


class _UnfitError(Exception):
    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


def translate(
    standing: Standing, *, gateway_url: str, empty_mode: EmptyMode | None
) -> tuple[tuple[Reading, ...], tuple[Left, ...]]:
    """Return what can be adopted of an account, and what is left alone.

    `empty_mode` is what a `deliveryMode` that is not given means on this account.
    """
    found: list[Reading] = []
    left: list[Left] = []
    names: set[str] = set()
    for one in standing.configurations:
        try:
            reading = _reading(one, standing, gateway_url, empty_mode)
        except _UnfitError as unfit:
            left.append(_left(one, unfit.why, unfit.remedy))
            continue
        found.append(_named(reading, names))
    return tuple(found), tuple(left)


def left_alone(reading: Reading, why: str, remedy: str) -> Left:
    """Return a configuration that could be read, and is left alone all the same."""
    return Left(
        connect_id=reading.adopted.connect_id,
        name=reading.adopted.name,
        url=bare(reading.adopted.url),
        is_on=True,
        why=why,
        remedy=remedy,
    )


def _left(one: Configuration, why: str, remedy: str) -> Left:
    return Left(
        connect_id=connect_id(one),
        name=word(one, "name"),
        url=bare(word(one, "urlToPublishTo")),
        is_on=is_on(one),
        why=why,
        remedy=remedy,
    )


def _reading(
    one: Configuration, standing: Standing, gateway_url: str, empty_mode: EmptyMode | None
) -> Reading:
    _check_kind(one, gateway_url)
    if not word(one, "deliveryMode") and empty_mode is None:
        raise _UnfitError(
            "its deliveryMode is not told, and what that means depends on the account",
            "look at a message it sends, and say --empty-mode SIM or --empty-mode Aggregate",
        )
    listener = _listener(one, standing, empty_mode)
    _check_listener(listener, standing)
    part: dict[str, Json] = {
        "name": listener.configuration["name"],
        "account": standing.account_id,
        "url": listener.url,
        "events": list(listener.events),
    }
    if listener.users is not None and (listener.users.ids or listener.users.groups):
        part["users"] = {listener.users.kind: [*listener.users.ids, *listener.users.groups]}
    part["format"] = listener.format
    if listener.format != "xml":
        part["include"] = list(includes(listener))
    if not listener.acknowledgement:
        part["acknowledgement"] = False
    adopted = Adopted(
        connect_id=connect_id(one),
        name=part["name"],
        url=listener.url,
        listener=part,
        differences=tuple(_differences(listener)),
    )
    return Reading(adopted=adopted, listener=listener)


def _listener(one: Configuration, standing: Standing, empty_mode: EmptyMode | None) -> Listener:
    try:
        return connect_configuration.read(
            one,
            account=Account(id=standing.account_id, users=standing.users, groups=standing.groups),
            connect_id=connect_id(one),
            limits=ConnectLimits(empty_delivery_mode=empty_mode or "SIM"),
            allow_http_loopback=True,
            allow_private_addresses=True,
        ).listener
    except DocusignError as problem:
        raise _UnfitError(f"it cannot be read: {problem}", "look at it in Docusign") from None


def includes(listener: Listener) -> tuple[str, ...]:
    """Return the includeData tokens of a listener, with those that other switches stand for."""
    tokens = dict.fromkeys(listener.include or ())
    if listener.documents_for:
        tokens["documents"] = None
    if "document_fields" in listener.extras:
        tokens["document_fields"] = None
    return tuple(tokens)


# --- what is left alone -----------------------------------------------------------------------

_KEEP = "it stays as it is; nothing has to be done"
_SIGNED = "leave it on; or let its listener go by the HMAC, switch this off and adopt again"
_OWN_WAYS = (
    ("useSoapInterface", "it sends SOAP, which the gateway does not", "leave it on"),
    ("includeOAuth", "it authenticates by OAuth, which connect.yaml does not say", _SIGNED),
    ("signMessageWithX509Certificate", "it is known by Docusign's certificate", _SIGNED),
    ("requireMutualTls", "it is known by Docusign's certificate", _SIGNED),
    ("includeCertSoapHeader", "it carries Docusign's certificate", _SIGNED),
    ("integratorManaged", "it is signed with the integrator's keys", "leave it on"),
)


def _check_kind(one: Configuration, gateway_url: str) -> None:
    kind = word(one, "configurationType")
    if not connect_id(one):
        raise _UnfitError("it has no connectId", "look at it in Docusign")
    if kind.lower() != "custom":
        raise _UnfitError(f"its type is {kind[:40] or 'not told'}, not custom", _KEEP)
    if word(one, "urlToPublishTo") == gateway_url:
        raise _UnfitError("it is the gateway's own", "switch it off first if it is an earlier one")
    if not is_on(one):
        raise _UnfitError("it is off", _KEEP)
    if is_on(one, "pausePublish"):
        raise _UnfitError("it is paused", "resume it, or switch it off; then adopt again")
    for key, why, remedy in _OWN_WAYS:
        if is_on(one, key):
            raise _UnfitError(f"{why} ({key})", remedy)
    if word(one, "userName"):
        raise _UnfitError(
            "it authenticates by user name and password, which connect.yaml does not say", _SIGNED
        )


def _check_listener(listener: Listener, standing: Standing) -> None:
    said = listener.users
    if not listener.events:
        raise _UnfitError("it names no events, so nothing fires", _KEEP)
    if said is not None and said.kind == "only" and not (said.ids or said.groups):
        raise _UnfitError("it names no users, so nothing fires", _KEEP)
    there = {name for user in standing.users for name in user.groups}
    for group in said.groups if said else ():
        if group not in there:
            raise _UnfitError(
                f"nobody is in its group {group[:NAME_CHARACTERS]} now",
                "name users instead of the group, or put somebody into it; then adopt again",
            )
        is_name = group.isprintable() and len(group) <= NAME_CHARACTERS
        if not is_name or "@" in group or re.fullmatch(GUID, group):
            raise _UnfitError(
                f"connect.yaml has no such group {group[:NAME_CHARACTERS]!r}", "rename the group"
            )
    is_without_papers = listener.format == "xml" or "documents" not in includes(listener)
    if listener.format == "xml" and listener.documents_for:
        raise _UnfitError("it carries documents in XML, which the gateway does not", "leave it on")
    if "certificate" in listener.extras and is_without_papers:
        raise _UnfitError(
            "it carries the certificate of completion and no documents, which the gateway cannot"
            " keep apart",
            "leave it on, or include documents too",
        )


# --- what is otherwise ------------------------------------------------------------------------


def _differences(listener: Listener) -> Iterator[Difference]:
    if not listener.is_signed:
        yield Difference(
            what="its messages were not signed, and will be", remedy="its listener may ignore it"
        )
    if listener.format in OF_STATES:
        yield Difference(
            what="it gets a message for each event; Docusign puts events of one moment into one",
            remedy="a listener that goes by the state it is told need not care",
        )
    if listener.format == "xml" and "time_zone" not in listener.extras:
        yield Difference(what="TimeZone and TimeZoneOffset are always there", remedy="none needed")
    if listener.users is not None and listener.users.groups:
        yield Difference(
            what="who is in its groups is as of now: " + ", ".join(listener.users.groups),
            remedy="when a group changes, change the account's users in connect.yaml",
        )


def more_than_asked(reading: Reading, feed: Listener) -> Iterator[Difference]:
    """Yield what the one configuration makes every message carry, and this one did not ask for."""
    listener = reading.listener
    told = {
        "sender_account": "AccountId, AccountName and AccountSite among the custom fields",
        "void_reason": "the reason why an envelope was voided",
        "certificate": "the certificate of completion among the documents",
    }
    for extra, what in told.items():
        is_seen = extra != "certificate" or "documents" in includes(listener)
        if extra in feed.extras and extra not in listener.extras and is_seen:
            yield Difference(what=f"it gets more than before: {what}", remedy="none needed")


# --- names ------------------------------------------------------------------------------------


def _named(reading: Reading, taken: set[str]) -> Reading:
    """Give a listener a name that connect.yaml takes: the configuration's, as far as it can be."""
    given = "".join(
        "-" if one == "/" else one for one in str(reading.adopted.name) if one.isprintable()
    )
    suffix = f" ({reading.adopted.connect_id})"
    name = given.strip()[:NAME_CHARACTERS] or reading.listener.name
    if name in taken:
        name = name[: NAME_CHARACTERS - len(suffix)] + suffix
    taken.add(name)
    listener = reading.adopted.listener | {"name": name}
    return replace(reading, adopted=replace(reading.adopted, listener=listener))
