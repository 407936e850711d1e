"""Who is asking: a bearer token on every path below `/restapi/v2.1`, and on `/oauth/userinfo`.

The token is one of this server's API tokens, or an access token that `/oauth/token` gave. With an
API token, `X-DocuSign-Act-As-User` names the user to act as; without it the caller acts as the
account's administrator.

A token without the word `Bearer` is refused: `ApiClient.set_access_token` of the Python SDK sends
one so (contract 7.1), and what Docusign does with it is not known. An integration that works here
shall work there.
"""

from http import HTTPStatus
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Headers
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from postroom.errors import DocusignError
from postroom.model import Account
from postroom.operations import tokens
from postroom.operations.connect import access_tokens, callers
from postroom.operations.connect.callers import Caller, Credential
from postroom.web.connect_api.services import ConnectServices

ACT_AS_HEADER = "x-docusign-act-as-user"
Connection = ASGIConnection[Any, Any, Any, Any]
MAX_ACT_AS_CHARACTERS = 320
"""The longest e-mail address there is (RFC 3696, errata)."""


def signed_in(services: ConnectServices) -> Guard:
    """Return the guard of every path that wants a token: it remembers what the token proves."""

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        connection.scope["auth"] = await credential_of(services, connection.headers)

    return guard


async def credential_of(services: ConnectServices, headers: Headers) -> Credential:
    """Return what a request's headers prove. Raises `DocusignError` where that is nothing."""
    given = headers.get("authorization", "").strip()
    scheme, _, token = given.partition(" ")
    if not given:
        raise _invalid("Send `Authorization: Bearer TOKEN`, with an access token or an API token.")
    if scheme.lower() != "bearer":
        raise _invalid(
            "The Authorization header does not begin with the word Bearer; with the Python SDK"
            " say set_default_header('Authorization', 'Bearer ' + token)."
        )
    token = token.strip()
    if len(token) > access_tokens.MAX_TOKEN_CHARACTERS:
        raise _invalid("This token is longer than any that was given here.")
    access = access_tokens.read(services.vault, token, now=services.clock.now())
    if access is not None:
        return Credential(user_id=access.user_id, scopes=access.scopes)
    name = await tokens.who(services.store, token)
    if name is None:
        raise _invalid("The access token is expired or unknown here; ask /oauth/token for another.")
    act_as = headers.get(ACT_AS_HEADER)
    if act_as is not None and len(act_as) > MAX_ACT_AS_CHARACTERS:
        raise _invalid("X-DocuSign-Act-As-User is longer than any user's id or address.")
    return Credential(token_name=name, act_as=act_as, scopes=frozenset({"signature"}))


def _invalid(message: str) -> DocusignError:
    return DocusignError("AUTHORIZATION_INVALID_TOKEN", message, status=HTTPStatus.UNAUTHORIZED)


def members_only(services: ConnectServices) -> Guard:
    """Return the guard of an account's paths, behind `signed_in`: it remembers who calls there."""

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        connection.scope["user"] = callers.caller_in(
            services.registry(), connection.auth, connection.path_params["account_id"]
        )

    return guard


async def administrators_only(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Guard what only an administrator of the account may do; stands behind `members_only`."""
    callers.must_administer(connection.user)


def caller(request: Request[Any, Any, Any]) -> Caller:
    """Return who calls, in the account of the path."""
    found: Caller = request.user
    return found


def credential(request: Request[Any, Any, Any]) -> Credential:
    """Return what the request proved."""
    found: Credential = request.auth
    return found


def account(caller: NamedDependency[Caller], services: NamedDependency[ConnectServices]) -> Account:
    """Return the account of the path, as it stands."""
    return services.registry().accounts[caller.account_id]
