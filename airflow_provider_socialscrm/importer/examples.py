"""Masked values of a few rows, to show a person what each column holds and why rows cannot be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.importer.columns.null_words import null_words
from airflow_provider_socialscrm.importer.columns.text import as_raw_text, as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.masking import masked
from airflow_provider_socialscrm.importer.reasons import (
    DUPLICATE,
    NULL_WORD,
    UNREADABLE,
    Bucket,
    Reason,
    counted_as,
    together,
)

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.fields.mapping import Field
    from airflow_provider_socialscrm.importer.fields.reader import InputReader
    from airflow_provider_socialscrm.importer.rows import OwnColumns, PreparedBatch

MOST: Final = 3
"""Examples of a reason, and of a column."""

LOOKED_AT: Final = 100
"""Rows of a batch in which a column's examples are looked for."""


NUMBERS_ONLY: Final = (Bucket.DUPLICATE, Bucket.UNKNOWN)
"""Buckets whose rows a person finds by their numbers: no other value is why they are not sent."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row that is not sent.

    :param position: its place in the input.
    :param values: the values to look at, masked, by their fields; empty where none of them is to blame, such as in a
        row that cannot be read.
    """

    position: int
    values: dict[str, str]


class Examples:
    """Collects examples from the batches of a table.

    :param reader: has read the table.
    """

    def __init__(self, reader: InputReader) -> None:
        self._reader = reader
        self._number = reader.plan.field(NUMBER)
        self.by_reason: dict[tuple[Bucket, int | str], list[Example]] = {}
        """Rows that are not sent, by bucket and code, the first ones of each."""
        self.by_column: dict[str, list[str]] = {}
        """Values of each column, masked, each form once."""
        self.null_words: set[str] = set()
        """Words that programs write for a missing value, in columns where they are sent."""

    def of(self, bucket: Bucket, code: int | str) -> list[Example]:
        """Return the first rows that are in a bucket for a reason."""
        return self.by_reason.get((bucket, code), [])

    def add(self, prepared: PreparedBatch) -> None:
        """Take the examples of one more batch."""
        own = prepared.batch
        for invalid in prepared.invalid:
            reason = together([counted_as(reason) for reason in invalid.reasons])
            self._add_row(Bucket.INVALID, reason, own, invalid.position)
        for held in prepared.held:
            reason = together([counted_as(reason) for reason in held.reasons])
            self._add_row(Bucket.UNKNOWN, reason, own, held.position)
        for row in prepared.superseded:
            self._add_row(Bucket.DUPLICATE, DUPLICATE, own, row.position)
        self._add_columns(own)
        self._add_null_words(prepared)

    def _add_row(self, bucket: Bucket, reason: Reason, own: OwnColumns, position: int) -> None:
        found = self.by_reason.setdefault((bucket, reason.code), [])
        if len(found) >= MOST:
            return
        at_fault = [self._number] if bucket in NUMBERS_ONLY else self._reader.fields_at_fault(own, position)
        if reason.code == UNREADABLE.code:
            at_fault = []  # the row has no values
        found.append(Example(position, {field.name: _value(own, position, field) for field in at_fault if field}))

    def _add_columns(self, own: OwnColumns) -> None:
        names = own.records.schema.names
        wanted = [name for name in names if len(self.by_column.get(name, ())) < MOST]
        for name in wanted:
            column = as_raw_text(as_utf8(own.records.column(name)[:LOOKED_AT]))
            found = self.by_column.setdefault(name, [])
            for text in column.drop_null().to_pylist():
                if len(found) < MOST and text.strip() and (form := masked(text.strip())) not in found:
                    found.append(form)

    def _add_null_words(self, prepared: PreparedBatch) -> None:
        own, plan = prepared.batch, self._reader.plan
        meanings = [
            each.meaning for each in prepared.remarks if (each.code, each.hint) == (NULL_WORD.code, NULL_WORD.hint)
        ]
        for field in plan.fields:
            if field.column in own.records.schema.names and any(
                each.startswith(f"{field.name}: ") for each in meanings
            ):
                text = as_text(as_utf8(own.records.column(field.column)))
                self.null_words.update(text.filter(null_words(text)).unique().to_pylist())


def own_text(own: OwnColumns, position: int, column: str) -> str | None:
    """Return a value of a row as text, not trimmed; ``None`` if the row has none."""
    records = own.records.slice(position - own.start, 1)
    if column not in records.schema.names:
        return None
    text: str | None = as_raw_text(as_utf8(records.column(column)))[0].as_py()
    return text


def _value(own: OwnColumns, position: int, field: Field) -> str:
    return masked(None if field.column is None else own_text(own, position, field.column))
