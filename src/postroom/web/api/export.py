"""Export."""

from litestar import get
from litestar.di import NamedDependency

from postroom.operations import export
from postroom.operations.export import Exported
from postroom.web.api.parameters import Account
from postroom.web.api.services import Services


@get("/export")
async def export_document(services: NamedDependency[Services], account: Account = None) -> Exported:
    """Return the system, or one account, as the document of connect.yaml, without its secrets."""
    return await export.export(services.store, account=account, now=services.clock.now())
