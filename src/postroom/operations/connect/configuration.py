"""An account's Connect configuration, read as Docusign reads it, and the listener it makes."""

from collections.abc import Iterator, Mapping
from typing import Any

from postroom.envelopes import given
from postroom.errors import DocusignError
from postroom.model import Account, Group, Json, Listener, Noun, UserCondition
from postroom.operations.connect import account_oauth, identities, listener_url, spellings, triggers
from postroom.operations.connect.echo import KEYS, MOST_CHARACTERS, echo
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.listener_url import refusal
from postroom.operations.connect.requests import keys_of, texts_of

NAME_PREFIX = "connect-"
"""A configuration's listener is called this and its `connectId`."""

_EXTRAS = {
    "includeCertificateOfCompletion": "certificate",
    "includeDocumentFields": "document_fields",
    "includeSenderAccountasCustomField": "sender_account",
    "includeTimeZoneInformation": "time_zone",
    "includeEnvelopeVoidReason": "void_reason",
}
_WITHOUT_EFFECT = (
    "signMessageWithX509Certificate",
    "includeCertSoapHeader",
    "requireMutualTls",
    "integratorManaged",
)


class Configuration(Noun, frozen=True, kw_only=True):
    """A configuration as read."""

    echo: dict[str, Json]
    """As Docusign answers with it; never holds a secret."""
    listener: Listener
    is_paused: bool
    warnings: tuple[str, ...]
    """What is odd about it though not wrong, a sentence each."""


class SecretTexts(Noun, frozen=True, kw_only=True):
    """The secrets of a request. None: not given; "": to be taken away."""

    password: str | None = None
    client_secret: str | None = None

    def __repr__(self) -> str:
        return "SecretTexts(...)"


def read(  # what is said, of what, and what is allowed
    body: Json,
    *,
    account: Account,
    connect_id: str,
    before: Mapping[str, Json] | None = None,
    limits: ConnectLimits,
    allow_http_loopback: bool,
    allow_private_addresses: bool,
) -> Configuration:
    """Return a configuration from a request; `before` is the echo of the one it changes.

    Keys count in any case; unknown ones are ignored, and warned of where they are near a known
    one. Raises `DocusignError` for what cannot be used.
    """
    given.check(body)
    said = keys_of(body)
    echoed = echo(said, before or {}, connect_id)
    _check_names(echoed, limits)
    listener_url.check(
        echoed["urlToPublishTo"],
        allow_http_loopback=allow_http_loopback,
        allow_private_addresses=allow_private_addresses,
        limits=limits,
    )
    if url := echoed.get("oAuthConfiguration", {}).get("authorizationServerUrl"):
        listener_url.check(
            url,
            allow_http_loopback=allow_http_loopback,
            allow_private_addresses=allow_private_addresses,
            limits=limits,
        )
    _check_oauth(echoed, before, has_secret=bool(secret_texts(body).client_secret))
    warnings = list(spellings.misspelt(body, KEYS, "a Connect configuration"))
    listener = _listener(echoed, account, limits, warnings)
    warnings += _silences(echoed)
    warnings += _strangers(echoed, account)
    return Configuration(
        echo=echoed,
        listener=listener,
        is_paused=_is_on(echoed, "pausePublish"),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def secret_texts(body: Json) -> SecretTexts:
    """Return the secrets that a request holds, so that they can be sealed."""
    said = keys_of(body)
    oauth = said.get("oauthconfiguration")
    return SecretTexts(
        password=_secret(said, "password"),
        client_secret=_secret(keys_of(oauth), "clientSecret") if oauth is not None else None,
    )


def lint_configuration(body: Json) -> tuple[str, ...]:
    """Return what is wrong with a configuration, or odd, a sentence each; never raises.

    Its groups are taken to be there; whether its URL can be reached from here is not looked at.
    """
    try:
        groups = tuple(Group(id=one, name=one) for one in texts_of(keys_of(body), "groupIds"))
        warnings = read(
            body,
            account=Account(id="", groups=groups),
            connect_id="0",
            limits=ConnectLimits(),
            allow_http_loopback=True,
            allow_private_addresses=True,
        ).warnings
        secret_texts(body)
    except DocusignError as problem:
        return (str(problem),)
    return warnings


def _check_names(echoed: Mapping[str, Any], limits: ConnectLimits) -> None:
    if not echoed["name"]:
        raise refusal("Give the configuration a name.")
    if len(echoed["name"]) > limits.max_name_characters:
        raise refusal(f"The name is longer than {limits.max_name_characters} characters.")
    if echoed["configurationType"].lower() != "custom":
        raise refusal(
            f"configurationType {echoed['configurationType'][:40]} is not served here; use custom."
        )
    if ":" in echoed.get("userName", ""):
        raise refusal("userName has a colon, which Basic authentication cannot carry.")


def _check_oauth(
    echoed: Mapping[str, Any], before: Mapping[str, Json] | None, *, has_secret: bool
) -> None:
    own = echoed.get("oAuthConfiguration", {})
    earlier = (before or {}).get("oAuthConfiguration", {})
    if not has_secret and account_oauth.is_elsewhere(own, earlier):
        raise refusal(account_oauth.ELSEWHERE)
    if not own or not _is_on(echoed, "includeOAuth"):
        return
    if _is_on(echoed, "enableOAuthPerConfiguration"):
        missing = [key for key in ("authorizationServerUrl", "clientId") if key not in own]
        if not earlier and not has_secret:
            missing.append("clientSecret")
        if missing:
            raise refusal(f"Give {', '.join(missing)} in oAuthConfiguration.")


def _listener(
    echoed: Mapping[str, Any], account: Account, limits: ConnectLimits, warnings: list[str]
) -> Listener:
    said = keys_of(echoed)
    found = [one for key in triggers.KINDS for one in triggers.of_list(said, key, warnings)]
    events = tuple(dict.fromkeys(one.event for one in found))
    eventful = triggers.event_data(echoed["eventData"], warnings)
    include = triggers.included(eventful.include)
    has_documents = _is_on(echoed, "includeDocuments") or "documents" in include
    return Listener(
        id=0,
        account_id=account.id,
        name=f"{NAME_PREFIX}{echoed['connectId']}",
        url=echoed["urlToPublishTo"],
        events=events,
        users=_users(echoed, account),
        format=triggers.format_of(
            echoed["deliveryMode"], eventful.version, empty_mode=limits.empty_delivery_mode
        ),
        include=include,
        acknowledgement=_is_on(echoed, "requiresAcknowledgement"),
        is_active=_is_on(echoed, "allowEnvelopePublish"),
        configuration=dict(echoed),
        is_signed=_is_on(echoed, "includeHMAC"),
        is_logged=_is_on(echoed, "enableLog"),
        documents_for=events if has_documents else (),
        extras=tuple(extra for key, extra in _EXTRAS.items() if _is_on(echoed, key)),
    )


def _users(echoed: Mapping[str, Any], account: Account) -> UserCondition | None:
    """Return whose envelopes it is about: its lists are those excepted, or those alone."""
    is_except = _is_on(echoed, "allUsersExcept")
    if not is_except and _is_on(echoed, "allUsers"):
        return None
    return UserCondition(
        kind="except" if is_except else "only",
        ids=tuple(dict.fromkeys(one.lower() for one in echoed.get("userIds", ()))),
        groups=_group_names(echoed.get("groupIds", ()), account),
    )


def _group_names(ids: list[str], account: Account) -> tuple[str, ...]:
    names = {group.id.lower(): group.name for group in identities.groups(account)}
    for one in ids:
        # Passing it over would open an exclusion: refused when saved, not noticed when sent.
        if one.lower() not in names:
            raise refusal(f"The account has no group {one[:80]}; list its groups to find the id.")
    return tuple(dict.fromkeys(names[one.lower()] for one in ids))


def _strangers(echoed: Mapping[str, Any], account: Account) -> Iterator[str]:
    """Yield which userIds are nobody's here: under allUsersExcept such a slip excludes nobody."""
    known = {user.id.lower() for user in account.users if user.id}
    for one in dict.fromkeys(echoed.get("userIds", ())) if known else ():
        if one.lower() not in known:
            yield f"userIds names {one[:80]}, who is no user of the account"


def _silences(echoed: Mapping[str, Any]) -> Iterator[str]:
    """Yield why it may be that nothing fires, or that something asked for is not done."""
    if not any(key in echoed for key in triggers.KINDS):
        yield "events, envelopeEvents and recipientEvents are all empty: nothing fires"
    is_for_some = not _is_on(echoed, "allUsers") and not _is_on(echoed, "allUsersExcept")
    if is_for_some and not echoed.get("userIds") and not echoed.get("groupIds"):
        yield "allUsers is false and there are no userIds or groupIds: nothing fires"
    if not _is_on(echoed, "allowEnvelopePublish"):
        yield "allowEnvelopePublish is false: it is kept, and nothing fires"
    for key in _WITHOUT_EFFECT:
        if _is_on(echoed, key):
            yield f"{key} is kept and has no effect here"
    if _is_on(echoed, "includeOAuth") and echoed.get("userName"):
        yield "userName and includeOAuth do not go together: OAuth is used, so leave userName out"
    yield from _oauth_silences(echoed)


def _oauth_silences(echoed: Mapping[str, Any]) -> Iterator[str]:
    """Yield where an OAuth configuration that is given is not used, or one used is not given."""
    is_own, is_given = _is_on(echoed, "enableOAuthPerConfiguration"), "oAuthConfiguration" in echoed
    if is_given and not _is_on(echoed, "includeOAuth"):
        yield "oAuthConfiguration is kept and not used: includeOAuth is false"
    elif is_given and not is_own:
        yield "oAuthConfiguration is kept and not used: enableOAuthPerConfiguration is false"
    elif is_own and not is_given:
        yield "enableOAuthPerConfiguration is on without oAuthConfiguration: the account's is used"


def _is_on(echoed: Mapping[str, Any], key: str) -> bool:
    return bool(echoed[key] == "true")


def _secret(said: Mapping[str, Any], key: str) -> str | None:
    value = said.get(key.lower())
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
        raise refusal(f"{key} is not a text of at most {MOST_CHARACTERS} characters.")
    return value
