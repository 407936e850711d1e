import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.delivery import names
from postroom.delivery.names import Answer, Names


class Book:
    """A name server whose entries and silences the test decides."""

    def __init__(self, **entries: tuple[str, ...]) -> None:
        self.entries = entries
        self.asked: list[str] = []
        self.is_open = threading.Event()
        self.is_open.set()

    def look_up(self, host: str) -> Answer:
        self.asked.append(host)
        self.is_open.wait()
        return self.entries.get(host, ()), "no such name"


async def test_a_name_is_told_with_its_port_and_every_address() -> None:
    book = Book(erp=("192.0.2.1", "[2001:db8::1]"))
    found = await Names(look_up=book.look_up).find("https://ERP/hook", patience_seconds=1)
    assert found.resolve == ("erp:443:192.0.2.1,[2001:db8::1]",)


async def test_many_who_ask_for_one_host_cause_one_lookup() -> None:
    book = Book(erp=("192.0.2.1",))
    book.is_open.clear()
    some = Names(look_up=book.look_up)
    asking = [
        asyncio.create_task(some.find(f"http://erp:{8000 + n % 2}/", patience_seconds=5))
        for n in range(20)
    ]
    await asyncio.sleep(0)
    book.is_open.set()
    assert {found.failure for found in await asyncio.gather(*asking)} == {None}
    assert book.asked == ["erp"]


async def test_an_answer_is_used_again_and_a_failure_is_not() -> None:
    book = Book(erp=("192.0.2.1",))
    some = Names(look_up=book.look_up)
    for _ in range(3):
        await some.find("http://erp/", patience_seconds=1)
        await some.find("http://gone/", patience_seconds=1)
    assert book.asked == ["erp", "gone", "gone", "gone"]


async def test_an_answer_is_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "KEPT_SECONDS", 0.0)
    book = Book(erp=("192.0.2.1",))
    some = Names(look_up=book.look_up)
    for _ in range(2):
        await some.find("http://erp/", patience_seconds=1)
    assert book.asked == ["erp", "erp"]


async def test_a_silent_name_server_is_a_dns_failure_in_time() -> None:
    book = Book()
    book.is_open.clear()
    found = await Names(look_up=book.look_up).find("http://erp/", patience_seconds=0.05)
    assert (found.failure, found.detail) == (
        "dns",
        "erp: no answer from the name server within 0.05 s",
    )
    book.is_open.set()


async def test_lookups_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_LOOKUPS", 2)
    book = Book()
    book.is_open.clear()
    some = Names(look_up=book.look_up)
    waiting = [
        asyncio.create_task(some.find(f"http://h{n}/", patience_seconds=5)) for n in range(2)
    ]
    await asyncio.sleep(0)
    found = await some.find("http://h3/", patience_seconds=5)
    assert "other names" in found.detail
    book.is_open.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "http://0x7f.1/", "https://[2001:db8::1]:1/"])
async def test_an_address_needs_no_lookup(url: str) -> None:
    book = Book()
    found = await Names(look_up=book.look_up).find(url, patience_seconds=1)
    assert (found.failure, found.resolve, book.asked) == (None, (), [])


@given(st.text(max_size=60).map("http://{}".format) | st.text(max_size=60))
async def test_no_url_raises(url: str) -> None:
    await Names(look_up=Book().look_up).find(url, patience_seconds=1)


@pytest.mark.parametrize("host", ["", "a..b", "x" * 300, "nul\0l", "-", "\ud800"])
def test_a_strange_host_is_a_complaint_and_never_raises(host: str) -> None:
    addresses, complaint = names.system_lookup(host)
    assert addresses == () or host == ""
    assert complaint


def test_the_machine_knows_itself() -> None:
    assert "127.0.0.1" in names.system_lookup("localhost")[0]
