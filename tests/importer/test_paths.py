"""Files with customers are for their owner only on a local disk, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest
from airflow.sdk import ObjectStoragePath
from upath import UPath

from airflow_provider_socialscrm.importer.paths import open_to_write
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.importer.whole_files import write_whole


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): oct(path.stat().st_mode & 0o777) for path in sorted(folder.rglob("*"))}


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("form", [str, "file://{}".format])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_a_dead_letter_and_its_parts_are_for_their_owner_only(tmp_path, form, suffix):
    path = tmp_path / "a" / "b" / f"rejects{suffix}"
    letter = DeadLetter(ObjectStoragePath(form(path)) if "://" in form("") else path, ["whatsApp"], lambda _: False)
    (batch,) = open_source(pa.table({"whatsApp": ["1"]})).batches()
    letter.add(batch, 0, Bucket.REJECTED, Reason(533, "Wrong.", "Fix it."))
    letter.close()

    found = modes(tmp_path)
    assert len(found) == 6
    for name, mode in found.items():
        assert mode == ("0o700" if (tmp_path / name).is_dir() else "0o600"), name


@pytest.mark.usefixtures("umask")
def test_a_checkpoint_is_for_its_owner_only_also_when_it_is_replaced(tmp_path):
    store = FileCheckpointStore(tmp_path / "a" / "state.json", "mine")
    store.save({"a": 1})
    (tmp_path / "a" / "state.json").chmod(0o644)
    store.save({"a": 2})

    assert modes(tmp_path) == {"a": "0o700", "a/state.json": "0o600"}


@pytest.mark.usefixtures("umask")
def test_a_file_that_others_could_read_is_for_its_owner_only_once_it_is_written_again(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    path = folder / "rejects.csv"
    path.touch()
    path.chmod(0o644)

    with open_to_write(path) as file:
        file.write(b"x")

    assert modes(tmp_path) == {"shared": "0o755", "shared/rejects.csv": "0o600"}


def test_a_file_system_without_modes_is_written_to_and_the_log_says_so(tmp_path, monkeypatch, caplog):
    def refuse(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    with open_to_write(tmp_path / "rejects.csv") as file:
        file.write(b"x")

    assert "rejects.csv may be readable by others than its owner (Operation not permitted)" in caplog.text


def test_object_storage_has_no_modes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="memory"):  # which this Airflow has no file system for
        open_to_write(ObjectStoragePath("memory://crm/rejects.csv"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["local", "object storage"])
def test_a_file_whose_writer_fails_stays_as_it_was(tmp_path, place):
    path = tmp_path / "x.csv" if place == "local" else UPath(f"memory://{tmp_path}/x.csv")

    def fail(file):
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_whole(path, fail)
    assert not path.exists()

    write_whole(path, lambda file: file.write(b"whole"))
    with pytest.raises(ZeroDivisionError):
        write_whole(path, fail)
    assert path.read_bytes() == b"whole"
