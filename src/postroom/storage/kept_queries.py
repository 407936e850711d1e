"""Questions about the envelopes that live here, as SQLAlchemy statements for both databases."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from postroom.errors import InvalidInputError
from postroom.storage.port import EnvelopeQuery, KeptEnvelope
from postroom.storage.schema import envelope_field, kept_envelope

MOST_SEARCH_CHARACTERS = 1000
"""SQLite refuses patterns beyond 50 KB; nobody looks for a part of a subject that is so long."""

MOST_INDEXED_BYTES = 500
"""PostgreSQL's index entries end at 2,700 bytes, and one of fields has four parts."""

_Fields = tuple[tuple[str, str], ...]

_k = kept_envelope.c
_COLUMNS = tuple(_k[name] for name in KeptEnvelope.__struct_fields__)
"""In the order of the noun, whatever that of the table is."""
_FIELDS = KeptEnvelope.__struct_fields__.index("fields")
_AT = {
    "created": _k.created_at,
    "modified": _k.modified_at,
    "sent": _k.sent_at,
    "delivered": _k.delivered_at,
    "completed": _k.completed_at,
    "declined": _k.declined_at,
    "voided": _k.voided_at,
    "status_changed": _k.status_changed_at,
}
_ORDER = {**_AT, "subject": _k.subject, "status": _k.status, "sender_name": _k.sender_name}


def envelopes(query: EnvelopeQuery) -> sa.Select[Any]:
    """Return the statement that finds a page of envelopes.

    Which ones they are is found first: a sort then carries numbers, not bodies.
    """
    order = _order(query)
    page = (
        sa.select(_k.number)
        .where(*_conditions(query))
        .order_by(*order)
        .offset(query.start)
        .limit(query.limit)
    )
    return sa.select(*_COLUMNS).where(_k.number.in_(page)).order_by(*order)


def envelope_count(query: EnvelopeQuery) -> sa.Select[Any]:
    """Return the statement that counts the envelopes of all pages."""
    return sa.select(sa.func.count()).select_from(kept_envelope).where(*_conditions(query))


def envelopes_due(now: int, limit: int) -> sa.Select[Any]:
    """Return the statement that finds the envelopes whose moment has come, longest due first."""
    return sa.select(*_COLUMNS).where(_k.next_at <= now).order_by(_k.next_at).limit(limit)


def envelope(row: Sequence[Any]) -> KeptEnvelope:
    """Return what a row of these statements says."""
    values = dict(zip(KeptEnvelope.__struct_fields__, row, strict=True))
    return KeptEnvelope(**(values | {"fields": fields(row[_FIELDS])}))


def fields(column: str) -> _Fields:
    """Return an envelope's custom fields from how its row holds them."""
    return msgspec.json.decode(column, type=_Fields)


def found_by(text: str) -> str:
    """Return what a custom field's name or value is found by where it is too long for an index."""
    encoded = text.encode()
    if len(encoded) <= MOST_INDEXED_BYTES:
        return text
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def _conditions(query: EnvelopeQuery) -> list[sa.ColumnElement[bool]]:
    """Return what must hold.

    Raises `InvalidInputError` where what is searched for is too long.
    """
    is_few = query.ids or query.transaction_ids or query.field is not None
    # Where others find the few, the account is kept from leading the planner past all it has.
    account_id = _k.account_id.concat("") if is_few else _k.account_id
    conditions = [account_id == query.account_id]
    among = (
        (_k.id, query.ids),
        (_k.transaction_id, query.transaction_ids),
        (_k.status, query.statuses),
        (_k.folder, query.folders),
    )
    conditions += [column.in_(values) for column, values in among if values]
    exactly = (
        (_k.sender_id, query.sender_id),
        (_k.sender_name, query.sender_name),
        (_k.sender_email, query.sender_email),
    )
    conditions += [column == value for column, value in exactly if value is not None]
    if query.moment_from is not None:
        conditions.append(_AT[query.by] >= query.moment_from)
    if query.moment_until is not None:
        conditions.append(_AT[query.by] < query.moment_until)
    if query.field is not None:
        conditions.append(_carries(query.account_id, *query.field))
    if query.search_text is not None:
        conditions.append(_mentions(query.search_text))
    return conditions


def _carries(account_id: str, name: str, value: str) -> sa.ColumnElement[bool]:
    f = envelope_field.c
    numbers = sa.select(f.envelope_number).where(
        # SQLite indexes a text of any length, PostgreSQL does not.
        f.account_id == account_id,
        f.name.in_({name, found_by(name)}),
        f.value.in_({value, found_by(value)}),
    )
    return _k.number.in_(numbers)


def _mentions(text: str) -> sa.ColumnElement[bool]:
    if len(text) > MOST_SEARCH_CHARACTERS:
        raise InvalidInputError(
            f"search for at most {MOST_SEARCH_CHARACTERS} characters, not {len(text)}"
        )
    return _k.search_text.contains(text.lower(), autoescape=True)


def _order(query: EnvelopeQuery) -> tuple[sa.ColumnElement[Any], ...]:
    """Return what to sort by: envelopes that never came so far stand last, either way."""
    column = _ORDER[query.order_by]
    key, last = (
        (column.desc(), _k.number.desc())
        if query.is_descending
        else (column.asc(), _k.number.asc())
    )
    return (key.nulls_last() if column.nullable else key, last)
