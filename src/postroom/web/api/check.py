"""Check: what can be proved about the system's listeners, a document's, or configurations'."""

from collections.abc import Callable
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from postroom.model import Noun
from postroom.operations import check
from postroom.operations.check import Report
from postroom.operations.checking.examine import Progress
from postroom.web.api import ndjson
from postroom.web.api.services import Services

Told = Callable[[Progress], None]


class CheckOrder(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to check: `{}` is the system."""

    document: dict[str, Any] | None = None
    """As for `/apply`; keys are not looked at."""
    configurations: Any = None
    """What `GET /accounts/{id}/connect` answers, a list of configurations, or one."""
    all: bool = False
    """Compare every pair of an account, not only those of a lane."""
    proofs: bool = False
    """Tell why pairs are apart, too."""


@post("/check", status_code=200)
async def check_listeners(
    services: NamedDependency[Services],
    request: Request[Any, Any, Any],
    data: JSONBody[CheckOrder],
) -> Report | Stream:
    """Prove which listeners can share an envelope, what reaches nobody, and what is odd.

    With `Accept: application/x-ndjson` the answer is one JSON object a line: `progress` as often
    as there is some, and at the end `result`.
    """

    async def work(told: Told | None) -> Report:
        return await check.check(
            services.store,
            document=data.document,
            configurations=data.configurations,
            is_all=data.all,
            with_proofs=data.proofs,
            told=told,
        )

    if ndjson.NDJSON not in request.headers.get("accept", ""):
        return await work(None)
    headers = {"Content-Type": ndjson.NDJSON}
    return Stream(await ndjson.lines(work), headers=headers, status_code=200)
