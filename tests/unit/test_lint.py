"""What `lint` says about documents: which kind each is, and every remark in its place."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.errors import InvalidInputError
from postroom.operations.connect import remarks
from postroom.operations.connect.remarks import CONFIGURATION, EVENT_NOTIFICATION, Level
from postroom.operations.document import written
from postroom.operations.lint import lint

SOUND = {
    "name": "erp",
    "urlToPublishTo": "https://erp.example.com/docusign",
    "configurationType": "custom",
    "allowEnvelopePublish": "true",
    "allUsers": "true",
    "includeHMAC": "true",
    "requiresAcknowledgement": "true",
    "deliveryMode": "SIM",
    "events": ["envelope-completed", "recipient-declined"],
    "eventData": {"version": "restv2.1", "format": "json", "includeData": ["custom_fields"]},
}
ARTICLE = {
    "url": "https://apps.example.com/app2/webhook-listener",
    "requireAcknowledgment": "true",
    "loggingEnabled": "true",
    "includeHMAC": "true",
    "envelopeEvents": [{"envelopeEventStatusCode": "Completed", "includeDocuments": "false"}],
    "recipientEvents": [
        {"recipientEventStatusCode": code, "includeDocuments": "false"}
        for code in ("Declined", "AuthenticationFailed", "AutoResponded")
    ],
    "eventData": {
        "version": "restv2.1",
        "format": "json",
        "includeData": ["custom_fields", "extensions", "folders", "recipients", "powerform"],
    },
}
A1 = "a1000000-0000-4000-8000-000000000001"


def told(document: Any, *, is_offline: bool = False) -> dict[str, str]:
    """Return the remarks by their place, several at one place one after the other."""
    found: dict[str, str] = {}
    for one in lint(document, is_offline=is_offline).problems:
        place = written(one.path)
        found[place] = f"{found.get(place, '')}{one.message}\n"
    return found


def of_configuration(**changed: Any) -> dict[str, str]:
    return told({key: value for key, value in (SOUND | changed).items() if value is not None})


def of_notification(**changed: Any) -> dict[str, str]:
    return told({key: value for key, value in (ARTICLE | changed).items() if value is not None})


# --- which kind it is ---


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (SOUND, "Connect configuration"),
        ({"configurations": [SOUND], "totalRecords": "1"}, "Connect configurations"),
        ([SOUND, ARTICLE], "list"),
        (ARTICLE, "eventNotification"),
        ({"emailSubject": "Please sign", "eventNotification": ARTICLE}, "envelope definition"),
        ({"eventNotifications": [ARTICLE]}, "envelope definition"),
        ({"accounts": [{"id": A1}]}, "connect.yaml"),
    ],
)
def test_each_kind_of_document_is_recognised_and_a_sound_one_is_clean(
    document: Any, kind: str
) -> None:
    linted = lint(document)
    assert linted.kind == kind
    assert linted.problems == ()


@pytest.mark.parametrize("document", [None, 7, "text", {}, {"hello": "world"}])
def test_what_is_none_of_the_kinds_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInputError, match="neither a Connect configuration"):
        lint(document)


def test_what_is_nested_beyond_all_bounds_is_refused() -> None:
    document: Any = {"url": "x"}
    for _ in range(60):
        document = {"eventData": document}
    with pytest.raises(InvalidInputError, match="nested deeper"):
        lint(document)


def test_places_begin_at_the_top_of_the_document() -> None:
    wrong = ARTICLE | {"requireAcknowledgement": "true"}
    (place,) = told({"configurations": [SOUND, SOUND | {"loggingEnabled": "true"}]})
    assert place == "configurations[1].loggingEnabled"
    (place,) = told({"emailSubject": "x", "EventNotifications": [ARTICLE, wrong]})
    assert place == "EventNotifications[1].requireAcknowledgement"
    assert list(told([SOUND, 7])) == ["[1]"]
    assert list(told({"configurations": "none"})) == ["configurations"]


# --- keys ---

PAIRS = (
    ("requiresAcknowledgement", "requireAcknowledgment"),
    ("enableLog", "loggingEnabled"),
    ("includeTimeZoneInformation", "includeTimeZone"),
    ("signMessageWithX509Certificate", "signMessageWithX509Cert"),
    ("includeSenderAccountasCustomField", "includeSenderAccountAsCustomField"),
    ("soapNamespace", "soapNameSpace"),
    ("includeCertSoapHeader", "includeCertificateWithSoap"),
    ("urlToPublishTo", "url"),
)
"""The spellings of one thing on the account and on the envelope (contract 8.1, 8.2)."""


@pytest.mark.parametrize(("of_account", "of_envelope"), PAIRS)
def test_the_spelling_of_the_other_level_is_named_with_the_right_one(
    of_account: str, of_envelope: str
) -> None:
    assert of_envelope in of_notification(**{of_account: "false"})[of_account]
    assert of_account in of_configuration(**{of_envelope: "false"})[of_envelope]


def test_the_spelling_of_the_articles_prose_is_named_on_both_levels() -> None:
    key = "requireAcknowledgement"
    assert "did you mean requireAcknowledgment?" in of_notification(**{key: "true"})[key]
    assert "did you mean requiresAcknowledgement?" in of_configuration(**{key: "true"})[key]


def test_keys_that_nothing_reads_are_named() -> None:
    assert "a Connect configuration" in of_notification(allUsers="true")["allUsers"]
    assert "no key of" in of_notification(colour="blue")["colour"]
    found = of_notification(eventData={"version": "restv2.1", "includedatas": ["tabs"]})
    assert "did you mean includeData?" in found["eventData.includedatas"]
    found = of_notification(
        envelopeEvents=[{"envelopeEventStatusCode": "Sent", "includeDocument": "true"}]
    )
    assert "includeDocuments" in found["envelopeEvents[0].includeDocument"]


def test_keys_in_any_case_and_values_that_are_null_are_fine() -> None:
    loud = {key.upper(): value for key, value in ARTICLE.items()}
    assert told(loud | {"soapNameSpace": None}) == {}


# --- events and their shapes ---


def test_an_event_that_is_none_is_named_with_the_likely_one() -> None:
    found = of_configuration(events=["envelope-completed", "envelope-complete"])
    assert list(found) == ["events[1]"]
    assert "did you mean envelope-completed?" in found["events[1]"]
    found = of_notification(recipientEvents=[{"recipientEventStatusCode": "Bounced"}])
    assert "In recipientEvents it is spelt AutoResponded." in found["recipientEvents[0]"]


def test_swapped_shapes_of_the_lists_are_named_both_ways() -> None:
    objects = [{"envelopeEventStatusCode": "Completed", "includeDocuments": "false"}]
    assert "has texts here" in of_configuration(envelopeEvents=objects)["envelopeEvents[0]"]
    assert "has texts here" in of_notification(events=objects)["events[0]"]
    found = of_notification(envelopeEvents=["Completed"])
    assert '{"envelopeEventStatusCode": "Completed"}' in found["envelopeEvents[0]"]
    assert "write a list" in of_configuration(events="envelope-sent,envelope-completed")["events"]


def test_an_entry_that_names_no_event_is_named() -> None:
    found = of_notification(envelopeEvents=[{"recipientEventStatusCode": "Declined"}])
    assert "names no event" in found["envelopeEvents[0]"]
    assert "is ignored" in found["envelopeEvents[0].recipientEventStatusCode"]


def test_an_event_in_the_words_of_the_other_lists_is_named() -> None:
    found = of_configuration(
        events=["Completed"],
        envelopeEvents=["envelope-sent", "envelope-corrected", "sent"],
    )
    assert "write envelope-completed" in found["events[0]"]
    assert "spelt Sent" in found["envelopeEvents[0]"]
    assert "write it into events" in found["envelopeEvents[1]"]
    assert "envelopeEvents[2]" not in found, "a live account takes any case"


# --- what never fires, and what costs more than it seems ---


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"allowEnvelopePublish": "false"}, "allowEnvelopePublish"),
        ({"allowEnvelopePublish": None}, "allowEnvelopePublish"),
        ({"allUsers": False}, "allUsers"),
        ({"allUsers": None}, "allUsers"),
        ({"events": []}, "events"),
        ({"events": None}, "events"),
        ({"pausePublish": "true"}, "pausePublish"),
    ],
)
def test_a_configuration_that_can_never_fire_is_told_so(
    changed: dict[str, Any], place: str
) -> None:
    found = of_configuration(**changed)
    assert list(found) == [place]
    assert "nothing fires" in found[place]
    assert "write" in found[place] or "name some" in found[place]


def test_users_that_are_named_are_enough() -> None:
    assert (
        of_configuration(allUsers="false", userIds=["5f0c1f3e-0000-4000-8000-000000000567"]) == {}
    )
    assert of_configuration(allUsers="false", groupIds=["7001"]) == {}


@pytest.mark.parametrize("key", ["requireAcknowledgment", "loggingEnabled", "includeHMAC"])
@pytest.mark.parametrize("value", [None, "false", False])
def test_what_an_event_notification_lacks_unless_said_is_named(key: str, value: Any) -> None:
    found = of_notification(**{key: value})
    assert list(found) == [key]
    assert f'"{key}": "true"' in found[key]


def test_a_configuration_without_hmac_is_told_so() -> None:
    assert list(of_configuration(includeHMAC="false")) == ["includeHMAC"]


def test_an_include_that_is_no_token_is_named() -> None:
    found = of_notification(eventData={"version": "restv2.1", "includeData": ["tabs", "tab"]})
    assert found == {"eventData.includeData[1]": "'tab' adds nothing; did you mean tabs?\n"}


# --- where it publishes to ---


def test_http_is_named_and_offline_it_passes_to_loopback_alone() -> None:
    assert "https URL" in of_notification(url="http://apps.example.com/")["url"]
    loopback = ARTICLE | {"url": "http://127.0.0.1:9000/"}
    assert "https URL" in told(loopback)["url"]
    assert told(loopback, is_offline=True) == {}
    assert "url" in told(ARTICLE | {"url": "http://apps.example.com/"}, is_offline=True)


def test_a_port_that_is_not_published_to_is_named() -> None:
    found = of_configuration(urlToPublishTo="https://erp.example.com:8080/")
    assert "8443" in found["urlToPublishTo"]
    assert of_configuration(urlToPublishTo="https://erp.example.com:8443/") == {}


def test_what_it_cannot_do_without_is_named() -> None:
    assert list(of_configuration(name=None)) == ["name"]
    assert list(of_configuration(urlToPublishTo=None)) == ["urlToPublishTo"]
    assert list(of_notification(url=None, requireAcknowledgment="true")) == ["url"]


def test_one_fault_does_not_hide_the_others() -> None:
    found = of_configuration(deliveryMode="SMI", includeDocuments="perhaps", urlToPublishTo="x:y")
    assert list(found) == ["urlToPublishTo", "deliveryMode", "includeDocuments"]
    assert told(SOUND | {"deliveryMode": 7, "userIds": {}, "oAuthConfiguration": 1}).keys() == {
        "deliveryMode",
        "userIds",
        "oAuthConfiguration",
    }


# --- envelope definitions ---


def test_a_key_of_a_definition_that_is_nearly_one_is_named_in_its_place() -> None:
    found = told(
        {
            "emailSubject": "x",
            "emailBlurbb": "y",
            "recipients": {"signers": [{"recipientId": "1", "emial": "ada@example.com"}]},
        }
    )
    assert found["emailBlurbb"] == "is ignored; did you mean emailBlurb?\n"
    assert "did you mean email?" in found["recipients.signers[0].emial"]


def test_a_definition_that_is_refused_is_told_why_and_its_notification_too() -> None:
    found = told({"status": "snet", "eventNotification": ARTICLE | {"loggingEnabled": "false"}})
    assert "created or sent" in found["status"]
    assert "loggingEnabled" in "".join(found)


def test_templates_are_taken_to_be_there() -> None:
    role = {"roleName": "buyer", "name": "Ada", "email": "ada@example.com"}
    assert told({"templateId": A1, "templateRoles": [role], "status": "sent"}) == {}


# --- connect.yaml ---


def listener(**changed: Any) -> dict[str, Any]:
    return {"name": "erp", "account": A1, "url": "https://erp.example.com/"} | changed


def test_a_connect_file_is_read_as_apply_does_without_fetching_its_keys() -> None:
    accounts = [{"id": A1, "keys": [{"env": "NOT_SET_HERE"}, {"file": "not-there"}]}]
    assert told({"accounts": accounts, "listeners": [listener()]}) == {}
    found = told({"accounts": accounts, "listeners": [listener(evnts=["x"])]})
    assert "did you mean events?" in found["listeners[0].evnts"]


def test_a_connect_file_names_the_place_of_an_event_that_is_none() -> None:
    found = told({"accounts": [{"id": A1}], "listeners": [listener(events=["Sent", "Finishd"])]})
    assert list(found) == ["listeners[0].events[1]"]


def test_a_connect_file_without_accounts_takes_them_to_be_on_the_server() -> None:
    elsewhere = listener(account="Acme Corp", users={"only": ["robots"]}, environment="staging")
    assert told({"listeners": [elsewhere]}) == {}
    assert list(told({"accounts": [{"id": A1}], "listeners": [elsewhere]})) == [
        "listeners[0].account"
    ]


# --- whatever it is given ---

WORDS = st.sampled_from(
    [
        *{*CONFIGURATION.keys, *EVENT_NOTIFICATION.keys},
        *("requireAcknowledgement", "configurations", "eventNotification", "eventNotifications"),
        *("accounts", "listeners", "lanes", "id", "account", "users", "only", "filter", "keys"),
        *("env", "recipients", "signers", "documents", "documentBase64", "templateId", "status"),
        *("envelopeEventStatusCode", "recipientEventStatusCode", "includeData", "version", ""),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**100),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["true", "Completed", "http://[", "https://x:0/", "\x00", "\ud800", A1]),
    WORDS,
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(WORDS, st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=20,
)


@given(document=st.dictionaries(WORDS, ANYTHING, max_size=6), is_offline=st.booleans())
@settings(deadline=None)
def test_any_document_is_linted_or_refused(document: Any, is_offline: bool) -> None:  # noqa: FBT001  # drawn
    try:
        problems = lint(document, is_offline=is_offline).problems
    except InvalidInputError:
        return
    assert all(one.message for one in problems)


@pytest.mark.parametrize(
    ("level", "sound"), [(CONFIGURATION, SOUND), (EVENT_NOTIFICATION, ARTICLE)]
)
@given(key=WORDS, value=ANYTHING)
@settings(deadline=None)
def test_whatever_one_key_holds_nothing_is_said_of_the_others(
    level: Level, sound: Mapping[str, Any], key: str, value: Any
) -> None:
    found = list(remarks.remarks(level, {**sound, key: value}, is_offline=False))
    blank = {"events", "allUsers", "allowEnvelopePublish"}
    assert all(one.path[:1] == (key,) or set(one.path[:1]) <= blank | {key} for one in found)


def test_against_the_sound_bodies_nothing_can_be_said() -> None:
    for level in (CONFIGURATION, EVENT_NOTIFICATION):
        assert level.lint(level.sound) == ()


def test_a_private_key_that_is_named_only_is_taken_to_be_there() -> None:
    def told_of(private_key: Any, **more: Any) -> dict[str, str]:
        asked = {"integration_key": A1, "user_id": A1, "private_key": private_key}
        jwt = asked | {"oauth_base": "https://account-d.docusign.com"} | more
        fetched = {"base_url": "https://demo.docusign.net/restapi", "jwt": jwt}
        return told({"accounts": [{"id": A1, "enrichment": fetched}]})

    at = "accounts[0].enrichment.jwt"
    assert told_of({"env": "KEY"}) == {}
    assert told_of({"file": "key.pem"}) == {}
    assert list(told_of({"text": "no key"})) == [f"{at}.private_key.text"]
    assert list(told_of({"env": "KEY"}, user_id="ann")) == [f"{at}.user_id"]
    assert list(told_of({"evn": "KEY"})) != []
