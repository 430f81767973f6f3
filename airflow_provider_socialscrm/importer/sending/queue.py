"""Chunks that wait to be sent: what was tried with each, and when each is due."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from airflow_provider_socialscrm.importer.reasons import Reason
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.decision import Attempt


@dataclass(slots=True)
class PendingChunk:
    """A chunk and what was tried with it.

    :param origin: number of the chunk of the input that this one is, or is a part of.
    :param calls: calls that carried these rows, in this chunk or a larger one.
    :param attempts: calls that carried this chunk.
    :param re_signed: how many of them were signed again because of 502.
    :param first_sent: when the first of them started.
    :param asked_again: whether an earlier response left these rows out.
    :param seconds: that the call which ended last took.
    :param excused: how many of the attempts count for no limit, as they failed during an outage.
    :param doubt: why a call that carried these rows, in this chunk or a larger one, may have been taken; ``None`` if
        each was refused for certain. A later refusal says nothing about an earlier call, so the doubt remains.
    """

    chunk: Chunk
    origin: int
    calls: int = 0
    attempts: int = 0
    re_signed: int = 0
    first_sent: float | None = None
    asked_again: bool = False
    seconds: float = 0.0
    excused: int = 0
    doubt: Reason | None = None

    @property
    def is_fragment(self) -> bool:
        """Whether it is a part of a rejected chunk, sent to find the bad row."""
        return self.calls > self.attempts

    def start(self, now: float) -> None:
        """Note that a call with the chunk starts."""
        self.calls += 1
        self.attempts += 1
        if self.first_sent is None:
            self.first_sent = now

    def count_re_signed(self) -> None:
        """Note that the call is signed again because of 502."""
        self.re_signed += 1

    def excuse(self) -> None:
        """Count the attempt that just failed as the first one, since an outage says nothing about the chunk."""
        self.excused = self.attempts - 1
        self.first_sent = None

    def narrowed_to(self, chunk: Chunk) -> PendingChunk:
        """Return the same chunk with what is left of its rows; the calls that carried them still count."""
        return replace(self, chunk=chunk)

    def part(self, chunk: Chunk, *, asked_again: bool = False) -> PendingChunk:
        """Return a part of the chunk, or its rows again, as a chunk of its own."""
        return PendingChunk(chunk, self.origin, self.calls, asked_again=asked_again, doubt=self.doubt)

    def attempt(self, now: float, *, repeatable: bool, budget: float, signed_offset: float | None = None) -> Attempt:
        """Return what a decision needs to know."""
        return Attempt(
            attempts=self.attempts - self.excused,
            re_signed=self.re_signed,
            elapsed=0.0 if self.first_sent is None else now - self.first_sent,
            rows=len(self.chunk.rows),
            repeatable=repeatable,
            agent_from_row=self.chunk.agent is not None,
            budget=budget,
            signed_offset=signed_offset,
        )


@dataclass(slots=True)
class ChunkQueue:
    """Chunks that wait to be sent, the longest due first."""

    _heap: list[tuple[float, int, PendingChunk]] = field(default_factory=list)
    _tie_breaker: count[int] = field(default_factory=count)

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, pending: PendingChunk, due: float) -> None:
        """Add a chunk.

        :param due: when it may be sent, on the clock of :meth:`take`.
        """
        heapq.heappush(self._heap, (due, next(self._tie_breaker), pending))

    def take(self, now: float) -> PendingChunk | None:
        """Remove and return the chunk that is due longest, if any is."""
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None

    def take_any(self, is_wanted: Callable[[PendingChunk], bool]) -> PendingChunk | None:
        """Remove and return the first chunk that is wanted, whether or not it is due."""
        entry = next((entry for entry in sorted(self._heap) if is_wanted(entry[2])), None)
        if entry is None:
            return None
        self._heap.remove(entry)
        heapq.heapify(self._heap)
        return entry[2]

    def due_in(self, now: float) -> float | None:
        """Return the seconds until a chunk is due, or ``None`` if the queue is empty."""
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    def drain(self) -> list[PendingChunk]:
        """Remove and return all chunks."""
        pending_chunks = [pending for _, _, pending in sorted(self._heap)]
        self._heap.clear()
        return pending_chunks
