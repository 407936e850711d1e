"""Recipients as a client gives them: of a new envelope, and corrected later (contract 7.3)."""

import re
from collections.abc import Callable, Iterable, Sequence
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from postroom.envelopes import given_tabs, refusals
from postroom.envelopes.envelope import RECIPIENT_TYPES, Envelope, Recipient, Role
from postroom.envelopes.given import Given, check, names, parameter_error
from postroom.envelopes.limits import DEFAULT, Limits
from postroom.errors import DocusignError
from postroom.model import Account, Json, Noun

Entry = tuple[Role, Given]
"""A recipient as given, and the list in which it stood."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_MAX_ORDER = 9_999
_NOTE_CHARACTERS = 1_000
_WITHOUT_ADDRESS = frozenset({"seals"})
_REACHED_OTHERWISE = ("phoneNumber", "signingGroupId", "hostEmail", "notaryId")

_ECHOED_NAMES = (
    "accessCode accessCodeMetadata addAccessCodeToEmail additionalNotifications agentCanEditEmail "
    "agentCanEditName autoNavigation canSignOffline customFields defaultRecipient "
    "documentVisibility emailNotification emailRecipientPostSigningURL embeddedRecipientStartURL "
    "excludedDocuments faxNumber firstName fullName hostEmail hostName idCheckConfigurationName "
    "idCheckInformationInput identityVerification inPersonSigningType "
    "inheritEmailNotificationConfiguration isBulkRecipient lastName notaryHost notaryId "
    "offlineAttributes phoneAuthentication phoneNumber proofFile recipientAttachments "
    "recipientSignatureProviders requireIdLookup requireSignOnPaper requireSignerCertificate "
    "requireUploadSignature signInEachLocation signatureInfo signerEmail signerName "
    "signingGroupId signingGroupName signingGroupUsers smsAuthentication socialAuthentications "
    "suppressEmails templateLocked templateRequired witnessFor witnessForGuid"
)
ECHOED = names(_ECHOED_NAMES.split())
"""What else is kept of a recipient, and given back as it came."""

_READ_NAMES = (
    "recipientId name email routingOrder roleName note clientUserId deliveryMethod tabs userId "
    "recipientIdGuid recipientType status completedCount sentDateTime deliveredDateTime "
    "signedDateTime declinedDateTime declinedReason creationReason recipientSuppliesTabs "
    "errorDetails totalTabCount autoRespondedReason recipientAuthenticationStatus "
    "inPersonSignerName"
)
KNOWN = ECHOED.keys() | names(_READ_NAMES.split()).keys()
"""Every key that a recipient may have, in lower case."""


class Fault(Noun, frozen=True, kw_only=True):
    """Why one recipient of a request could not be changed."""

    recipient_id: str
    code: str
    message: str


class ReadRecipients(Noun, frozen=True, kw_only=True):
    """What a request says of an envelope's recipients: what to put in their places, or add."""

    recipients: tuple[Recipient, ...]
    """Merged from what was there and what was said; the rest of the envelope's stay."""
    named: tuple[str, ...]
    """The id of every recipient of the request, in its order."""
    faults: tuple[Fault, ...] = ()


def entries(said: Given | None, limits: Limits) -> list[Entry]:
    """Return each recipient of a `recipients` object, list by list in the order of the wire."""
    if said is None:
        return []
    if said.has("participants"):
        # Passed over, an envelope would complete without them.
        raise parameter_error(
            said.at("participants"), f"are not served here; use {', '.join(RECIPIENT_TYPES)}."
        )
    found: list[Entry] = []
    for role in RECIPIENT_TYPES:
        found.extend((role, one) for one in said.children(role, most=limits.recipients))
    return found


def new_recipients(
    given: Iterable[Entry], *, account: Account, new_guid: Callable[[], str], limits: Limits
) -> tuple[Recipient, ...]:
    """Return the recipients of a new envelope.

    Raises `DocusignError` INVALID_RECIPIENT_ID for an id that two have, and
    INVALID_EMAIL_ADDRESS_FOR_RECIPIENT.
    """
    listed = list(given)
    if len(listed) > limits.recipients:
        raise parameter_error("recipients", f"are more than {limits.recipients}; send fewer.")
    ids = _ids([said for _, said in listed], limits)
    return tuple(
        _recipient(role, said, recipient_id, account, new_guid, limits)
        for (role, said), recipient_id in zip(listed, ids, strict=True)
    )


def read_recipients(
    body: Json,
    envelope: Envelope,
    *,
    account: Account,
    new_guid: Callable[[], str],
    limits: Limits = DEFAULT,
) -> ReadRecipients:
    """Return the recipients that PUT or POST of an envelope's `recipients` changes or adds.

    A recipient that is there (by `recipientId`) takes what is said and keeps the rest; another is
    added. One that has completed or declined cannot be changed: a fault says so, and it stays. So
    it is with one whom an envelope under way could not reach.
    """
    check(body)
    listed = entries(Given(body, ""), limits)
    present = {one.id: one for one in envelope.recipients}
    ids = _ids([said for _, said in listed], limits, taken=present)
    if len(present.keys() | ids) > limits.recipients:
        raise parameter_error("recipients", f"are more than {limits.recipients}; send fewer.")
    changed: list[Recipient] = []
    faults: list[Fault] = []
    for (role, said), recipient_id in zip(listed, ids, strict=True):
        before = present.get(recipient_id)
        try:
            after = (
                _recipient(role, said, recipient_id, account, new_guid, limits)
                if before is None
                else _corrected(before, role, said, account, limits)
            )
            if envelope.status != "created":
                check_addresses([after])
        except DocusignError as error:
            faults.append(Fault(recipient_id=recipient_id, code=error.code, message=str(error)))
        else:
            changed.append(after)
    return ReadRecipients(recipients=tuple(changed), named=tuple(ids), faults=tuple(faults))


def results_view(read: ReadRecipients) -> dict[str, Json]:
    """Return what PUT of the recipients answers: a result for each recipient it named."""
    faults = {fault.recipient_id: fault for fault in read.faults}
    results: list[Json] = []
    for recipient_id in read.named:
        result: dict[str, Json] = {"recipientId": recipient_id}
        if fault := faults.get(recipient_id):
            result["errorDetails"] = {"errorCode": fault.code, "message": fault.message}
        results.append(result)
    return {"recipientUpdateResults": results}


def check_addresses(recipients: Iterable[Recipient]) -> None:
    """Raise `DocusignError` if someone could not be reached, as when an envelope is sent."""
    for one in recipients:
        if one.role in _WITHOUT_ADDRESS or any(
            key in (one.more or {}) for key in _REACHED_OTHERWISE
        ):
            continue
        if not one.email:
            raise _bad_address(one.id)
        if not one.name:
            raise parameter_error(f"The recipient {one.id}", "has no name; give it one.")


def _ids(listed: Sequence[Given], limits: Limits, taken: Iterable[str] = ()) -> list[str]:
    """Return the id of each: the one given, or the next number that none has."""
    given = [said.text("recipientId", most=limits.name_characters).strip() for said in listed]
    used = set(taken)
    seen: set[str] = set()
    for said, recipient_id in zip(listed, given, strict=True):
        if recipient_id and not _ID.fullmatch(recipient_id):
            raise DocusignError(
                "INVALID_RECIPIENT_ID",
                f"{said.at('recipientId')} is no recipient id; number the recipients from 1.",
            )
        if recipient_id and recipient_id in seen:
            raise DocusignError(
                "INVALID_RECIPIENT_ID",
                f"{said.at('recipientId')} {recipient_id} is another recipient's too; number them.",
            )
        seen.add(recipient_id)
    used |= seen
    number = 1
    for index, recipient_id in enumerate(given):
        if not recipient_id:
            while str(number) in used:
                number += 1
            given[index] = str(number)
            used.add(given[index])
    return given


def _recipient(
    role: Role,
    said: Given,
    recipient_id: str,
    account: Account,
    new_guid: Callable[[], str],
    limits: Limits,
) -> Recipient:
    email = _email(said, recipient_id, limits)
    tabs = said.child("tabs")
    short = limits.name_characters
    return Recipient(
        id=recipient_id,
        guid=new_guid(),
        role=role,
        name=_name(said, limits),
        email=email,
        user_id=user_id_of(email, account) or new_guid(),
        routing_order=said.number("routingOrder", default=1, most=_MAX_ORDER),
        role_name=said.text("roleName", most=short) or None,
        note=said.text("note", most=_NOTE_CHARACTERS),
        client_user_id=said.text("clientUserId", most=short) or None,
        delivery_method=said.text("deliveryMethod", most=short) or "email",
        tabs=(given_tabs.read(tabs, recipient_id, limits) or None) if tabs else None,
        more=said.echoed(ECHOED, most=limits.text_characters) or None,
    )


def _corrected(
    before: Recipient, role: Role, said: Given, account: Account, limits: Limits
) -> Recipient:
    if before.status in {"completed", "declined"}:
        advice = "change those that are not done"
        raise refusals.wrong_recipient_status(before, "be changed", advice)
    email = _email(said, before.id, limits) or before.email
    tabs = said.child("tabs")
    more = (before.more or {}) | said.echoed(ECHOED, most=limits.text_characters)
    short = limits.name_characters
    return replace(
        before,
        role=role,
        name=_name(said, limits) or before.name,
        email=email,
        user_id=(email != before.email and user_id_of(email, account)) or before.user_id,
        routing_order=said.number("routingOrder", default=before.routing_order, most=_MAX_ORDER),
        role_name=said.text("roleName", most=short) or before.role_name,
        note=said.text("note", most=_NOTE_CHARACTERS, default=before.note),
        client_user_id=said.text("clientUserId", most=short, default=before.client_user_id or "")
        or None,
        delivery_method=said.text("deliveryMethod", most=short) or before.delivery_method,
        tabs=given_tabs.overlaid(before.tabs, given_tabs.read(tabs, before.id, limits))
        if tabs
        else before.tabs,
        more=more or None,
    )


def _name(said: Given, limits: Limits) -> str:
    for key in ("name", "signerName", "inPersonSignerName", "fullName"):
        if name := said.text(key, most=limits.name_characters).strip():
            return name
    return ""


def _email(said: Given, recipient_id: str, limits: Limits) -> str:
    for key in ("email", "signerEmail", "hostEmail"):
        if email := said.text(key, most=limits.name_characters).strip():
            if not _EMAIL.fullmatch(email):
                raise _bad_address(recipient_id)
            return email
    return ""


def _bad_address(recipient_id: str) -> DocusignError:
    return DocusignError(
        "INVALID_EMAIL_ADDRESS_FOR_RECIPIENT",
        f"The email address of the recipient {recipient_id} is missing or invalid; correct it.",
    )


def user_id_of(email: str, account: Account) -> str:
    """Return the user id of an address: an account's user's, or always the same; "" for none."""
    if not email:
        return ""
    wanted = email.lower()
    for user in account.users:
        if user.id is not None and user.email is not None and user.email.lower() == wanted:
            return user.id
    return str(uuid5(NAMESPACE_URL, f"mailto:{wanted}"))
