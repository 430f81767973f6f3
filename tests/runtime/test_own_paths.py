"""A folder gets a file for each import, which no other import has; a file stays the one that is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import ObjectStoragePath
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import CHECK, OUTSIDE_AIRFLOW, ImportIdentity
from airflow_provider_socialscrm.runtime.own_paths import FILES, checked_own_path, own_path, required_own_path
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from tests.support.airflow import FakeTaskInstance

RUN = "manual__2026-01-31T06:00:00+00:00"
IMPORT = ImportIdentity("group.import", "nightly", RUN)
MAPPED = ImportIdentity("group.import", "nightly", RUN, 3)
FOLDERS = "dag_id=nightly/run_id=manual__2026-01-31T06%3A00%3A00+00%3A00/task_id=group.import"


@pytest.mark.parametrize(
    ("identity", "argument", "path", "expected"),
    [
        (IMPORT, "rejects_path", "/data/rejects/", f"/data/rejects/{FOLDERS}/rejects.csv"),
        (MAPPED, "rejects_path", "/data/rejects/", f"/data/rejects/{FOLDERS}/map_index=3/rejects.csv"),
        (IMPORT, "checkpoint_path", "/data/", f"/data/{FOLDERS}/checkpoint.json"),
        (IMPORT, "rejects_path", "s3://crm/rejects/", f"s3://crm/rejects/{FOLDERS}/rejects.csv"),
        (IMPORT, "rejects_path", "s3://crm/", f"s3://crm/{FOLDERS}/rejects.csv"),
        (IMPORT, "rejects_path", ObjectStoragePath("s3://crm/a/"), f"s3://crm/a/{FOLDERS}/rejects.csv"),
        (MAPPED, "checkpoint_path", Path("/"), f"/{FOLDERS}/map_index=3/checkpoint.json"),
        (IMPORT, "rejects_path", "/data/rejects.csv/", f"/data/rejects.csv/{FOLDERS}/rejects.csv"),
        # A file.
        (IMPORT, "rejects_path", "/data/rejects.csv", "/data/rejects.csv"),
        (IMPORT, "rejects_path", "/data/rejects.Parquet", "/data/rejects.Parquet"),
        (IMPORT, "rejects_path", "/data/not/there", "/data/not/there"),
        (IMPORT, "checkpoint_path", "/data/state", "/data/state"),
        (MAPPED, "rejects_path", "/data/rejects.csv", "/data/rejects-3.csv"),
        (IMPORT, "rejects_path", "s3://crm/rejects.csv", "s3://crm/rejects.csv"),
        # Outside of Airflow.
        (CHECK, "rejects_path", "/data/", "/data/task_id=check/rejects.csv"),
        (OUTSIDE_AIRFLOW, "checkpoint_path", "/data/", "/data/task_id=outside-airflow/checkpoint.json"),
    ],
)
def test_a_folder_gets_a_file_of_the_imports_own_and_a_file_stays(identity, argument, path, expected):
    assert str(own_path(identity, argument, path)) == expected


def test_a_folder_that_exists_needs_no_slash(tmp_path):
    (tmp_path / "rejects.csv").mkdir()

    assert own_path(IMPORT, "rejects_path", str(tmp_path)) == tmp_path / FOLDERS / "rejects.csv"
    assert own_path(IMPORT, "checkpoint_path", tmp_path) == tmp_path / FOLDERS / "checkpoint.json"
    assert own_path(IMPORT, "rejects_path", ObjectStoragePath(f"file://{tmp_path}")).path.endswith("/rejects.csv")
    # Its ending says that it is a file, which is then found not to be one.
    assert own_path(IMPORT, "rejects_path", tmp_path / "rejects.csv") == tmp_path / "rejects.csv"


@pytest.mark.parametrize("argument", FILES)
@pytest.mark.parametrize("nothing", [None, "None", "", "  ", " None ", "\n"])
def test_a_missing_path_is_no_file_and_a_required_one_is_an_error(argument, nothing):
    assert own_path(IMPORT, argument, nothing) is None
    assert checked_own_path(MAPPED, argument, nothing) is None
    with pytest.raises(InputError, match=f"{argument} is missing: give the path of a file, or of a folder, which ends"):
        required_own_path(IMPORT, argument, nothing)


@pytest.mark.parametrize("argument", ["rejects_path", "gone_path", "path", "result_path"])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (str, "new"),
        (Path, "new/"),
        (lambda path: ObjectStoragePath(f"file://{path}"), "new/"),
        (lambda path: UPath(f"file://{path}"), "new/"),
        (str, "rejects.xlsx"),
        (str, "rejects.csv.gz"),
    ],
)
def test_what_is_neither_a_folder_nor_a_file_of_a_known_format_is_an_error(tmp_path, argument, make, name):
    given = make(f"{tmp_path}/{name}")

    with pytest.raises(InputError) as caught:
        checked_own_path(IMPORT, argument, given)
    assert str(caught.value) == (
        f"{argument} is {given}, and no folder has this name: let it end in .csv, .parquet, .jsonl. The path of a new "
        "folder ends in / and is text, since path objects drop the slash."
    )
    Path(tmp_path, name).mkdir()
    assert checked_own_path(IMPORT, argument, given).name == FILES[argument]


def test_a_checkpoint_may_have_any_name(tmp_path):
    assert checked_own_path(IMPORT, "checkpoint_path", tmp_path / "state") == tmp_path / "state"


def test_a_file_system_is_missed_before_a_folder_is_looked_for():
    with pytest.raises(InputError, match="No file system for foo:// is installed"):
        checked_own_path(IMPORT, "rejects_path", "foo://crm/a.xlsx")


def test_the_log_names_the_file_in_the_folder(caplog):
    caplog.set_level("INFO")

    own_path(IMPORT, "rejects_path", "/data/rejects/")

    assert f"rejects_path is /data/rejects/{FOLDERS}/rejects.csv, in which no other task writes" in caplog.text


ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=250) | st.sampled_from(
    ["a/b", "a%2Fb", "..", ".", "a:b", "a" * 250, "a" * 249 + "b", "\u5ba2\u6237", "x/task_id=y", "a b"]
)
identities: st.SearchStrategy[Any] = st.builds(ImportIdentity, ids, ids, ids, st.none() | st.integers(0, 1000))


@given(first=identities, second=identities)
def test_no_two_imports_have_one_file_and_each_name_is_one_that_file_systems_take(first, second):
    assert (first.folders == second.folders) == (first == second)
    assert (first.owner == second.owner) == (first == second)
    for name in first.folders:
        assert name.isascii()
        assert len(name) <= 255
        assert set('/\\:*?"<>| \0').isdisjoint(name)


def test_all_tries_of_a_task_are_one_import_and_clearing_begins_other_tries_of_it():
    first, retried = identity_of({"ti": FakeTaskInstance()}), identity_of({"ti": FakeTaskInstance(try_number=2)})
    cleared = identity_of({"ti": FakeTaskInstance(max_tries=5)})

    assert first == retried
    assert first.owner == cleared.owner == "dag_id=dag/run_id=run/task_id=task"
    assert (first.tries, cleared.tries) == ("dag/run/task/-1/2", "dag/run/task/-1/5")
    assert identity_of({}) == OUTSIDE_AIRFLOW
