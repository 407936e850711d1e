"""What the routes work with."""

from collections.abc import Awaitable, Callable

from postroom.clock import Clock
from postroom.model import Registry
from postroom.operations.connect.living import ConnectServer
from postroom.operations.connect.registrar import Registrar
from postroom.storage.port import Store
from postroom.vault import Vault


class ConnectServices:
    """The parts of a node that Docusign's REST paths touch."""

    def __init__(  # noqa: PLR0913  # one field each, and nothing else
        self,
        *,
        store: Store,
        vault: Vault,
        clock: Clock,
        machine_clock: Clock,
        registry: Callable[[], Registry],
        refresh: Callable[[], Awaitable[None]],
        envelopes: ConnectServer,
        is_offline: bool = False,
        max_body_bytes: int,
        public_url: str | None = None,
    ) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.machine_clock = machine_clock
        """The clock that callers date their assertions by: they know of no virtual one."""
        self.registry = registry
        """The registry that the road goes by now."""
        self.registrar = Registrar(store=store, clock=clock, refresh=refresh)
        self.envelopes = envelopes
        """What the verbs of envelopes and configurations work with."""
        self.is_offline = is_offline
        """True: people choose who they are on the consent page, and loopback redirects are let."""
        self.max_body_bytes = max_body_bytes
        self.public_url = public_url
        """Where clients reach this server, without a slash at the end; None: as they asked."""
