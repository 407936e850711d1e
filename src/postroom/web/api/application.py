"""The API as one ASGI application, mounted beside the front door."""

from typing import TYPE_CHECKING, cast

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from postroom import __version__
from postroom.errors import PostroomError
from postroom.web.api import (
    accounts,
    advise,
    apply,
    check,
    clock,
    deliveries,
    envelopes,
    explain,
    export,
    integrations,
    keys,
    listeners,
    notifications,
    plan,
    problems,
    reconcile,
    replay,
    shadow,
    trigger,
    undecided,
    watching,
)
from postroom.web.api.services import Services
from postroom.web.api.sign_in import SignIn, actor
from postroom.web.asgi import Application

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

PREFIX = "/api/v1"
MAX_BODY_BYTES = 2 * 1024 * 1024
ROUTES: "tuple[ControllerRouterHandler, ...]" = (
    accounts.list_accounts,
    accounts.show_account,
    listeners.list_listeners,
    listeners.show_listener,
    listeners.pause_listener,
    listeners.resume_listener,
    listeners.remove_listener,
    keys.list_keys,
    keys.add_key,
    keys.retire_key,
    integrations.list_integrations,
    integrations.add_integration,
    integrations.remove_integration,
    plan.make_plan,
    plan.show_drift,
    check.check_listeners,
    export.export_document,
    apply.apply_document,
    advise.ask_for_advice,
    notifications.list_notifications,
    notifications.show_notification,
    notifications.explain_notification,
    explain.explain_history,
    explain.explain_listener,
    notifications.list_unclaimed,
    notifications.list_unreadable,
    undecided.list_held,
    undecided.release_held,
    undecided.list_crossed,
    undecided.resolve_crossed,
    deliveries.list_deliveries,
    deliveries.show_delivery,
    deliveries.list_failures,
    replay.start_replay,
    reconcile.start_reconcile,
    shadow.report_shadow,
    envelopes.list_envelopes,
    envelopes.show_envelope,
    envelopes.act_on_envelope,
    trigger.start_trigger,
    watching.read_health,
    watching.list_rejections,
    watching.list_audit,
    clock.read_clock,
    clock.move_clock,
)


def create_api(services: Services, *, trusted: str | None = None) -> Application:
    """Return the API.

    `trusted` names the one caller of an API that is not served but called from this process,
    by someone who has the database file in hand anyway: no token is asked for then.
    """
    api = Litestar(
        ROUTES,
        path=PREFIX,
        middleware=[SignIn(services.store, trusted)],
        security=[{"token": []}],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "actor": Provide(actor, sync_to_thread=False),
        },
        exception_handlers={
            PostroomError: problems.expected,
            HTTPException: problems.refused,
            RecursionError: problems.too_deep,
            UnicodeDecodeError: problems.not_utf_8,
            Exception: problems.unexpected,
        },
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=_openapi(),
        logging_config=None,
        debug=False,
    )
    return cast("Application", api)  # Litestar types messages more narrowly than ASGI does


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Postroom",
        version=__version__,
        description="The verbs of Postroom. Errors are problem details (RFC 9457).",
        use_handler_docstrings=True,
        # A path of its own: the framework answers everything else beneath it with HTML.
        path="/openapi.json",
        render_plugins=[JsonRenderPlugin(path="/")],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
        ),
    )
