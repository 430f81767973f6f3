"""A ledger's folder: its generations, base and logs, and commits that take all writers' logs together."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from airflow_provider_socialscrm.api.addresses import are_same
from airflow_provider_socialscrm.importer.changes import generation as generations
from airflow_provider_socialscrm.importer.changes.entries import Codec, Layout, names_in
from airflow_provider_socialscrm.importer.changes.entry_files import decoded, file_of
from airflow_provider_socialscrm.importer.changes.generation import LOGS, File, Generation, damaged, seal, unseal
from airflow_provider_socialscrm.importer.changes.keys import KeyKind, Keyring, Words
from airflow_provider_socialscrm.importer.changes.spool import BucketSpool
from airflow_provider_socialscrm.importer.errors import LedgerError, UnusableLedgerError

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.storage import Storage
    from airflow_provider_socialscrm.importer.changes.table import Columns, Table

log = logging.getLogger(__name__)

LEDGER: Final = "ledger.json"

MOST_TRIES: Final = 100
"""Commits that may be lost to other writers in a row; each of them is somebody's success."""

AT_ONCE: Final = 16
"""Files that are read at once, since object storage takes 20 to 50 ms for each."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose customers a ledger is about.

    :param base_url: of the tenant's API.
    :param tenant_id: of the tenant.
    :param scheme: how calls are signed.
    """

    base_url: str
    tenant_id: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The content of a ledger at a moment: a generation, and the logs that it does not name.

    :param generation: the newest.
    :param unnamed: logs of runs that are not committed: they run, or were killed.
    """

    generation: Generation
    unnamed: tuple[File, ...] = ()

    @property
    def logs(self) -> tuple[File, ...]:
        """The logs whose entries are not in the base."""
        return (*self.generation.logs, *self.unnamed)

    @property
    def claims(self) -> int:
        """The number up to which the snapshot has all claims, see :mod:`.claims`."""
        found = {generations.claim_number(file.name) for file in self.unnamed}
        last = self.generation.claims
        while last + 1 in found:
            last += 1
        return last

    @property
    def is_empty(self) -> bool:
        """Whether no run has saved anything."""
        return not self.generation.base and not self.logs


class LedgerStore:
    """Reads and commits a ledger.

    :param storage: its folder.
    :param target: whose customers it is about.
    :param keyring: makes the keys of customers.
    :param now: seconds since the epoch.
    """

    def __init__(
        self, storage: Storage, target: Target, keyring: Keyring, *, now: Callable[[], float] = time.time
    ) -> None:
        self.storage = storage
        self.keyring = keyring
        self.codes = Words()
        self.target = target
        self.now = now
        self._latest = 0
        self.first_snapshot: Snapshot | None = None
        """What this run compares its input with."""

    @classmethod
    def found(cls, storage: Storage, secret: str | None = None, *, now: Callable[[], float] = time.time) -> LedgerStore:
        """Return the ledger in a folder, whosever customers it is about.

        :param secret: of the hashes; without it they can be read and written back.
        :raises LedgerError: when there is none, it has another secret, is damaged, or is newer than this provider.
        """
        content = storage.read(LEDGER)
        if content is None:
            if storage.names(generations.FOLDER) or storage.names(LOGS):
                raise damaged(LEDGER)
            raise UnusableLedgerError(f"There is no ledger here: {LEDGER} is missing.")
        identity = unseal(LEDGER, content)
        try:
            target = Target(*identity["target"])
            kind, by_agent, check = KeyKind(identity["key"]), bool(identity["by_agent"]), identity["secret_check"]
        except (KeyError, TypeError, ValueError):
            raise damaged(LEDGER) from None
        secret = secret if kind is KeyKind.HMAC else None
        store = cls(storage, target, Keyring(kind, by_agent=by_agent, secret=secret, check=check), now=now)
        store.open()
        return store

    def open(self) -> None:
        """Check that the ledger can be used; one that is not there is not made.

        :raises LedgerError: when it is another target's, has other keys, is damaged, or is newer than this provider.
        """
        content = self.storage.read(LEDGER)
        if content is not None:
            self._check(unseal(LEDGER, content))
        elif self.storage.names(generations.FOLDER) or self.storage.names(LOGS):
            raise damaged(LEDGER)

    def moment(self) -> int:
        """Return the second that answers of this run have: now, or the latest that the ledger has if that is later.

        So answers are in the order of the runs, also where a worker's clock is behind that of another.
        """
        return max(int(self.now()), self._latest)

    def make(self) -> None:
        """Make the ledger if it is not there. Safe to repeat, and by several runs at once.

        :raises LedgerError: when it cannot be written, or another run made one for another target.
        """
        if self.storage.read(LEDGER) is None:
            self.storage.create(LEDGER, seal(self._identity() | {"created_at": int(self.now())}))
        self.open()

    def codec(self, layout: Layout) -> Codec:
        """Return what turns entries of a layout into files and back."""
        return Codec(layout, self.keyring, self.codes)

    def newest(self) -> Generation:
        """Return the newest generation.

        :raises LedgerError: when it is damaged.
        """
        for is_last in (False, False, True):  # a newer one may come, and this one be deleted, before it is read
            numbers = self.numbers()
            if not numbers:
                return Generation()
            found = self.read_generation(numbers[-1])
            if found:
                return found
            if is_last:
                break
        raise damaged(generations.name_of(numbers[-1]))

    def at(self, number: int) -> Generation | None:
        """Return a generation, or ``None`` if it is deleted by now; 0 is a ledger without any.

        :raises LedgerError: when it is damaged.
        """
        if number == 0:
            return Generation()
        return self._generation(number) if number in self.numbers() else None

    def snapshot(self) -> Snapshot:
        """Return the newest generation with all logs that it does not name.

        :raises LedgerError: when something is damaged.
        """
        newest = self.newest()
        found = Snapshot(newest, tuple(file for file, _ in self._unnamed(newest)))
        self.first_snapshot = self.first_snapshot or found
        return found

    def base(self, generation: Generation, bucket: int, codec: Codec, wanted: Collection[str] | None = None) -> Table:
        """Return the entries of a bucket of the base, sorted by key.

        :param wanted: their columns; all if it is ``None``.
        :raises LedgerError: when they are damaged.
        """
        file = generation.of_bucket(bucket)
        if file is None:
            return codec.none()
        entries = decoded(file, self._content(file), codec, wanted)
        return entries if not self.keyring.by_agent else entries.take(entries["key"].argsort(kind="stable"))

    def bases(
        self, generation: Generation, codec: Codec, wanted: Collection[str] | None = None
    ) -> Iterator[tuple[int, Table]]:
        """Yield each bucket with its entries; the next one is read meanwhile.

        :param wanted: their columns; all if it is ``None``.
        :raises LedgerError: when they are damaged.
        """
        with ThreadPoolExecutor(1, "socialscrm-ledger") as pool:
            following = pool.submit(self.base, generation, 0, codec, wanted)
            for bucket in range(generation.buckets):
                entries = following.result()
                if bucket + 1 < generation.buckets:
                    following = pool.submit(self.base, generation, bucket + 1, codec, wanted)
                yield bucket, entries

    def events(self, files: Sequence[File], codec: Codec) -> BucketSpool:
        """Return the entries of logs by bucket.

        :raises LedgerError: when they are damaged.
        """
        spool = BucketSpool(codec.layout.dtype, self.keyring.buckets)
        try:
            for file, content in self._contents(files):
                entries = decoded(file, content, codec)
                self._latest = max(self._latest, int(entries["seen"].max(initial=0)))
                spool.add(entries)
            spool.flush()
        except BaseException:
            spool.close()
            raise
        return spool

    def write(self, name: str, entries: Columns, codec: Codec) -> File:
        """Write a file of entries.

        :raises LedgerError: when it cannot be written.
        """
        content = codec.encode(entries)
        self.storage.write(name, content)
        return File.of(name, content, len(entries))

    def commit(
        self,
        run: str,
        own: Sequence[File],
        layout: Layout,
        rows_per_call: int | None = None,
        *,
        is_whole: bool = False,
    ) -> Generation:
        """Add logs to the ledger, with all those of others that no generation names, and return the new generation.

        Of two writers one is first; the other reads what that one committed, and adds its own. Safe to repeat.

        :param run: who commits, for people.
        :param own: logs of this run.
        :param layout: their columns.
        :param rows_per_call: how many rows a call may carry; ``None`` leaves what earlier imports found.
        :param is_whole: whether the run came to its end.
        :raises LedgerError: when the ledger cannot be read or written.
        """
        self.make()
        for _ in range(MOST_TRIES):
            newest = self.newest()
            mine = [file for file in own if file.name not in newest.named]
            others = list(self._unnamed(newest, besides={file.name for file in own}))
            is_loaded = newest.is_loaded or is_whole
            if not mine and not others and newest.number and is_loaded == newest.is_loaded:
                return newest
            names = layout.with_names(newest.fields, newest.once)
            for _, (fields, once) in others:
                names = names.with_names(fields, once)
            logs = (*newest.logs, *(file for file, _ in others), *mine)
            added = self.replaced(
                newest,
                run,
                logs=logs,
                fields=names.fields,
                once=names.once,
                claims=max(newest.claims, *(generations.claim_number(file.name) or 0 for file in logs), 0),
                rows_per_call=rows_per_call or newest.rows_per_call,
                is_loaded=is_loaded,
            )
            if self.publish(added):
                return added
        raise LedgerError("Other imports commit to the ledger all the time: retry later.")

    def replaced(self, newest: Generation, run: str, **changes: Any) -> Generation:
        """Return the generation after another one, with changes."""
        return msgspec.structs.replace(
            newest,
            number=newest.number + 1,
            id=secrets.token_hex(8),
            run=run,
            committed_at=self.moment(),
            **changes,
        )

    def publish(self, generation: Generation) -> bool:
        """Create a generation, and return whether nobody else created that number."""
        if self.storage.create(generation.name, generation.encode()):
            return True
        # A client that lost the response to its first request finds its own file when it repeats it.
        return self._generation(generation.number).id == generation.id

    def numbers(self) -> list[int]:
        """Return the numbers of all generations that are kept, in ascending order."""
        found = map(generations.number_of, self.storage.names(generations.FOLDER))
        return sorted(number for number in found if number is not None)

    def read_generation(self, number: int) -> Generation | None:
        """Return a generation, or ``None`` if there is none, or it is deleted by now.

        :raises LedgerError: when it is damaged.
        """
        name = generations.name_of(number)
        content = self.storage.read(name)
        if content is None:
            return None
        found = generations.decode(name, content)
        if found.number != number:
            raise damaged(name)
        self._latest = max(self._latest, found.committed_at)
        return found

    def kept(self) -> list[str]:
        """Return the names of all generations that are kept, the oldest first."""
        return [generations.name_of(number) for number in self.numbers()]

    def generation(self, name: str) -> Generation:
        """Return a generation by the name of its file.

        :raises LedgerError: when it is missing or damaged.
        """
        return self._generation(generations.number_of(name) or 0)

    def _generation(self, number: int) -> Generation:
        found = self.read_generation(number)
        if found is None:
            raise damaged(generations.name_of(number))
        return found

    def _unnamed(
        self, newest: Generation, besides: set[str] | None = None
    ) -> Iterator[tuple[File, tuple[list[str], list[str]]]]:
        """Yield the logs that a generation does not name, with the names of the fields in them."""
        known = newest.named | (besides or set())
        for name in self.storage.names(LOGS):
            if name not in known and name.endswith(".parquet"):
                content = self.storage.read(name)
                if content is not None:
                    yield file_of(name, content), names_in(content)

    def _contents(self, files: Sequence[File]) -> Iterator[tuple[File, bytes]]:
        with ThreadPoolExecutor(AT_ONCE, "socialscrm-ledger") as pool:
            for start in range(0, len(files), AT_ONCE):
                some = files[start : start + AT_ONCE]
                yield from zip(some, pool.map(self._content, some), strict=True)

    def _content(self, file: File) -> bytes:
        content = self.storage.read(file.name)
        if content is None or File.of(file.name, content, file.rows) != file:
            raise damaged(file.name)
        return content

    def _identity(self) -> dict[str, Any]:
        return {
            "target": [self.target.base_url, self.target.tenant_id, self.target.scheme],
            "key": self.keyring.kind.value,
            "by_agent": self.keyring.by_agent,
            "secret_check": self.keyring.check_value(),
        }

    def _check(self, found: dict[str, Any]) -> None:
        identity = self._identity()
        if not _is_same(found.get("target"), identity["target"]):
            raise UnusableLedgerError(
                f"The ledger is of another host, tenant or auth scheme: it has {_shown(found.get('target'))}, and this "
                f"connection has {_shown(identity['target'])}. Give this connection a path of its own."
            )
        if found.get("key") != identity["key"] or found.get("secret_check") != identity["secret_check"]:
            raise UnusableLedgerError(
                "The ledger was made with another ledger_secret, or without one: set the connection's extra "
                "ledger_secret as it was, or give another path."
            )
        if found.get("by_agent") != identity["by_agent"]:
            raise UnusableLedgerError(
                "The ledger was made with another value of duplicates: duplicates='send' has a customer for each agent "
                "and the other choices have one for each number, so give another path."
            )


def _is_same(target: Any, other: list[str]) -> bool:
    match target:
        case [str(base_url), *rest]:
            return rest == other[1:] and are_same(base_url, other[0])
    return False


def _shown(target: Any) -> str:
    """Return whose customers a ledger is about, in words, without what an address may have beside its host."""
    match target:
        case [str(base_url), str(tenant_id), str(scheme)]:
            address = urlsplit(base_url)
            return f"{address.scheme}://{address.netloc.rpartition('@')[2]}, tenant {tenant_id}, scheme {scheme}"
    return "none"
