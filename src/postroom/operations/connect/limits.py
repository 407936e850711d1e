"""What the Connect server allows, where the contract gives a number: each is a setting."""

from typing import Literal

from postroom.model import Noun


class ConnectLimits(Noun, frozen=True, kw_only=True):
    """Docusign's documented limits of configurations, and what its sources leave open."""

    max_configurations: int = 20
    """Of `custom` and `customrecipient` together, for one account (contract 5)."""
    max_event_notifications: int = 10_000
    """Different `eventNotification`s of one account; equal ones share a listener."""
    max_name_characters: int = 100
    max_url_bytes: int = 4096
    """Of a listener's URL (contract 1.1)."""
    https_ports: tuple[int, ...] = (
        443,
        1443,
        2443,
        3443,
        4443,
        5443,
        6443,
        7443,
        8443,
        9443,
    )
    """The ports that are published to (contract 4)."""
    log_entries: int = 100
    """Docusign's log shows the newest so many (contract 5)."""
    log_days: float = 15
    pending_deactivation_days: float = 3
    """After so long of hardly anything but failures a configuration is marked (contract 5)."""
    deactivation_days: float = 14
    """After so long it is switched off."""
    empty_delivery_mode: Literal["SIM", "Aggregate"] = "SIM"
    """What a `deliveryMode` that is not given means; it depends on the account (contract 1.1)."""
