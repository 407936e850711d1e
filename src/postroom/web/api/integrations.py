"""Integrations: their secrets are told once, when they are made, and never again."""

from typing import Annotated

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from postroom.model import Noun
from postroom.operations import integrations
from postroom.operations.connect.integrations import (
    MAX_PEM_CHARACTERS,
    MAX_REDIRECT_URIS,
    MAX_URI_CHARACTERS,
)
from postroom.operations.integrations import IntegrationView, NewIntegration
from postroom.operations.views import Page
from postroom.web.api.parameters import MAX_TEXT, Name
from postroom.web.api.services import Services

Uri = Annotated[str, Meta(max_length=MAX_URI_CHARACTERS)]


class IntegrationOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be let ask for access tokens."""

    name: Annotated[str, Meta(max_length=MAX_TEXT)]
    public_key: Annotated[str, Meta(max_length=MAX_PEM_CHARACTERS)]
    """RSA of 2048 bits or more, in PEM; its private half signs the JWT grant."""
    redirect_uris: Annotated[tuple[Uri, ...], Meta(max_length=MAX_REDIRECT_URIS)] = ()
    """Where the consent page, served in offline mode only, may send a browser back to."""


@get("/integrations")
async def list_integrations(services: NamedDependency[Services]) -> Page[IntegrationView]:
    """List what may ask for access tokens, without secrets."""
    return await integrations.list_integrations(services.store)


@post("/integrations")
async def add_integration(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    data: JSONBody[IntegrationOrder],
) -> NewIntegration:
    """Let an integration ask for access tokens; answers its client id, and its secret this once."""
    return await integrations.add_integration(
        services.store,
        services.vault,
        name=data.name,
        public_key=data.public_key,
        redirect_uris=data.redirect_uris,
        now=services.clock.now(),
        actor=actor,
    )


@delete("/integrations/{integration:str}", status_code=200)
async def remove_integration(
    services: NamedDependency[Services], actor: NamedDependency[str], integration: Name
) -> IntegrationView:
    """Give an integration no more tokens; named by client id or name. Answers with it as it was."""
    return await integrations.remove_integration(
        services.store, integration, now=services.clock.now(), actor=actor
    )
