"""A dead letter that is given back as data has the cells that the first data had, however it is read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.identity import OUTSIDE_AIRFLOW, ImportIdentity
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN, OWN_COLUMNS, Bucket, Reason
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter, delete_parts
from airflow_provider_socialscrm.importer.sources.open_source import open_source

FORMATS = [".csv", ".parquet", ".jsonl"]
NAMES = ("whatsApp", "friendName", "=desc", "'@x")
ROWS = [
    ("+8615266667780", "=cmd|' /C calc'!A0", "-1", "'+1"),
    ("8615266667781", "'s-Hertogenbosch", None, "''"),
    ("+86 152 6666 7782", "@Ann", "x", "a"),
]


def table_of(names: Iterable[str], rows: Sequence[tuple[str | None, ...]]) -> pa.Table:
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return pa.table({name: pa.array(column, pa.string()) for name, column in columns})


TABLE = table_of(NAMES, ROWS)


def write(table: pa.Table, path: Path, identity: ImportIdentity = OUTSIDE_AIRFLOW) -> None:
    letter = DeadLetter(path, table.schema.names, lambda _: False, identity=identity)
    for batch in open_source(table).batches():
        for position in range(batch.records.num_rows):
            letter.add(batch, position, Bucket.REJECTED, Reason(533, "=Wrong.", "Fix it."))
    letter.close()
    delete_parts(path, identity)


def cells(data: object) -> list[dict[str, str | None]]:
    """Return the rows without what a dead letter adds."""
    rows = [row for batch in open_source(data).batches() for row in batch.records.to_pylist()]
    return [{name: value or None for name, value in row.items() if name not in OWN_COLUMNS} for row in rows]


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_format_comes_back_as_it_was(tmp_path, suffix):
    write(TABLE, tmp_path / f"rejects{suffix}")

    assert cells(tmp_path / f"rejects{suffix}") == TABLE.to_pylist()
    (batch,) = open_source(tmp_path / f"rejects{suffix}").batches()
    assert batch.records[IMPORT_COLUMN].to_pylist() == [OUTSIDE_AIRFLOW.owner] * 3


def test_no_cell_of_a_csv_file_nor_its_header_is_computed(tmp_path):
    write(TABLE, tmp_path / "rejects.csv")

    with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        written = [cell for row in csv.reader(file) for cell in row]
    assert "'+8615266667780" in written
    assert "'=desc" in written
    assert [cell for cell in written if cell[:1] in set("=+-@\t\r\n")] == []


def test_a_frame_that_pandas_read_from_the_file_comes_back_as_well(tmp_path):
    table = TABLE.select(["whatsApp", "friendName"])
    write(table, tmp_path / "rejects.csv")

    frame = pd.read_csv(tmp_path / "rejects.csv", dtype=str, keep_default_na=False)

    assert frame["whatsApp"][0] == "'+8615266667780"
    assert cells(frame) == cells(table)
    assert cells(frame[frame["socialscrm_position"] == "2"]) == cells(table)[2:]
    assert cells(frame.to_dict("records")) == cells(table)


def test_rows_of_several_formats_together_come_back_each_as_it_was(tmp_path):
    write(TABLE, tmp_path / "1.csv")
    write(TABLE, tmp_path / "2.parquet")
    both = pa.concat_tables(
        [
            pa.Table.from_batches([batch.records for batch in open_source(path).batches()])
            for path in sorted(tmp_path.iterdir())
        ]
    )

    assert cells(both) == TABLE.to_pylist() * 2


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_users_own_file_is_never_unescaped(tmp_path, suffix):
    own = pa.table({"whatsApp": ["'+8615266667780"], "'=x": ["''=1"], "socialscrm_position": ["'1"]})
    path = tmp_path / f"own{suffix}"
    if suffix == ".csv":
        own.to_pandas().to_csv(path, index=False)
    elif suffix == ".parquet":
        own.to_pandas().to_parquet(path, index=False)
    else:
        own.to_pandas().to_json(path, orient="records", lines=True)

    (batch,) = open_source(path).batches()
    assert batch.records.to_pylist() == own.to_pylist()
    assert [b.records.to_pylist() for b in open_source(own.to_pandas()).batches()] == [own.to_pylist()]


def test_a_file_that_a_person_corrected_has_the_corrections(tmp_path):
    write(TABLE, tmp_path / "rejects.csv")
    with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["whatsApp"], rows[1]["friendName"] = "+8615266667799", "'t Hart"
    with (tmp_path / "fixed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([*rows, dict.fromkeys(rows[0], "") | {"whatsApp": "'+1"}])

    found = cells(tmp_path / "fixed.csv")

    assert (found[0]["whatsApp"], found[1]["friendName"]) == ("+8615266667799", "'t Hart")
    assert found[2] == TABLE.to_pylist()[2]
    assert found[3]["whatsApp"] == "'+1"  # a row that no import wrote


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_folders_of_a_dead_letter_are_not_columns(tmp_path, suffix):
    identity = ImportIdentity("import", "nightly", "monday", 3)
    path = tmp_path.joinpath(*identity.folders, f"rejects{suffix}")
    write(TABLE, path, identity)

    for data in (path, tmp_path / "*" / "*" / "*" / "*" / f"*{suffix}"):
        assert open_source(data).columns == (*NAMES, *OWN_COLUMNS)


readable = st.text(st.characters(exclude_categories=["Cs"]))
risky = st.from_regex(r"'*[=+\-@\t\r' ]\+?[0-9]{0,3}", fullmatch=True)
values = st.none() | readable | risky


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_cell_comes_back_through_any_number_of_dead_letters(tmp_path, suffix):
    @given(st.lists(st.tuples(values, values), min_size=1, max_size=5))
    def comes_back(rows):
        table = table_of("ab", rows)
        first, second = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
        write(table, first)
        once = pa.Table.from_batches([batch.records for batch in open_source(first).batches()])
        write(once, second)
        expected = [as_text(table[name].combine_chunks()).to_pylist() for name in "ab"]
        assert cells(second) == [dict(zip("ab", row, strict=True)) for row in zip(*expected, strict=True)]

    comes_back()
