"""Rows that were not imported are written with the reason, and the file can be imported again."""

from __future__ import annotations

import datetime as dt
import errno
import json
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.identity import OUTSIDE_AIRFLOW
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.reasons import OWN_COLUMNS, Bucket, Reason
from airflow_provider_socialscrm.importer.results.dead_letter import FLUSH_ROWS, DeadLetter, delete_parts
from airflow_provider_socialscrm.importer.sources.base import Source
from airflow_provider_socialscrm.importer.sources.open_source import open_source

FORMATS = [".csv", ".parquet", ".jsonl"]
CAUSE = Reason(532, 'A "quoted" meaning,\nof two lines.', "Fix it.")
NUMBER = "8615266667780"


class NoStrerror(PurePosixPath):
    """A path of a storage whose errors say it in their text only."""

    def open(self, _mode):
        raise OSError("bucket is read-only")


def no_place(order):
    """Return that no earlier try has done anything."""
    return False


def refuse(letter, data, positions, *, done=True, attempts=2):
    """Add rows of a table or source to a dead letter, in the order they are named."""
    source = data if isinstance(data, Source) else open_source(data)
    parts = list(source.batches())
    for position in positions:
        batch = next(b for b in parts if b.start <= position < b.start + b.records.num_rows)
        order = position if done else None
        letter.add(batch, position, Bucket.REJECTED, CAUSE, attempts=attempts, order=order)


def refuse_all(data, path, attempts=2, flush_rows=FLUSH_ROWS):
    """Write every row of a table to a dead letter."""
    source = open_source(data)
    letter = DeadLetter(path, source.columns, no_place, flush_rows=flush_rows)
    refuse(letter, data, range(sum(batch.records.num_rows for batch in source.batches())), attempts=attempts)
    letter.close()
    delete_parts(path)


def texts(data):
    """Return a table's rows as texts, without what a dead letter adds."""
    rows = []
    for batch in open_source(data).batches():
        columns = {name: as_text(batch.records[name]).to_pylist() for name in batch.records.schema.names}
        own = {name: column for name, column in columns.items() if name not in OWN_COLUMNS}
        rows.extend(dict(zip(own, values, strict=True)) for values in zip(*own.values(), strict=True))
    return rows


def bodies(data):
    """Return the JSON of each row that can be sent."""
    reader = InputReader(open_source(data), Options(), agent_in_row=True, envelope=lambda _: 0)
    reader.read()
    return [json.loads(row.body) for prepared in reader.prepared_batches() for row in prepared.rows]


CUSTOMERS = pd.DataFrame(
    {
        "whatsApp": [8615266667780.0, None, 420777123456],
        "agentAccount": ["novak", "wang", None],
        "friendName": ['Ann "A", \U0001f600', "two\r\nlines\n\nof it", None],
        "birthday": [dt.date(1990, 3, 8), None, dt.date(2000, 2, 29)],
        "tabName": [["VIP", "Prague"], [], None],
        "Code": ["0086", "1.0", "nan"],
        "Visit": ["2020-01-01 12:30:00", "2020-01-02", "2020-01-01T00:00:00Z"],
        "Active": [True, None, False],
        "Empty": [None, None, None],
        "comma, \"name\"": ["x", "y", "z"],
    }
)  # fmt: skip


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_rows_own_columns_come_back_as_the_texts_they_were(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    refuse_all(CUSTOMERS, path)

    assert texts(path) == texts(CUSTOMERS)
    assert texts(path)[0]["tabName"] == "VIP,Prague"
    assert texts(path)[1]["friendName"] == "two\r\nlines\n\nof it"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_dead_letter_given_back_as_data_sends_what_the_first_data_sent(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    refuse_all(CUSTOMERS, path)

    assert bodies(path) == bodies(CUSTOMERS)
    assert [key for body in bodies(path) for key in body if key in OWN_COLUMNS] == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_dead_letter_of_a_dead_letter_has_each_column_once_and_the_new_reason(tmp_path, suffix):
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    refuse_all(CUSTOMERS, first, attempts=1)
    refuse_all(first, second, attempts=5)

    assert open_source(second).columns == (*CUSTOMERS.columns, *OWN_COLUMNS)
    assert texts(second) == texts(CUSTOMERS)
    assert {str(row["socialscrm_attempts"]) for row in own_columns(second)} == {"5"}


def own_columns(path):
    """Return what a dead letter adds to each row, as it stands there."""
    rows = [row for batch in open_source(path).batches() for row in batch.records.to_pylist()]
    return [{name: row[name] for name in OWN_COLUMNS} for row in rows]


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_row_says_where_it_was_why_it_is_here_and_what_to_mend(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    refuse_all(CUSTOMERS, path)
    rows = own_columns(path)

    moments = [dt.datetime.fromisoformat(row.pop("socialscrm_time")) for row in rows]
    assert rows == [
        {
            "socialscrm_file": None,
            "socialscrm_position": str(position),
            "socialscrm_bucket": "rejected",
            "socialscrm_code": "532",
            "socialscrm_meaning": CAUSE.meaning,
            "socialscrm_hint": "Fix it.",
            "socialscrm_attempts": "2",
            "socialscrm_import": OUTSIDE_AIRFLOW.owner,
        }
        for position in range(3)
    ]
    assert [moment for moment in moments if moment.utcoffset() != dt.timedelta(0)] == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_row_of_a_file_names_it(tmp_path, suffix):
    data, path = tmp_path / "a.csv", tmp_path / f"rejects{suffix}"
    data.write_text("whatsApp\n1\n2\n")
    refuse_all(data, path)
    assert [row["socialscrm_file"] for row in own_columns(path)] == [str(data)] * 2


@pytest.mark.parametrize("suffix", FORMATS)
def test_more_rows_than_are_written_together_all_arrive_in_order(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    refuse_all(pd.DataFrame({"whatsApp": [str(10**12 + n) for n in range(30)]}), path, flush_rows=7)

    assert [row["whatsApp"] for row in texts(path)] == [str(10**12 + n) for n in range(30)]
    assert [row["socialscrm_position"] for row in own_columns(path)] == [str(n) for n in range(30)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_file_and_nothing_else_is_there_when_all_is_done(tmp_path, suffix):
    refuse_all(CUSTOMERS, tmp_path / f"rejects{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"rejects{suffix}"]


def killed(path, positions, *, done=True):
    """Leave what a worker leaves that is killed after it flushed these rows."""
    letter = DeadLetter(path, open_source(CUSTOMERS).columns, no_place)
    refuse(letter, CUSTOMERS, positions, done=done)
    letter.flush()


@pytest.mark.parametrize("suffix", FORMATS)
def test_rows_of_a_killed_try_are_copied_once_if_they_are_done_and_else_decided_on_again(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    killed(path, [0, 2])

    letter = DeadLetter(path, open_source(CUSTOMERS).columns, {2}.__contains__)
    refuse(letter, CUSTOMERS, [0, 1])
    letter.close()
    delete_parts(path)

    assert [row["socialscrm_position"] for row in own_columns(path)] == ["2", "0", "1"]
    assert texts(path) == [texts(CUSTOMERS)[position] for position in (2, 0, 1)]


def test_rows_that_are_not_done_are_deleted_by_the_next_try(tmp_path):
    path = tmp_path / "rejects.csv"
    killed(path, [0, 1], done=False)
    DeadLetter(path, open_source(CUSTOMERS).columns, lambda _: True).close()
    assert texts(path) == []


def test_a_try_that_ends_and_may_go_on_leaves_the_file_and_what_the_next_try_needs(tmp_path):
    path, columns = tmp_path / "rejects.csv", open_source(CUSTOMERS).columns
    for position in range(3):
        letter = DeadLetter(path, columns, range(position).__contains__)
        refuse(letter, CUSTOMERS, [position])
        letter.close()
        assert texts(path) == texts(CUSTOMERS)[: position + 1]

    last = DeadLetter(path, columns, range(3).__contains__)
    last.close()
    delete_parts(path)
    assert texts(path) == texts(CUSTOMERS)
    assert [file.name for file in tmp_path.iterdir()] == ["rejects.csv"]


def test_a_line_that_a_kill_cut_short_is_no_row(tmp_path):
    path = tmp_path / "rejects.csv"
    killed(path, [0, 1, 2])
    [part] = (tmp_path / "rejects.csv.parts").glob("*.jsonl")
    part.write_bytes(part.read_bytes()[:-20])

    DeadLetter(path, open_source(CUSTOMERS).columns, lambda _: True).close()
    assert texts(path) == texts(CUSTOMERS)[:2]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_run_without_refused_rows_leaves_a_file_with_columns_only(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    refuse_all(CUSTOMERS[:0], path)
    assert open_source(path).columns == (*CUSTOMERS.columns, *OWN_COLUMNS)
    assert texts(path) == []


def test_a_run_without_refused_rows_leaves_an_empty_jsonl_file(tmp_path):
    refuse_all(CUSTOMERS[:0], tmp_path / "rejects.jsonl")
    assert (tmp_path / "rejects.jsonl").read_bytes() == b""


def test_no_row_is_lost_where_the_storage_lists_what_it_had_when_the_try_began(tmp_path, monkeypatch):
    path = tmp_path / "rejects.csv"
    killed(path, [0, 2])
    listed, iterdir = {}, Path.iterdir
    with monkeypatch.context() as stale:  # as object storage whose listings are cached
        stale.setattr(Path, "iterdir", lambda folder: iter(listed.setdefault(folder, list(iterdir(folder)))))
        letter = DeadLetter(path, open_source(CUSTOMERS).columns, {0, 2}.__contains__)
        refuse(letter, CUSTOMERS, [1])
        letter.close()
        letter.delete_parts()

    assert [row["socialscrm_position"] for row in own_columns(path)] == ["0", "2", "1"]
    assert list(tmp_path.rglob("*.jsonl")) == []


def test_rows_of_a_later_batch_are_found_by_their_position_in_the_input(tmp_path):
    pieces = replace(open_source(pa.table({"whatsApp": ["1", "2", "3", "4"]})), batch_rows=2)
    assert [batch.start for batch in pieces.batches()] == [0, 2]
    letter = DeadLetter(tmp_path / "rejects.csv", ["whatsApp"], no_place)
    refuse(letter, pieces, [3, 0])
    letter.close()
    delete_parts(tmp_path / "rejects.csv")
    assert texts(tmp_path / "rejects.csv") == [{"whatsApp": "4"}, {"whatsApp": "1"}]


def test_missing_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "rejects.csv"
    refuse_all(CUSTOMERS, path)
    assert len(texts(path)) == 3


@pytest.mark.parametrize("name", ["rejects.CSV", "rejects.Parquet", "rejects.JSONL"])
def test_the_ending_may_be_in_capitals(tmp_path, name):
    refuse_all(CUSTOMERS, tmp_path / name)
    assert texts(tmp_path / name) == texts(CUSTOMERS)


@pytest.mark.parametrize("name", ["rejects.xlsx", "rejects", "rejects.csv.gz"])
def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path, name):
    with pytest.raises(InputError, match=r"has an unknown format.*\.parquet, \.csv, \.jsonl"):
        DeadLetter(tmp_path / name, ["whatsApp"], no_place)
    assert list(tmp_path.iterdir()) == []


def in_a_file(folder):
    """Return a path below what is no folder."""
    (folder / "file").write_text("x")
    return folder / "file" / "rejects.csv"


def a_folder(folder):
    """Return the path of a folder."""
    (folder / "rejects.csv").mkdir()
    return folder / "rejects.csv"


@pytest.mark.parametrize(
    ("make_path", "reason"),
    [
        (in_a_file, "directory"),
        (a_folder, "directory"),
        (lambda _: NoStrerror("bucket/rejects.csv"), "bucket is read-only"),
    ],
)
def test_a_path_that_cannot_be_written_is_named_with_the_reason(tmp_path, make_path, reason):
    path = make_path(tmp_path)
    with pytest.raises(InputError) as caught:
        DeadLetter(path, ["whatsApp"], no_place)
    assert f"rejects_path {path} cannot be written" in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "failure", [OSError(errno.EBUSY, "SlowDown"), TimeoutError("timed out"), ConnectionError("gone")]
)
def test_a_storage_that_is_away_when_the_import_begins_is_left_to_a_retry(failure):
    class AwayPath(PurePosixPath):
        def open(self, _mode):
            raise failure

    with pytest.raises(
        CheckpointError, match=r"rejects\.csv cannot be written \(.+\): no call was made. A retry tries again"
    ):
        DeadLetter(AwayPath("bucket/rejects.csv"), CUSTOMERS.columns, no_place)


def no_folder(path):
    """Put a file where the folder of small files would be."""
    folder = path.with_name(f"{path.name}.parts")
    folder.rename(path.with_name("moved"))
    folder.write_text("x")


def no_file(path):
    """Put a folder where the file would be."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [no_folder, no_file])
def test_a_path_that_cannot_be_written_any_more_is_named_and_left_to_a_retry(tmp_path, spoil):
    path = tmp_path / "rejects.csv"
    letter = DeadLetter(path, CUSTOMERS.columns, no_place)
    spoil(path)
    refuse(letter, CUSTOMERS, [0])

    with pytest.raises(CheckpointError, match=r"rejects\.csv cannot be written \(.*\), so the task stops.* a retry"):
        letter.close()


def test_rows_of_an_earlier_try_that_cannot_be_read_are_left_to_a_retry(tmp_path):
    path = tmp_path / "rejects.csv"
    killed(path, [0])
    [part] = (tmp_path / "rejects.csv.parts").glob("*.jsonl")
    part.unlink()
    part.mkdir()

    with pytest.raises(CheckpointError, match="cannot be written"):
        DeadLetter(path, CUSTOMERS.columns, no_place)


readable = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_text_comes_back(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"

    @given(st.lists(st.tuples(st.none() | readable, st.none() | readable), min_size=1, max_size=6))
    def comes_back(rows):
        table = pa.table(
            {name: pa.array(column, pa.string()) for name, column in zip("ab", zip(*rows, strict=True), strict=True)}
        )
        refuse_all(table, path)
        assert texts(path) == texts(table)

    comes_back()
