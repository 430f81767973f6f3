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
from airflow_provider_socialscrm.importer.errors import InputError
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


CHINESE = table_of(
    ["mobile", "full_name", "note"], [("123", "\u674e\u660e", "a,b"), ("+8615266667780", "M\u00fcller", "c;d")]
)
TWO_BYTES = table_of(["mobile", "full_name"], [("123", "\u901a")])
"""In GB18030 this name is valid UTF-8, too."""


def saved(path: Path, encoding: str = "utf-8", delimiter: str = ",", table: pa.Table = CHINESE) -> Path:
    """Write a dead letter, and save it again as a spreadsheet does."""
    write(table, path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


@pytest.mark.one_in(3)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "cp1252", "cp1251", "utf-16", "shift_jis", "cp037"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_form_of_the_first_input_does_not_garble_a_dead_letter(tmp_path, caplog, suffix, encoding, delimiter):
    for table in (CHINESE, TWO_BYTES, table_of(["mobile", "full_name"], [("1", "M\u00fcller")])):
        path = tmp_path / f"rejects{suffix}"
        write(table, path)
        source = open_source(path, encoding=encoding, delimiter=delimiter)
        rows = [row for batch in source.batches() for row in batch.records.to_pylist()]
        assert [{name: row[name] for name in table.schema.names} for row in rows] == table.to_pylist()
        path.unlink()

    is_other = (encoding != "utf-8", suffix == ".csv" and delimiter != ",")
    assert len(caplog.messages) == 3 * (suffix != ".parquet" and any(is_other))
    for message in caplog.messages:
        assert "is a dead letter of an import, so it is read as it was written: " in message
        assert (f"as UTF-8, not in encoding={encoding!r}" in message) == is_other[0]
        assert (f"with delimiter=',', not {delimiter!r}" in message) == is_other[1]


def test_a_dead_letter_is_known_among_other_files_of_a_pattern(tmp_path):
    (tmp_path / "1.csv").write_bytes("mobile;full_name\n123;\u674e\u660e\n".encode("gb18030"))
    write(CHINESE, tmp_path / "2.csv")

    source = open_source(tmp_path / "*.csv", encoding="gb18030", delimiter=";")

    names = [row["full_name"] for batch in source.batches() for row in batch.records.to_pylist()]
    assert names == ["\u674e\u660e", "\u674e\u660e", "M\u00fcller"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("given", [{}, {"encoding": "gb18030", "delimiter": ";"}])
def test_a_dead_letter_that_a_spreadsheet_saved_as_utf_8_comes_back(tmp_path, delimiter, mark, given):
    path = saved(tmp_path / "rejects.csv", mark, delimiter)

    rows = [row for batch in open_source(path, **given).batches() for row in batch.records.to_pylist()]

    assert [{name: row[name] for name in CHINESE.schema.names} for row in rows] == CHINESE.to_pylist()


@pytest.mark.parametrize("given", [{}, {"encoding": "gb18030"}, {"encoding": "cp1252"}])
def test_a_dead_letter_in_an_encoding_of_the_computer_is_refused(tmp_path, given):
    path = saved(tmp_path / "rejects.csv", "gb18030")

    with pytest.raises(
        InputError, match=r"another program has saved, and not as UTF-8\. Save it as UTF-8, which"
    ) as caught:
        open_source(path, **given)
    assert "\u674e" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_dead_letter_that_can_be_read_in_two_encodings_is_refused(tmp_path, encoding):
    table = TWO_BYTES if encoding == "gb18030" else table_of(["mobile", "full_name"], [("1", "Jos\u00e9")])
    path = saved(tmp_path / "rejects.csv", encoding, table=table)

    with pytest.raises(InputError, match=r"its text can be UTF-8 or GB18030\. Save it as UTF-8 with a byte order mark"):
        open_source(path, encoding="gb18030")


def test_a_dead_letter_saved_as_unicode_text_is_read_with_its_own_arguments(tmp_path):
    path = saved(tmp_path / "rejects.csv", "utf-16", "\t")

    source = open_source(path, encoding="utf-16", delimiter="\t")
    rows = [row for batch in source.batches() for row in batch.records.to_pylist()]
    assert [row["full_name"] for row in rows] == ["\u674e\u660e", "M\u00fcller"]


def test_a_users_own_file_is_read_by_its_arguments(tmp_path, caplog):
    path = tmp_path / "own.csv"
    path.write_bytes("mobile;socialscrm_import_name\n1;\u674e\u660e\n".encode("gb18030"))

    (batch,) = open_source(path, encoding="gb18030", delimiter=";").batches()

    assert batch.records.to_pylist() == [{"mobile": "1", "socialscrm_import_name": "\u674e\u660e"}]
    assert caplog.messages == []
