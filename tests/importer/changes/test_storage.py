"""Files of a ledger are whole or not there, and one of several writers creates a file."""

from __future__ import annotations

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_socialscrm.importer.changes.storage import (
    LEASE,
    LocalStorage,
    ObjectStorage,
    Storage,
    open_storage,
)
from airflow_provider_socialscrm.importer.errors import LedgerError


@pytest.fixture(params=["local", "s3", "memory", "old"])
def storage(request, tmp_path) -> Storage:
    """Return an empty folder on each kind of storage in turn."""
    from tests.importer.changes.conftest import storage_of

    return storage_of(request.param, tmp_path, request)


def test_a_file_has_what_was_written(storage):
    storage.write("log/run/1.parquet", b"one")

    assert storage.read("log/run/1.parquet") == b"one"
    assert storage.read("log/run/2.parquet") is None
    assert storage.read("log/run/1.parquet/2") is None


def test_a_file_is_created_once(storage):
    assert storage.create("generations/1.json", b"one")
    assert not storage.create("generations/1.json", b"two")
    assert storage.read("generations/1.json") == b"one"


def test_files_are_listed_in_order_also_those_that_others_just_wrote(storage):
    assert storage.names("log") == []
    storage.write("log/b/2.parquet", b"")
    assert storage.names("log") == ["log/b/2.parquet"]
    storage.write("log/a/1.parquet", b"")
    storage.write("base/000/3.parquet", b"")

    assert storage.names("log") == ["log/a/1.parquet", "log/b/2.parquet"]


def test_a_file_is_deleted_however_often(storage):
    storage.write("log/run/1.parquet", b"one")

    storage.delete("log/run/1.parquet")
    storage.delete("log/run/1.parquet")

    assert storage.read("log/run/1.parquet") is None


def test_of_many_writers_one_creates_a_local_file(tmp_path):
    storage = LocalStorage(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda each: storage.create("generations/1.json", b"%d" % each), range(100)))

    assert created.count(True) == 1
    assert storage.read("generations/1.json") == b"%d" % created.index(True)
    assert [path.name for path in (tmp_path / "generations").iterdir()] == ["1.json"]


def test_a_file_system_without_hard_links_creates_once_too(tmp_path, monkeypatch):
    def refuse(*_args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    storage = LocalStorage(tmp_path)

    assert storage.create("1.json", b"one")
    assert not storage.create("1.json", b"two")
    assert storage.read("1.json") == b"one"


def test_local_files_are_for_their_owner_only(tmp_path):
    old = os.umask(0)
    try:
        storage = LocalStorage(tmp_path / "ledger")
        storage.write("log/run/1.parquet", b"one")
        storage.create("generations/1.json", b"one")
    finally:
        os.umask(old)

    paths = [tmp_path / "ledger", *(tmp_path / "ledger").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}


def test_a_file_that_a_killed_worker_left_unfinished_does_not_show(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    storage.write("log/run/1.parquet", b"one")
    (tmp_path / "log/run/2.parquet.0a0b0c0d.unfinished").write_bytes(b"hal")

    assert storage.names("log") == ["log/run/1.parquet"]


def test_storage_that_fails_is_named_in_one_sentence_without_what_its_error_quotes(tmp_path):
    class Failing:
        def pipe_file(self, path: str, _value: bytes, mode: str = "overwrite") -> None:  # noqa: ARG002 - as fsspec
            raise RuntimeError(f"https://bucket/{path}?X-Amz-Signature=5ecre7")

        cat_file = pipe_file

    storage = ObjectStorage(Failing(), "crm/ledger", "s3")
    (tmp_path / "file").write_text("not a folder")

    for act in (lambda: storage.write("a", b""), lambda: storage.create("a", b"")):
        with pytest.raises(LedgerError, match=r"^The ledger's file a cannot be written \(RuntimeError\)") as caught:
            act()
        assert "5ecre7" not in str(caught.value)
        assert caught.value.__suppress_context__
    with pytest.raises(LedgerError, match=r"cannot be written \(File exists\)"):
        LocalStorage(tmp_path / "file").write("a", b"")


def test_a_store_without_conditions_gets_a_lease_and_a_warning_once(storage_old, caplog):
    with caplog.at_level(logging.WARNING):
        assert storage_old.create("1.json", b"one")
        assert not storage_old.create("1.json", b"two")

    assert len([record for record in caplog.records if "lease file" in record.message]) == 1
    assert storage_old.read(LEASE) is None


def test_who_finds_the_lease_of_another_waits_for_it(storage_old):
    waits = []

    def sleep(_seconds: float) -> None:
        waits.append(1)
        if len(waits) == 3:
            storage_old.delete(LEASE)

    storage_old._sleep = sleep
    storage_old.write(LEASE, b'{"holder": "another", "until": 99999999999}')

    assert storage_old.create("1.json", b"one")
    assert len(waits) > 3


def test_the_lease_of_a_killed_writer_ends(storage_old):
    storage_old.write(LEASE, b'{"holder": "killed", "until": 1}')

    assert storage_old.create("1.json", b"one")


@pytest.mark.parametrize("path", [Path("ledger"), UPath("ledger"), UPath("file:///tmp/ledger")])
def test_local_paths_of_any_kind_are_local_storage(path):
    assert isinstance(open_storage(path), LocalStorage)


def test_other_paths_are_object_storage():
    assert isinstance(open_storage(UPath("memory://crm/ledger")), ObjectStorage)


def test_storage_that_cannot_be_opened_is_named_without_what_its_error_quotes():
    class Unreachable:
        protocol, path = "s3", "crm/ledger"

        @property
        def fs(self) -> None:
            raise RuntimeError("secret 5ecre7")

    with pytest.raises(LedgerError, match=r"^The ledger's storage s3:// cannot be opened \(RuntimeError\)") as caught:
        open_storage(Unreachable())
    assert "5ecre7" not in str(caught.value)
