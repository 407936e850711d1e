"""The envelopes that live here, and what people do to them."""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from postroom.envelopes.envelope import Action, Verb
from postroom.model import Noun
from postroom.operations import envelopes
from postroom.operations.envelopes import Acted, EnvelopeDetails, EnvelopeView
from postroom.operations.views import Page
from postroom.web.api.parameters import MAX_TEXT, Account, After, Limit, Name
from postroom.web.api.services import Services, served

Words = Annotated[str, Meta(max_length=MAX_TEXT)]
Tabs = Annotated[dict[Words, Words], Meta(max_length=MAX_TEXT)]
Field = Annotated[
    str | None,
    QueryParameter(max_length=MAX_TEXT, description="A custom field, as Name=Value."),
]
Statuses = Annotated[
    list[str] | None,
    QueryParameter(
        max_items=20, description="Statuses; give it several times for several, none for all."
    ),
]


class ActionOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person, or time, does to an envelope."""

    verb: Verb
    recipient_id: Words | None = None
    reason: Words = ""
    name: Words | None = None
    email: Words | None = None
    purge_state: Words = "documents_and_metadata_queued"
    tabs: Tabs | None = None


@get("/envelopes")
async def list_envelopes(  # each is a way to narrow the list
    services: NamedDependency[Services],
    *,
    account: Account = None,
    statuses: Statuses = None,
    field: Field = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[EnvelopeView]:
    """List the envelopes of an account, those that changed last first."""
    return await envelopes.list_envelopes(
        services.store,
        account=account,
        statuses=tuple(statuses or ()),
        field=field,
        after=after,
        limit=limit,
    )


@get("/envelopes/{envelope:str}")
async def show_envelope(
    services: NamedDependency[Services], envelope: Name, account: Account = None
) -> EnvelopeDetails:
    """Show one envelope with its recipients and its trail."""
    return await envelopes.show_envelope(services.store, envelope, account=account)


@post("/envelopes/{envelope:str}/actions", status_code=200)
async def act_on_envelope(
    services: NamedDependency[Services],
    envelope: Name,
    data: JSONBody[ActionOrder],
    account: Account = None,
) -> Acted:
    """Do to an envelope what a person, or time, does: view, sign, decline, bounce, void, …."""
    action = Action(
        verb=data.verb,
        recipient_id=data.recipient_id,
        reason=data.reason,
        name=data.name,
        email=data.email,
        purge_state=data.purge_state,
        tabs=data.tabs,
    )
    return await envelopes.act_on_envelope(served(services), envelope, action, account=account)
