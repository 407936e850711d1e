"""Every captured message, signed anew, taken in, routed and delivered byte for byte.

The captures stand beside the checkout, not in it: where they are not there, this says so.
"""

import json
from pathlib import Path

import pytest
from tests.acceptance.cast import KA1, docusign_signature
from tests.contract.wire import answers, ok, server
from tests.flow.gatehouse import Gatehouse

from postroom.model import DeliveryState
from postroom.pipeline import Taken
from postroom.storage.port import NotificationQuery

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "connect-json"
CAPTURED = sorted(SAMPLES.glob("*_*_20*.json"))


async def test_every_captured_message_is_delivered_byte_for_byte(tmp_path: Path) -> None:
    if not CAPTURED:
        pytest.skip("NO CAPTURED MESSAGE WAS CHECKED: shared/samples is not beside the checkout")
    bodies = [path.read_bytes() for path in CAPTURED]
    assert len(bodies) >= 5
    accounts = {json.loads(body)["data"]["accountId"] for body in bodies}
    house = Gatehouse(tmp_path)
    await house.open(*accounts)
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        for account in accounts:
            await house.listen("one", port, account=account, ordering="none")
        for body in bodies:
            assert isinstance(await house.take_raw(body), Taken)
        await house.until(lambda states: states == [DeliveryState.DELIVERED] * len(bodies))
    kept = await house.store.notifications(NotificationQuery())
    await house.close()
    assert [one.notification.flaw for one in kept] == [None] * len(bodies)
    assert sorted(body for _, body in seen) == sorted(bodies)
    for head, body in seen:
        signed = f"X-DocuSign-Signature-1: {docusign_signature(KA1, body)}\r\n"
        assert signed.encode() in head + b"\r\n"
