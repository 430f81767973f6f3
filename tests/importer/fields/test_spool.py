"""Checked rows wait in memory or in an unnamed file, and come back as they were."""

from __future__ import annotations

import errno
from dataclasses import replace
from datetime import date
from itertools import count

import pandas as pd
import pyarrow as pa
import pytest
from msgspec import structs

from airflow_provider_socialscrm.importer.fields.mapping import plan_fields
from airflow_provider_socialscrm.importer.fields.prepare import RowPreparer
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.fields.spool import Spool
from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.sources import spool_file
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Source
from airflow_provider_socialscrm.importer.sources.open_source import open_source

CATEGORIES = [f"City {n}" for n in range(1_000)]
TABLE = pd.DataFrame(
    {
        "whatsApp": ["8615266667780", "12", "8615266667781", None, "8615266667782"],
        "agentAccount": list("aabbc"),
        "welcome": ["Hi", None, None, None, "Hello"],
        "sex": ["male", "x", "x", None, "m"],
        "Level": ["Gold", None, "Gold", None, "Silver"],
        "City": pd.Categorical([None, *CATEGORIES[:4]], categories=CATEGORIES),
        "Tags": pd.Series([["a"], 1, "b", None, {"k": 1}], dtype=object),
    }
)


def checked_batches(batch_rows=BATCH_ROWS):
    source, rules = replace(open_source(TABLE), batch_rows=batch_rows), Rules(extension_fields="all")
    plan = plan_fields(source.columns, rules, agent_in_row=False)
    preparer = RowPreparer(plan, rules, False, 10**6, lambda _: 100, TableFacts(date(2026, 11, 26)))
    return [preparer.check(batch) for batch in source.batches()]


def everything_in(batches):
    """Return all that is known of rows, comparable."""
    places, found = count(), []
    for checked in batches:
        prepared = checked.prepared({}, places)
        own = checked.own
        rows = [structs.replace(row, batch=None) for row in prepared.rows]
        found.append((own.start, own.file, own.records.to_pylist(), rows, prepared.invalid, prepared.remarks))
    return found


@pytest.mark.parametrize("memory_bytes", [0, 10**9], ids=["on disk", "in memory"])
def test_rows_come_back_as_they_were_as_often_as_they_are_asked_for(memory_bytes):
    batches, spool = checked_batches(batch_rows=2), Spool(memory_bytes)
    for checked in batches:
        spool.add(checked)
    first, again = everything_in(spool), everything_in(spool)
    spool.close()
    assert first == again == everything_in(batches)
    assert [len(rows) for _, _, _, rows, _, _ in first] == [1, 1, 1]


def test_only_the_categories_that_occur_are_written():
    [checked], spool = checked_batches(), Spool()
    spool.add(checked)
    [held] = spool
    assert len(held.own.records.column("City").dictionary) == 4


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", "b"]).dictionary_encode(),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), bytes(range(16))], pa.binary(16))),
    ],
    ids=["of a dictionary", "of an extension type"],
)
def test_a_dictionary_that_arrow_cannot_read_back_is_held_without_one(values):
    column = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), values)
    [batch] = open_source(pa.table({"whatsApp": ["8615266667780"] * 3, "own": column})).batches()
    [checked], spool = checked_batches(), Spool(memory_bytes=0)
    spool.add(replace(checked, own=batch))
    [held] = spool
    assert held.own.records.column("own").to_pylist() == column.to_pylist()
    spool.close()


def test_the_file_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool(memory_bytes=0)
    for checked in checked_batches():
        spool.add(checked)
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_a_full_disk_is_named_with_what_to_do(monkeypatch):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool_file, "TemporaryFile", full)
    [checked] = checked_batches()
    with pytest.raises(OSError, match=r"No space left on device: .*set TMPDIR to a folder with enough space") as raised:
        Spool(memory_bytes=0).add(checked)
    assert raised.value.errno == errno.ENOSPC


def test_a_missing_folder_for_temporary_files_is_named_with_what_to_do(monkeypatch):
    def nowhere():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(spool_file, "TemporaryFile", nowhere)
    [checked] = checked_batches()
    with pytest.raises(OSError, match=r"No usable temporary directory .*set TMPDIR to a folder with enough space"):
        Spool(memory_bytes=0).add(checked)


def test_a_table_that_is_checked_again_is_read_once_and_decided_by_all_of_its_rows():
    numbers = [str(8615200000000 + n) for n in range(4)]
    reads, whole = count(), open_source(pa.table({"whatsApp": numbers, "sex": list("MMMH")}))

    def read(batch_rows):
        assert next(reads) == 0
        yield from whole.read(batch_rows)

    reader = InputReader(
        Source(whole.columns, "", read, batch_rows=2), Options(), agent_in_row=False, envelope=lambda _: 0
    )
    reader.read()
    bodies = [row.body for batch in reader.prepared_batches() for row in batch.rows]
    assert [b'"sex":"M"' in body for body in bodies] == [True, True, True, False]
