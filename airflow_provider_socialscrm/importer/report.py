"""Every row in exactly one bucket, and the manifest that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import AccountingError

FIRST_POSITIONS: Final = 10
"""Positions a refusal names in the manifest; the dead letter has them all."""


class Bucket(StrEnum):
    """Where a row ends."""

    ACCEPTED = "accepted"  # the CRM answered 200 for it; what it does with it then, it does not say
    REJECTED = "rejected"  # the CRM refused this very row
    INVALID = "invalid"  # not sendable, found here
    DUPLICATE = "duplicate"  # superseded by another row of the same input
    UNKNOWN = "unknown"  # sent, the answer was lost, and sending again could do harm
    NOT_SENT = "not_sent"  # the run stopped before it


@dataclass(frozen=True, slots=True)
class Cause:
    """Why rows are in their bucket: a code of the CRM's, or a short name of ours.

    :param code: the number the CRM answered, or our name for what is wrong.
    :param meaning: what is wrong.
    :param hint: what a person can mend.
    """

    code: int | str
    meaning: str
    hint: str


@dataclass(slots=True)
class Refusal:
    """The rows that share a cause."""

    bucket: Bucket
    cause: Cause
    rows: int = 0
    first_positions: list[int] = field(default_factory=list)

    def add(self, positions: Sequence[int]) -> None:
        """Count rows; the lowest positions are kept."""
        self.rows += len(positions)
        self.first_positions = sorted([*self.first_positions, *positions])[:FIRST_POSITIONS]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the manifest shows it."""
        shown = {"bucket": self.bucket.value, **asdict(self.cause)}
        return shown | {"rows": self.rows, "first_positions": self.first_positions}


@dataclass(slots=True)
class Calls:
    """Calls made, and why some were made again."""

    sent: int = 0
    retries: int = 0
    resigns: int = 0
    splits: int = 0


@dataclass(slots=True)
class Seconds:
    """Where the time went; ``sending`` adds up over connections, so it can exceed ``total``."""

    total: float = 0.0
    sending: float = 0.0
    waiting: float = 0.0
    pacing: float = 0.0


@dataclass(slots=True)
class Report:
    """Counts rows, causes, calls and seconds of one run."""

    buckets: Counter[Bucket] = field(default_factory=Counter)
    refusals: dict[tuple[Bucket, int | str], Refusal] = field(default_factory=dict)
    calls: Calls = field(default_factory=Calls)
    seconds: Seconds = field(default_factory=Seconds)
    clock_offset: float = 0.0

    def settle(self, bucket: Bucket, positions: Sequence[int], cause: Cause | None = None) -> None:
        """Put rows into their bucket, each once."""
        self.buckets[bucket] += len(positions)
        if cause:
            refusal = self.refusals.setdefault((bucket, cause.code), Refusal(bucket, cause))
            refusal.add(positions)

    @property
    def settled(self) -> int:
        """Rows in any bucket."""
        return self.buckets.total()

    @property
    def refused(self) -> int:
        """Rows that a person has to look at."""
        return sum(self.buckets[bucket] for bucket in (Bucket.REJECTED, Bucket.INVALID, Bucket.UNKNOWN))

    def summary(self) -> str:
        """Return the refusals in one sentence, by code."""
        causes = sorted(self.refusals.values(), key=_by_rows)
        by_code = ", ".join(f"{refusal.rows:,} x {refusal.cause.code}" for refusal in causes)
        refused = f"{self.refused:,} of {self.settled:,} rows were refused"
        return f"{refused} ({by_code})" if by_code else refused

    def check(self, rows_read: int) -> None:
        """Raise unless each row that was read is in a bucket.

        :raises AccountingError: on any difference.
        """
        if self.settled != rows_read:
            raise AccountingError(
                f"{rows_read:,} rows were read and {self.settled:,} are accounted for ({_counts(self.buckets)}). This "
                "is a bug in airflow-provider-socialscrm, not in your data: please report it with this message."
            )

    def manifest(self) -> dict[str, Any]:
        """Return the run in numbers, small enough for XCom and free of customers' data."""
        per_second = self.buckets[Bucket.ACCEPTED] / self.seconds.total if self.seconds.total else 0.0
        return {
            "rows": {"total": self.settled} | {bucket.value: self.buckets[bucket] for bucket in Bucket},
            "refusals": [refusal.as_dict() for refusal in sorted(self.refusals.values(), key=_by_rows)],
            "calls": asdict(self.calls),
            "seconds": {name: round(value, 3) for name, value in asdict(self.seconds).items()},
            "rows_per_second": round(per_second, 1),
            "clock_offset_seconds": round(self.clock_offset, 1),
        }


def _by_rows(refusal: Refusal) -> tuple[int, str]:
    return -refusal.rows, str(refusal.cause.code)


def _counts(buckets: Counter[Bucket]) -> str:
    return ", ".join(f"{count:,} {bucket.value}" for bucket, count in buckets.items() if count) or "none"
