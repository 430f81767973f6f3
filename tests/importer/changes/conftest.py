"""Places for ledgers: a local disk, object storage of three kinds, S3's protocol among them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_socialscrm.importer.changes.storage import LocalStorage, ObjectStorage, Storage
from tests.support.ledgers import World

NUMBERS = count()


class OldFileSystem(MemoryFileSystem):
    """A file system that cannot create a file only if there is none, as those of most stores."""

    def pipe_file(self, path: str, value: bytes) -> None:
        super().pipe_file(path, value)


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """Return a file system that speaks S3's protocol with a server on this machine."""
    server_module = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    fs = fsspec.filesystem(
        "s3",
        key="a key",
        secret="a secret",
        client_kwargs={"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"},
    )
    fs.call_s3("create_bucket", Bucket="crm")
    yield fs
    fsspec.asyn.sync(fs.loop, fs._s3.__aexit__, None, None, None)
    server.stop()


def storage_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> Storage:
    name = f"crm/ledger-{next(NUMBERS)}"
    match kind:
        case "local":
            return LocalStorage(folder / "ledger")
        case "s3":
            return ObjectStorage(request.getfixturevalue("s3"), name, "s3")
        case "memory":
            return ObjectStorage(MemoryFileSystem(), f"/{name}", "memory")
        case _:
            return ObjectStorage(OldFileSystem(), f"/{name}", "old", sleep=lambda _: None)


# What the server of S3 takes shows in test_storage.py each time; whole ledgers on it are for the thorough run.
@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.thorough), "memory", "old"])
def storage(request, tmp_path) -> Storage:
    """Return an empty folder on each kind of storage in turn."""
    return storage_of(request.param, tmp_path, request)


@pytest.fixture
def world(storage) -> Iterator[World]:
    """Return a ledger on each kind of storage in turn."""
    world = World(storage)
    yield world
    world.close()


@pytest.fixture
def storage_old(request, tmp_path) -> Storage:
    """Return an empty folder on storage that cannot create a file only if there is none."""
    return storage_of("old", tmp_path, request)
