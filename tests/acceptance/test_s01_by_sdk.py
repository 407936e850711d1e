"""S1 from envelope creation on: the official SDK sends, Connect configurations associate users."""

from typing import Any

import docusign_esign as ds
import pytest
from tests.acceptance.cast import A1, ALICE, U123, U567, account
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.sdk import Sdk

EVENTS = ["envelope-sent", "envelope-completed", "envelope-declined"]
ONLY_123 = {"all_users": "false", "user_ids": [U123.user_id]}
ONLY_567 = {"all_users": "false", "user_ids": [U567.user_id]}
ALL_BUT_ALICE = {"all_users_except": "true", "user_ids": [ALICE.user_id]}


@pytest.fixture
def offline(launch: Launch) -> Gateway:
    gateway = launch(flags=("--offline",))
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": []})
    return gateway


def play(offline: Gateway) -> None:
    """E-101 and E-104 by user 123, E-102 by 567, E-103 by Alice."""
    by = {user: Sdk(offline, user=user.email) for user in (U123, U567, ALICE)}
    by[U123].sign_all(by[U123].send("ada"))
    declined = by[U567].send("ada")
    by[U567].act(declined, "decline", reason="no")
    by[ALICE].sign_all(by[ALICE].send("ada"))
    by[U123].void(by[U123].send("ada"))
    offline.until_quiet()


@pytest.mark.parametrize(
    ("aaa", "bbb", "totals"),
    [
        pytest.param(ONLY_123, ONLY_567, {"AAA": 3, "BBB": 2, "AUDIT": 7}, id="associated-users"),
        pytest.param({}, {}, {"AAA": 7, "BBB": 7, "AUDIT": 7}, id="all-users"),
        pytest.param(ALL_BUT_ALICE, ONLY_567, {"AAA": 5, "BBB": 2, "AUDIT": 7}, id="all-but-alice"),
    ],
)
def test_each_configuration_hears_of_its_own_senders(
    offline: Gateway,
    recorder: Recorder,
    aaa: dict[str, Any],
    bbb: dict[str, Any],
    totals: dict[str, int],
) -> None:
    sdk = Sdk(offline)
    for name, associated in (("AAA", aaa), ("BBB", bbb), ("AUDIT", {})):
        sdk.configure(name, recorder.url(name), events=EVENTS, **associated)
    play(offline)
    assert recorder.totals() == totals
    assert not any(one.message["event"] == "envelope-voided" for one in recorder.received)


def test_associating_users_later_needs_no_restart(offline: Gateway, recorder: Recorder) -> None:
    sdk = Sdk(offline)
    made = sdk.configure("AAA", recorder.url("AAA"), events=EVENTS, **ONLY_123)
    play(offline)
    assert recorder.totals() == {"AAA": 3}
    sdk.connect.update_configuration(
        A1,
        connect_custom_configuration=ds.ConnectCustomConfiguration(
            connect_id=made.connect_id, all_users="true"
        ),
    )
    play(offline)
    assert recorder.totals() == {"AAA": 3 + 7}


def test_a_group_of_users_is_associated_and_excepted(offline: Gateway, recorder: Recorder) -> None:
    sdk = Sdk(offline)
    groups = ds.GroupsApi(sdk.client)
    made = groups.create_groups(
        A1, group_information=ds.GroupInformation(groups=[ds.Group(group_name="Integrations")])
    )
    [group] = made.groups
    groups.update_group_users(
        A1,
        group.group_id,
        user_info_list=ds.UserInfoList(
            users=[ds.UserInfo(user_id=U123.user_id), ds.UserInfo(user_id=U567.user_id)]
        ),
    )
    chosen = {"all_users": "false", "group_ids": [group.group_id]}
    sdk.configure("IN", recorder.url("IN"), events=EVENTS, **chosen)
    sdk.configure("OUT", recorder.url("OUT"), events=EVENTS, all_users_except="true", **chosen)
    play(offline)
    assert recorder.totals() == {"IN": 5, "OUT": 2}
