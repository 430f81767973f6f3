"""Rows as chunks, within limits of rows and bytes. Pure: the rows are encoded already."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf
from operator import attrgetter

from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.wording import counted

_agent, _body, _has_side_effects = attrgetter("agent"), attrgetter("body"), attrgetter("has_side_effects")


@dataclass(slots=True)
class Limits:
    """How much one call may carry; lowered for the rest of a run when the server takes less.

    The rows are fixed here. ``CallSize`` finds them, by what it hears of calls.

    :param rows: rows in a call.
    :param bytes: bytes of the whole request body, the signed envelope included.
    :param rows_left: rows of the input that are in no chunk yet, as far as it is known.
    """

    rows: int
    bytes: int
    rows_left: float = inf

    @property
    def most_rows(self) -> float:
        """Rows above which a chunk that exists already is split before it is sent."""
        return inf

    @property
    def is_in_doubt(self) -> bool:
        """Whether to send one call at a time, because calls of this size may be refused."""
        return False

    def rows_for(self, first: Row) -> int:  # noqa: ARG002 - for those that differ by row
        """Return how many rows the next chunk may have.

        :param first: the row that it begins with.
        """
        return self.rows

    def lower_bytes(self, most: int) -> None:
        """Let no later call be larger than this."""
        self.bytes = min(self.bytes, most)

    def on_taken(self, rows: int) -> None:
        """Note that a new chunk was taken from the input."""
        self.rows_left -= rows

    def on_accepted(self, rows: int, size: int, seconds: float) -> None:
        """Note that a call succeeded.

        :param rows: that it carried.
        :param size: bytes of its body.
        :param seconds: that it took.
        """

    def on_too_large(self, rows: int, size: int, half: int) -> str:  # noqa: ARG002 - for those that search
        """Note that a call was refused as too large, and return what later ones may carry, in words.

        :param half: bytes of the larger of the two calls that it is halved into.
        """
        self.lower_bytes(half)
        return counted(self.bytes, "byte")

    def on_lost(self, rows: int) -> None:
        """Note that no response says what became of a call."""

    def on_rejected(self, rows: int) -> None:
        """Note that a call was rejected because of a row."""

    def on_other_failure(self, rows: int) -> None:
        """Note that a call failed, which says nothing about its size."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that travel in one call; never empty.

    :param rows: in the order of the input.
    :param agent: body scheme: who signs; ``None`` is the connection's user.
    """

    rows: Sequence[Row] = field(repr=False)
    agent: str | None = field(default=None, repr=False)

    @property
    def bodies(self) -> Sequence[bytes]:
        """The encoded rows."""
        return list(map(_body, self.rows))

    @property
    def size(self) -> int:
        """Bytes of the rows."""
        return sum(map(len, self.bodies))

    @property
    def body_size(self) -> int:
        """Bytes that the rows take in a call's body: their own, and a comma between each two."""
        return self.size + len(self.rows) - 1

    @property
    def repeatable(self) -> bool:
        """Whether sending the chunk again does no harm."""
        return not any(row.has_side_effects for row in self.rows)

    def halved_by_bytes(self) -> tuple[Chunk, Chunk]:
        """Return two chunks of about half of the bytes each; neither is empty."""
        middle, seen, half = 0, 0, self.size / 2
        while middle < len(self.rows) - 1 and (middle == 0 or seen + len(self.rows[middle].body) <= half):
            seen += len(self.rows[middle].body)
            middle += 1
        return Chunk(self.rows[:middle], self.agent), Chunk(self.rows[middle:], self.agent)


def chunk_rows(
    rows: Sequence[Row], limits: Limits, envelope: Callable[[str | None], int], *, together: bool = False
) -> Iterator[Chunk]:
    """Yield rows as chunks: those of one agent together, in order, each as full as the limits allow.

    A row with side effects gets a chunk of its own. Whether a rejected call took some of its rows is not known, so only
    a call of one row can be decided on without sending the row twice. A row above the limit gets its own chunk, too.
    Rows with side effects come before the others of their agent.

    :param rows: the rows of one batch, which bounds the memory.
    :param limits: read for each chunk, so that a lowered limit holds for the next.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    :param together: whether rows with side effects share calls with the others: they may be sent twice, or a rejected
        call takes none of its rows.
    """
    for agent, (once, plain) in _by_agent(rows).items():
        if not together:
            yield from (Chunk((row,), agent) for row in once)
        yield from _pack([*once, *plain] if together else plain, limits, envelope(agent), agent)


def _by_agent(rows: Sequence[Row]) -> dict[str | None, tuple[Sequence[Row], Sequence[Row]]]:
    if len(set(map(_agent, rows))) == 1 and not any(map(_has_side_effects, rows)):
        return {rows[0].agent: ((), rows)}  # as with most inputs
    groups: dict[str | None, tuple[list[Row], list[Row]]] = {}
    for row in rows:
        once, plain = groups.setdefault(row.agent, ([], []))
        (once if row.has_side_effects else plain).append(row)
    return dict(groups)


def _pack(rows: Sequence[Row], limits: Limits, envelope: int, agent: str | None) -> Iterator[Chunk]:
    # Bytes up to each row's end, with a comma after each row. The last row of a chunk has no comma.
    ends = list(accumulate([len(body) + 1 for body in map(_body, rows)], initial=0))
    start = 0
    while start < len(rows):
        fitting = bisect_right(ends, ends[start] + limits.bytes - envelope + 1) - 1
        end = max(start + 1, min(start + limits.rows_for(rows[start]), fitting))
        yield Chunk(rows[start:end], agent)
        start = end
