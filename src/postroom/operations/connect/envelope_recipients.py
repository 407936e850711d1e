"""The recipients of an envelope by Docusign's verbs: look, add, correct, resend, delete."""

from postroom.envelopes import given_recipients, lifecycle, rest_view
from postroom.envelopes.envelope import Envelope, Step
from postroom.envelopes.given_recipients import ReadRecipients
from postroom.model import Json
from postroom.operations.connect.envelopes import account_of
from postroom.operations.connect.living import ConnectServer, change, read
from postroom.operations.connect.requests import keys_of, text_of


async def show_recipients(
    server: ConnectServer, account_id: str, envelope_id: str, *, with_tabs: bool
) -> Json:
    """Return an envelope's recipients, list by list."""
    living = await read(server, account_id, envelope_id)
    return rest_view.recipients_view(living.envelope, tabs=with_tabs)


async def put_recipients(
    server: ConnectServer,
    account_id: str,
    envelope_id: str,
    body: Json,
    *,
    is_resending: bool,
) -> Json:
    """Add or correct recipients; a corrected one whose turn it is, is sent to again.

    Returns a result for each named, with its fault where it could not be changed.
    """
    account = account_of(server, account_id)
    found: list[ReadRecipients] = []

    def decide(envelope: Envelope, at: int) -> Step:
        changed = given_recipients.read_recipients(
            body,
            envelope,
            account=account,
            new_guid=server.new_guid,
            limits=server.envelope_limits,
        )
        found[:] = [changed]
        return lifecycle.correct_recipients(
            envelope, changed.recipients, at=at, resend=is_resending
        )

    await change(server, account_id, envelope_id, decide)
    return given_recipients.results_view(found[0])


async def delete_recipients(
    server: ConnectServer, account_id: str, envelope_id: str, ids: tuple[str, ...]
) -> Json:
    """Take recipients out of an envelope; return those that are left."""
    living = await change(
        server,
        account_id,
        envelope_id,
        lambda envelope, at: lifecycle.remove_recipients(envelope, ids, at=at),
    )
    return rest_view.recipients_view(living.envelope)


def ids_in(body: Json) -> tuple[str, ...]:
    """Return the recipientIds that a `recipients` body names."""
    lists = [value for value in keys_of(body).values() if isinstance(value, list)]
    ids = (text_of(keys_of(one), "recipientId") for many in lists for one in many)
    return tuple(dict.fromkeys(one for one in ids if one))
