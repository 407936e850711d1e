"""The limits of the Connect server, from the settings."""

from typing import Any

from postroom.envelopes.limits import Limits
from postroom.operations.connect.limits import ConnectLimits
from postroom.settings import Settings


def connect_limits(settings: Settings) -> ConnectLimits:
    """Return the limits of configurations that the settings say."""
    said = _named(settings, "connect_")
    ports = tuple(int(port) for port in said.pop("https_ports").split(","))
    return ConnectLimits(**said, https_ports=ports)


def envelope_limits(settings: Settings) -> Limits:
    """Return the limits of envelopes that the settings say."""
    return Limits(**_named(settings, "envelope_max_"), purge_days=settings.purge_days)


def _named(settings: Settings, prefix: str) -> dict[str, Any]:
    """Return the settings that begin so, without the prefix."""
    names = (name for name in type(settings).model_fields if name.startswith(prefix))
    return {name.removeprefix(prefix): getattr(settings, name) for name in names}
