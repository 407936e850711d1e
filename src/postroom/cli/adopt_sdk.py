"""The account to adopt, through Docusign's official SDK: the extra `postroom[adopt]`.

The SDK is synchronous, so it is called in a thread; what it answers is read as it came, since its
models drop every key they do not know.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import docusign_esign as ds
import msgspec
import urllib3
from docusign_esign.client.api_exception import ApiException, ArgumentException
from docusign_esign.client.configuration import Configuration as SdkConfiguration

from postroom.cli.adopt_sign_in import Grant, SignIn
from postroom.cli.output import clean
from postroom.errors import InvalidInputError, UnavailableError
from postroom.model import Group, Json, User
from postroom.operations.adopting.account import Configuration

TIMEOUTS_SECONDS = (10, 60)
"""To connect, and to be answered."""
PAGE = 100
MOST_PAGES = 1000
"""Of users; an account with more is not read to its end, and that is told."""
MOST_CHARACTERS = 300
"""Of Docusign's own words in an error."""
TOKEN_SECONDS = 3600
SCOPES = ("signature", "impersonation")


class SdkAccount:
    """`ConnectAccount` over `docusign-esign`."""

    def __init__(self, sign_in: SignIn, account_id: str) -> None:
        trusted = os.environ.get("SSL_CERT_FILE")
        if trusted:
            SdkConfiguration().ssl_ca_cert = trusted  # the SDK has one for the whole process
        self._account_id = account_id
        self._sign_in = sign_in
        self._client = ds.ApiClient(host=sign_in.base_path)
        # The SDK prints each try that fails; what came of them all is told once, in our words.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        if sign_in.token is not None:
            self._client.set_default_header("Authorization", f"Bearer {sign_in.token}")
        self._is_signed_in = sign_in.token is not None
        self._connect = ds.ConnectApi(self._client)

    async def name(self) -> str:
        """Return the account's name."""
        said = await self._ask(ds.AccountsApi(self._client).get_account_information)
        return _text(said, "accountName")

    async def configurations(self) -> Sequence[Configuration]:
        """Return the Connect configurations, as they are now."""
        said = await self._ask(self._connect.list_configurations)
        return list(_objects(said, "configurations"))

    async def create(self, configuration: Configuration) -> None:
        """Make a configuration."""
        await self._ask(
            self._connect.create_configuration, connect_custom_configuration=dict(configuration)
        )

    async def update(self, configuration: Configuration) -> None:
        """Make the configuration of its `connectId` what is given, all of it."""
        await self._ask(
            self._connect.update_configuration, connect_custom_configuration=dict(configuration)
        )

    async def delete(self, connect_id: str) -> None:
        """Delete a configuration."""
        await self._ask(self._connect.delete_configuration, connect_id)

    async def groups(self) -> Sequence[Group]:
        """Return the groups of users."""
        found = await self._pages("groups", ds.GroupsApi(self._client).list_groups)
        return [Group(id=_text(one, "groupId"), name=_text(one, "groupName")) for one in found]

    async def members(self, group_id: str) -> Sequence[User]:
        """Return the users of one group."""
        found = await self._pages("users", ds.GroupsApi(self._client).list_group_users, group_id)
        return list(map(_user, found))

    async def users(self) -> Sequence[User]:
        """Return the users, by id and address."""
        return list(map(_user, await self._pages("users", ds.UsersApi(self._client).list)))

    async def fields(self) -> Sequence[str]:
        """Return the names of the custom fields that the account offers."""
        said = await self._ask(ds.AccountsApi(self._client).list_custom_fields)
        kinds = ("textCustomFields", "listCustomFields")
        return [_text(one, "name") for kind in kinds for one in _objects(said, kind)]

    async def _pages(self, key: str, verb: Callable[..., Any], *named: str) -> list[Json]:
        found: list[Json] = []
        for number in range(MOST_PAGES):
            said = await self._ask(verb, *named, count=str(PAGE), start_position=str(number * PAGE))
            page = list(_objects(said, key))
            found += page
            if len(page) < PAGE:
                return found
        raise UnavailableError(f"the account has more than {MOST_PAGES * PAGE} {key} to read")

    async def _ask(self, verb: Callable[..., Any], *named: str, **said: Any) -> Json:
        return await asyncio.to_thread(self._call, verb, named, said)

    def _call(
        self, verb: Callable[..., Any], named: Sequence[str], said: Mapping[str, Any]
    ) -> Json:
        """Make one call in this thread; return the answer's JSON as it came."""
        if not self._is_signed_in and self._sign_in.grant is not None:
            _tried(lambda: self._grant(self._sign_in.grant))
            self._is_signed_in = True
        _tried(lambda: verb(self._account_id, *named, **said, _request_timeout=TIMEOUTS_SECONDS))
        raw = self._client.last_response.data
        try:
            return msgspec.json.decode(raw) if raw else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _not_docusign() from None

    def _grant(self, grant: Grant | None) -> None:
        """Get an access token by JWT grant; the SDK keeps it for the calls that follow."""
        if grant is not None:
            self._client.request_jwt_user_token(
                client_id=grant.integration_key,
                user_id=grant.user_id,
                oauth_host_name=grant.oauth_host,
                private_key_bytes=grant.private_key,
                expires_in=TOKEN_SECONDS,
                scopes=SCOPES,
            )


def _tried(call: Callable[[], Any]) -> None:
    """Make a call of the SDK; whatever it raises becomes an error for people, without secrets."""
    try:
        call()
    except ApiException as refused:
        raise _refused(refused) from None
    except urllib3.exceptions.HTTPError as problem:
        raise UnavailableError(
            f"the account does not answer ({type(problem).__name__}); try again later, or check"
            " --base-path"
        ) from None
    except ArgumentException as problem:
        raise InvalidInputError(str(problem)) from None
    # What the SDK cannot make an object of, it fails on in ways of its own.
    except (ValueError, TypeError, AttributeError, LookupError):
        raise _not_docusign() from None


def _refused(refused: ApiException) -> Exception:
    status = refused.status if isinstance(refused.status, int) else 0
    said = _words(refused.body)
    if status == 0:
        return UnavailableError(f"the account cannot be reached: {clean(refused.reason)[:200]}")
    if status == 429 or status >= 500:  # noqa: PLR2004  # HTTP's own numbers
        return UnavailableError(f"Docusign cannot answer now ({status}{said}); try again later")
    next_step = {
        400: "correct it and try again",
        401: "get a new access token, or check the JWT grant's options",
        403: "sign in as an administrator of the account",
        404: "check --account and --base-path",
    }.get(status, "see Docusign's words")
    if "USER_NOT_ACCOUNT_ADMIN" in said:
        next_step = "sign in as an administrator of the account"
    if "consent_required" in said:
        next_step = "let this user grant the integration consent, once, in a browser"
    return InvalidInputError(f"Docusign refuses ({status}{said}); {next_step}")


def _words(body: Any) -> str:
    """Return what an error's body says: its code and message, and nothing else of it."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, RecursionError):
        return ""
    keys = ("errorCode", "message", "error", "error_description")
    words = [str(said[key]) for key in keys if said.get(key)] if isinstance(said, dict) else []
    return f": {clean(' '.join(words))[:MOST_CHARACTERS]}" if words else ""


def _objects(said: Json, key: str) -> Iterator[dict[str, Json]]:
    if not isinstance(said, dict):
        raise _not_docusign()
    found = said.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _not_docusign()
    yield from found


def _text(said: Json, key: str) -> str:
    value = said.get(key) if isinstance(said, dict) else None
    return value if isinstance(value, str) else ""


def _user(said: Json) -> User:
    return User(id=_text(said, "userId").lower() or None, email=_text(said, "email") or None)


def _not_docusign() -> UnavailableError:
    return UnavailableError("the answer is not from Docusign's eSignature API; check --base-path")
