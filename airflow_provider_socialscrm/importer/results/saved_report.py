"""The counts of a report as the checkpoint has them, of which none may be negative, endless or more than its whole."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from typing import Annotated

import msgspec

from airflow_provider_socialscrm.importer.reasons import Bucket
from airflow_provider_socialscrm.importer.results.saved_values import MOST, Count

Number = Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]


class SavedRefusal(msgspec.Struct, frozen=True):
    """Rows that share a reason."""

    bucket: Bucket
    code: Number | str
    meaning: str
    hint: str
    rows: Count
    first_positions: list[Count]


class SavedTally(msgspec.Struct, frozen=True):
    """Rows by bucket and by reason. A bucket that this version does not have is an error: its rows would be lost."""

    buckets: dict[Bucket, Count]
    refusals: list[SavedRefusal]

    def __post_init__(self) -> None:
        """Check that the reasons have no more rows than their buckets.

        :raises ValueError: if one has.
        """
        rows: Counter[Bucket] = Counter()
        for refusal in self.refusals:
            rows[refusal.bucket] += refusal.rows
        if any(count > self.buckets.get(bucket, 0) or bucket is Bucket.ACCEPTED for bucket, count in rows.items()):
            raise ValueError("a reason has more rows than its bucket, or is one of accepted rows")


class SavedReport(msgspec.Struct, frozen=True):
    """All counts of a report."""

    done: SavedTally
    calls: dict[str, Count]
    seconds: dict[str, float]

    def __post_init__(self) -> None:
        """Check the times.

        :raises ValueError: if one is negative or endless.
        """
        if not all(isfinite(seconds) and seconds >= 0 for seconds in self.seconds.values()):
            raise ValueError("a time is negative or endless")
