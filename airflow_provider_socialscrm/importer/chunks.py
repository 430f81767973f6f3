"""Rows to chunks, within rows and bytes. Pure: a chunk holds rows that are encoded already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from airflow_provider_socialscrm.importer.fields import Row, has_side_effects


@dataclass(slots=True)
class Limits:
    """How much one call may carry; lowered for the rest of a run when the server takes less.

    :param rows: rows a call.
    :param bytes: bytes of the whole request body, the signed envelope included.
    """

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that travel in one call; never empty.

    :param rows: in the order of the input.
    :param agent: body scheme: who signs; ``None`` stands for the connection's user.
    """

    rows: tuple[Row, ...] = field(repr=False)
    agent: str | None = field(default=None, repr=False)

    @property
    def bodies(self) -> list[bytes]:
        """The encoded rows."""
        return [row.body for row in self.rows]

    @property
    def size(self) -> int:
        """Bytes of the rows."""
        return sum(len(row.body) for row in self.rows)

    @property
    def body_size(self) -> int:
        """Bytes that the rows take in a call's body: their own, and a comma between each two."""
        return self.size + len(self.rows) - 1

    @property
    def repeatable(self) -> bool:
        """Whether sending the chunk again does no harm."""
        return not any(has_side_effects(row) for row in self.rows)

    def halves(self) -> tuple[Chunk, Chunk]:
        """Return two chunks with half of the bytes each, as near as rows allow; neither is empty."""
        middle, seen, half = 0, 0, self.size / 2
        while middle < len(self.rows) - 1 and (middle == 0 or seen + len(self.rows[middle].body) <= half):
            seen += len(self.rows[middle].body)
            middle += 1
        return Chunk(self.rows[:middle], self.agent), Chunk(self.rows[middle:], self.agent)


def arrange(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield a batch's rows in the order of sending: those of one agent follow each other, side effects first.

    So what is settled in a batch is few intervals of that order, however the agents alternate.
    """
    for once, plain in _by_agent(rows).values():
        yield from once
        yield from plain


def chunk_rows(
    rows: Iterable[Row], limits: Limits, envelope: Callable[[str | None], int], *, resend: bool = False
) -> Iterator[Chunk]:
    """Yield rows as chunks: those of one agent together, in order, each as full as the limits allow.

    A row with side effects goes alone: whether a refused call took some of its rows is not known, so only a call of
    its own can be judged without sending the row twice. A row that is too large alone still gets a chunk of its own.

    :param rows: the rows of one batch, which bounds what is held in memory.
    :param limits: read for each chunk, so a limit learned meanwhile holds for the next.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    :param resend: whether rows with side effects may be sent twice; then they travel with the others.
    """
    for agent, (once, plain) in _by_agent(rows).items():
        if not resend:
            yield from (Chunk((row,), agent) for row in once)
        together = [*once, *plain] if resend else plain
        yield from _pack(together, limits, envelope(agent), agent)


def _by_agent(rows: Iterable[Row]) -> dict[str | None, tuple[list[Row], list[Row]]]:
    groups: dict[str | None, tuple[list[Row], list[Row]]] = {}
    for row in rows:
        once, plain = groups.setdefault(row.agent, ([], []))
        (once if has_side_effects(row) else plain).append(row)
    return groups


def _pack(rows: list[Row], limits: Limits, envelope: int, agent: str | None) -> Iterator[Chunk]:
    start = 0
    while start < len(rows):
        end, size = start + 1, envelope + len(rows[start].body)
        while end < len(rows) and end - start < limits.rows and size + 1 + len(rows[end].body) <= limits.bytes:
            size += 1 + len(rows[end].body)  # a comma goes between rows
            end += 1
        yield Chunk(tuple(rows[start:end]), agent)
        start = end
