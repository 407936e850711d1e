"""What is particular to the store on PostgreSQL: its faults, and how it gets over them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from tests.contract import postgres
from tests.contract.store_cast import (
    A1,
    AUDIT,
    DONE,
    T0,
    envelope,
    event_id,
    kept,
    notification,
    owed,
    put,
    recording,
    settlement,
)

from postroom.errors import InvalidInputError, UnavailableError
from postroom.model import DeliveryState
from postroom.storage import kept_queries, migrations
from postroom.storage.port import EnvelopeQuery, KeptObject, Life, NotificationQuery
from postroom.storage.postgres import (
    PostgresStore,
    lease,
    lines,
    locks,
    open_store,
    questions,
    record,
    settle,
    tables,
    writer,
)
from postroom.storage.postgres.writer import Lane, Transaction
from postroom.storage.schema import metadata

SECRET = "hunter2"
_PAYLOAD = ("notification_pkey", "envelope_pkey", "content_0_pkey", "content_rest_pkey")


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def dsn(stack: AsyncExitStack) -> str:
    dsn = await postgres.server().new_database()
    stack.push_async_callback(postgres.server().give_back, dsn)
    return dsn


@pytest.fixture
async def node(dsn: str, stack: AsyncExitStack) -> PostgresStore:
    store = await open_store(dsn)
    stack.push_async_callback(store.close)
    await store.change([put("erp"), put("crm")], AUDIT)
    return store


def _lanes(store: PostgresStore) -> list[Lane]:
    return [store._arrivals, store._attempts, store._people]


# --- commits ------------------------------------------------------------------------------------


async def test_every_commit_reaches_the_disk(node: PostgresStore) -> None:
    async def ask(tx: Transaction) -> str:
        return str(await tx.sql.fetchval("SHOW synchronous_commit"))

    assert {await lane.do(ask) for lane in _lanes(node)} == {"on"}


async def test_a_server_told_to_skip_the_disk_does_not(dsn: str, stack: AsyncExitStack) -> None:
    careless = await open_store(f"{dsn}&options=-csynchronous_commit%3Doff")
    stack.push_async_callback(careless.close)

    async def ask(tx: Transaction) -> str:
        return str(await tx.sql.fetchval("SHOW synchronous_commit"))

    assert await careless._people.do(ask) == "on"


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many notifications each commit keeps, once there are any."""
    kept: list[int] = []
    ending = Transaction.ending

    def count(tx: Transaction) -> str:
        kept.append(tx.notifications)
        return ending(tx)

    monkeypatch.setattr(Transaction, "ending", count)
    return kept


async def test_concurrent_recordings_share_commits(node: PostgresStore, commits: list[int]) -> None:
    await asyncio.gather(*(node.record(recording(notification(n), 1)) for n in range(200)))
    assert len(commits) < 10


async def test_commits_are_shared_as_far_as_a_statement_can_carry(
    node: PostgresStore, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LARGEST_BATCH_BYTES", 10_000)
    sizes = (4_000, 6_000, 1, 40_000, 9_999, 1)
    large = [notification(n, body=b"x" * size) for n, size in enumerate(sizes)]
    await asyncio.gather(*(node.record(recording(one, 1)) for one in large))
    assert commits == [2, 1, 1, 2]


async def test_a_question_cannot_write(node: PostgresStore) -> None:
    with pytest.raises(UnavailableError):
        await node._reader.read(lambda sql: sql.execute("DELETE FROM tally"))
    assert await node.revision() == 1


_BY_KEYS = {
    lease._READY: {"delivery_due"},
    lease._TAKE: {"delivery_pkey", *_PAYLOAD},
    lease._EXTEND: {"delivery_pkey"},
    lease._FREE: {"delivery_pkey"},
    lease._NEXT: {"delivery_due"},
    settle._WRITE: {"delivery_pkey", "delivery_open"},
    settle._PROMOTE: {"delivery_pkey", *_PAYLOAD},
    record._KNOWN: {
        *("delivery_open", "envelope_by_id", "notification_by_id", "tally_pkey"),
        "notification_by_envelope",
    },
    lines._FIRST: {"delivery_open"},
    lines._DUE: {"delivery_open"},
    lines.STEP_BACK: {"delivery_pkey"},
    lines._MARK_LATE: {"delivery_open"},
    lines._LATER_DELIVERED: {"notification_by_envelope", "delivery_by_notification"},
    locks._OF_DELIVERIES: {"delivery_pkey", "envelope_pkey"},
}


@pytest.mark.parametrize("envelopes", [0, 20])
async def test_hot_statements_find_their_rows_by_keys_from_the_first_one_on(
    stack: AsyncExitStack, envelopes: int
) -> None:
    """Never analysed, or as early as a server does it by itself: such a plan serves many more."""
    dsn = await postgres.server().bare_database()
    node = await open_store(dsn)
    stack.push_async_callback(node.close)
    for n in range(1, envelopes + 1):
        await node.record(recording(notification(n, envelope_id=f"envelope-{n}"), 1, 2, 3))
    if envelopes:
        connection = await asyncpg.connect(dsn)
        await connection.execute("ANALYZE")
        await connection.close()

    async def plan(tx: Transaction, statement: str) -> str:
        await tx.sql.execute(f"PREPARE asked AS {statement}")
        values = ", ".join(["NULL"] * max(map(int, re.findall(r"\$(\d+)", statement))))
        rows = await tx.sql.fetch(f"EXPLAIN EXECUTE asked ({values})")
        await tx.sql.execute("DEALLOCATE asked")
        return "\n".join(row[0] for row in rows)

    for statement, indexes in _BY_KEYS.items():
        steps = await node._attempts.do(partial(plan, statement=statement))
        scans = re.findall(r"(?:Scan using|Backward using|Index Scan on) (\w+)", steps)
        assert set(scans) == indexes, steps
        assert steps.count("Index Cond") == len(scans), steps
        assert "Seq Scan" not in steps, steps


# --- what the database does not hold as it is -----------------------------------------------------


async def test_a_nul_in_a_text_is_kept_as_its_symbol(node: PostgresStore) -> None:
    """PostgreSQL's texts hold no NUL; the message itself is bytes and stays as it came."""
    odd = notification(1, event="envelope-\x00", recipient_id="\x00", body=b'"\\u0000\x00"')
    sound = [recording(notification(n), 1) for n in range(2, 5)]

    recorded = await asyncio.gather(
        node.record(recording(odd, 1)), *(node.record(one) for one in sound)
    )

    assert not any(one.is_duplicate for one in recorded)
    stored = await node.notification(event_id(1))
    assert stored is not None
    assert stored.notification.event == "envelope-\N{SYMBOL FOR NULL}"
    assert stored.notification.body == odd.body
    assert (await node.record(recording(odd, 1))).is_duplicate
    lived = await node.live(Life(envelope=kept(1, subject="a\x00b", fields=(("n", "\x00"),))))
    assert lived.was_current
    leased = await node.lease(1, limit=1, now=T0 + 10**9, leased_until=T0 + 10**10, token=1)
    settled = await node.settle(settlement(leased[0], DONE))
    assert settled.was_ours


async def test_what_no_text_can_be_is_refused_where_people_ask(node: PostgresStore) -> None:
    with pytest.raises(InvalidInputError, match="NUL"):
        await node.notifications(NotificationQuery(account_id="\x00"))
    odd = KeptObject(kind="template", account_id=A1, id="\x00", body=b"", updated_at=T0)
    with pytest.raises(InvalidInputError, match="NUL"):
        await node.keep_object(odd)
    assert await node.revision() == 1


async def test_a_field_too_long_for_an_index_is_found_all_the_same(node: PostgresStore) -> None:
    name, value = "n" * 3000, "\N{GRINNING FACE}" * 3000
    for number, field in ((1, (name, value)), (2, (name, value[:-1] + "!"))):
        await node.live(Life(envelope=kept(number, fields=(field,))))
    found, _ = await node.kept_envelopes(EnvelopeQuery(account_id=A1, field=(name, value)))
    assert [one.id for one in found] == [envelope(1)]
    await node.live(Life(envelope=kept(1, revision=2)))
    assert (await node.kept_envelopes(EnvelopeQuery(account_id=A1, field=(name, value))))[1] == 0


async def test_a_key_beyond_every_index_is_refused_and_spoils_nothing(node: PostgresStore) -> None:
    endless = "".join(f"{number:x}" for number in range(20_000))
    outcomes = await asyncio.gather(
        node.record(recording(notification(1), 1)),
        node.record(recording(notification(2, envelope_id=endless), 1)),
        node.record(recording(notification(3), 1)),
        return_exceptions=True,
    )
    assert [isinstance(one, InvalidInputError) for one in outcomes] == [False, True, False]
    assert "too long" in str(outcomes[1])
    assert (await node.counts()).notifications == 2


async def test_a_question_of_very_many_values_is_four_parameters(node: PostgresStore) -> None:
    """One each would be more than the protocol carries, and take minutes to write down."""
    many = tuple(str(number) for number in range(10_000))
    query = EnvelopeQuery(
        account_id=A1, ids=many, transaction_ids=many, statuses=many, folders=many
    )
    text, values = questions._compiled(kept_queries.envelopes(query))
    assert len(values) < 10
    assert "IN (" not in text.replace("IN (SELECT", "")
    assert await node.kept_envelopes(query) == ([], 0)


# --- faults ---------------------------------------------------------------------------------------


async def test_lost_connections_come_back_by_themselves(dsn: str, node: PostgresStore) -> None:
    for number in range(3):
        await postgres.server().cut_off(dsn)
        fresh = recording(notification(number, envelope_id=envelope(number)), 1, leased=[1])
        (leased,) = (await node.record(fresh)).leases
        assert (await node.settle(settlement(leased))).was_ours
        assert await node.revision() == 1


async def test_a_connection_lost_under_way_fails_its_calls_and_no_later_one(
    dsn: str, node: PostgresStore
) -> None:
    begun = asyncio.Event()

    async def never_ends(tx: Transaction) -> None:
        await tx.sql.execute("UPDATE tally SET registry_revision = 99")
        begun.set()
        await tx.sql.execute("SELECT pg_sleep(60)")

    lost = asyncio.create_task(node._arrivals.do(never_ends))
    await begun.wait()
    queued = asyncio.create_task(node.record(recording(notification(1), 1)))
    await postgres.server().cut_off(dsn)
    with pytest.raises(UnavailableError, match="PostgreSQL"):
        await lost
    assert not (await queued).is_duplicate
    assert await node.revision() == 1


async def test_a_server_that_is_killed_and_started_again_has_lost_nothing_it_kept(
    node: PostgresStore,
) -> None:
    said: list[str] = []
    refused = 0
    has_said_much, is_up_again = asyncio.Event(), asyncio.Event()

    async def keep(first: int) -> None:
        nonlocal refused
        for number in range(first, first + 10_000):
            fresh = notification(number, envelope_id=envelope(number % 5))
            try:
                await node.record(recording(fresh, 1, 2, leased=[1]))
            except UnavailableError:
                refused += 1
                await is_up_again.wait()
                # The sender tries again: what had been kept after all is a repeat.
                await node.record(recording(fresh, 1, 2, leased=[1]))
                said.append(fresh.id)
                return
            said.append(fresh.id)
            if len(said) == 200:
                has_said_much.set()

    tasks = [asyncio.create_task(keep(task * 10_000)) for task in range(16)]
    await has_said_much.wait()
    await asyncio.to_thread(postgres.server().kill)
    with pytest.raises(UnavailableError):
        await node.revision()
    await asyncio.to_thread(postgres.server().start)
    is_up_again.set()
    await asyncio.gather(*tasks)

    assert refused == len(tasks)
    every = await node.notifications(NotificationQuery(limit=100_000))
    assert {one.notification.id for one in every} >= set(said)
    counts = await node.counts()
    assert counts.notifications == len(every)
    for listener_id in (1, 2):
        assert len(await owed(node, listener_id)) == min(len(every), 1000)
    states = [one.state for one in await owed(node, 2)]
    assert states.count(DeliveryState.DUE) == 5


async def test_a_closed_store_says_so(dsn: str) -> None:
    store = await open_store(dsn)
    await store.close()
    await store.close()
    with pytest.raises(UnavailableError, match="closed"):
        await store.record(recording(notification(1)))
    with pytest.raises(UnavailableError, match="closed"):
        await store.revision()


async def test_closing_finishes_what_was_begun(dsn: str) -> None:
    store = await open_store(dsn)
    begun = [asyncio.create_task(store.record(recording(notification(n)))) for n in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert not any(one.is_duplicate for one in await asyncio.gather(*begun))
    again = await open_store(dsn)
    assert (await again.counts()).notifications == 100
    await again.close()


# --- opening --------------------------------------------------------------------------------------


async def test_nodes_that_open_a_new_database_at_once_do_not_get_in_each_others_way() -> None:
    dsn = await postgres.server().bare_database()
    stores = await asyncio.gather(*(open_store(dsn) for _ in range(4)))
    assert [await store.revision() for store in stores] == [0] * 4
    for store in stores:
        await store.close()


async def test_a_database_of_another_program_is_refused_and_left_alone() -> None:
    dsn = await postgres.server().bare_database()
    await _execute(dsn, "CREATE TABLE theirs (id int)")
    with pytest.raises(InvalidInputError, match="another program's"):
        await open_store(dsn)
    assert await _tables(dsn) == {"theirs"}


async def test_a_database_of_a_newer_release_is_refused() -> None:
    dsn = await postgres.server().bare_database()
    await (await open_store(dsn)).close()
    await _execute(dsn, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InvalidInputError, match="newer"):
        await open_store(dsn)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("@/t", "@/nowhere_t"), UnavailableError, "no such database"),
        (("host=/tmp", "host=/nowhere"), UnavailableError, "cannot be reached"),
        (("postgres@", "nobody@"), UnavailableError, "refuses the user"),
        (("postgresql:", "mysql:"), InvalidInputError, "DSN"),
        (("postgres@/", "postgres@:none/"), InvalidInputError, "DSN"),
    ],
)
async def test_a_database_that_cannot_be_opened_is_said_why_without_the_password(
    dsn: str, change: tuple[str, str], error: type[Exception], words: str
) -> None:
    wrong = dsn.replace(*change).replace("@", f":{SECRET}@")
    with pytest.raises(error, match=words) as raised:
        await open_store(wrong)
    assert SECRET not in str(raised.value)


async def test_of_several_hosts_the_one_that_writes_is_taken(
    dsn: str, stack: AsyncExitStack
) -> None:
    several = dsn.replace("host=", "host=/nowhere,") + "&target_session_attrs=read-write"
    store = await open_store(several)
    stack.push_async_callback(store.close)
    assert await store.revision() == 0


# --- the tables -----------------------------------------------------------------------------------


async def test_a_migrated_database_has_the_shape_of_a_fresh_one() -> None:
    migrated, fresh = [await postgres.server().bare_database() for _ in range(2)]
    await tables.prepare(migrated)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    made: list[str] = []

    def write(ddl: Any, *_: object, **__: object) -> None:
        made.append(str(ddl.compile(dialect=dialect)))

    engine = sa.create_mock_engine("postgresql://", write)
    metadata.create_all(engine, checkfirst=False)
    await _execute(fresh, ";".join(made))

    assert await _shape(migrated) == await _shape(fresh)


async def test_a_database_of_the_release_before_is_brought_up_to_date() -> None:
    dsn = await postgres.server().bare_database()
    await _execute(dsn, migrations.script("postgresql", None, "0002"))
    store = await open_store(dsn)
    await store.record(recording(notification(1)))
    assert (await store.counts()).notifications == 1
    await store.close()


async def _execute(dsn: str, statement: str) -> None:
    connected = await asyncpg.connect(dsn)
    await connected.execute(statement)
    await connected.close()


async def _fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    connected = await asyncpg.connect(dsn)
    rows = [tuple(row) for row in await connected.fetch(query)]
    await connected.close()
    return rows


async def _tables(dsn: str) -> set[object]:
    found = await _fetch(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row[0] for row in found}


async def _shape(dsn: str) -> list[tuple[object, ...]]:
    """Return every column, index, sequence, partition and option, but for Alembic's own."""
    columns = await _fetch(
        dsn,
        "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default,"
        " collation_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name <> 'alembic_version' ORDER BY 1, 2",
    )
    indexes = await _fetch(
        dsn,
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " AND tablename <> 'alembic_version' ORDER BY 1",
    )
    sequences = await _fetch(
        dsn, "SELECT sequencename, data_type::text FROM pg_sequences ORDER BY 1"
    )
    tables = await _fetch(
        dsn,
        "SELECT relname, reloptions, pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid)"
        " FROM pg_class WHERE relkind IN ('r', 'p') AND relname <> 'alembic_version'"
        " AND relnamespace = 'public'::regnamespace ORDER BY 1",
    )
    return [*columns, *indexes, *sequences, *tables]
