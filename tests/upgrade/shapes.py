"""The shape of a database: what each table, column, index and sequence is, whatever made it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg

Shape = dict[str, object]

# Columns stand in another place where they were added later, and names of partitions may tell
# when they were made.
_OF_POSTGRESQL = {
    "columns": """
        SELECT c.relname || '.' || a.attname,
            format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text || ' '
                || a.attcollation::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            AND a.attnum > 0 AND NOT a.attisdropped""",
    "tables": """
        SELECT relname, relkind::text || ' ' || coalesce(pg_get_expr(relpartbound, oid), '') || ' '
            || coalesce(pg_get_partkeydef(oid), '')
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace
            AND relkind IN ('r', 'p', 'S')""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
    "constraints": """
        SELECT conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
            AND contype <> 'n'""",
}


async def of_postgresql(dsn: str) -> Shape:
    """Return the shape of a database on PostgreSQL."""
    connection = await asyncpg.connect(dsn)
    try:
        return {
            f"{kind} {name}": said
            for kind, query in _OF_POSTGRESQL.items()
            for name, said in await connection.fetch(query)
        }
    finally:
        await connection.close()


def of_sqlite(path: Path) -> Shape:
    """Return the shape of a database file."""
    shape: Shape = {}
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        options = {row[1]: row[4:] for row in connection.execute("PRAGMA table_list")}
        for kind, name, sql in made:
            if kind == "table":
                columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
                shape[f"table {name}"] = (sorted(row[1:] for row in columns), options[name])
            else:
                indexed = connection.execute(f"PRAGMA index_xinfo({name})").fetchall()
                shape[f"index {name}"] = ([row[2:] for row in indexed], sql)
    return shape
