"""Chunks on their way: what was tried with each, and when the next may go."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count

from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.decision import Tried


@dataclass(slots=True)
class Job:
    """A chunk and what was tried with it.

    :param root: number of the chunk of the input that this one is, or is a part of.
    :param calls: calls that carried these rows, in this chunk or a larger one.
    :param attempts: calls that carried this chunk.
    :param resigns: how many of them were signed again because of 502.
    :param first_sent: when the first of them started.
    :param asked_again: whether an answer before left these rows out.
    """

    chunk: Chunk
    root: int
    calls: int = 0
    attempts: int = 0
    resigns: int = 0
    first_sent: float | None = None
    asked_again: bool = False

    @property
    def is_part(self) -> bool:
        """Whether its call serves to find a bad row, among the rows of a call that was refused."""
        return self.calls > self.attempts

    def start(self, now: float) -> None:
        """Note that a call with the chunk starts."""
        self.calls += 1
        self.attempts += 1
        if self.first_sent is None:
            self.first_sent = now

    def part(self, chunk: Chunk, *, asked_again: bool = False) -> Job:
        """Return the job of a part of the chunk, or of the same rows to be judged anew."""
        return Job(chunk, self.root, self.calls, asked_again=asked_again)

    def tried(self, now: float, *, repeatable: bool, budget: float) -> Tried:
        """Return the facts a recovery is decided on."""
        return Tried(
            attempts=self.attempts,
            resigns=self.resigns,
            elapsed=0.0 if self.first_sent is None else now - self.first_sent,
            rows=len(self.chunk.rows),
            repeatable=repeatable,
            agent_from_row=self.chunk.agent is not None,
            budget=budget,
        )


@dataclass(slots=True)
class JobQueue:
    """Jobs that wait to be sent, the longest due first."""

    _heap: list[tuple[float, int, Job]] = field(default_factory=list)
    _tie_breaker: count[int] = field(default_factory=count)

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, job: Job, due: float) -> None:
        """Let a job wait until it is due."""
        heapq.heappush(self._heap, (due, next(self._tie_breaker), job))

    def take(self, now: float) -> Job | None:
        """Return the job that is due longest, if any is."""
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None

    def due_in(self, now: float) -> float | None:
        """Return the seconds until a job is due; ``None`` where none waits."""
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    def drain(self) -> list[Job]:
        """Return all jobs, and keep none."""
        jobs = [job for _, _, job in sorted(self._heap)]
        self._heap.clear()
        return jobs
