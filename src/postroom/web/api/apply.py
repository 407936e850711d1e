"""Apply: the document of connect.yaml, as JSON."""

from typing import Annotated, Any

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from postroom.operations import apply
from postroom.operations.apply import Applied
from postroom.web.api.services import Services

DryRun = Annotated[bool, QueryParameter(description="Only say what would change.")]
PlanOf = Annotated[
    str | None,
    QueryParameter(
        description="The fingerprint of a plan: anything but what it showed is refused.",
        max_length=100,
    ),
]
Prune = Annotated[bool, QueryParameter(description="Remove what the document does not name.")]


@post("/apply", status_code=200)
async def apply_document(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    data: JSONBody[dict[str, Any]],
    *,
    dry_run: DryRun = False,
    prune: Prune = False,
    plan: PlanOf = None,
) -> Applied:
    """Make accounts, lanes and listeners what the document says: all of it or nothing.

    Keys are given as `{"text": "..."}`.
    """
    return await apply.apply(
        services.store,
        services.vault,
        data,
        allow_private_addresses=services.allow_private_addresses,
        dry_run=dry_run,
        prune=prune,
        plan=plan,
        now=services.clock.now(),
        actor=actor,
    )
