"""The document of `connect.yaml`, or the same as JSON: its shape, each error with its place."""

import difflib
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from postroom import vocabulary
from postroom.errors import InvalidInputError
from postroom.esign import access
from postroom.model import Json, Noun

NAME_CHARACTERS = 100
MAX_LISTENERS = 10_000
GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_PRINTABLE_OR_NONE = r"^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$"
_PRINTABLE = _PRINTABLE_OR_NONE.replace("*", "+")
_VISIBLE = r"^[\x21-\x7e]+$"
"""What a bearer token may consist of, since it becomes a header."""


class Problem(Noun, frozen=True, kw_only=True):
    """What is wrong at one place of a document, and what to do about it."""

    path: tuple[str | int, ...]
    message: str


MOST_PROBLEMS = 1000
"""Problems of one document that are told; putting each in words takes a while."""


class InvalidDocumentError(InvalidInputError):
    """A document that cannot be applied, with all its problems. Nothing of it was applied."""

    def __init__(self, problems: list[Problem], *, unlisted: int = 0) -> None:
        unlisted += max(0, len(problems) - MOST_PROBLEMS)
        shown = problems[:MOST_PROBLEMS]
        if unlisted:
            shown.append(Problem(path=(), message=f"{unlisted:,} more problems are not listed"))
        self.problems = tuple(shown)
        super().__init__("\n".join(f"{written(one.path)}: {one.message}" for one in shown))


def _scalar_text(value: Any) -> Any:
    """Let a number stand for its text, as YAML reads `name: 7`."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _something(value: Any) -> Any:
    """Refuse a condition left empty: it would let everything through."""
    if value is None:
        raise ValueError("nothing stands here; say what is wanted, or leave the key out for all")
    return value


def _known_include(token: str) -> str:
    if token not in vocabulary.INCLUDES:
        raise ValueError(f"unknown include; known are {', '.join(vocabulary.INCLUDES)}")
    return token


Name = Annotated[
    str,
    BeforeValidator(_scalar_text),
    Field(min_length=1, max_length=NAME_CHARACTERS, pattern=_PRINTABLE),
]
PathName = Annotated[Name, Field(pattern="^[^/]+$")]
"""A name that stands in a path of the API."""
Guid = Annotated[str, BeforeValidator(_scalar_text), Field(pattern=GUID)]
Include = Annotated[str, AfterValidator(_known_include)]


class Part(BaseModel):
    """A part of the document: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyPart(Part):
    """A key by its text. A file says `env` or `file`; the command line reads them."""

    text: Annotated[str, Field(min_length=1, max_length=512)]


class UserPart(Part):
    """A user of an account."""

    id: Guid | None = None
    email: Annotated[str, Field(max_length=320, pattern="@")] | None = None
    groups: tuple[Name, ...] = ()


class TokenPart(Part):
    """A bearer token by its text. A file says `env` or `file`; the command line reads them."""

    text: Annotated[str, Field(min_length=1, max_length=4096, pattern=_VISIBLE)]


class PrivateKeyPart(Part):
    """An RSA private key by its text, PEM. A file says `env` or `file`, as for a token."""

    text: Annotated[str, Field(min_length=1, max_length=access.MAX_KEY_CHARACTERS)]


class JwtPart(Part):
    """Who asks for access tokens by JWT grant, where, and as which user."""

    integration_key: Guid
    user_id: Guid
    private_key: PrivateKeyPart
    oauth_base: Annotated[str, Field(max_length=4096, pattern="^https?://")]


class EnrichmentPart(Part):
    """Where what a feed leaves out can be fetched: with a token, or with tokens by JWT grant."""

    base_url: Annotated[str, Field(max_length=4096, pattern="^https?://")]
    token: TokenPart | None = None
    jwt: JwtPart | None = None


class AccountPart(Part):
    """An account."""

    id: Guid
    name: Annotated[
        str,
        BeforeValidator(_scalar_text),
        Field(max_length=NAME_CHARACTERS, pattern=_PRINTABLE_OR_NONE),
    ] = ""
    parent: Guid | None = None
    keys: Annotated[tuple[KeyPart, ...], Field(max_length=100)] = ()
    prune_keys: bool = False
    unsigned: bool = False
    users: Annotated[tuple[UserPart, ...], Field(max_length=100_000)] = ()
    environment_field: Name | None = None
    enrichment: EnrichmentPart | None = None


class LanePart(Part):
    """A lane."""

    name: Name
    account: Name
    on_crossing: Literal["hold", "deliver"] = "hold"
    prefer: tuple[Name, ...] = ()


class UsersPart(Part):
    """Whose envelopes: ids, e-mail addresses or groups."""

    only: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    except_: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(None, alias="except")


class ListenerPart(Part):
    """A listener."""

    name: PathName
    account: Name
    url: Annotated[str, Field(max_length=4096)]
    events: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    users: Annotated[UsersPart | None, BeforeValidator(_something)] = None
    filter: Annotated[Any, BeforeValidator(_something)] = None
    comparison: Literal["exact", "loose"] = "exact"
    field_policy: Literal["current", "sticky"] = "current"
    lane: Name | None = None
    mode: Literal["live", "shadow"] = "live"
    environment: Name | None = None
    format: Literal["pass-through", "sim", "aggregate", "xml"] = "pass-through"
    include: tuple[Include, ...] | None = None
    mask: tuple[Literal["emails"], ...] = ()
    keys: Annotated[tuple[KeyPart, ...], Field(max_length=100)] = ()
    retry: str | tuple[float, ...] = "docusign"
    acknowledgement: bool = True
    timeout_seconds: Annotated[float, Field(ge=0.05, le=600)] = 100.0
    connect_timeout_seconds: Annotated[float, Field(ge=0.05, le=120)] = 10.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    ordering: Literal["envelope", "none"] = "envelope"
    breaker_threshold: Annotated[int, Field(ge=0, le=10_000)] = 5
    probe_seconds: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0


class ConnectDocument(Part):
    """Accounts, lanes and listeners."""

    accounts: Annotated[tuple[AccountPart, ...], Field(max_length=MAX_LISTENERS)] = ()
    lanes: Annotated[tuple[LanePart, ...], Field(max_length=MAX_LISTENERS)] = ()
    listeners: Annotated[tuple[ListenerPart, ...], Field(max_length=MAX_LISTENERS)] = ()


def read(document: Json) -> ConnectDocument:
    """Return the document of a decoded JSON or YAML value.

    Raises `InvalidDocumentError` with every problem of its shape.
    """
    if not isinstance(document, dict):
        raise InvalidDocumentError(
            [Problem(path=(), message="start with accounts:, lanes: or listeners:")]
        )
    try:
        return ConnectDocument.model_validate(document)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        found = [_problem(error) for error in errors[:MOST_PROBLEMS]]
        unlisted = len(errors) - len(found)
        raise InvalidDocumentError(list(dict.fromkeys(found)), unlisted=unlisted) from None


def written(path: tuple[str | int, ...]) -> str:
    """Return a path as people write it: `listeners[0].filter`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the document"


def _problem(error: Any) -> Problem:
    """Put a validation error in words; the value itself is not repeated, it may be a secret."""
    path = _without_branches(error["loc"])
    if _is_of_retry(path):
        # Both branches of the union complain; neither says that there is another.
        return Problem(path=path, message="write a profile's name, or a list of seconds")
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(path=path, message=_unknown_key(path))
    message = {
        "missing": "this is required",
        "tuple_type": "write a list here, such as [a, b]",
        "model_type": "write keys and their values here",
        "string_pattern_mismatch": _pattern_in_words(str(context.get("pattern", ""))),
        "value_error": str(context.get("error", "")),
    }.get(kind, "")
    return Problem(path=path, message=message or str(error["msg"]))


def _without_branches(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Leave out pydantic's own names for the branches of a union; `retry` is the only one."""
    return path[:3] if _is_of_retry(path) else path


def _is_of_retry(path: tuple[str | int, ...]) -> bool:
    return path[:1] == ("listeners",) and path[2:3] == ("retry",)


def _unknown_key(path: tuple[str | int, ...]) -> str:
    parts: dict[str, type[Part]] = {
        "accounts": AccountPart,
        "lanes": LanePart,
        "listeners": ListenerPart,
        "users": UserPart,
        "keys": KeyPart,
        "enrichment": EnrichmentPart,
        "token": TokenPart,
        "jwt": JwtPart,
        "private_key": PrivateKeyPart,
    }
    owners = [step for step in path[:-1] if isinstance(step, str)]
    owner = parts.get(owners[-1], ConnectDocument) if owners else ConnectDocument
    if owners[:1] == ["listeners"] and owners[-1] == "users":
        owner = UsersPart
    known = [field.alias or name for name, field in owner.model_fields.items()]
    close = _closest(str(path[-1]), known)
    hint = f"; did you mean {close}?" if close else f"; known keys are {', '.join(known)}"
    return f"unknown key {str(path[-1])[:50]!r}{hint}"


def _closest(name: str, known: list[str]) -> str | None:
    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return found[0] if found else None


def _pattern_in_words(pattern: str) -> str:
    return {
        GUID: "write the GUID that Docusign shows, such as a1000000-0000-4000-8000-000000000001",
        "@": "write an e-mail address",
        "^[^/]+$": "a slash is not allowed in this name",
        _VISIBLE: "paste the token alone, without spaces or line breaks",
        "^https?://": "write a URL that starts with https://",
    }.get(pattern, "control characters are not allowed")


def plain(value: Any) -> Json:
    """Return YAML's and pydantic's values as JSON has them: dates as text, tuples as lists."""
    return msgspec.to_builtins(value)
