"""The saved state of a checkpoint, with types: what else a store may hold is damaged, and never taken for a state."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from airflow_provider_socialscrm.importer.results.input_sum import SavedInput
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.results.saved_values import Count, Sum

Pairs = list[tuple[Count, Count]]
"""Intervals as :meth:`Intervals.pairs` returns them."""


class CheckpointState(msgspec.Struct, frozen=True, kw_only=True):
    """The state, as :meth:`Checkpoint.state` returns it."""

    plan: dict[str, Any]
    done: Pairs
    in_doubt: Pairs
    uncertain: Pairs
    content: Sum
    report: dict[str, Any]
    complete: bool
    not_accepted: Pairs
    not_accepted_rows: Count
    may_have_side_effects: bool
    held: str | None
    input: SavedInput | None

    def __post_init__(self) -> None:
        """Check the intervals.

        :raises ValueError: if some are not in order, or a row is in two sets that exclude each other.
        """
        for name in ("done", "in_doubt", "uncertain", "not_accepted"):
            if not _is_in_order(getattr(self, name)):
                raise ValueError(f"the intervals of {name!r} are empty, overlap or are not in order")
        if not _is_in_order(sorted([*self.done, *self.in_doubt])):
            raise ValueError("a row is both done and in doubt")
        if len(Intervals([*self.done, *self.not_accepted])) != len(Intervals(self.done)):
            raise ValueError("a row that was not accepted is not done")
        if self.complete and (self.in_doubt or self.input is None):
            raise ValueError("a complete import has rows in doubt, or no sum of its input")


def _is_in_order(pairs: Sequence[tuple[int, int]]) -> bool:
    forward = all(start < end for start, end in pairs)
    return forward and all(before[1] <= after[0] for before, after in pairwise(pairs))
