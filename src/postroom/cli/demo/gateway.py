"""The demo's gateway: the real `postroom serve` as a process, with a database of its own."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from postroom.cli.demo import story
from postroom.errors import UnavailableError
from postroom.model import Json

READY_SECONDS = 20.0
SETTLED_SECONDS = 20.0
_POLL_SECONDS = 0.05
_LEAVING_SECONDS = 10.0
_PAGE = 200


class Gateway:
    """A running server, as seen from its API."""

    def __init__(self, *, url: str, token: str, folder: Path) -> None:
        self.url = url
        self.token = token
        self.folder = folder
        self._http = httpx.Client(
            base_url=url, timeout=10, headers={"Authorization": f"Bearer {token}"}
        )

    def apply(self, keys: Mapping[str, str]) -> str:
        """Run `postroom apply` on the folder's connect.yaml; return what it said.

        Raises `UnavailableError` with its words if it fails.
        """
        named = {name: keys[account_id] for account_id, name in story.KEY_NAMES.items()}
        done = subprocess.run(  # noqa: S603  # our own command with our own arguments
            [*_command("apply"), "connect.yaml", "--server", self.url],
            cwd=self.folder,
            env=os.environ | named | {"POSTROOM_TOKEN": self.token},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise UnavailableError(f"`postroom apply` failed:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def post(self, body: bytes, signatures: list[str]) -> int:
        """POST a message to the front door as Docusign would; return the answer's status."""
        numbered = {f"X-DocuSign-Signature-{n}": text for n, text in enumerate(signatures, 1)}
        headers = {"Content-Type": "application/json", "X-Authorization-Digest": "HMACSHA256"}
        return self._http.post("/connect", content=body, headers=headers | numbered).status_code

    def get(self, path: str, **parameters: str | int) -> Json:
        """Return what the API answers. Raises `httpx.HTTPError` if it does not answer well."""
        return self._http.get(f"/api/v1/{path}", params=parameters).raise_for_status().json()

    def every(self, path: str, **parameters: str | int) -> list[Json]:
        """Return all items of a listing, page by page."""
        items: list[Json] = []
        after: dict[str, str] = {}
        while True:
            page = self.get(path, limit=_PAGE, **parameters, **after)
            items += page["items"]
            if page["next_after"] is None:
                return items
            after = {"after": page["next_after"]}

    def settled(self) -> bool:
        """Wait until nothing is owed to any listener; False if that takes too long."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while time.monotonic() < deadline:
            if self.get("health")["owed"] == 0:
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


@contextmanager
def running(folder: Path) -> Iterator[Gateway]:
    """Run a server on a new database in `folder` while the block runs.

    Raises `UnavailableError` with the end of its log if it does not become ready.
    """
    port, token = _free_port(), secrets.token_urlsafe(24)
    log = folder / "server.log"
    with log.open("w") as written:
        process = subprocess.Popen(  # noqa: S603  # our own command with our own arguments
            [
                *_command("serve"),
                *("--database", f"sqlite:///{folder / 'postroom.db'}"),
                *("--host", "127.0.0.1", "--port", str(port), "--allow-private-addresses"),
            ],
            env=os.environ | {"POSTROOM_ADMIN_TOKEN": token},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    gateway = Gateway(url=f"http://127.0.0.1:{port}", token=token, folder=folder)
    try:
        _wait_until_ready(gateway.url, process, log)
        yield gateway
    finally:
        gateway.close()
        process.terminate()
        try:
            process.wait(_LEAVING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            pass  # not listening yet
        time.sleep(_POLL_SECONDS)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise UnavailableError(f"the server did not start; the end of its log:\n{last}")


def _command(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "postroom", name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
