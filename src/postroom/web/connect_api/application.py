"""Docusign's REST paths as one ASGI application, mounted beside the front door."""

from typing import TYPE_CHECKING, cast

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from postroom.errors import PostroomError
from postroom.operations.connect.assertions import GrantError
from postroom.web.asgi import Application
from postroom.web.connect_api import (
    answers,
    asking,
    configurations,
    connect,
    directory,
    envelopes,
    logs,
    oauth,
    people,
    reach,
    sign_in,
    signing,
    templates,
)
from postroom.web.connect_api.services import ConnectServices

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler

PREFIXES = ("/restapi", "/oauth", "/signing")
"""Every path that begins so is answered here."""

PUBLIC: "tuple[ControllerRouterHandler, ...]" = (
    directory.service_information,
    *oauth.PUBLIC,
    *signing.ROUTES,
)
"""Asked by anybody; what needs proof here asks for it in its own way."""

SIGNED_IN: "tuple[ControllerRouterHandler, ...]" = (
    directory.login_information,
    directory.list_accounts,
    directory.create_account,
)
"""Below `/restapi/v2.1`: asked with a token, about no account in particular."""

OF_AN_ACCOUNT: "tuple[ControllerRouterHandler, ...]" = (
    directory.show_account,
    *people.ROUTES,
    *configurations.ROUTES,
    *connect.ROUTES,
    *envelopes.ROUTES,
    *logs.ROUTES,
    *templates.ROUTES,
)
"""Below `/restapi/v2.1/accounts/{account_id}`: asked by members of the account."""


def create_connect_api(services: ConnectServices) -> Application:
    """Return the application."""
    signed_in = sign_in.signed_in(services)
    api = Litestar(
        [
            *PUBLIC,
            Router("/", route_handlers=[oauth.user_info], guards=[signed_in]),
            Router("/restapi/v2.1", route_handlers=SIGNED_IN, guards=[signed_in]),
            Router(
                "/restapi/v2.1/accounts/{account_id:str}",
                route_handlers=OF_AN_ACCOUNT,
                guards=[signed_in, sign_in.members_only(services)],
            ),
        ],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "caller": Provide(sign_in.caller, sync_to_thread=False),
            "credential": Provide(sign_in.credential, sync_to_thread=False),
            "reach": Provide(reach.reach, sync_to_thread=False),
            "account": Provide(sign_in.account, sync_to_thread=False),
            "said": Provide(asking.said),
            "asked": Provide(asking.asked, sync_to_thread=False),
        },
        exception_handlers={
            PostroomError: answers.expected,
            GrantError: oauth.refused,
            HTTPException: answers.refused,
            RecursionError: answers.too_deep,
            Exception: answers.unexpected,
        },
        request_max_body_size=services.max_body_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    # Litestar types messages more narrowly than ASGI does.
    return answers.traced(cast("Application", api))
