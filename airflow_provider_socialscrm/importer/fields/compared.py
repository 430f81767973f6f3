"""The columns that a ledger compares of a batch, and its verdicts on the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from msgspec.structs import replace

from airflow_provider_socialscrm.api.customers import API_FIELDS
from airflow_provider_socialscrm.importer.fields.duplicates import Flags, Keys, Positions
from airflow_provider_socialscrm.importer.rows import Group, LedgerRow, Row

if TYPE_CHECKING:
    import pyarrow as pa

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ComparedColumns:
    """The columns of a batch that a ledger compares, each row at its place.

    :param payloads: hashes of what is sent, without the fields that are sent once.
    :param once_payloads: hashes of what is sent, with those that the row has.
    :param fields: a byte for each compared field of each row.
    :param once: a bit for each field that is sent once and that the row has.
    :param once_names: names of these fields, by bit.
    :param once_members: for each of them the JSON member of each row; empty where it has none.
    """

    payloads: np.ndarray[tuple[int], np.dtype[np.uint64]]
    once_payloads: np.ndarray[tuple[int], np.dtype[np.uint64]]
    fields: Bytes
    once: Bytes
    once_names: Sequence[str] = ()
    once_members: Sequence[pa.Array] = ()

    def ledger_rows(self, rows: Sequence[int], verdicts: Verdicts, agents: Iterable[str | None]) -> Iterator[LedgerRow]:
        """Return what the ledger saves of rows.

        :param agents: whose customers they are.
        """
        at = np.asarray(rows, np.int64)
        fields, width = self.fields[at].tobytes(), self.fields.shape[1]
        parts = (fields[start : start + width] for start in range(0, len(fields), width)) if width else repeat(b"")
        columns = (
            verdicts.keys[at].tolist(),
            self.payloads[at].tolist(),
            agents,
            verdicts.once[at].tolist(),
            parts,
            _chosen(verdicts.claimed, at),
            _chosen(verdicts.is_changed, at),
            _chosen(verdicts.accepted, at),
            self.once_payloads[at].tolist(),
            map(verdicts.groups.get, at.tolist()) if verdicts.groups else repeat(None),
        )
        return map(LedgerRow, *columns)

    def with_once(self, index: int, row: Row) -> Row:
        """Return a row with the fields that are sent once and are sent now.

        :param index: its place in the batch.
        """
        due = row.ledger.once if row.ledger else 0
        names = [(bit, name) for bit, name in enumerate(self.once_names) if due >> bit & 1]
        if not names:
            return row
        members = [row.body[:-1], *(self.once_members[bit][index].as_py() for bit, _ in names)]
        extensions = row.extension_fields.union(name for _, name in names if name not in API_FIELDS)
        return replace(row, body=b",".join(members) + b"}", extension_fields=extensions)


class Comparer(Protocol):
    """Turns the columns of a batch into what a ledger compares."""

    @property
    def once_names(self) -> Sequence[str]:
        """Names of the fields that are sent once."""

    def compare(
        self, members: Mapping[str, pa.Array], agents: Sequence[str | None] | None, bodies: pa.Array
    ) -> ComparedColumns:
        """Return what is compared of the rows of a batch.

        :param members: texts by field, as :func:`.cleaning.json_objects` takes them.
        :param agents: of the rows; ``None`` where no row has one.
        :param bodies: the rows' JSON without the fields that are sent once.
        """


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Verdicts:
    """The verdicts of a ledger on the rows of a batch, each at its place. Rows that cannot be sent have none.

    :param keys: of the customers.
    :param is_sent: whether the row is sent.
    :param once: a bit for each field that is sent once and is sent now.
    :param known_bad: the codes of the rows that the CRM refused as they are.
    :param is_changed: whether the CRM has other values of the customer; ``None`` if it has none for any row.
    :param claimed: whether an earlier try of the same import has claimed such a field; ``None`` if it has for no row.
    :param accepted: whether an earlier try had the row accepted as it is; ``None`` if it had none.
    :param groups: of the rows whose customer has several different ones.
    """

    keys: Keys
    is_sent: Flags
    once: Bytes
    known_bad: Mapping[int, str]
    is_changed: Flags | None = None
    claimed: Flags | None = None
    accepted: Flags | None = None
    groups: Mapping[int, Group] = field(default_factory=dict)

    def sent_of(self, rows: Sequence[int]) -> Sequence[int]:
        """Return those rows that are sent."""
        at = np.asarray(rows, np.int64)
        sent = at[self.is_sent[at]]
        return rows if len(sent) == len(at) else sent.tolist()

    def unchanged_of(self, rows: Sequence[int]) -> Positions:
        """Return those rows that the CRM accepted as they are."""
        at = np.asarray(rows, np.int64)
        is_unchanged = ~self.is_sent
        is_unchanged[list(self.known_bad)] = False
        return at[is_unchanged[at]]


def _chosen(flags: Flags | None, at: Positions) -> Iterable[bool]:
    return repeat(False) if flags is None else flags[at].tolist()
