"""Every row in exactly one bucket, and the manifest that says so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import AccountingError
from airflow_provider_socialscrm.importer.reasons import TO_LOOK_AT, Bucket, Reason
from airflow_provider_socialscrm.importer.results.saved_report import SavedReport, SavedTally
from airflow_provider_socialscrm.importer.results.saved_values import checked
from airflow_provider_socialscrm.wording import counted, out_of

FIRST_POSITIONS: Final = 10
"""Positions a refusal names in the manifest; the dead letter has them all."""

MOST_REMARKS: Final = 8
"""Remarks a manifest has; the log has them all."""

MOST_NAMES: Final = 10
"""Columns left out, and pairs of countries, that a manifest names."""

MOST_COUNTRIES: Final = 10
"""Countries that a manifest names; the rows of all others are summed."""

OTHERS: Final = "others"
"""The key of these rows."""

LONGEST_REMARK: Final = 120
"""Characters of a remark's meaning and hint in a manifest, and ..."""

LONGEST_NAME: Final = 40
"""... of a column's name, as JSON writes them."""

MOST_REASONS: Final = 11
"""Reasons a manifest lists; further ones are counted together, by bucket. This keeps it under 16 KiB, with ..."""

LONGEST_TEXT: Final = 250
"""... meanings and hints of at most so many characters each, as JSON writes them."""

ACCOUNTED_FOR: Final = ("is accounted for", "are accounted for")

OTHER: Final = Reason("other", "Further reasons, counted together here.", "The dead letter has each row's own.")


@dataclass(slots=True)
class Refusal:
    """The rows that share a reason."""

    bucket: Bucket
    reason: Reason
    rows: int = 0
    first_positions: list[int] = field(default_factory=list)

    def add(self, rows: int, positions: Sequence[int]) -> None:
        """Count rows, and remember the lowest positions."""
        self.rows += rows
        self.first_positions = sorted([*self.first_positions, *positions])[:FIRST_POSITIONS]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the manifest shows it."""
        texts = {"meaning": shortened(self.reason.meaning), "hint": shortened(self.reason.hint)}
        counts = {"rows": self.rows, "first_positions": self.first_positions}
        return {"bucket": self.bucket.value, "code": self.reason.code} | texts | counts


@dataclass(slots=True)
class Calls:
    """Calls sent, why some were sent again or split, and responses that do not match their call.

    :param sent: all of them, those in flight when a worker was killed included.
    :param unsaved_ends: tries that ended without a last save, where the calls that each started since the save before
        are not known: ``sent`` may lack them.
    :param retries: sent again after the CRM was unavailable, or a response left the outcome open.
    :param re_signed: sent again because of the signature's time.
    :param splits: refused chunks that were split.
    :param unexpected_numbers: numbers in responses that were not sent.
    :param unanswered_rows: rows that responses did not name, and that were sent again or held.
    """

    sent: int = 0
    unsaved_ends: int = 0
    retries: int = 0
    re_signed: int = 0
    splits: int = 0
    unexpected_numbers: int = 0
    unanswered_rows: int = 0


@dataclass(slots=True)
class Seconds:
    """Where the time went; ``sending`` adds up over connections, so it can exceed ``total``."""

    total: float = 0.0
    sending: float = 0.0
    waiting: float = 0.0
    pacing: float = 0.0


@dataclass(slots=True)
class Tally:
    """Rows by bucket and by reason."""

    buckets: Counter[Bucket] = field(default_factory=Counter)
    refusals: dict[tuple[Bucket, int | str], Refusal] = field(default_factory=dict)

    def add(self, bucket: Bucket, rows: int, reason: Reason | None, positions: Sequence[int] = ()) -> None:
        """Count rows, and their reason.

        :param positions: of the rows, as far as they are known.
        """
        self.buckets[bucket] += rows
        if reason:
            self._refusal(bucket, reason).add(rows, positions)

    def absorb(self, other: Tally) -> None:
        """Add the counts of another one."""
        self.buckets += other.buckets
        for refusal in other.refusals.values():
            self._refusal(refusal.bucket, refusal.reason).add(refusal.rows, refusal.first_positions)

    def _refusal(self, bucket: Bucket, reason: Reason) -> Refusal:
        if (bucket, reason.code) not in self.refusals and len(self.refusals) >= MOST_REASONS:
            reason = OTHER
        return self.refusals.setdefault((bucket, reason.code), Refusal(bucket, reason))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        buckets = {bucket.value: count for bucket, count in self.buckets.items()}
        return {"buckets": buckets, "refusals": [refusal.as_dict() for refusal in self.refusals.values()]}

    @classmethod
    def resumed(cls, saved: SavedTally) -> Tally:
        """Return the tally that :meth:`as_dict` returned as a dictionary."""
        tally = cls(Counter(saved.buckets))
        for each in saved.refusals:
            reason = Reason(each.code, each.meaning, each.hint)
            refusal = Refusal(each.bucket, reason, each.rows, each.first_positions)
            tally.refusals[each.bucket, reason.code] = refusal
        return tally


@dataclass(slots=True)
class Report:
    """Count rows, reasons, calls and seconds of one import, over all tries of its task.

    :param done: rows that no later try sends.
    :param of_this_try: rows that a later try decides on again: invalid ones, and those left when a run stops.
    """

    done: Tally = field(default_factory=Tally)
    of_this_try: Tally = field(default_factory=Tally)
    calls: Calls = field(default_factory=Calls)
    seconds: Seconds = field(default_factory=Seconds)
    clock_offset: float = 0.0

    def count(
        self, bucket: Bucket, positions: Sequence[int], reason: Reason | None = None, *, for_good: bool = True
    ) -> None:
        """Count rows in their bucket, each once.

        :param for_good: whether the rows are done; else a later try decides on them again.
        """
        (self.done if for_good else self.of_this_try).add(bucket, len(positions), reason, positions)

    def count_rest(self, rows_of_input: int, reason: Reason) -> None:
        """Count the rows of the input that are in no bucket as not sent: a run that broke off did not come to them.

        :param rows_of_input: how many there are.
        """
        if (rest := rows_of_input - self.rows) > 0:
            self.of_this_try.add(Bucket.NOT_SENT, rest, reason)

    def count_calls(self, **more: int) -> None:
        """Add to the counts of :class:`Calls`, by their names."""
        for name, number in more.items():
            setattr(self.calls, name, getattr(self.calls, name) + number)

    def add_seconds(self, **more: float) -> None:
        """Add to the times of :class:`Seconds`, by their names."""
        for name, seconds in more.items():
            setattr(self.seconds, name, getattr(self.seconds, name) + seconds)

    def record_total_seconds(self, seconds: float) -> None:
        """Record how long the import has taken, earlier tries included."""
        self.seconds.total = seconds

    def record_clock_offset(self, seconds: float) -> None:
        """Record by how much the CRM's clock is ahead of ours."""
        self.clock_offset = seconds

    def rows_in(self, bucket: Bucket) -> int:
        """Return how many rows are in a bucket."""
        return self.done.buckets[bucket] + self.of_this_try.buckets[bucket]

    @property
    def rows(self) -> int:
        """Rows in any bucket."""
        return self.done.buckets.total() + self.of_this_try.buckets.total()

    @property
    def refused(self) -> int:
        """Rows that a person has to look at."""
        return sum(self.rows_in(bucket) for bucket in TO_LOOK_AT)

    def refusals(self) -> list[Refusal]:
        """Return the refusals, those of most rows first."""
        return sorted(self._both().refusals.values(), key=_by_rows)

    def _both(self) -> Tally:
        both = Tally()
        both.absorb(self.done)
        both.absorb(self.of_this_try)
        return both

    def summary(self) -> str:
        """Return the refusals in one sentence, by code."""
        looked_at = [refusal for refusal in self.refusals() if refusal.bucket in TO_LOOK_AT]
        by_code = ", ".join(f"{refusal.rows:,} x {refusal.reason.code}" for refusal in looked_at)
        refused = out_of(self.refused, self.rows, "row", "was refused", "were refused")
        return f"{refused} ({by_code})" if by_code else refused

    def check(self, rows_read: int) -> None:
        """Raise unless each row that was read is in a bucket.

        :raises AccountingError: on any difference.
        """
        if self.rows != rows_read:
            counts = ", ".join(f"{self.rows_in(bucket):,} {bucket.value}" for bucket in Bucket if self.rows_in(bucket))
            read, found = (
                counted(rows_read, "row was read and", "rows were read and"),
                counted(self.rows, *ACCOUNTED_FOR),
            )
            raise AccountingError(
                f"{read} {found} ({counts or 'none'}). This is a bug "
                "in airflow-provider-socialscrm, not in your data: please report it with this message."
            )

    def state(self, *, complete: bool = False) -> dict[str, Any]:
        """Return the counts that a later try resumes from, as JSON takes them.

        :param complete: whether a later try has nothing to do, so that the counts are those of all rows.
        """
        done = self._both() if complete else self.done
        return {"done": done.as_dict(), "calls": asdict(self.calls), "seconds": asdict(self.seconds)}

    @classmethod
    def resumed(cls, state: Mapping[str, Any]) -> Report:
        """Return the report of the earlier tries, to which this one adds.

        Counters of calls and times that this version does not have are left out: no row depends on them.

        :raises DamagedError: if it is not what :meth:`state` returned.
        """
        saved = checked(state, SavedReport)
        calls = {name: number for name, number in saved.calls.items() if name in Calls.__slots__}
        seconds = {name: number for name, number in saved.seconds.items() if name in Seconds.__slots__}
        return cls(Tally.resumed(saved.done), Tally(), Calls(**calls), Seconds(**seconds))

    def with_accepted_only(self) -> Report:
        """Return a report in which the rows that were not accepted are still to be decided on."""
        accepted = Tally(Counter({Bucket.ACCEPTED: self.done.buckets[Bucket.ACCEPTED]}))
        return Report(accepted, Tally(), self.calls, self.seconds, self.clock_offset)

    def manifest(self) -> dict[str, Any]:
        """Return the import in numbers, small enough for XCom (under 16 KiB) and free of customers' data."""
        per_second = self.rows_in(Bucket.ACCEPTED) / self.seconds.total if self.seconds.total else 0.0
        return {
            "rows": {"total": self.rows} | {bucket.value: self.rows_in(bucket) for bucket in Bucket},
            "refusals": [refusal.as_dict() for refusal in self.refusals()],
            "calls": asdict(self.calls),
            "seconds": {name: round(value, 3) for name, value in asdict(self.seconds).items()},
            "rows_per_second": round(per_second, 1),
            "clock_offset_seconds": round(self.clock_offset, 1),
        }


def observations(
    remarks: Mapping[Reason, int],
    ambiguous_numbers: Mapping[str, int],
    countries: Mapping[str, int],
    left_out: Sequence[str],
) -> dict[str, Any]:
    """Return what the manifest says about rows and columns beside the refusals.

    :param remarks: rows that are sent, by what is noteworthy about them.
    :param ambiguous_numbers: rows whose number can be of two countries, by the countries.
    :param countries: rows that are sent, by the country of their number.
    :param left_out: names of columns that are not sent.
    """
    most = sorted(remarks.items(), key=lambda item: -item[1])[:MOST_REMARKS]
    pairs = sorted(ambiguous_numbers.items(), key=lambda item: -item[1])[:MOST_NAMES]
    names = [shortened(name, LONGEST_NAME) for name in left_out[:MOST_NAMES]]
    more = len(left_out) - len(names)
    return {
        "remarks": [
            {
                "code": reason.code,
                "meaning": shortened(reason.meaning, LONGEST_REMARK),
                "hint": shortened(reason.hint, LONGEST_REMARK),
                "rows": rows,
            }
            for reason, rows in most
        ],
        "ambiguous_numbers": dict(pairs),
        "countries": _most(countries),
        "left_out": [*names, f"... and {more:,} more"] if more else names,
    }


def _most(countries: Mapping[str, int]) -> dict[str, int]:
    """Return the countries with the most rows, most first, and the rows of all others together."""
    ordered = sorted(countries.items(), key=lambda item: (-item[1], item[0]))
    others = sum(rows for _, rows in ordered[MOST_COUNTRIES:])
    return dict(ordered[:MOST_COUNTRIES]) | ({OTHERS: others} if others else {})


def _by_rows(refusal: Refusal) -> tuple[int, str]:
    return -refusal.rows, str(refusal.reason.code)


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return the text, cut so that JSON writes it with so many characters at most."""
    if len(json.dumps(text)) <= longest:
        return text
    # Counted as JSON writes it: a Chinese character of the CRM's own text takes six of these.
    end = max(end for end in range(len(text)) if len(json.dumps(text[:end])) <= longest - len("..."))
    return f"{text[:end]}..."
