"""Every limit of the Connect server is a setting, and the setting's default is the limit's."""

import pytest

from postroom.app import limits
from postroom.envelopes.limits import Limits
from postroom.operations.connect.limits import ConnectLimits
from postroom.settings import Settings


def test_without_settings_the_limits_are_the_documented_ones() -> None:
    assert limits.connect_limits(Settings()) == ConnectLimits()
    assert limits.envelope_limits(Settings()) == Limits()


def test_a_setting_moves_its_limit() -> None:
    settings = Settings(
        connect_https_ports="443,8443", connect_max_configurations=3, envelope_max_fields=7
    )
    moved = limits.connect_limits(settings)
    assert (moved.https_ports, moved.max_configurations) == ((443, 8443), 3)
    assert limits.envelope_limits(settings).fields == 7


@pytest.mark.parametrize("ports", ["", "443,", "https", "4 43", "999999"])
def test_ports_that_are_none_are_refused(ports: str) -> None:
    with pytest.raises(ValueError, match="connect_https_ports"):
        Settings(connect_https_ports=ports)
