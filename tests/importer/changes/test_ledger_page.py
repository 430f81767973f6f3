"""The page about the ledger: its queries run in DuckDB on a ledger made by the package, and its tables are complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.entries import FIELD, ONCE, TAKEN, Outcome
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import LAYOUT, START, World, read

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "howto" / "only-changes.md").read_text(encoding="utf-8")
SETUP, LAST_NIGHT, KNOWN_BAD, LEFT = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
ANN, BEN, EVE, LEO = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678, 4_915_112_345_679
LEDGER = "/tmp/crm/ledgers/customers"  # noqa: S108 - replaced
HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    yield connection
    connection.close()


def opened(database: duckdb.DuckDBPyConnection, folder: Path) -> duckdb.DuckDBPyConnection:
    assert SETUP.count(LEDGER) == 1
    database.execute(SETUP.replace(LEDGER, str(folder)))
    return database


def second(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp())


def rows(found: Any) -> list[tuple[Any, ...]]:
    return [tuple(second(each) if isinstance(each, datetime) else each for each in row) for row in found.fetchall()]


@pytest.mark.parametrize("is_compacted", [False, True])
def test_the_three_queries_run_on_a_ledger(tmp_path, database, is_compacted):
    now = int(datetime.now(UTC).timestamp())
    world = World(tmp_path)
    world.now = now - 3 * DAY
    world.record(*(Sent(LEO + number, 1) for number in range(1, 30)))
    world.record(Sent(ANN, 1, once=1), Sent(EVE, 1), Sent(LEO, 1))
    world.record(Sent(BEN, 2), outcome=Outcome.REJECTED, code="508", compacting=False)
    world.now = now - HOUR
    world.record(Sent(BEN, 3), outcome=Outcome.REJECTED, code="510", compacting=False)
    writer = world.writer()
    writer.record(Outcome.ACCEPTED, [Sent(ANN, 4)])
    writer.note_presence(world.difference([Sent(ANN, 1), Sent(BEN, 1), *(Sent(LEO + n, 1) for n in range(30))]))
    writer.commit(compacting=False)
    if is_compacted:
        compact(world.store(), "by hand")
    world.close()

    opened(database, tmp_path)

    assert rows(database.sql(LAST_NIGHT)) == [
        (BEN, "rejected", "510", now - HOUR),
        (ANN, "accepted", None, now - HOUR),
    ]
    assert rows(database.sql(KNOWN_BAD)) == [(BEN, "510", now - 3 * DAY)]
    assert rows(database.sql(LEFT)) == [(EVE, now - HOUR)]


def test_the_view_has_what_an_import_finds_whatever_happened(tmp_path, database):
    """Random answers and events, with files of old generations and of a killed compaction in the folder."""
    random = np.random.default_rng(13)
    world = World(tmp_path)
    for turn in range(30):
        world.now += HOUR
        writer = world.writer()
        for _ in range(4):
            world.now += 1
            outcome = Outcome(int(random.integers(1, 4)))
            key = ANN + int(random.integers(12))
            writer.record(
                outcome,
                [Sent(key, int(random.integers(3)))],
                None if outcome == 1 else f"{random.integers(500, 503)}",
            )
        world.now += 1
        keys = set((ANN + random.integers(12, size=8)).tolist())
        writer.note_presence(world.difference([Sent(key, 1) for key in keys]))
        writer.commit(compacting=turn in {5, 12})
        world.close()
    killed = tmp_path / "base/000" / f"{START}-9999999-0a0b0c0d.parquet"
    killed.write_bytes(b"hal")

    found = opened(database, tmp_path).sql("select number, outcome, code, answered_at, since, gone_at from customers")

    store = world.store()
    codec = store.codec(LAYOUT)
    newest = store.newest()
    assert newest.logs
    expected = {
        (
            int(entry["key"]),
            Outcome(entry["outcome"]).name.lower(),
            codec.codes.texts[entry["code"]] or None,
            int(entry["seen"]),
            int(entry["first"]),
            int(entry["gone"]),
        )
        for entry in read(store)
    }
    assert {(*row[:5], row[5] or 0) for row in rows(found)} == expected


def test_the_page_has_each_argument_with_its_default():
    section = PAGE.split("## Arguments\n")[1].split("\n## ")[0]
    table = {
        name: (default, meaning)
        for name, default, meaning in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", section, re.MULTILINE)
    }

    assert list(table) == [each.name for each in fields(Ledger)]
    for each in fields(Ledger):
        default = table[each.name][0]
        if each.default is MISSING:
            assert default == "required"
        elif each.default is None or each.default == ():
            assert default in {"none", "never"}
        else:
            shown = repr(each.default).replace("'", '"')
            assert default == f"`{shown}`"


def test_the_page_has_each_column(tmp_path):
    world = World(tmp_path)
    world.record(Sent(ANN, 1, once=1))
    (base,) = (tmp_path / "base").rglob("*.parquet")
    names = duckdb.sql(f"from read_parquet('{base}')").columns
    section = PAGE.split("## What is kept\n")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `(\w+?)(_<field>)?` \|", section, re.MULTILINE)

    general = {name for name, is_field in documented if not is_field}
    prefixes = {f"{name}_" for name, is_field in documented if is_field}
    assert prefixes == {ONCE, TAKEN, FIELD}
    assert {name for name in names if not name.startswith(tuple(prefixes))} == general
