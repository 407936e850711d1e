"""Clients that let envelopes live over the REST paths, through kills of the server.

What was not answered is done again once the server is back, as a client does that lost its
connection; only what was answered 2xx counts as acknowledged.
"""

import base64
import random
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from tests.acceptance.gateway import Gateway

from postroom.operations.connect.offline import ACCOUNT_ID

REST = f"/restapi/v2.1/accounts/{ACCOUNT_ID}"
CLIENTS = 8
DOCUMENT_BYTES = 12_000
Told = tuple[str, str | None]
"""An event, and the recipient it is about."""


def content(number: int, document_id: str) -> bytes:
    """Return the document that the envelope of a number has under an id."""
    drawn = random.Random(f"{number} {document_id}")  # noqa: S311  # a filling, not a secret
    return b"%PDF-1.4\n" + drawn.randbytes(DOCUMENT_BYTES)


def document(number: int, document_id: str) -> dict[str, str]:
    return {
        "documentId": document_id,
        "name": f"Document {document_id}.pdf",
        "fileExtension": "pdf",
        "documentBase64": base64.b64encode(content(number, document_id)).decode(),
    }


class Deed:
    """One call, and what its acknowledgement says has been told."""

    def __init__(self, method: str, path: str, body: Any, *told: Told) -> None:
        self.method = method
        self.path = path
        """With the envelope's id to be filled in."""
        self.body = body
        self.told = told


def act(verb: str, recipient: str, *told: Told, **more: str) -> Deed:
    body = {"verb": verb, "recipient_id": recipient, **more}
    return Deed("POST", "/api/v1/envelopes/{id}/actions", body, *told)


def update(body: Any, *told: Told) -> Deed:
    return Deed("PUT", f"{REST}/envelopes/{{id}}", body, *told)


def view(recipient: str) -> Deed:
    return act("view", recipient, ("recipient-delivered", recipient))


def sign(recipient: str) -> Deed:
    return act("sign", recipient, ("recipient-completed", recipient))


def sent(recipients: Iterable[str] = "1") -> tuple[Told, ...]:
    return (*(("recipient-sent", one) for one in recipients), ("envelope-sent", None))


DECLINED: tuple[Told, ...] = (("recipient-declined", "1"), ("envelope-declined", None))


class Life:
    """One envelope from its creation to its end; by its number, in one of five ways."""

    def __init__(self, number: int, event_notification: Any) -> None:
        self.number = number
        self.id = ""
        """As answered, or found again; "" before that."""
        self.acknowledged: set[Told] = set()
        self.documents = {"1"}
        """The ids of those that are acknowledged once the envelope is."""
        signers = "12" if number % 5 == 0 else "1"
        is_draft = number % 5 == 1
        self._creation: dict[str, Any] = {
            "status": "created" if is_draft else "sent",
            "emailSubject": f"Envelope {number}",
            "documents": [document(number, "1")],
            "recipients": {
                "signers": [
                    {"recipientId": one, "name": f"Signer {one}", "email": f"s{one}@example.com"}
                    for one in signers
                ]
            },
            "customFields": {"textCustomFields": [{"name": "Number", "value": str(number)}]},
            "eventNotification": event_notification,
        }
        self._is_created_as: tuple[Told, ...] = (
            (("envelope-created", None),) if is_draft else sent(signers)
        )
        self._stages = _stages(number)

    @property
    def is_over(self) -> bool:
        """Whether all of it is acknowledged."""
        return bool(self.id) and not any(track for stage in self._stages for track in stage)

    def live(self, gateway: Gateway, acknowledge: Callable[[], None]) -> None:
        """Go on from what is acknowledged, until it is over or the server is gone."""
        try:
            if not self.id:
                self._create(gateway)
                acknowledge()
            for stage in self._stages:
                with ThreadPoolExecutor(len(stage)) as pool:  # side by side, at one envelope
                    list(pool.map(lambda track: self._do(track, gateway, acknowledge), stage))
        except httpx.TransportError:
            return

    def _create(self, gateway: Gateway) -> None:
        found = gateway.http.get(
            f"{REST}/envelopes",
            params={
                "from_date": "2020-01-01",
                "from_to_status": "created",  # else drafts are left out
                "custom_field": f"Number={self.number}",
            },
        )
        assert found.is_success, found.text
        known = [one["envelopeId"] for one in found.json().get("envelopes", ())]
        assert len(known) <= 1, "created only where it was not found"
        if not known:
            answer = gateway.http.post(f"{REST}/envelopes", json=self._creation)
            assert answer.status_code == httpx.codes.CREATED, answer.text
            known = [answer.json()["envelopeId"]]
        self.id = known[0]
        self.acknowledged.update(self._is_created_as)

    def _do(self, track: list[Deed], gateway: Gateway, acknowledge: Callable[[], None]) -> None:
        while track:
            deed = track[0]
            path = deed.path.format(id=self.id)
            answer = gateway.http.request(deed.method, path, json=deed.body)
            assert answer.is_success, answer.text
            self.acknowledged.update(deed.told)
            if "documents" in deed.body:
                self.documents.update(one["documentId"] for one in deed.body["documents"])
            track.pop(0)
            acknowledge()


def _stages(number: int) -> list[list[list[Deed]]]:
    """Return what is done after the creation: stages one after another, tracks side by side."""
    kind = number % 5
    if kind == 0:
        return [[[view(one), sign(one)] for one in "12"]]
    if kind == 1:
        more = {"documents": [document(number, "2")]}
        add = Deed("PUT", f"{REST}/envelopes/{{id}}/documents", more)
        return [[[add, update({"status": "sent"}, *sent()), view("1"), sign("1")]]]
    if kind == 2:
        return [[[view("1"), act("decline", "1", *DECLINED, reason="too dear")]]]
    if kind == 3:
        void = {"status": "voided", "voidedReason": "no longer needed"}
        return [[[view("1"), update(void, ("envelope-voided", None))]]]
    return [[[act("bounce", "1", ("recipient-autoresponded", "1"), reason="550")]]]


class Lives:
    """Many envelopes, a few at a time."""

    def __init__(self, gateway: Gateway, count: int, event_notification: Any) -> None:
        self._gateway = gateway
        self.lives = [Life(number, event_notification) for number in range(count)]
        self._lock = threading.Lock()
        self._strikes_in: int | None = None
        self._strike: Callable[[], None] = lambda: None

    def strike_after(self, acknowledged: int, strike: Callable[[], None]) -> None:
        """Call `strike` in the midst of the load, after so many more acknowledgements."""
        self._strikes_in, self._strike = acknowledged, strike

    def run(self) -> None:
        """Let them live until all are over or the server is gone."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            left = [life for life in self.lives if not life.is_over]
            list(pool.map(lambda life: life.live(self._gateway, self._acknowledge), left))

    @property
    def are_over(self) -> bool:
        return all(life.is_over for life in self.lives)

    def _acknowledge(self) -> None:
        with self._lock:
            if self._strikes_in is None:
                return
            self._strikes_in -= 1
            is_now = self._strikes_in == 0
        if is_now:
            self._strike()
