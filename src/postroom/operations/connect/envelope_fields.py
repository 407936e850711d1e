"""The custom fields of an envelope by Docusign's verbs; they can change while it lives."""

from postroom.envelopes import given_fields, rest_view
from postroom.envelopes.envelope import Envelope, Step
from postroom.envelopes.given_fields import ReadFields
from postroom.envelopes.lifecycle import set_fields
from postroom.model import Json
from postroom.operations.connect.envelopes import account_of
from postroom.operations.connect.living import ConnectServer, change, read


async def show_fields(server: ConnectServer, account_id: str, envelope_id: str) -> Json:
    """Return an envelope's custom fields."""
    living = await read(server, account_id, envelope_id)
    return rest_view.custom_fields_view(living.envelope.fields)


async def put_fields(
    server: ConnectServer, account_id: str, envelope_id: str, body: Json, *, is_adding: bool
) -> Json:
    """Add (POST) or change (PUT) custom fields; return those that were named."""
    account = account_of(server, account_id)

    def read_body(envelope: Envelope) -> ReadFields:
        return given_fields.read_custom_fields(
            body,
            envelope.fields,
            is_adding=is_adding,
            account_fields=account.fields,
            limits=server.envelope_limits,
        )

    named: list[ReadFields] = []

    def decide(envelope: Envelope, at: int) -> Step:
        changed = read_body(envelope)
        named[:] = [changed]
        return set_fields(envelope, changed.fields, at=at)

    await change(server, account_id, envelope_id, decide)
    return rest_view.custom_fields_view(named[0].named)


async def delete_fields(
    server: ConnectServer, account_id: str, envelope_id: str, body: Json
) -> Json:
    """Take custom fields away; return those that were named."""
    named: list[ReadFields] = []

    def decide(envelope: Envelope, at: int) -> Step:
        left = given_fields.remove_custom_fields(
            body, envelope.fields, limits=server.envelope_limits
        )
        named[:] = [left]
        return set_fields(envelope, left.fields, at=at)

    await change(server, account_id, envelope_id, decide)
    return rest_view.custom_fields_view(named[0].named)
