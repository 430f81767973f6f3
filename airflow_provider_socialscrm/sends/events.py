"""What happens to the recipients of a campaign: each event is a small file with a number, which is never changed."""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from airflow_provider_socialscrm.importer.errors import UnusableLedgerError

FORMAT: Final = 1
"""Version of the form of an event's file. A newer one is not read."""

ACCEPTED: Final = "accepted"  # the CRM has the task
DOUBTFUL: Final = "doubtful"  # the CRM may have it
RELEASED: Final = "released"  # the CRM certainly does not have it


class Claimed(msgspec.Struct, frozen=True, tag="claimed"):
    """Recipients are about to be sent to in one call.

    :param id: of this file, so that its writer knows it again.
    :param call: of the call, for people.
    :param name: of the task in the CRM.
    :param owner: the task of Airflow, the same in all of its tries.
    :param at: seconds since the epoch.
    :param numbers: the recipients' numbers, or hashes of them.
    """

    id: str
    call: str
    name: str
    owner: str
    at: int
    numbers: tuple[int, ...]

    def __repr__(self) -> str:
        return f"Claimed(call={self.call!r}, {len(self.numbers):,} recipients)"


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """It became known what became of a call, or that this cannot be known.

    :param id: of this file.
    :param call: of the call.
    :param outcome: :data:`ACCEPTED`, :data:`DOUBTFUL` or :data:`RELEASED`.
    :param at: seconds since the epoch.
    :param task_id: of the CRM's task, if it is known.
    :param by_person: whether a person has said so.
    """

    id: str
    call: str
    outcome: str
    at: int
    task_id: str | None = None
    by_person: bool = False


Event = Claimed | Answered


class _File(msgspec.Struct):
    format: int
    checksum: str
    event: msgspec.Raw


def encode(event: Event) -> bytes:
    """Return the content of an event's file: JSON with a checksum."""
    content = msgspec.json.encode(event)
    return msgspec.json.encode(_File(FORMAT, _sum(content), msgspec.Raw(content)))


def decode(name: str, content: bytes) -> Event:
    """Return the event of a file.

    :raises LedgerError: when it is damaged, or newer than this provider.
    """
    try:
        file = msgspec.json.decode(content, type=_File)
        if file.format > FORMAT:
            raise UnusableLedgerError(
                f"{name} has format {file.format}, which is newer than this provider knows: upgrade it."
            )
        if file.checksum != _sum(bytes(file.event)):
            raise damaged(name)
        event: Event = msgspec.json.decode(file.event, type=Event)
    except msgspec.MsgspecError:
        raise damaged(name) from None
    return event


def damaged(name: str) -> UnusableLedgerError:
    """Return the error for a file that is not what was written."""
    return UnusableLedgerError(
        f"{name} in the ledger of sends is missing or damaged, so nobody knows who got the message, and nothing was "
        "sent: restore the folder from a copy."
    )


def _sum(content: bytes) -> str:
    return f"{zlib.crc32(content):08x}"
