"""The facts that advice goes by, as a file or an interview tells them: their shape, and errors."""

import difflib
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from postroom import vocabulary
from postroom.delivery import egress
from postroom.model import Account, Json, Noun, User
from postroom.operations.document import (
    GUID,
    MOST_PROBLEMS,
    Guid,
    InvalidDocumentError,
    Name,
    Part,
    PathName,
    Problem,
    UserPart,
)
from postroom.routing import filters
from postroom.routing.advising.advice import MOST_INTEGRATIONS
from postroom.routing.advising.facts import EVENTS, Facts, Integration, Mark, Senders

MOST_ACCOUNTS = 100
_NOTHING = "nothing stands here; name at least one"
MOST_SENDERS = 200
_ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _value_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class AccountFactsPart(Part):
    """An account, or a sub-account that is there already."""

    id: Guid
    name: Name | None = None
    parent: Guid | None = None
    key_env: Annotated[str, Field(pattern=_ENV_NAME)] | None = None
    environment_field: Name | None = None
    users: Annotated[tuple[UserPart, ...], Field(max_length=10_000)] = ()


class FieldPart(Part):
    """The custom field that marks an integration's envelopes."""

    name: Name
    value: Annotated[str, BeforeValidator(_value_text), Field(min_length=1, max_length=100)]
    set: Literal["always", "sometimes", "possible"] = "always"


class IntegrationPart(Part):
    """One integration."""

    name: PathName
    url: Annotated[str, Field(max_length=4096)]
    account: Name | None = None
    events: Annotated[tuple[Name, ...], Field(max_length=200)] = EVENTS
    wants: Literal["own", "all"] = "own"
    senders: Annotated[tuple[Name, ...], Field(max_length=MOST_SENDERS)] | Literal["everyday"] = (
        "everyday"
    )
    only_for_it: bool | None = None
    field: FieldPart | None = None
    created_by_api: bool = False
    code_can_change: bool = False
    listener_can_change: bool = False
    environment: Name | None = None
    strict: bool = False


class FactsPart(Part):
    """The whole file."""

    postroom: bool = True
    may_configure: bool = True
    further_account: bool = False
    comparison: Literal["exact", "loose"] = "exact"
    field_policy: Literal["current", "sticky"] = "current"
    accounts: Annotated[tuple[AccountFactsPart, ...], Field(max_length=MOST_ACCOUNTS)]
    integrations: Annotated[tuple[IntegrationPart, ...], Field(max_length=MOST_INTEGRATIONS)]


class Told(Noun, frozen=True, kw_only=True):
    """Facts, and which variable holds each account's key."""

    facts: Facts
    key_envs: dict[str, str]
    """By account id."""


def read(document: Json) -> Told:
    """Return the facts of a decoded YAML or JSON value.

    Raises `InvalidDocumentError` with every problem and its place.
    """
    if not isinstance(document, dict):
        raise InvalidDocumentError(
            [Problem(path=(), message="start with accounts: and integrations:")]
        )
    try:
        part = FactsPart.model_validate(document)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        found = [_problem(error) for error in errors[:MOST_PROBLEMS]]
        unlisted = len(errors) - len(found)
        raise InvalidDocumentError(list(dict.fromkeys(found)), unlisted=unlisted) from None
    empty = [name for name in ("accounts", "integrations") if not getattr(part, name)]
    if empty:
        raise InvalidDocumentError([Problem(path=(one,), message=_NOTHING) for one in empty])
    reading = _Reading(part)
    facts = reading.facts()
    if reading.problems:
        raise InvalidDocumentError(reading.problems)
    return Told(
        facts=facts,
        key_envs={
            one.id.lower(): one.key_env or env_name(one.name or one.id) for one in part.accounts
        },
    )


def env_name(name: str) -> str:
    """Return the variable in which an account's key is looked for unless another is named."""
    return f"{re.sub(r'[^A-Z0-9]+', '_', name.upper()).strip('_') or 'ACCOUNT'}_CONNECT_KEY"


class _Reading:
    def __init__(self, part: FactsPart) -> None:
        self._part = part
        self.problems: list[Problem] = []
        self._accounts = tuple(map(_account, part.accounts))

    def facts(self) -> Facts:
        part = self._part
        self._check_accounts()
        integrations = tuple(
            self._integration(one, ("integrations", number))
            for number, one in enumerate(part.integrations)
        )
        self._check_names(integrations)
        return Facts(
            accounts=self._accounts,
            integrations=integrations,
            has_postroom=part.postroom,
            can_administer=part.may_configure,
            can_add_account=part.further_account,
            comparison=part.comparison,
            field_policy=part.field_policy,
        )

    def _complain(self, path: tuple[str | int, ...], message: str) -> None:
        self.problems.append(Problem(path=path, message=message))

    def _check_accounts(self) -> None:
        seen: set[str] = set()
        for number, one in enumerate(self._accounts):
            if one.id in seen:
                self._complain(("accounts", number, "id"), "this account stands here twice")
            seen.add(one.id)
            for place, user in enumerate(one.users):
                if user.id is None and user.email is None:
                    where = ("accounts", number, "users", place)
                    self._complain(where, "give the user's id, email or both")
        for number, one in enumerate(self._accounts):
            if one.parent_id is not None and (one.parent_id not in seen or one.parent_id == one.id):
                self._complain(("accounts", number, "parent"), "name another account of this file")

    def _check_names(self, integrations: tuple[Integration, ...]) -> None:
        seen: set[str] = set()
        for number, one in enumerate(integrations):
            # Files are called after integrations, and some disks take two cases for one.
            if one.name.casefold() in seen:
                path = ("integrations", number, "name")
                self._complain(path, "another integration has this name already")
            seen.add(one.name.casefold())

    def _integration(self, part: IntegrationPart, path: tuple[str | int, ...]) -> Integration:
        account = self._named(part.account, path)
        complaint = egress.check_url(part.url, allow_private=True)
        if complaint is not None:
            self._complain((*path, "url"), complaint)
        for key in ("events", "senders"):
            if not getattr(part, key):
                self._complain((*path, key), _NOTHING)
        if part.environment is not None and account.environment_field is None:
            message = "say which custom field tells it: environment_field: of the account"
            self._complain((*path, "environment"), message)
        return Integration(
            name=part.name,
            url=part.url,
            account_id=account.id,
            events=tuple(dict.fromkeys(self._events(part, path))),
            wants_all=part.wants == "all",
            senders=self._senders(part, account, path),
            mark=self._mark(part.field, (*path, "field")),
            is_by_api=part.created_by_api,
            can_change_code=part.code_can_change,
            can_change_listener=part.listener_can_change,
            environment=part.environment,
            is_strict=part.strict,
        )

    def _named(self, named: str | None, path: tuple[str | int, ...]) -> Account:
        if named is None:
            return self._accounts[0]
        found = [one for one in self._accounts if named.lower() == one.id or named == one.name]
        if len(found) != 1:
            message = "several accounts have this name; give the id" if found else "no such account"
            self._complain((*path, "account"), message)
        return found[0] if found else self._accounts[0]

    def _events(self, part: IntegrationPart, path: tuple[str | int, ...]) -> Iterator[str]:
        for number, name in enumerate(part.events):
            event = vocabulary.canonical(name)
            if event is None:
                meant = vocabulary.suggest(name)
                hint = f"did you mean {meant}?" if meant else "check its spelling"
                self._complain((*path, "events", number), f"this is not a known event; {hint}")
            else:
                yield event

    def _senders(
        self, part: IntegrationPart, account: Account, path: tuple[str | int, ...]
    ) -> Senders:
        if isinstance(part.senders, str):
            return Senders(are_only_for_it=part.only_for_it is True)
        groups = {group for user in account.users for group in user.groups}
        for number, name in enumerate(part.senders):
            if "@" not in name and not re.fullmatch(GUID, name) and name not in groups:
                close = difflib.get_close_matches(name, groups, n=1)
                hint = f"did you mean {close[0]}?" if close else "name its users under the account"
                self._complain((*path, "senders", number), f"nobody is in such a group; {hint}")
        return Senders(
            ids=tuple(one.lower() for one in part.senders if re.fullmatch(GUID, one)),
            emails=tuple(one.lower() for one in part.senders if "@" in one),
            groups=tuple(one for one in part.senders if one in groups),
            are_only_for_it=part.only_for_it is not False,
        )

    def _mark(self, part: FieldPart | None, path: tuple[str | int, ...]) -> Mark | None:
        if part is None:
            return None
        for one in filters.check({f"customFields.{part.name}": part.value}):
            self._complain((*path, "name"), one.message)
        return Mark(name=part.name, value=part.value, is_set=part.set)


def _account(part: AccountFactsPart) -> Account:
    users = tuple(
        User(
            id=one.id.lower() if one.id else None,
            email=one.email.lower() if one.email else None,
            groups=one.groups,
        )
        for one in part.users
    )
    return Account(
        id=part.id.lower(),
        name=part.name or "",
        parent_id=part.parent.lower() if part.parent else None,
        users=users,
        environment_field=part.environment_field,
    )


def _problem(error: Any) -> Problem:
    """Put a validation error in words, without repeating what was written."""
    path = tuple(step for step in error["loc"] if not _is_branch(step))
    kind = error["type"]
    if path[-1:] == ("senders",):
        return Problem(path=path, message="write a list of users or groups, or everyday")
    if kind == "extra_forbidden":
        known = [name for part in _PARTS for name in part.model_fields]
        close = difflib.get_close_matches(str(path[-1]).lower(), known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return Problem(path=path, message=f"unknown key{hint}")
    message = {
        "missing": "this is required",
        "tuple_type": "write a list here, such as [a, b]",
        "model_type": "write keys and their values here",
        "model_attributes_type": "write keys and their values here",
        "string_pattern_mismatch": _of_pattern(str(error.get("ctx", {}).get("pattern", ""))),
        "bool_parsing": "write true or false",
        "bool_type": "write true or false",
    }.get(kind, str(error["msg"]))
    return Problem(path=path, message=message)


_PARTS = (FactsPart, AccountFactsPart, IntegrationPart, FieldPart, UserPart)


def _is_branch(step: str | int) -> bool:
    return isinstance(step, str) and step.startswith(("tuple[", "literal[", "constrained-"))


def _of_pattern(pattern: str) -> str:
    return {
        GUID: "write the GUID that Docusign shows, such as a1000000-0000-4000-8000-000000000001",
        "@": "write an e-mail address",
        "^[^/]+$": "a slash is not allowed in this name",
        _ENV_NAME: "write the name of an environment variable, such as ACME_CONNECT_KEY",
    }.get(pattern, "control characters are not allowed")
