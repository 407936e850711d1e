"""What goes over the wire, to the byte: compared with files that only change on purpose.

After a change that is meant: delete the file, run the test once, look at it, commit it.
"""

from pathlib import Path

import pytest
from tests.acceptance.cast import A1, KA1, envelope
from tests.contract.wire import answers, ok, server

from postroom.clock import SECOND, VirtualClock
from postroom.delivery.curl import CurlSender
from postroom.delivery.shape import shape
from postroom.envelopes.sim_message import message
from postroom.intake.normalise import normalise
from postroom.model import Credentials, Enclosure, Lease, Listener, Notification, Replay

WIRE = Path(__file__).parent / "wire"
MOMENT = 1_772_446_800 * SECOND
"""2026-03-02T10:20:00Z."""


def notification() -> Notification:
    body = message(
        envelope(1, Integration="ERP"),
        "envelope-completed",
        at=MOMENT,
        include=("custom_fields", "recipients"),
    )
    return normalise(
        body, account_id=A1, content_type="application/json; charset=utf-8", received_at=MOMENT
    )


def lease(replay: Replay | None = None) -> Lease:
    return Lease(
        delivery_id=1,
        listener_id=1,
        token=1,
        leased_until=MOMENT,
        attempt=2 if replay is None else 1,
        notification=notification(),
        replay=replay,
        is_late=replay is not None,
    )


CREDENTIALS = Credentials(user_name="erp", password="test password")
ENCLOSURE = Enclosure(
    envelope_json=b'{"status":"completed","emailSubject":"Please sign","recipients":{}}',
    documents=(("1", b"%PDF-1.4 agreement"),),
    certificate=b"%PDF-1.4 certificate",
    xml=b"<DocuSignEnvelopeInformation/>",
    sender_account=(
        ("AccountId", "10000001"),
        ("AccountName", "Acme Corp"),
        ("AccountSite", "demo"),
    ),
)

CASES = {
    "pass-through": ({"format": "pass-through"}, [KA1], None),
    "two-keys": ({"format": "pass-through"}, [KA1, "second-key="], None),
    "unsigned": ({"format": "pass-through"}, [], None),
    "sim-minimal": ({"format": "sim", "include": ()}, [KA1], None),
    "sim-custom-fields-masked": (
        {"format": "sim", "include": ("custom_fields",), "mask": ("emails",)},
        [KA1],
        None,
    ),
    "configuration": (
        {
            "format": "sim",
            "include": ("custom_fields",),
            "configuration": {"connectId": "22210641"},
            "documents_for": ("envelope-completed",),
            "extras": ("certificate", "sender_account"),
        },
        [KA1],
        None,
    ),
    "configuration-unsigned": (
        {
            "format": "sim",
            "include": (),
            "configuration": {"connectId": "22210641"},
            "is_signed": False,
        },
        [KA1],
        None,
    ),
    "aggregate": (
        {"format": "aggregate", "include": (), "configuration": {"connectId": "22210641"}},
        [KA1],
        None,
    ),
    "xml": ({"format": "xml", "configuration": {"connectId": "22210641"}}, [KA1], None),
    "replay": (
        {"format": "pass-through"},
        [KA1],
        Replay(id="rpl_1", reason="wrong object", is_forced=True),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_request_is_on_the_wire_what_it_was(name: str) -> None:
    said, keys, replay = CASES[name]
    seen: list[tuple[bytes, bytes]] = []
    sender = CurlSender(allow_private_addresses=True, clock=VirtualClock(MOMENT))
    async with server(answers(ok(), seen=seen)) as port:
        url = f"http://127.0.0.1:{port}/docusign"
        listener = Listener(id=1, account_id=A1, name="erp", url=url, **said)  # type: ignore[arg-type]  # fields by name
        request = shape(
            lease(replay),
            listener,
            keys,
            now=MOMENT,
            credentials=CREDENTIALS if listener.configuration else None,
            enclosure=ENCLOSURE,
        )
        await sender.send(request)
    await sender.close()
    head, body = seen[0]
    wire = head.replace(f"127.0.0.1:{port}".encode(), b"listener.example") + body
    golden = WIRE / f"{name}.http"
    if not golden.exists():
        golden.write_bytes(wire)
        pytest.fail(f"{golden.name} was not there and has been written: look at it and commit it")
    assert wire == golden.read_bytes()
