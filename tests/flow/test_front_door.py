"""The front door's documented answers, one by one, over ASGI on a real road."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.acceptance.cast import A1, A9, KA1, KA2, envelope, signed_headers
from tests.flow.gatehouse import START, Gatehouse

from postroom.envelopes.sim_message import message
from postroom.storage.port import NotificationQuery, Rejection
from postroom.web.front_door import FrontDoor

LIMIT = 20_000
BODY = message(envelope(1), "envelope-sent", at=START)


class Door:
    """A front door on a road, and what it noted."""

    def __init__(self, house: Gatehouse, *, max_bytes_in_flight: int = 10 * LIMIT) -> None:
        self.rejections: list[Rejection] = []
        self.house = house
        front_door = FrontDoor(
            road=house.road,
            dispatch=house.worker,
            notes=self,
            now=house.clock.now,
            max_body_bytes=LIMIT,
            max_bytes_in_flight=max_bytes_in_flight,
        )
        transport = httpx.ASGITransport(front_door)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://door")

    def note(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)

    async def post(
        self, body: bytes = BODY, *, path: str = "", key: str = KA1, **headers: str
    ) -> httpx.Response:
        given = signed_headers([key], body) | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        return await self.http.post(f"/connect{path}", content=body, headers=given)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    house = Gatehouse(tmp_path)
    await house.open()
    yield Door(house)
    await house.close()


async def test_a_signed_message_is_kept_and_answered_200(door: Door) -> None:
    answer = await door.post()
    assert answer.status_code == 200
    assert await door.house.store.notification(answer.json()["notification"]) is not None


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"path": f"/{A1}"}, 200),
        ({"path": f"/{A1.upper()}"}, 200),
        ({"path": f"/{A9}"}, 401),
        ({"path": "/nonsense"}, 401),
        ({"path": f"/{A1}/more"}, 404),
        ({"key": KA2}, 401),
        ({"X_DocuSign_Signature_1": ""}, 401),
        ({"X_DocuSign_Signature_1": "AAAA"}, 401),
        ({"X_DocuSign_Signature_1": "A" * 5000}, 401),
        ({"X_Authorization_Digest": "HMACSHA1"}, 401),
        ({"body": message(envelope(1, account=A9), "envelope-sent", at=START)}, 401),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content_Type": ""}, 415),
        ({"Content_Type": "Application/JSON;charset=utf-8"}, 200),
        ({"body": b"x" * (LIMIT + 1)}, 413),
    ],
)
async def test_every_case_has_its_documented_answer(
    door: Door, more: dict[str, bytes | str], status: int
) -> None:
    answer = await door.post(**more)  # type: ignore[arg-type]  # body is bytes, the rest is text
    assert answer.status_code == status
    assert KA1 not in answer.text
    if status == 401:
        assert answer.json()["detail"] == "not accepted"
        assert door.rejections[-1].reason


async def test_what_is_refused_is_not_kept(door: Door) -> None:
    await door.post(key=KA2)
    assert await door.house.store.notifications(NotificationQuery()) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_post_is_taken(door: Door, method: str) -> None:
    answer = await door.http.request(method, "/connect")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_body_without_a_declared_length_is_cut_off_at_the_limit(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1000

    answer = await door.http.post(
        "/connect", content=endless(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


async def test_too_much_at_once_is_sent_away_to_come_again(door: Door) -> None:
    small = Door(door.house, max_bytes_in_flight=100)
    answer = await small.post()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (await small.post(b"{}")).status_code == 200, "the room was not given back"


async def test_what_cannot_be_kept_is_not_acknowledged(door: Door) -> None:
    await door.house.store.close()
    answer = await door.post()
    assert answer.status_code == 503


@pytest.mark.parametrize(
    "body", [b"{", b"", b"[" * 9000 + b"]" * 9000, b'{"event":"envelope-sent"}', b"\xff\x00"]
)
async def test_a_signed_message_that_cannot_be_understood_is_kept_and_listed(
    door: Door, body: bytes
) -> None:
    assert (await door.post(body, path=f"/{A1}")).status_code == 200
    assert (await door.post(body)).status_code == 200
    kept = await door.house.store.notifications(NotificationQuery(only="unreadable"))
    assert len(kept) == 1
    assert kept[0].notification.flaw
