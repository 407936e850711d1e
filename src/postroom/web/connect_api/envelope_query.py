"""The query of a list of envelopes, as Docusign's paths take it (contract 7.3)."""

from collections.abc import Mapping
from typing import Literal, cast

from postroom.envelopes.course import IN_PROCESS
from postroom.envelopes.envelope import FINAL_STATUSES
from postroom.errors import DocusignError
from postroom.operations.connect.requests import number_of
from postroom.storage.port import EnvelopeQuery
from postroom.web.connect_api.asking import moment_of

MOST_LISTED = 1000
_BY = {
    "changed": "status_changed",
    "statuschanged": "status_changed",
    "created": "created",
    "sent": "sent",
    "delivered": "delivered",
    "signed": "completed",
    "completed": "completed",
    "declined": "declined",
    "voided": "voided",
    "lastmodified": "modified",
}
_ORDERS = {
    "created": "created",
    "last_modified": "modified",
    "sent": "sent",
    "completed": "completed",
    "status_changed": "status_changed",
    "status": "status",
    "subject": "subject",
    "envelope_name": "subject",
    "user_name": "sender_name",
}
_DIRECTIONS = {"asc": "asc", "desc": "desc"}
_NO_DRAFTS = tuple(sorted(IN_PROCESS | FINAL_STATUSES))


def read(account_id: str, asked: Mapping[str, str]) -> EnvelopeQuery:
    """Return what a query asks for. Raises `DocusignError` for what it cannot ask.

    The oldest change comes first, as in the recorded answer.
    """
    ids = _list(asked, "envelope_ids")
    transaction_ids = _list(asked, "transaction_ids")
    folders = _list(asked, "folder_ids")
    if not asked.get("from_date") and not ids and not transaction_ids:
        raise _refusal("Give from_date (such as 2026-01-31), envelope_ids or transaction_ids.")
    by = _chosen(asked, "from_to_status", _BY, "changed")
    is_by_place = bool(ids or transaction_ids or folders) or by == "created"
    return EnvelopeQuery(
        account_id=account_id,
        ids=tuple(one.lower() for one in ids),
        transaction_ids=transaction_ids,
        statuses=_statuses(asked, with_drafts=is_by_place),
        folders=tuple(one.lower() for one in folders),
        by=cast("Literal['status_changed']", by),
        moment_from=moment_of(asked, "from_date"),
        moment_until=moment_of(asked, "to_date"),
        field=_field(asked),
        sender_id=asked.get("user_id", "").lower() or None,
        sender_name=asked.get("user_name") or None,
        sender_email=asked.get("email") or None,
        search_text=asked.get("search_text") or None,
        order_by=cast(
            "Literal['status_changed']", _chosen(asked, "order_by", _ORDERS, "status_changed")
        ),
        is_descending=_chosen(asked, "order", _DIRECTIONS, "asc") == "desc",
        start=number_of(asked, "start_position", default=0, most=10_000_000),
        limit=number_of(asked, "count", default=100, most=MOST_LISTED) or 100,
    )


def _statuses(asked: Mapping[str, str], *, with_drafts: bool) -> tuple[str, ...]:
    """Return the statuses asked for; none, and `any`, are all but drafts.

    So it was recorded, and the maintainers of the Node SDK call it designed (its issue 233).
    Drafts are found by their status, folder, ids, or the moment they were created.
    """
    statuses = tuple(one.lower() for one in _list(asked, "status") if one.lower() != "any")
    return statuses or (() if with_drafts else _NO_DRAFTS)


def _field(asked: Mapping[str, str]) -> tuple[str, str] | None:
    given = asked.get("custom_field", "")
    name, has_value, value = given.partition("=")
    if given and not (name and has_value):
        # Passing it over would list every envelope as if it had the field.
        raise _refusal("custom_field is Name=Value, such as Integration%3DERP.")
    return (name, value) if has_value else None


def _chosen(asked: Mapping[str, str], name: str, choices: Mapping[str, str], default: str) -> str:
    text = asked.get(name) or default
    choice = choices.get(text.lower())
    if choice is None:
        raise _refusal(f"{name} {text[:40]} is none; it is one of {', '.join(choices)}.")
    return choice


def _list(asked: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in asked.get(name, "").split(",") if part.strip())
    if len(parts) > MOST_LISTED:
        raise _refusal(f"{name} names more than {MOST_LISTED}.")
    return parts


def _refusal(message: str) -> DocusignError:
    return DocusignError("INVALID_REQUEST_PARAMETER", message)
