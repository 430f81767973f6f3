"""Text becomes a path to open, and a task's paths must be different files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable
from airflow_provider_socialscrm.runtime.paths import check_apart, openable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a/b.csv", Path("a/b.csv")),
        ("a/*.csv", Path("a/*.csv")),
        ("file:///a/b.csv", ObjectStoragePath("file:///a/b.csv")),
        (Path("a"), Path("a")),
        (None, None),
    ],
)
def test_a_text_becomes_a_path_and_anything_else_stays(value, expected):
    found = openable(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("scheme", ["foo", "c"])
def test_a_scheme_that_no_file_system_has_is_named_without_the_rest(scheme):
    with pytest.raises(InputError) as caught:
        openable(f"{scheme}://novak:secret@host/a.csv")
    assert str(caught.value) == (
        f"No file system for {scheme}:// is installed. Install the Airflow provider that has it, or download the file "
        "in an upstream task and pass the path of the copy."
    )


@pytest.mark.parametrize(
    ("data", "rejects", "apart"),
    [
        ("/x/a.csv", "/x/rejects.csv", True),
        ("/x/a.csv", "/x/../x/a.csv", False),
        ("/x/a.csv", "file:///x/a.csv", False),
        ("/x/*.csv", "/x/rejects.csv", False),
        ("/x/*.csv", "/x/rejects.jsonl", True),
        ("/x/*.csv", "/x/rejects/a.csv", True),
        ("/x/**/*.csv", "/x/rejects/a.csv", False),
        ("/x/**/*.csv", "/x/a.csv", False),
        ("/x/part-?.csv", "/x/rejects.csv", True),
        ("file:///x/*.csv", "/x/rejects.csv", False),
    ],
)
def test_a_file_that_would_be_read_as_data_is_not_written_to(data, rejects, apart):
    paths = {"data": openable(data), "rejects_path": openable(rejects)}
    if apart:
        check_apart(**paths)
    else:
        with pytest.raises(
            InputError, match=r"data and rejects_path are one file, .*Give rejects_path a path of its own"
        ):
            check_apart(**paths)


def test_a_table_is_not_a_file():
    check_apart(data=HiddenTable(pd.DataFrame()), rejects_path=Path("/x/a.csv"), checkpoint_path=None)


def test_two_files_that_a_task_writes_must_differ():
    with pytest.raises(InputError, match="rejects_path and checkpoint_path are one file"):
        check_apart(data=Path("/x/a.csv"), rejects_path=Path("/x/b.csv"), checkpoint_path=Path("/x/b.csv"))
