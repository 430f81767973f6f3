"""Rows of another import are never overwritten and never picked up; the task is refused before any call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN, OWN_COLUMNS, Bucket, Reason
from airflow_provider_socialscrm.importer.results import dead_letter_owner
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter, delete_parts, has_parts
from airflow_provider_socialscrm.importer.sources.open_source import open_source

FORMATS = [".csv", ".parquet", ".jsonl"]
OURS = ImportIdentity("import", "nightly", "monday", None, 3)
CLEARED = replace(OURS, max_tries=7)
OTHERS = {
    "dag": replace(OURS, dag_id="hourly"),
    "run": replace(OURS, run_id="tuesday"),
    "task": replace(OURS, task_id="import_2"),
    "mapped": replace(OURS, map_index=0),
}
TABLE = pa.table({"whatsApp": ["+8615266667780", "+8615266667781"], "friendName": ["=1+1", None]})


def opened(path: Path, identity: ImportIdentity, done=lambda _: False) -> DeadLetter:
    return DeadLetter(path, TABLE.schema.names, done, identity=identity)


def write(path: Path, identity: ImportIdentity, rows: int = 2, *, complete: bool = True) -> None:
    """Write the dead letter of an import, which is complete, or was killed."""
    letter = opened(path, identity)
    (batch,) = open_source(TABLE).batches()
    for position in range(rows):
        letter.add(batch, position, Bucket.REJECTED, Reason(533, "Wrong.", "Fix it."), order=position)
    if complete:
        letter.close()
        letter.delete_parts()
    else:
        letter.flush()


def refusal(path: Path, identity: ImportIdentity) -> str:
    """Return why an import may not write to a path, where nothing is changed."""
    before = contents(path.parent)
    with pytest.raises(InputError) as caught:
        opened(path, identity)
    assert contents(path.parent) == before
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("other", OTHERS)
def test_rows_of_another_import_are_not_overwritten(tmp_path, suffix, other):
    path = tmp_path / f"rejects{suffix}"
    write(path, OTHERS[other])

    assert refusal(path, OURS) == (
        f"rejects_path {path} has rows of another task ({OTHERS[other].owner}). No call was made: give a folder, "
        "whose path ends in /, so that each task has a file of its own, or move the file away."
    )


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("identity", [OURS, CLEARED], ids=["retried", "cleared"])
def test_a_task_that_is_retried_or_cleared_replaces_its_own_file(tmp_path, suffix, identity):
    path = tmp_path / f"rejects{suffix}"
    write(path, OURS)

    write(path, identity, rows=1)

    assert sum(batch.records.num_rows for batch in open_source(path).batches()) == 1


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_without_rows_is_replaced(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    write(path, OTHERS["run"], rows=0)

    write(path, OURS)

    assert open_source(path).columns[-1] == IMPORT_COLUMN


@pytest.mark.parametrize("suffix", FORMATS)
def test_of_two_imports_at_the_same_time_the_second_is_refused(tmp_path, suffix):
    path = tmp_path / f"rejects{suffix}"
    letter = opened(path, OTHERS["task"])  # which has no row yet

    assert f"is in use by another task ({OTHERS['task'].owner}), which is not complete" in refusal(path, OURS)

    assert "No call was made. Wait until it ends, and clear this task" in refusal(path, OURS)

    letter.close()
    assert "is in use" in refusal(path, OURS)  # a retry may follow
    letter.delete_parts()
    opened(path, OURS)


def test_rows_of_another_import_that_was_killed_are_not_picked_up(tmp_path):
    path = tmp_path / "rejects.csv"
    write(path, OTHERS["run"], complete=False)

    assert f"({OTHERS['run'].owner})" in refusal(path, OURS)
    assert has_parts(path)


def test_parts_without_an_owner_are_taken_but_not_another_imports_rows_in_them(tmp_path):
    path = tmp_path / "rejects.csv"
    write(path, OTHERS["run"], complete=False)
    (tmp_path / "rejects.csv.parts" / "owner.json").unlink()

    opened(path, OURS, done=lambda _: True).close()

    assert sum(batch.records.num_rows for batch in open_source(path).batches()) == 0


def test_a_complete_import_deletes_no_parts_of_another_one(tmp_path):
    path = tmp_path / "rejects.csv"
    write(path, OTHERS["run"], complete=False)

    delete_parts(path, OURS)
    assert has_parts(path)
    delete_parts(path, OTHERS["run"])
    assert not has_parts(path)


def foreign_csv(path):
    path.write_text("whatsApp,friendName\n+8615266667780,Ann\n", encoding="utf-8")


def foreign_header(path):
    path.write_text("whatsApp,friendName\n", encoding="utf-8")


def notes(path):
    path.write_text("call them back\n\n\x00\xff", encoding="latin-1")


def earlier_version(path):
    pd.DataFrame([dict.fromkeys(("whatsApp", *OWN_COLUMNS[:-1]), "x")]).to_csv(path, index=False)


def merged(path):
    rows = [dict.fromkeys(("whatsApp", *OWN_COLUMNS), "x") for _ in range(2)]
    rows[0][IMPORT_COLUMN], rows[1][IMPORT_COLUMN] = f"'{OURS.owner}", f"'{OTHERS['dag'].owner}"
    pd.DataFrame(rows).to_csv(path, index=False)


def by_hand(path):
    row = dict.fromkeys(("whatsApp", *OWN_COLUMNS), "x") | {IMPORT_COLUMN: ""}
    pd.DataFrame([row]).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (foreign_csv, "is a file that no task has written"),
        (foreign_header, "is a file that no task has written"),
        (notes, "is a file that no task has written"),
        (earlier_version, "has rows of a task by an earlier version"),
        (merged, f"has rows of another task ({OTHERS['dag'].owner})"),
        (by_hand, "has rows of another task (unknown)"),
    ],
)
def test_a_file_with_anything_but_rows_of_this_import_is_not_overwritten(tmp_path, content, what):
    path = tmp_path / "rejects.csv"
    content(path)

    assert what in refusal(path, OURS)


def test_other_contents_of_each_format_are_not_overwritten(tmp_path):
    pq.write_table(TABLE, tmp_path / "data.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "data.jsonl").write_text('{"whatsApp": "1"}\n', encoding="utf-8")
    (tmp_path / "text.jsonl").write_text("no JSON\n", encoding="utf-8")

    for path in sorted(tmp_path.iterdir()):
        assert "is a file that no task has written" in refusal(path, OURS)


def test_a_header_of_an_earlier_version_and_an_empty_file_are_replaced(tmp_path):
    pd.DataFrame(columns=["whatsApp", *OWN_COLUMNS[:-1]]).to_csv(tmp_path / "header.csv", index=False)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "empty.jsonl").touch()

    for path in sorted(tmp_path.glob("*.*")):
        write(path, OURS)


def test_a_file_that_a_kill_cut_short_is_replaced_by_its_own_import(tmp_path):
    path = tmp_path / "rejects.parquet"
    write(path, OURS, complete=False)
    path.write_bytes(path.read_bytes()[:9])

    opened(path, CLEARED)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"import": 5}', b'{"other": "x"}', b"[" * 10_000])
def test_a_damaged_file_of_the_owner_is_taken_for_anothers(tmp_path, content):
    path = tmp_path / "rejects.csv"
    write(path, OURS, complete=False)
    (tmp_path / "rejects.csv.parts" / "owner.json").write_bytes(content)

    assert "another task (unknown), which is not complete. No call was made: give a folder" in refusal(path, OURS)


def test_of_two_imports_that_take_a_path_at_the_same_moment_one_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "rejects.csv"
    quicker = []

    def check_while_another_comes(*_arguments):
        if not quicker:
            quicker.append(None)
            quicker[0] = opened(path, OTHERS["run"])

    monkeypatch.setattr(dead_letter_owner, "check_file", check_while_another_comes)
    with pytest.raises(InputError, match="is in use by another task"):
        opened(path, OURS)
    assert json.loads((tmp_path / "rejects.csv.parts" / "owner.json").read_bytes()) == {"import": OTHERS["run"].owner}
