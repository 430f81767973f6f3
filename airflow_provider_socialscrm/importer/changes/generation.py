"""Generations: what a ledger consists of at a moment, each in one small file that is never changed."""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

import msgspec

from airflow_provider_socialscrm.importer.errors import UnusableLedgerError

RESTORE: Final = (
    "restore the ledger's folder from a copy, or give another path, and everything is sent once more. If a field that "
    "is listed in `once`, such as welcome, must not be sent again, treat the customers as already sent with "
    "resend='adopt', which also marks changes that were never sent as accepted"
)
"""What to do about a ledger whose files do not agree."""

FORMAT: Final = 1
"""Version of the form of a ledger's files. A ledger of a newer one is not read."""

FOLDER: Final = "generations"
BASE: Final = "base"
LOGS: Final = "log"
CLAIMS: Final = f"{LOGS}/claims"
"""Folder of the claims, whose files are logs with numbers. A run's folder ends with a hash, so none has this name."""
_SUM: Final = "checksum"
_PARTS: Final = 3  # of the name of a file of the base


class File(msgspec.Struct, frozen=True):
    """A file that a generation names.

    :param name: relative to the ledger's folder.
    :param size: in bytes.
    :param crc: its CRC-32.
    :param rows: entries in it.
    """

    name: str
    size: int
    crc: int
    rows: int

    @classmethod
    def of(cls, name: str, content: bytes, rows: int) -> File:
        """Return the file of some content."""
        return cls(name, len(content), zlib.crc32(content), rows)


class Merged(msgspec.Struct, frozen=True):
    """A log whose entries are in the base.

    :param name: relative to the ledger's folder.
    :param at: when it was merged, in seconds since the epoch.
    """

    name: str
    at: int


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a ledger at a moment.

    :param number: from 1; 0 is a ledger without any.
    :param id: of this commit.
    :param run: the run that committed it.
    :param committed_at: in seconds since the epoch.
    :param buckets: of the base, a power of two.
    :param base: files with the entries of a bucket each, in folders by the bucket's number.
    :param logs: files with what became known since.
    :param merged: logs that are in the base already, until they are deleted.
    :param fields: names of the fields that have a byte in some file.
    :param once: names of the fields that are sent once.
    :param rows_per_call: how many rows a call may carry, as the last import found it; 0 if none has.
    :param claims: the highest number of a claim so far, see :mod:`.claims`.
    :param is_loaded: whether a run has come to its end, so that the next one is not the first.
    """

    number: int = 0
    id: str = ""
    run: str = ""
    committed_at: int = 0
    buckets: int = 1
    base: tuple[File, ...] = ()
    logs: tuple[File, ...] = ()
    merged: tuple[Merged, ...] = ()
    fields: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    rows_per_call: int = 0
    claims: int = 0
    is_loaded: bool = False

    @property
    def name(self) -> str:
        """The name of its file."""
        return name_of(self.number)

    def of_bucket(self, bucket: int) -> File | None:
        """Return the file of a bucket; ``None`` if it has no entries."""
        return next((file for file in self.base if file.name.startswith(f"{folder_of(bucket)}/")), None)

    @property
    def base_rows(self) -> int:
        """Entries in the base."""
        return sum(file.rows for file in self.base)

    @property
    def log_rows(self) -> int:
        """Entries in the logs."""
        return sum(file.rows for file in self.logs)

    @property
    def named(self) -> set[str]:
        """Names of all its files."""
        return {file.name for file in (*self.base, *self.logs)} | {log.name for log in self.merged}

    def encode(self) -> bytes:
        """Return the content of its file."""
        return seal(msgspec.to_builtins(self))


def folder_of(bucket: int) -> str:
    """Return the folder of a bucket's files."""
    return f"{BASE}/{bucket:03x}"


def name_of(number: int) -> str:
    """Return the name of a generation's file."""
    return f"{FOLDER}/{number:07}.json"


def claim_of(number: int) -> str:
    """Return the name of a claim's file."""
    return f"{CLAIMS}/{number:09}.parquet"


def claim_number(name: str) -> int | None:
    """Return the number of a claim by the name of its file, or ``None`` if it is another file."""
    stem = name.removeprefix(f"{CLAIMS}/").removesuffix(".parquet")
    return int(stem) if stem.isascii() and stem.isdigit() and claim_of(int(stem)) == name else None


def base_name(bucket: int, now: int, number: int, token: str) -> str:
    """Return the name of a file of the base.

    :param now: when it is written, in seconds since the epoch, for people.
    :param number: of the only generation that may name it first.
    :param token: random characters.
    """
    return f"{folder_of(bucket)}/{now}-{number:07}-{token}.parquet"


def built_for(name: str) -> int:
    """Return the number of the generation that a file of the base was written for; 0 where its name does not say so."""
    parts = name.rpartition("/")[2].split("-")
    return int(parts[1]) if len(parts) == _PARTS and parts[1].isascii() and parts[1].isdigit() else 0


def number_of(name: str) -> int | None:
    """Return the number of a generation by the name of its file, or ``None`` if it is another file."""
    stem = name.removeprefix(f"{FOLDER}/").removesuffix(".json")
    return int(stem) if stem.isascii() and stem.isdigit() and name_of(int(stem)) == name else None


def decode(name: str, content: bytes) -> Generation:
    """Return the generation that a file has.

    :raises LedgerError: when it is damaged, or newer than this provider.
    """
    try:
        return msgspec.convert(unseal(name, content), Generation)
    except msgspec.ValidationError:
        raise damaged(name) from None


def seal(values: dict[str, Any]) -> bytes:
    """Return values as JSON for people, with a checksum over them."""
    values = {"format": FORMAT, **values}
    return json.dumps({**values, _SUM: _sum(values)}, indent=1).encode()


def unseal(name: str, content: bytes) -> dict[str, Any]:
    """Return the values of a sealed file.

    :raises LedgerError: when it is damaged, or newer than this provider.
    """
    try:
        values = dict(json.loads(content))
        found = values.pop(_SUM)
        version = values.pop("format")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged(name) from None
    if type(version) is int and version > FORMAT:
        raise UnusableLedgerError(
            f"The ledger's file {name} has format {version}, which is newer than this provider knows: upgrade it."
        )
    if found != _sum({"format": version, **values}) or version != FORMAT:
        raise damaged(name)
    return values


def damaged(name: str) -> UnusableLedgerError:
    """Return the error for a file that is not what was written."""
    return UnusableLedgerError(f"The ledger's file {name} is missing or damaged: {RESTORE}.")


def _sum(values: dict[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(values, sort_keys=True).encode()):08x}"
