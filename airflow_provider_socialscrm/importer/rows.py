"""Rows of a batch: those that can be sent, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

from airflow_provider_socialscrm.importer.reasons import Reason

if TYPE_CHECKING:
    import pyarrow as pa


class OwnColumns(Protocol):
    """Rows of the input as they came, which the dead letter shows."""

    @property
    def start(self) -> int:
        """Position in the input of the first row."""

    @property
    def file(self) -> str | None:
        """The file they are from, if any."""

    @property
    def unreadable(self) -> Mapping[int, Reason]:
        """Why, for each row that could not be read, by its place in the batch."""

    @property
    def records(self) -> pa.RecordBatch:
        """The rows; they may be read when they are asked for."""


class Group(NamedTuple):
    """The rows of a customer that has several different ones.

    :param payload: the hash of all of them.
    :param rows: how many they are.
    """

    payload: int
    rows: int


class LedgerRow(NamedTuple):
    """A row as the ledger compares and saves it.

    :param key: of the customer, as :meth:`.changes.keys.Keyring.keys` returns it.
    :param payload: the hash of what is sent, without the fields that never make a row change.
    :param agent: whose customer it is.
    :param once: a bit for each field that is sent once and is sent with this row.
    :param fields: a byte for each field that is compared.
    :param is_claimed: whether an earlier try of this import claimed it, and nobody knows whether its call was taken.
    :param is_changed: whether the CRM has other values of the customer.
    :param is_accepted: whether an earlier try of this import had it accepted as it is.
    :param with_once: the hash with all fields that are sent once and that the row has: one of them may be what the CRM
        refuses. 0 is that without them.
    :param group: the rows of the same customer, if they differ.
    """

    key: int
    payload: int
    agent: str | None = None
    once: int = 0
    fields: bytes = b""
    is_claimed: bool = False
    is_changed: bool = False
    is_accepted: bool = False
    with_once: int = 0
    group: Group | None = None


class Row(Struct, frozen=True, gc=False):
    """A row that can be sent. It refers to no other row, so the garbage collector need not look at a million of them.

    :param position: its place in the input, from 0.
    :param body: its JSON, encoded for good.
    :param agent: body scheme: the login that signs for it; ``None`` is the connection's user.
    :param batch: where its own columns are.
    :param order: its place in the order of sending, which is the same in each try.
    :param has_side_effects: whether sending it twice may do harm.
    :param number: its ``whatsApp`` number, as the integer that its digits are.
    :param named_agent: header scheme: the agent that the row names.
    :param extension_fields: names of the extension fields it has.
    :param ledger: what the ledger saves of it; ``None`` in an import without a ledger.
    """

    position: int
    body: bytes
    agent: str | None
    batch: OwnColumns
    order: int = -1
    has_side_effects: bool = False
    number: int = 0
    named_agent: str | None = None
    extension_fields: frozenset[str] = frozenset()
    ledger: LedgerRow | None = None

    def __repr__(self) -> str:  # a customer must not show in a log
        return f"Row(position={self.position})"


class InvalidRow(NamedTuple):
    """A row that is not sent, with every reason."""

    position: int
    reasons: tuple[Reason, ...]


class SupersededRow(NamedTuple):
    """A row that is not sent because ``winner`` has its number; ``None`` where that was sent in an earlier import."""

    position: int
    winner: int | None


class KnownBadRow(NamedTuple):
    """A row that the CRM refused as it is in an earlier import, with the code of that refusal."""

    position: int
    code: str


@dataclass(frozen=True, slots=True, repr=False)
class PreparedBatch:
    """All rows of a batch, each once.

    :param batch: where their own columns are.
    :param size: how many they are.
    :param rows: in the order of sending.
    :param invalid: in the order of the input, like ``superseded``.
    :param blank: positions of the rows that have no value at all.
    :param remarks: rows that can be sent and have something noteworthy, by reason.
    :param unchanged: positions of the rows that the CRM has accepted as they are in an earlier import.
    :param known_bad: rows that it has refused as they are.
    :param held: rows that the dead letter of an earlier import leaves in doubt, and that must not be sent twice.
    """

    batch: OwnColumns
    size: int
    rows: Sequence[Row]
    invalid: Sequence[InvalidRow]
    superseded: Sequence[SupersededRow]
    blank: Sequence[int] = ()
    remarks: Mapping[Reason, int] = field(default_factory=dict)
    unchanged: Sequence[int] = ()
    known_bad: Sequence[KnownBadRow] = ()
    held: Sequence[InvalidRow] = ()
