"""The port through which an attempt reaches the wire."""

from typing import Protocol

from postroom.model import Outcome, Request


class Sender(Protocol):
    """Puts requests on the wire. Expected failure is a value, never an exception."""

    async def send(self, request: Request) -> Outcome:
        """POST one request and return what the wire did.

        Never raises for anything the other side or the network does. Reads at most 64 KiB of
        the answer, follows no redirect, and dials only the address it checked.
        Cancelling the call ends the transfer.
        """
        ...

    async def close(self) -> None:
        """End all transfers and give back every connection."""
        ...
