"""What the routes work with."""

from collections.abc import Callable

from postroom.clock import Clock
from postroom.errors import ConflictError
from postroom.esign.account import Accounts
from postroom.operations.connect.living import ConnectServer
from postroom.storage.port import Store
from postroom.vault import Vault


class Services:
    """The parts of a node that its API touches."""

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        clock: Clock,
        allow_private_addresses: bool,
        in_hand: Callable[[], int],
        esign: Accounts,
        retention_days: float = 0,
        connect: ConnectServer | None = None,
    ) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.allow_private_addresses = allow_private_addresses
        self.in_hand = in_hand
        """How many leases this node holds now."""
        self.esign = esign
        """Asks the accounts' own REST API."""
        self.retention_days = retention_days
        """How long notifications are kept; 0 for always."""
        self.connect = connect
        """What the verbs of envelopes work with; None where nothing is served."""


def served(services: Services) -> ConnectServer:
    """Return what the verbs of envelopes work with.

    Raises `ConflictError` where there is only the database: what happens to an envelope is told
    by the server that delivers it.
    """
    if services.connect is None:
        raise ConflictError(
            "envelopes live on a running server; start `postroom serve --offline`, and name it"
            " with --server or POSTROOM_SERVER"
        )
    return services.connect
