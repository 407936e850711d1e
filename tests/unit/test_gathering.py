"""How calls gather into batches between the event loop and the writer thread."""

import threading
from queue import SimpleQueue

from postroom.model import Noun
from postroom.storage.sqlite import gathering
from postroom.storage.sqlite.gathering import Gathering


class Call(Noun, frozen=True, kw_only=True):
    """A call, as far as gathering looks at it."""

    number: int
    may_wait: bool


def a_call(number: int, *, may_wait: bool = False) -> Call:
    return Call(number=number, may_wait=may_wait)


def taken(calls: Gathering[Call]) -> tuple[SimpleQueue[list[int]], threading.Thread]:
    """Take batches out on a thread, as the writer does."""
    batches: SimpleQueue[list[int]] = SimpleQueue()

    def run() -> None:
        for batch in calls.batches():
            batches.put([call.number for call in batch])

    thread = threading.Thread(target=run)
    thread.start()
    return batches, thread


def test_what_came_while_the_thread_was_at_work_is_one_batch_in_its_order() -> None:
    calls: Gathering[Call] = Gathering()
    for number in range(3):
        calls.put(a_call(number))
    batches, thread = taken(calls)
    assert batches.get(timeout=10) == [0, 1, 2]
    calls.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_thread_that_waits_is_woken_by_a_call_of_either_kind() -> None:
    calls: Gathering[Call] = Gathering()
    batches, thread = taken(calls)
    for number in range(200):
        calls.put(a_call(number, may_wait=number % 2 == 0))
        assert batches.get(timeout=10) == [number]
    calls.close()
    thread.join(10)
    assert not thread.is_alive()


def test_no_batch_is_larger_than_the_largest() -> None:
    calls: Gathering[Call] = Gathering()
    for number in range(gathering.LARGEST_BATCH + 1):
        calls.put(a_call(number))
    batches, thread = taken(calls)
    assert len(batches.get(timeout=10)) == gathering.LARGEST_BATCH
    assert batches.get(timeout=10) == [gathering.LARGEST_BATCH]
    calls.close()
    thread.join(10)


def test_what_was_put_before_the_end_is_still_taken_out() -> None:
    calls: Gathering[Call] = Gathering()
    for number in range(5):
        calls.put(a_call(number, may_wait=True))
    calls.close()
    assert [call.number for batch in calls.batches() for call in batch] == [0, 1, 2, 3, 4]


def test_nothing_put_in_by_a_busy_loop_is_left_lying() -> None:
    calls: Gathering[Call] = Gathering()
    batches, thread = taken(calls)
    for number in range(5000):
        calls.put(a_call(number, may_wait=number % 3 != 0))
    calls.close()
    thread.join(30)
    assert not thread.is_alive()
    seen = [number for _ in range(batches.qsize()) for number in batches.get()]
    assert seen == list(range(5000))
