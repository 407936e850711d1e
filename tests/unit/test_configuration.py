"""A Connect configuration as Docusign reads and echoes it, and the listener it makes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import DocusignError
from postroom.model import Account, Group, UserCondition
from postroom.operations.connect import configuration
from postroom.operations.connect.configuration import Configuration, lint_configuration
from postroom.operations.connect.echo import KEYS
from postroom.operations.connect.limits import ConnectLimits

A1 = "a1000000-0000-4000-8000-000000000001"
U123 = "5F0C1F3E-0000-4000-8000-000000000123"
ACCOUNT = Account(id=A1, groups=(Group(id="7001", name="integrations"),))
MINIMAL = {
    "name": "erp",
    "urlToPublishTo": "https://erp.example.com/docusign?x=1",
    "configurationType": "custom",
    "allUsers": True,
    "allowEnvelopePublish": True,
    "envelopeEvents": ["sent", "Completed"],
    "recipientEvents": ["AuthenticationFailed"],
}
OAUTH = {
    "authorizationServerUrl": "https://login.example.com/token",
    "clientId": "c1",
    "clientSecret": "hunter2hunter2",
}
OWN: dict[str, Any] = {"includeOAuth": "true", "enableOAuthPerConfiguration": "true"}


def read(
    body: Any = None, *, before: Any = None, limits: ConnectLimits | None = None, **more: Any
) -> Configuration:
    said = {**MINIMAL, **more} if body is None else body
    return configuration.read(
        said,
        account=ACCOUNT,
        connect_id="22210001",
        before=before,
        limits=limits or ConnectLimits(),
        allow_http_loopback=False,
        allow_private_addresses=False,
    )


def refused(**more: Any) -> DocusignError:
    with pytest.raises(DocusignError) as caught:
        read(**more)
    return caught.value


# --- the echo ---

DEFAULTS = {
    "deliveryMode": "",
    "enableLog": "false",
    "includeDocuments": "false",
    "includeCertificateOfCompletion": "false",
    "requiresAcknowledgement": "true",
    "signMessageWithX509Certificate": "false",
    "useSoapInterface": "false",
    "includeTimeZoneInformation": "false",
    "includeOAuth": "false",
    "includeHMAC": "false",
    "integratorManaged": "false",
    "includeEnvelopeVoidReason": "false",
    "includeSenderAccountasCustomField": "false",
}


def test_a_minimal_one_is_echoed_with_every_default_in_the_services_order() -> None:
    said = {key: ["Sent"] if key.endswith("Events") else value for key, value in MINIMAL.items()}
    assert list(read(said).echo.items()) == [
        ("connectId", "22210001"),
        ("configurationType", "custom"),
        ("urlToPublishTo", MINIMAL["urlToPublishTo"]),
        ("name", "erp"),
        ("allowEnvelopePublish", "true"),
        *DEFAULTS.items(),
        ("envelopeEvents", ["Sent"]),
        ("recipientEvents", ["Sent"]),
        ("soapNamespace", ""),
        ("allUsers", "true"),
        ("allUsersExcept", "false"),
        ("includeCertSoapHeader", "false"),
        ("requireMutualTls", "false"),
        ("includeDocumentFields", "false"),
        ("pausePublish", "false"),
        ("eventData", {"version": "", "includeData": []}),
        ("enableOAuthPerConfiguration", "false"),
    ]


def test_keys_count_in_any_case() -> None:
    echoed = read(INCLUDEHMAC="true", EventData={"INCLUDEDATA": ["tabs"]}).echo
    assert echoed["includeHMAC"] == "true"
    assert echoed["eventData"] == {"version": "", "includeData": ["tabs"]}


def test_events_and_modes_are_echoed_as_spelt_and_booleans_as_words() -> None:
    echoed = read(deliveryMode="sIm", events=["Envelope-Sent"], enableLog="TRUE").echo
    assert echoed["deliveryMode"] == "sIm"
    assert echoed["events"] == ["Envelope-Sent"]
    assert echoed["envelopeEvents"] == ["sent", "Completed"]
    assert echoed["enableLog"] == "true"


def test_what_an_update_does_not_give_stays_and_an_empty_list_goes() -> None:
    before = read(userIds=[U123], includeHMAC=True, eventData={"version": "restv2.1"}).echo
    after = read(
        {"name": "new", "userIds": [], "eventData": {"includeData": ["recipients"]}},
        before=before,
    ).echo
    differing = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert differing == {"name", "userIds", "eventData"}
    assert after["eventData"] == {"version": "restv2.1", "includeData": ["recipients"]}
    assert "userIds" not in after


def test_who_switched_it_off_is_told_until_it_is_on_again() -> None:
    before = read(allowEnvelopePublish="false").echo | {"disabledBy": "system"}
    assert read({"name": "x"}, before=before).echo["disabledBy"] == "system"
    assert "disabledBy" not in read({"allowEnvelopePublish": "true"}, before=before).echo


def test_no_secret_is_echoed_or_kept_or_shown() -> None:
    said = {
        **MINIMAL,
        "userName": "erp",
        "password": "hunter2hunter2",
        "oAuthConfiguration": {
            "clientId": "c1",
            "clientSecret": "hunter2hunter2",
            "authorizationServerUrl": "https://login.example.com/token",
        },
    }
    made = read(said)
    assert made.echo["userName"] == "erp"
    assert made.echo["oAuthConfiguration"] == {
        "authorizationServerUrl": "https://login.example.com/token",
        "clientId": "c1",
    }
    secrets = configuration.secret_texts(said)
    assert (secrets.password, secrets.client_secret) == ("hunter2hunter2", "hunter2hunter2")
    assert "hunter2" not in repr(made) + repr(secrets)


# --- the listener ---


def test_a_configuration_is_off_until_it_is_switched_on() -> None:
    said = {key: value for key, value in MINIMAL.items() if key != "allowEnvelopePublish"}
    made = read(said)
    assert not made.listener.is_active
    assert made.warnings == ("allowEnvelopePublish is false: it is kept, and nothing fires",)
    assert read().listener.is_active


def test_the_three_lists_of_events_make_one() -> None:
    made = read(events=["envelope-Voided", "envelope-completed", "extension_executed"])
    assert made.listener.events == (
        "envelope-sent",
        "envelope-completed",
        "recipient-authenticationfailed",
        "envelope-voided",
        "extension-executed",
    )


def test_a_code_means_the_event_of_its_list() -> None:
    made = read(envelopeEvents=["Declined"], recipientEvents=["declined", "AutoResponded"])
    assert made.listener.events == (
        "envelope-declined",
        "recipient-declined",
        "recipient-autoresponded",
    )


def test_events_may_come_in_the_envelopes_shape_or_with_commas() -> None:
    made = read(
        envelopeEvents=[{"EnvelopeEventStatusCode": "Completed", "includeDocuments": "false"}],
        recipientEvents="Sent, Completed",
    )
    assert made.listener.events == ("envelope-completed", "recipient-sent", "recipient-completed")
    assert made.echo["envelopeEvents"] == ["Completed"]


def test_an_event_outside_the_vocabulary_is_believed_and_warned_of() -> None:
    made = read(events=["envelope-teleported"], envelopeEvents=["Complete"])
    assert "envelope-teleported" in made.listener.events
    assert any("did you mean envelope-completed?" in warning for warning in made.warnings)


@pytest.mark.parametrize(
    ("mode", "version", "expected"),
    [
        ("", "", "sim"),
        ("", "restv2.1", "sim"),
        ("sim", "restv2.1", "sim"),
        ("SIM", "", "sim"),
        ("Aggregate", "restv2.1", "aggregate"),
        ("aggregate", "RESTv2.1", "aggregate"),
        ("Aggregate", "", "xml"),
        ("Aggregate", "legacy", "xml"),
        ("SIM", "Legacy", "xml"),
        ("", "legacy", "xml"),
    ],
)
def test_mode_and_version_choose_the_message(mode: str, version: str, expected: str) -> None:
    assert read(deliveryMode=mode, eventData={"version": version}).listener.format == expected


def test_what_no_mode_means_is_a_setting() -> None:
    limits = ConnectLimits(empty_delivery_mode="Aggregate")
    assert read(limits=limits).listener.format == "xml"
    made = read(limits=limits, eventData={"version": "restv2.1"})
    assert made.listener.format == "aggregate"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"allUsers": True}, None),
        ({"allUsers": False}, UserCondition(kind="only")),
        ({"allUsers": "false", "userIds": [U123]}, UserCondition(kind="only", ids=(U123.lower(),))),
        (
            {"allUsersExcept": "true", "userIds": [U123], "groupIds": ["7001"]},
            UserCondition(kind="except", ids=(U123.lower(),), groups=("integrations",)),
        ),
        (
            {"allUsers": False, "groupIds": ["7001"]},
            UserCondition(kind="only", groups=("integrations",)),
        ),
    ],
)
def test_associated_users_make_a_condition(
    said: dict[str, Any], expected: UserCondition | None
) -> None:
    assert read(**said).listener.users == expected


def test_without_users_it_says_that_nothing_fires() -> None:
    assert "allUsers is false and there are no userIds or groupIds: nothing fires" in (
        read(allUsers=False).warnings
    )


def test_the_rest_of_what_it_says_is_the_listeners() -> None:
    listener = read(
        requiresAcknowledgement=False,
        enableLog=True,
        includeHMAC=True,
        includeCertificateOfCompletion=True,
        includeDocumentFields=True,
        includeEnvelopeVoidReason=True,
        includeSenderAccountAsCustomField=True,
        includeTimeZoneInformation=True,
        eventData={"version": "restv2.1", "includeData": ["Custom_Fields", "documents", "bogus"]},
    ).listener
    assert (listener.name, listener.account_id) == ("connect-22210001", A1)
    assert not listener.acknowledgement
    assert listener.is_logged
    assert listener.is_signed
    assert listener.include == ("custom_fields", "documents")
    assert listener.documents_for == listener.events
    assert listener.extras == (
        "certificate",
        "document_fields",
        "sender_account",
        "time_zone",
        "void_reason",
    )


def test_by_default_it_acknowledges_and_neither_signs_nor_logs_nor_adds() -> None:
    listener = read().listener
    assert listener.acknowledgement
    assert (listener.is_signed, listener.is_logged) == (False, False)
    assert (listener.include, listener.documents_for, listener.extras) == ((), (), ())
    assert listener.scope == "account"


def test_include_documents_is_for_all_its_events() -> None:
    listener = read(includeDocuments="true").listener
    assert listener.documents_for == listener.events


def test_pausing_is_told_apart_from_switching_off() -> None:
    made = read(pausePublish="true")
    assert made.is_paused
    assert made.listener.is_active


# --- what is refused, what is warned of ---


@pytest.mark.parametrize(
    "url",
    ["http://erp.example.com/", "HTTP://erp.example.com/", "http://127.0.0.1:8000/"],
)
def test_https_is_required_in_docusigns_words(url: str) -> None:
    problem = refused(urlToPublishTo=url)
    assert (problem.code, problem.status) == ("HTTPS_REQUIRED_FOR_CONNECT_LISTENER", 400)
    assert str(problem) == "HTTPS required for Connect listener communication."


def loopback(url: str) -> Configuration:
    return configuration.read(
        {**MINIMAL, "urlToPublishTo": url},
        account=ACCOUNT,
        connect_id="22210001",
        limits=ConnectLimits(),
        allow_http_loopback=True,
        allow_private_addresses=False,
    )


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4711/", "http://[::1]:1/", "http://localhost:9/", "https://localhost"]
)
def test_loopback_may_be_reached_by_http_where_the_setting_says_so(url: str) -> None:
    assert loopback(url).listener.url == url


@pytest.mark.parametrize("url", ["http://erp.example.com/", "http://10.0.0.1/", "http://127.evil/"])
def test_nothing_but_loopback_is_excepted(url: str) -> None:
    with pytest.raises(DocusignError) as caught:
        loopback(url)
    assert caught.value.code == "HTTPS_REQUIRED_FOR_CONNECT_LISTENER"


@pytest.mark.parametrize("port", [1443, 8443, 9443])
def test_connects_ports_are_taken(port: int) -> None:
    url = f"https://erp.example.com:{port}/"
    assert read(urlToPublishTo=url).listener.url == url


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"urlToPublishTo": "https://erp.example.com:8080/"}, "does not publish to port 8080"),
        ({"urlToPublishTo": ""}, "Give the URL"),
        ({"urlToPublishTo": "ftp://erp.example.com"}, "must start with https://"),
        ({"urlToPublishTo": "https://erp.example.com:99999/"}, "cannot be read"),
        ({"urlToPublishTo": "https://u:p@erp.example.com/"}, "credentials"),
        ({"urlToPublishTo": "https://10.0.0.1/"}, "private"),
        ({"urlToPublishTo": "https://e.example.com/" + "x" * 4096}, "longer than 4096 bytes"),
        ({"urlToPublishTo": ["https://e.example.com/"]}, "urlToPublishTo is not a text"),
        ({"name": " "}, "Give the configuration a name"),
        ({"name": "x" * 101}, "longer than 100"),
        ({"allUsers": "yes"}, "allUsers is true or false"),
        ({"configurationType": "salesforce"}, "not served here"),
        ({"allUsers": False, "groupIds": ["7002"]}, "no group 7002"),
        ({"deliveryMode": "push"}, "deliveryMode is SIM or Aggregate"),
        ({"eventData": {"version": "v3"}}, "restv2.1 or legacy"),
        ({"eventData": "restv2.1"}, "not a JSON object"),
        ({"events": [1]}, "names no event"),
        ({"events": ["envelope-sent"] * 1001}, "more than 1000"),
        ({"userIds": {"a": 1}}, "not a list"),
        ({"userName": "a:b"}, "colon"),
        ({"oAuthConfiguration": []}, "not a JSON object"),
        ({"oAuthConfiguration": {"customParameters": 5}}, "customParameters"),
        ({"oAuthConfiguration": {"customParameters": {"a": []}}}, "customParameters"),
        (
            {"oAuthConfiguration": {**OAUTH, "authorizationServerUrl": "http://login.example.com"}},
            "HTTPS",
        ),
        (
            {"oAuthConfiguration": {**OAUTH, "authorizationServerUrl": "https://10.0.0.1/"}},
            "private",
        ),
        (
            {**OWN, "oAuthConfiguration": {"clientId": "c"}},
            "Give authorizationServerUrl, clientSecret",
        ),
        ({**OWN, "oAuthConfiguration": {**OAUTH, "clientId": ""}}, "Give clientId in oAuth"),
        (
            {**OWN, "oAuthConfiguration": {**OAUTH, "clientSecret": ""}},
            "Give clientSecret in oAuth",
        ),
        ({"soapNamespace": "x" * 5001}, "longer than 5000"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(said: dict[str, Any], words: str) -> None:
    assert words in str(refused(**said))


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_only_an_object_is_a_configuration(body: Any) -> None:
    with pytest.raises(DocusignError):
        read([] if body is None else body)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("requireAcknowledgment", "requiresAcknowledgement"),
        ("requireAcknowledgement", "requiresAcknowledgement"),
        ("loggingEnabled", "enableLog"),
        ("url", "urlToPublishTo"),
        ("includeTimeZone", "includeTimeZoneInformation"),
        ("signMessageWithX509Cert", "signMessageWithX509Certificate"),
        ("includeCertificateWithSoap", "includeCertSoapHeader"),
        ("allowEnvelopePublishing", "allowEnvelopePublish"),
        ("evnts", "events"),
    ],
)
def test_a_misspelt_key_is_ignored_and_warned_of(key: str, meant: str) -> None:
    made = read({**MINIMAL, key: "false"})
    assert made.echo == read().echo
    (warning,) = made.warnings
    assert f"did you mean {meant}?" in warning


def test_keys_that_resemble_nothing_are_ignored_in_silence() -> None:
    assert read({**MINIMAL, "x-note": "for us", "ALLUSERS": "true"}).warnings == ()


def test_keys_of_other_products_are_named() -> None:
    (warning,) = read(salesforceApiVersion="51").warnings
    assert "other products" in warning


def test_what_is_asked_for_and_not_done_is_said() -> None:
    assert read(requireMutualTls="true").warnings == (
        "requireMutualTls is kept and has no effect here",
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"oAuthConfiguration": OAUTH}, "not used: includeOAuth is false"),
        (
            {"oAuthConfiguration": OAUTH, "includeOAuth": "true"},
            "not used: enableOAuthPerConfiguration is false",
        ),
        (OWN, "without oAuthConfiguration: the account's is used"),
        ({"includeOAuth": "true", "userName": "erp"}, "OAuth is used, so leave userName out"),
    ],
)
def test_a_way_to_authenticate_that_is_not_used_is_said(said: dict[str, Any], words: str) -> None:
    (warning,) = read(**said).warnings
    assert words in warning


def test_oauth_that_is_used_is_not_warned_of() -> None:
    assert read(includeOAuth="true").warnings == ()
    assert read(**OWN, oAuthConfiguration=OAUTH).warnings == ()


def test_a_kept_client_secret_stays_with_its_url() -> None:
    before = read(**OWN, oAuthConfiguration=OAUTH).echo
    elsewhere = {"authorizationServerUrl": "https://eve.example.com/token"}
    assert read({"oAuthConfiguration": {"scope": "s"}}, before=before).echo[
        "oAuthConfiguration"
    ] == {
        "authorizationServerUrl": "https://login.example.com/token",
        "clientId": "c1",
        "scope": "s",
    }
    with pytest.raises(DocusignError, match="clientSecret beside a new authorizationServerUrl"):
        read({"oAuthConfiguration": elsewhere}, before=before)
    told = elsewhere | {"clientSecret": "another"}
    assert read({"oAuthConfiguration": told}, before=before).warnings == ()


def test_an_include_that_adds_nothing_is_warned_of() -> None:
    (warning,) = read(eventData={"includeData": ["custom_field"]}).warnings
    assert "did you mean custom_fields?" in warning


def test_lint_tells_warnings_and_refusals_alike() -> None:
    groups = {**MINIMAL, "groupIds": ["7002"], "urlToPublishTo": "http://127.0.0.1/"}
    assert lint_configuration(groups) == ()
    assert lint_configuration({**MINIMAL, "name": ""}) == ("Give the configuration a name.",)
    assert lint_configuration("no") == ("The body is not a JSON object; send one.",)
    (warning,) = lint_configuration({**MINIMAL, "requireAcknowledgement": "true"})
    assert "requiresAcknowledgement" in warning


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["version", "includeData", "clientSecret", "x"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*KEYS, "url", "x"]), JSON_VALUES, max_size=5))
def test_nothing_that_is_said_breaks_the_reading(said: dict[str, Any]) -> None:
    body = {**MINIMAL, **said}
    assert isinstance(lint_configuration(body), tuple)
    try:
        made = read(body)
    except DocusignError:
        return
    again = read({}, before=made.echo)
    assert again.echo == made.echo
    assert again.listener == made.listener


def test_no_more_than_fifty_unknown_keys_are_looked_at() -> None:
    near: dict[str, Any] = {f"urlToPublishT{at}": "x" for at in range(60)}
    warned = [one for one in read(**near).warnings if "did you mean" in one]
    assert len(warned) == 50
