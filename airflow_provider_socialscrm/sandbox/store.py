"""The customers, in SQLite: in memory or in a file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec

IN_MEMORY = ":memory:"

SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    whatsapp TEXT NOT NULL,
    agent TEXT NOT NULL,
    fields TEXT NOT NULL,
    tags TEXT NOT NULL,
    times_imported INTEGER NOT NULL,
    welcomes INTEGER NOT NULL,
    first_at REAL NOT NULL,
    last_at REAL NOT NULL,
    UNIQUE (tenant_id, whatsapp)
)
"""
COLUMNS = "whatsapp, agent, fields, tags, times_imported, welcomes, first_at, last_at"
UPSERT = f"""
INSERT INTO customers (tenant_id, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, whatsapp) DO UPDATE SET
    agent = excluded.agent, fields = excluded.fields, tags = excluded.tags,
    times_imported = excluded.times_imported, welcomes = excluded.welcomes, last_at = excluded.last_at
"""  # noqa: S608 - constants only
FOUND = "(? = '' OR instr(whatsapp, ?) OR instr(lower(ifnull(json_extract(fields, '$.friendName'), '')), lower(?)))"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of an import.

    :param whatsapp: the customer's number as sent, "" when there is none
    :param agent: login of the agent who gets the customer
    :param fields: the row's other fields, exactly as sent
    """

    whatsapp: str
    agent: str
    fields: dict[str, str]


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """One customer as the CRM has it.

    :param whatsapp: the number; in JSON ``whatsApp``
    :param agent: the agent login of the last import, who takes the customer over (our assumption)
    :param fields: the row's other fields, values exactly as received; a later import overwrites the fields it gives
        and no others (our assumption, vendor API 3.5)
    :param tags: names added by ``tabName`` and not removed by ``cancelTabName``, in order of arrival
    :param times_imported: rows stored for this number
    :param welcomes: welcome messages sent: rows stored with a ``welcome`` that is not empty
    :param first_at: first import, seconds since the epoch by the server's clock
    :param last_at: last import, likewise
    """

    whatsapp: str = msgspec.field(name="whatsApp")
    agent: str
    fields: dict[str, str]
    tags: list[str]
    times_imported: int
    welcomes: int
    first_at: float
    last_at: float


class CustomerStore:
    """Customers by company and number. One connection, one lock: safe to use from several threads.

    :param database: path of the SQLite file, created when it does not exist; default in memory
    """

    def __init__(self, database: str = IN_MEMORY) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(database, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(SCHEMA)

    def commit(self, tenant_id: str, rows: Sequence[ImportRow], at: float) -> None:
        """Store the rows of one call in one transaction: create new customers, update known ones.

        :param at: seconds since the epoch
        """
        with self._lock, self._connection:
            customers = self._known(tenant_id, {row.whatsapp for row in rows})
            for row in rows:
                customers[row.whatsapp] = _merged(customers.get(row.whatsapp), row, at)
            self._connection.executemany(UPSERT, ((tenant_id, *_values(customer)) for customer in customers.values()))

    def customers(self, limit: int | None = None) -> list[Customer]:
        """Return the customers in order of first import.

        :param limit: how many at most; default all
        """
        return self._select("ORDER BY id LIMIT ?", (-1 if limit is None else limit,))

    def search(self, text: str, *, offset: int, limit: int) -> list[Customer]:
        """Return a page of the customers whose number or name contains a text, newest first; "" finds all."""
        return self._select(f"WHERE {FOUND} ORDER BY id DESC LIMIT ? OFFSET ?", (text, text, text, limit, offset))

    def clear_owners(self, tenant_id: str, numbers: Iterable[str]) -> set[str]:
        """Leave customers without an owner, and return the numbers of those who are known."""
        with self._lock, self._connection:
            known = self._known(tenant_id, set(numbers))
            self._connection.executemany(
                "UPDATE customers SET agent = '' WHERE tenant_id = ? AND whatsapp = ?",
                [(tenant_id, number) for number in known],
            )
        return set(known)

    def known(self, tenant_id: str, numbers: Iterable[str]) -> set[str]:
        """Return which of some numbers are customers'."""
        with self._lock:
            return set(self._known(tenant_id, set(numbers)))

    def count(self, text: str = "") -> int:
        """Return how many customers :meth:`search` finds."""
        return int(self._rows(f"SELECT count(*) FROM customers WHERE {FOUND}", (text, text, text))[0][0])  # noqa: S608

    def count_by_agent(self) -> dict[str, int]:
        """Return how many customers each agent has."""
        return dict(self._rows("SELECT agent, count(*) FROM customers GROUP BY agent ORDER BY agent"))

    def clear(self) -> None:
        """Forget all customers."""
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM customers")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def _known(self, tenant_id: str, numbers: Iterable[str]) -> dict[str, Customer]:
        query = f"SELECT {COLUMNS} FROM customers WHERE tenant_id = ? AND whatsapp IN (SELECT value FROM json_each(?))"  # noqa: S608
        with closing(self._connection.execute(query, (tenant_id, _json(sorted(numbers))))) as cursor:
            return {row[0]: _customer(row) for row in cursor}

    def _select(self, rest: str, arguments: tuple[Any, ...]) -> list[Customer]:
        return [_customer(row) for row in self._rows(f"SELECT {COLUMNS} FROM customers {rest}", arguments)]  # noqa: S608

    def _rows(self, query: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, closing(self._connection.execute(query, arguments)) as cursor:
            return cursor.fetchall()


def _merged(known: Customer | None, row: ImportRow, at: float) -> Customer:
    removed = _names(row.fields.get("cancelTabName", ""))
    tags = [*(known.tags if known else ()), *_names(row.fields.get("tabName", ""))]
    return Customer(
        whatsapp=row.whatsapp,
        agent=row.agent,
        fields={**(known.fields if known else {}), **row.fields},
        tags=[tag for tag in dict.fromkeys(tags) if tag not in removed],
        times_imported=(known.times_imported if known else 0) + 1,
        welcomes=(known.welcomes if known else 0) + bool(row.fields.get("welcome")),
        first_at=known.first_at if known else at,
        last_at=at,
    )


def _names(text: str) -> list[str]:
    """Split tag names at ASCII commas (vendor API 3.2)."""
    return [name for name in (part.strip() for part in text.split(",")) if name]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _values(customer: Customer) -> tuple[Any, ...]:
    return (
        customer.whatsapp,
        customer.agent,
        _json(customer.fields),
        _json(customer.tags),
        customer.times_imported,
        customer.welcomes,
        customer.first_at,
        customer.last_at,
    )


def _customer(row: tuple[Any, ...]) -> Customer:
    whatsapp, agent, fields, tags, times_imported, welcomes, first_at, last_at = row
    return Customer(
        whatsapp=whatsapp,
        agent=agent,
        fields=msgspec.json.decode(fields),
        tags=msgspec.json.decode(tags),
        times_imported=times_imported,
        welcomes=welcomes,
        first_at=first_at,
        last_at=last_at,
    )
