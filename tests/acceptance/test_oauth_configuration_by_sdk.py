"""OAuth for Connect with the official SDK: the account's configuration, and a Bearer token."""

import json
from typing import Any

import docusign_esign as ds
import pytest
from tests.acceptance.cast import A1, account
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk

SECRET = "the-client-secret-of-the-listener"


@pytest.fixture
def offline(launch: Launch) -> Gateway:
    gateway = launch(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    return gateway


def way(recorder: Recorder, **said: Any) -> ds.ConnectOAuthConfig:
    given = {
        "authorization_server_url": recorder.url("TOKEN"),
        "client_id": "erp",
        "client_secret": SECRET,
        "scope": "publish",
        "custom_parameters": {"audience": "erp"},
    }
    return ds.ConnectOAuthConfig(**given | said)


def answer(recorder: Recorder, endpoint: str, text: str) -> None:
    told = {"access_token": text, "token_type": "Bearer", "expires_in": 3600}
    recorder.say(endpoint, body=json.dumps(told).encode())


def authorizations(recorder: Recorder, listener: str) -> list[str | None]:
    return [one.headers.get("authorization") for one in recorder.deliveries(listener)]


def test_the_accounts_oauth_configuration_is_created_got_updated_and_deleted(
    offline: Gateway, recorder: Recorder
) -> None:
    connect = Sdk(offline).connect
    shown = way(recorder, client_secret=None)
    made = connect.create_connect_o_auth_config(A1, connect_o_auth_config=way(recorder))
    assert made == shown
    assert connect.get_connect_o_auth_config(A1) == shown
    changed = connect.update_connect_o_auth_config(
        A1, connect_o_auth_config=way(recorder, scope="publish all")
    )
    assert changed.scope == "publish all"
    assert connect.get_connect_o_auth_config(A1) == changed
    connect.delete_connect_o_auth_config(A1)
    with pytest.raises(ds.ApiException) as caught:
        connect.get_connect_o_auth_config(A1)
    assert caught.value.status == 404


def test_a_configuration_with_include_o_auth_is_told_with_the_bearer_token(
    offline: Gateway, recorder: Recorder
) -> None:
    answer(recorder, "TOKEN", "of-the-account")
    answer(recorder, "OWN-TOKEN", "of-its-own")
    sdk = Sdk(offline)
    sdk.connect.create_connect_o_auth_config(A1, connect_o_auth_config=way(recorder))
    sdk.configure("ERP", recorder.url("ERP"), events=["envelope-sent"], include_o_auth="true")
    own = way(recorder, authorization_server_url=recorder.url("OWN-TOKEN"))
    made = sdk.configure(
        "HR",
        recorder.url("HR"),
        events=["envelope-sent"],
        include_o_auth="true",
        enable_o_auth_per_configuration="true",
        o_auth_configuration=own,
    )
    assert made.o_auth_configuration.client_id == "erp"
    assert made.o_auth_configuration.client_secret is None
    sdk.configure("PLAIN", recorder.url("PLAIN"), events=["envelope-sent"])
    for _ in range(3):
        sdk.send("ada")
    offline.until_quiet()

    assert authorizations(recorder, "ERP") == ["Bearer of-the-account"] * 3
    assert authorizations(recorder, "HR") == ["Bearer of-its-own"] * 3
    assert authorizations(recorder, "PLAIN") == [None] * 3
    assert len(recorder.received_by("TOKEN")) == 1
    assert len(recorder.received_by("OWN-TOKEN")) == 1


def test_an_event_notification_with_include_o_auth_uses_the_accounts_configuration(
    offline: Gateway, recorder: Recorder
) -> None:
    answer(recorder, "TOKEN", "of-the-account")
    sdk = Sdk(offline)
    sdk.connect.create_connect_o_auth_config(A1, connect_o_auth_config=way(recorder))
    own = {
        "url": recorder.url("APP2"),
        "events": ["envelope-sent"],
        "includeOAuth": "true",
        "eventData": {"version": "restv2.1"},
    }
    sdk.send("ada", event_notification=own)
    offline.until_quiet()
    assert authorizations(recorder, "APP2") == ["Bearer of-the-account"]


def test_a_token_endpoint_that_is_down_delays_a_delivery_and_tells_why_without_the_secret(
    offline: Gateway, recorder: Recorder
) -> None:
    echoing = json.dumps({"error": SECRET}).encode()
    answer(recorder, "TOKEN", "late")
    recorder.say("TOKEN", status=500, body=echoing, times=1)
    sdk = Sdk(offline)
    sdk.connect.create_connect_o_auth_config(A1, connect_o_auth_config=way(recorder))
    sdk.configure("ERP", recorder.url("ERP"), events=["envelope-sent"], include_o_auth="true")
    sdk.send("ada")
    offline.until_quiet()

    assert recorder.received_by("ERP") == []
    [delivery] = offline.every("deliveries")
    told = offline.get(f"deliveries/{delivery['id']}")
    assert told["attempts"][0]["failure"] == "oauth"
    assert sdk.connect.list_event_failure_logs(A1).total_records == "1"
    offline.advance(minutes=6)
    offline.until_quiet()
    assert authorizations(recorder, "ERP") == ["Bearer late"]
    shown = [
        *offline.log,
        json.dumps(told),
        offline.run("audit"),
        str(sdk.connect.list_event_logs(A1)),
        offline.http.get(f"/restapi/v2.1/accounts/{A1}/connect").text,
    ]
    assert SECRET not in "\n".join(shown)
