"""Files of a ledger on a local disk or in object storage: whole or not there, and created by one writer only."""

from __future__ import annotations

import inspect
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.paths import OWNER_ONLY, local_path, make_folder

log = logging.getLogger(__name__)

UNFINISHED: Final = ".unfinished"
"""End of the name of a local file that is being written."""

CONDITIONAL: Final = frozenset({"s3", "s3a", "gs", "gcs", "memory"})
"""Protocols whose file systems create a file only if there is none: ``If-None-Match`` on S3, ``ifGenerationMatch`` on
Google's storage."""

LEASE: Final = "lease.json"
LEASE_SECONDS: Final = 60.0
"""Time after which the lease of a writer that was killed ends: many times what writing a small file takes."""

LEASE_WAIT: Final = 2.0
"""Seconds until a lease is read back: writers that began at once have all written theirs by then."""


class Storage(Protocol):
    """Files by their names relative to the ledger's folder, with slashes."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or ``None`` if there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file whose name nobody else uses."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one, and return whether it was written: of several writers one does."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder and below it, in order."""

    def delete(self, name: str) -> None:
        """Delete a file, if there is one."""

    def unfinished(self, folder: str) -> list[tuple[str, float]]:
        """Return the names of files that are being written, or were when their writer was killed, and their times."""


def open_storage(path: Any) -> Storage:
    """Return the storage at a path of :mod:`pathlib` or of object storage.

    :raises LedgerError: when there is no file system for it, or its connection cannot be used.
    """
    folder = local_path(path)
    if folder:
        return LocalStorage(folder)
    try:
        fs = path.fs
    except Exception as failure:  # noqa: BLE001 - each file system has errors of its own, which may quote a connection
        raise LedgerError(
            f"The ledger's storage {path.protocol}:// cannot be opened ({type(failure).__name__}): check its "
            "connection, and that its file system is installed."
        ) from None
    return ObjectStorage(fs, str(path.path), path.protocol)


@contextmanager
def _named(action: str, name: str) -> Iterator[None]:
    """Turn the errors of a file system into one sentence, without what an error may quote of a URL or a request."""
    try:
        yield
    except LedgerError:
        raise
    except Exception as failure:  # noqa: BLE001 - file systems raise their clients' errors, of any type
        reason = getattr(failure, "strerror", None) or type(failure).__name__
        raise LedgerError(
            f"The ledger's file {name} cannot be {action} ({reason}): check its storage, or retry."
        ) from None


class LocalStorage:
    """Files on a local disk, which only their owner can read.

    :param folder: the ledger's folder; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or ``None`` if there is none."""
        with _named("read", name):
            try:
                return (self._folder / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file whose name nobody else uses."""
        with _named("written", name), self._beside(name, content) as beside:
            beside.replace(self._folder / name)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one, and return whether it was written."""
        with _named("written", name), self._beside(name, content) as beside:
            try:
                os.link(beside, self._folder / name)  # unlike O_EXCL it shows a whole file, or none, after a kill
            except FileExistsError:
                return False
            except OSError:  # a file system without hard links
                return self._create_in_place(name, content)
            _sync_folder((self._folder / name).parent)
        return True

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder and below it, in order."""
        with _named("listed", folder):
            found = (self._folder / folder).rglob("*")
            return sorted(
                path.relative_to(self._folder).as_posix()
                for path in found
                if not path.name.endswith(UNFINISHED) and path.is_file()
            )

    def delete(self, name: str) -> None:
        """Delete a file, if there is one."""
        with _named("deleted", name):
            (self._folder / name).unlink(missing_ok=True)

    def unfinished(self, folder: str) -> list[tuple[str, float]]:
        """Return the names of files that are being written, or were when their writer was killed, and their times."""
        found = []
        with _named("listed", folder):
            for path in (self._folder / folder).rglob(f"*{UNFINISHED}"):
                with suppress(FileNotFoundError):  # it was finished meanwhile
                    found.append((path.relative_to(self._folder).as_posix(), path.stat().st_mtime))
        return sorted(found)

    @contextmanager
    def _beside(self, name: str, content: bytes) -> Iterator[Path]:
        path = self._folder / name
        make_folder(path.parent)
        beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
        try:
            _write_private(beside, content)
            yield beside
        finally:
            beside.unlink(missing_ok=True)

    def _create_in_place(self, name: str, content: bytes) -> bool:
        try:
            _write_private(self._folder / name, content)
        except FileExistsError:
            return False
        return True


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Let the names in a folder outlast a loss of power: a claim must be there after its call."""
    with suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class ObjectStorage:
    """Files in object storage, where a file shows only when it is complete.

    :param fs: the file system, of :mod:`fsspec`.
    :param folder: the ledger's folder, as the file system names it.
    :param protocol: of the path, such as ``s3``.
    :param sleep: waits some seconds.
    """

    def __init__(self, fs: Any, folder: str, protocol: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._fs = fs
        self._folder = folder.rstrip("/")
        self._sleep = sleep
        self._is_conditional = protocol in CONDITIONAL and _has_mode(fs)
        self._has_warned = False

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or ``None`` if there is none."""
        with _named("read", name):
            try:
                content: bytes = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
            return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file whose name nobody else uses."""
        with _named("written", name):
            self._fs.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one, and return whether it was written."""
        with _named("written", name):
            if not self._is_conditional:
                return self._create_under_lease(name, content)
            try:
                self._fs.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            except Exception as failure:
                if _is_precondition(failure):
                    return False
                raise
        return True

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder and below it, in order."""
        with _named("listed", folder):
            self._fs.invalidate_cache()  # what others wrote since the last listing must show
            try:
                found = self._fs.find(self._path(folder))
            except FileNotFoundError:
                return []
            start = len(self._fs._strip_protocol(self._folder)) + 1  # noqa: SLF001 - fsspec's own, for file systems
            return sorted(path[start:] for path in found)

    def delete(self, name: str) -> None:
        """Delete a file, if there is one."""
        with _named("deleted", name), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def unfinished(self, folder: str) -> list[tuple[str, float]]:  # noqa: ARG002 - as local storage has it
        """Return nothing: what is being written does not show. The bucket's rules delete parts of lost uploads."""
        return []

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _create_under_lease(self, name: str, content: bytes) -> bool:
        """Create a file where the store cannot refuse to replace one: who holds the lease may write."""
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "This storage cannot create a file only if there is none, so the ledger's writers wait for each other "
                "with a lease file. Let tasks that share this ledger not write in the same second."
            )
        holder = secrets.token_hex(8)
        self._take_lease(holder)
        try:
            if self._fs.exists(self._path(name)):
                return False
            self._fs.pipe_file(self._path(name), content)
        finally:
            self.delete(LEASE)
        return True

    def _take_lease(self, holder: str) -> None:
        until = time.time() + 2 * LEASE_SECONDS
        while time.time() < until:
            if self._holder() is None:
                lease = {"holder": holder, "until": time.time() + LEASE_SECONDS}
                self._fs.pipe_file(self._path(LEASE), json.dumps(lease).encode())
                self._sleep(LEASE_WAIT)
                if self._holder() == holder:
                    return
            self._sleep(LEASE_WAIT * (1 + secrets.randbelow(100) / 100))
        raise LedgerError("Other tasks hold the ledger's lease file all the time: retry later.")

    def _holder(self) -> str | None:
        lease = self.read(LEASE)
        found = json.loads(lease) if lease else {}
        return str(found["holder"]) if found.get("until", 0.0) > time.time() else None


def _has_mode(fs: Any) -> bool:
    """Return whether this version of a file system can create a file only if there is none."""
    method = getattr(fs, "_pipe_file", fs.pipe_file)  # asynchronous ones take their arguments there
    return "mode" in inspect.signature(method).parameters


def _is_precondition(failure: Exception) -> bool:
    """Return whether a store's client raised that there is such a file; clients have errors of their own for it."""
    causes = (failure, failure.__cause__, failure.__context__)
    return any(
        text in str(cause) for cause in causes for text in ("PreconditionFailed", "ConditionalRequestConflict", "412")
    )
