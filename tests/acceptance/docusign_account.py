"""The account's own side: a second server, in the place of Docusign, with an integration made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.acceptance.cast import A1, U567, account
from tests.acceptance.gateway import Gateway
from tests.acceptance.sdk import Sdk


def new_key() -> tuple[str, str]:
    """Return an RSA key as (private, public) PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


class DocusignAccount:
    """A1 as Docusign has it: its envelopes live here, and its Connect configurations."""

    def __init__(self, folder: Path, *, start: str) -> None:
        self.server = Gateway(folder, start=start, flags=("--offline",))
        self.server.start()
        self.server.apply({"accounts": [account(A1, "Acme Corp")]})
        self.sdk = Sdk(self.server, user=U567.user_id)
        self.admin = Sdk(self.server)
        self.private_key, public = new_key()
        key_file = folder / "public.pem"
        key_file.write_text(public)
        made = self.server.ask("integrations", "add", "Postroom", "--public-key", str(key_file))
        self.integration_key = made["integration"]["client_id"]

    def enrichment(self, **said: Any) -> dict[str, Any]:
        """Return what the gateway's file says of how to ask this account."""
        jwt = {
            "integration_key": self.integration_key,
            "user_id": U567.user_id,
            "private_key": {"text": self.private_key},
            "oauth_base": self.server.url,
        }
        return {"base_url": f"{self.server.url}/restapi", "jwt": jwt | said}

    def configure(self, gateway: Gateway, *, events: list[str], **said: Any) -> None:
        """Let the account's one feed publish to the gateway, without a second try."""
        self.admin.configure(
            "The feed",
            f"{gateway.url}/connect",
            events=events,
            requires_acknowledgement="false",
            **said,
        )

    def advance(self, gateway: Gateway, **duration: float) -> None:
        """Let time pass on both sides."""
        for one in (self.server, gateway):
            if one.is_alive:
                one.advance(**duration)


@contextmanager
def opened(folder: Path, *, start: str) -> Iterator[DocusignAccount]:
    """Yield the account, and end it after."""
    folder.mkdir()
    one = DocusignAccount(folder, start=start)
    try:
        yield one
    finally:
        one.server.close()
