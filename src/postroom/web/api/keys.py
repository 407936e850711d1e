"""Keys: taken in, never given out."""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from postroom.model import Noun
from postroom.operations import keys
from postroom.operations.views import KeyView, Page
from postroom.web.api.parameters import MAX_TEXT, Account, Moment, Name
from postroom.web.api.services import Services


class NewKey(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signing key, and whose it is."""

    account: Annotated[str, Meta(max_length=MAX_TEXT)]
    text: Annotated[str, Meta(max_length=10_000)]
    """The key exactly as Docusign displays it."""
    listener: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None

    def __repr__(self) -> str:
        return f"NewKey(account={self.account!r}, listener={self.listener!r})"


@get("/keys")
async def list_keys(services: NamedDependency[Services], account: Account = None) -> Page[KeyView]:
    """List keys by their fingerprints, retired ones too."""
    return await keys.list_keys(services.store, account=account)


@post("/keys")
async def add_key(
    services: NamedDependency[Services], actor: NamedDependency[str], data: JSONBody[NewKey]
) -> KeyView:
    """Add a signing key to an account, or to one listener; the others stay in force."""
    return await keys.add_key(
        services.store,
        services.vault,
        account=data.account,
        text=data.text,
        listener=data.listener,
        now=services.clock.now(),
        actor=actor,
    )


@post("/keys/{key:str}/retire", status_code=200)
async def retire_key(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    key: Name,
    at: Moment = None,
) -> KeyView:
    """Take a key out of use, now or from a moment on; named by id or fingerprint."""
    return await keys.retire_key(services.store, key, at=at, now=services.clock.now(), actor=actor)
