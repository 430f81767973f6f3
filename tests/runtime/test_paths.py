"""Text becomes a path to open, and a task's paths must be different files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from airflow.sdk import ObjectStoragePath
from upath import UPath

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable
from airflow_provider_socialscrm.runtime.path_text import as_text
from airflow_provider_socialscrm.runtime.paths import check_apart, check_is_path, check_spelling, openable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a/b.csv", Path("a/b.csv")),
        ("a/*.csv", Path("a/*.csv")),
        ("/a/b.csv\n", Path("/a/b.csv")),  # as a command prints it
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
        check_file_systems(openable(f"{scheme}://novak:secret@host/a.csv"))  # Airflow 3.1 makes the path
    assert str(caught.value) == (
        f"No file system for {scheme}:// is installed. Install the Airflow provider that has it, or download the file "
        "in an upstream task and pass the path of the copy."
    )


ANOTHER_HOME = "data begins with ~, which is another folder for each user that a worker runs as: give an absolute path."


def local(start: str) -> str:
    scheme = start.partition(":")[0]
    return (
        f"data begins with {start} and not with {scheme}:///, so its folder is not clear: give an absolute path, as in "
        f"{scheme}:///data/x.csv or /data/x.csv."
    )


def slashes(start: str) -> str:
    return (
        f"data begins with {start} and not with {start.rstrip('/')}//: write both slashes, in text or in an "
        "ObjectStoragePath, since a pathlib.Path drops one. Give a local folder of this name by its absolute path."
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("~/x.csv", ANOTHER_HOME),
        ("~novak/x.csv", ANOTHER_HOME),
        ("~", ANOTHER_HOME),
        (Path("~/rejects"), ANOTHER_HOME),
        (UPath("~/rejects"), ANOTHER_HOME),
        ("file:/x.csv", local("file:/")),
        ("file:x.csv", local("file:")),
        ("file://x/a.csv", local("file://")),  # a host, and a folder in which the worker runs
        ("file://~/a.csv", local("file://")),
        ("FILE:/x.csv", local("FILE:/")),
        ("local:/x.csv", local("local:/")),
        (Path("file:///x/a.csv"), local("file:/")),
        ("s3:/crm/x.csv", slashes("s3:/")),
        ("s3:crm/x.csv", slashes("s3:")),
        ("dbfs:/crm/x.csv", slashes("dbfs:/")),
        (Path("s3://crm/x.csv"), slashes("s3:/")),
        (Path("memory://crm/x.csv"), slashes("memory:/")),
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(value, sentence):
    for check in (check_spelling, check_is_path, lambda argument, path: openable([path], argument)):
        with pytest.raises(InputError) as caught:
            check("data", value)
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "exports:2026.csv", "10:30/x.csv", "a/s3:/x.csv", "/data/~/x.csv", "a~.csv", "C:/x.csv", "C:\\x.csv", "c:x.csv",
        "/s3:/x.csv", "x.csv", "./x.csv", "file:///x.csv", "file:////x.csv",
    ],
)  # fmt: skip
def test_a_name_with_a_colon_or_a_tilde_in_it_stays_a_path(text):
    assert str(getattr(openable(text), "path", openable(text))).endswith("x.csv" if "x.csv" in text else text)


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
        (["/x/a.csv", "/x/b.csv"], "/x/b.csv", False),
        (["/x/a.csv", "/x/b*.csv"], "file:///x/b1.csv", False),
        (["/x/a.csv", "/x/a.csv"], "/x/b.csv", True),
        ("s3://crm/a.csv", "s3a://crm/a.csv", False),
        ("s3://aws@crm/a.csv", "s3://crm/a.csv", False),
        ("s3://crm/a.csv", "gs://crm/a.csv", True),
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


@pytest.mark.parametrize("make", [UPath, ObjectStoragePath, str])
def test_the_same_local_file_is_found_however_its_path_is_made(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (str(tmp_path / "a.csv"), f"file://{tmp_path}/a.csv", "a.csv", str(tmp_path / "link" / "a.csv")):
        if str(make(path)) == "/a.csv":
            continue  # Airflow 3.1 takes a relative path for one of the root folder
        with pytest.raises(InputError, match="data and rejects_path are one file"):
            check_apart(data=openable(make(path)), rejects_path=tmp_path / "a.csv")


@pytest.mark.parametrize("value", [b"/x/a.csv", 7, ["/x/a.csv"], pd.DataFrame()])
def test_an_argument_that_is_not_a_path_is_named_by_its_type(value):
    with pytest.raises(InputError, match=rf"rejects_path is a {type(value).__name__}, not a path: give it as text"):
        check_is_path("rejects_path", value)


def test_text_path_objects_and_none_may_be_a_path():
    for value in (None, "a.csv", Path("a.csv"), UPath("s3://crm/a.csv"), as_text(UPath("memory://x", key="y"))):
        check_is_path("rejects_path", value)
