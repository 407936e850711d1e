"""What the service answered when it was recorded, and what is answered here, key by key.

The records stand beside the checkout, not in it: where they are not there, this says so.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from postroom.model import Account
from postroom.operations.connect import configuration
from postroom.operations.connect.event_notification import listener_of
from postroom.operations.connect.limits import ConnectLimits

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "rest"
ACCOUNT = Account(id="a1000000-0000-4000-8000-000000000001")


def record(name: str) -> Any:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("NO RECORDED ANSWER WAS CHECKED: shared/samples is not beside the checkout")
    return json.loads(path.read_bytes())


@pytest.mark.parametrize(
    "name", ["create-connect-configuration.json", "update-connect-configuration.json"]
)
def test_a_recorded_configuration_is_echoed_as_recorded(name: str) -> None:
    (exchange,) = record(name)
    echoed = configuration.read(
        exchange["request"]["data"],
        account=ACCOUNT,
        connect_id=exchange["response"]["connectId"],
        limits=ConnectLimits(),
        allow_http_loopback=False,
        allow_private_addresses=False,
    ).echo
    assert list(echoed.items()) == list(exchange["response"].items())


def test_the_articles_own_notification_becomes_the_listener_it_describes() -> None:
    said = record("article-event-notification.json")["eventNotification"]
    listener, warnings = listener_of(said, ACCOUNT)
    assert warnings == ()
    assert listener.events == (
        "envelope-completed",
        "recipient-declined",
        "recipient-authenticationfailed",
        "recipient-autoresponded",
    )
    assert (listener.scope, listener.format) == ("envelope", "sim")
    assert (listener.acknowledgement, listener.is_logged) == (True, True)
    assert listener.documents_for == ()
    assert listener.include == tuple(said["eventData"]["includeData"])
