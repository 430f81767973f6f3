"""Rows of a batch, as the API takes them or with why it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, overload

from airflow_provider_socialscrm.importer.reasons import Reason

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.sources.base import Batch


class Row(NamedTuple):
    """A row that can be sent.

    :param position: its place in the input, from 0.
    :param body: its JSON, encoded for good.
    :param agent: body scheme: the login that signs for it; ``None`` stands for the connection's user.
    :param batch: where its own columns are found again.
    :param order: its place in the order of sending, which is the same in each try.
    :param has_side_effects: whether sending it twice may do harm.
    """

    position: int
    body: bytes
    agent: str | None
    batch: Batch
    order: int = -1
    has_side_effects: bool = False

    def __repr__(self) -> str:  # a customer must not show in a log
        return f"Row(position={self.position})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Rows(Sequence[Row]):
    """Rows of a batch in the order of sending, kept as columns: one is made when it is looked at, and costs as much.

    :param batch: where they are from.
    :param positions: of each row, like the columns that follow.
    :param bodies: their JSON.
    :param places: in the order of sending.
    :param agents: who signs; ``None`` where the connection's user signs for all.
    :param harmful: whether sending the row twice may do harm; ``None`` where it does none for any.
    """

    batch: Batch
    positions: Sequence[int]
    bodies: Sequence[bytes]
    places: Sequence[int]
    agents: Sequence[str | None] | None = None
    harmful: Sequence[bool] | None = None

    def __len__(self) -> int:
        return len(self.bodies)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> Row | Rows:
        agents, harmful = self.agents, self.harmful
        if isinstance(at, slice):
            return Rows(
                self.batch,
                self.positions[at],
                self.bodies[at],
                self.places[at],
                agents[at] if agents else None,
                harmful[at] if harmful else None,
            )
        agent, harms = agents[at] if agents else None, harmful[at] if harmful else False
        return Row(self.positions[at], self.bodies[at], agent, self.batch, self.places[at], harms)

    def __iter__(self) -> Iterator[Row]:
        columns = self.agents or repeat(None), repeat(self.batch), self.places, self.harmful or repeat(False)
        return map(Row._make, zip(self.positions, self.bodies, *columns, strict=False))


def bodies_of(rows: Sequence[Row]) -> Sequence[bytes]:
    """Return the JSON of each row."""
    return rows.bodies if isinstance(rows, Rows) else [row.body for row in rows]


def any_harmful(rows: Sequence[Row]) -> bool:
    """Say whether sending these rows twice may do harm."""
    if isinstance(rows, Rows):
        return rows.harmful is not None and any(rows.harmful)
    return any(row.has_side_effects for row in rows)


def of_one_agent(rows: Sequence[Row]) -> bool:
    """Say whether one agent signs for all of these rows."""
    agents = (rows.agents or ()) if isinstance(rows, Rows) else [row.agent for row in rows]
    return len(set(agents)) <= 1


class InvalidRow(NamedTuple):
    """A row that cannot be sent, with every reason."""

    position: int
    reasons: tuple[Reason, ...]


class SupersededRow(NamedTuple):
    """A row whose number another row has, which goes instead, or went in before where ``winner`` is ``None``."""

    position: int
    winner: int | None


@dataclass(frozen=True, slots=True, repr=False)
class PreparedBatch:
    """All rows of a batch, each once.

    :param rows: in the order of sending.
    :param invalid: in the order of the input, like ``superseded``.
    :param blank: positions of the rows that have no value at all.
    :param remarks: rows that can be sent and have something noteworthy, by cause.
    :param ambiguous_numbers: rows whose number has two readings, by their countries.
    """

    batch: Batch
    rows: Sequence[Row]
    invalid: Sequence[InvalidRow]
    superseded: Sequence[SupersededRow]
    blank: Sequence[int] = ()
    remarks: Mapping[Reason, int] = field(default_factory=dict)
    ambiguous_numbers: Mapping[str, int] = field(default_factory=dict)
