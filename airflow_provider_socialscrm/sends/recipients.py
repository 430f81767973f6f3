"""Who gets a message: the numbers in a table, read by the import's rules, each person once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.api.sends import NAMED_POSITIONS, SendPair
from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.fields.duplicates import todays_form
from airflow_provider_socialscrm.importer.fields.mapping import Field
from airflow_provider_socialscrm.importer.fields.phones import check_reading
from airflow_provider_socialscrm.importer.fields.rules import check_field
from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.reasons import NO_NUMBER, Bucket, Reason, counted_as
from airflow_provider_socialscrm.importer.results.report import Tally
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.screening.numbers import found_column
from airflow_provider_socialscrm.wording import with_article

BAD_SENDER: Final = Reason(
    "bad-sender",
    "The row's sender is missing, or is not a phone number with its country code.",
    "Write the service number with + and its country code.",
)

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table has the recipients.

    :param recipient: the column with their numbers, regardless of case, blanks and underscores.
    :param sender: the column with the service numbers that send, or ``None``.
    :param sender_of_all: the service number that sends to all, where there is no such column.
    :param default_region: the country of recipients' numbers without a country code; ``None`` if each has its own.
    :param ambiguous_numbers: how to read a number with two readings.
    """

    recipient: str = NUMBER
    sender: str | None = None
    sender_of_all: str = ""
    default_region: str | None = None
    ambiguous_numbers: str = "reject"


@dataclass(frozen=True, slots=True)
class Recipients:
    """The recipients of a table, each once, in the order of their first rows.

    :param numbers: their numbers, as they are sent to.
    :param persons: the same in the form of today, in which two forms of one person's number are equal.
    :param senders: the service numbers that occur.
    :param places: for each recipient, the place of its sender among these.
    :param rows: rows of the table.
    :param tally: rows that are invalid or duplicates, with their reasons.
    """

    numbers: Numbers = field(repr=False)
    persons: Numbers = field(repr=False)
    senders: tuple[str, ...]
    places: Numbers = field(repr=False)
    rows: int
    tally: Tally = field(repr=False)

    def __len__(self) -> int:
        return len(self.numbers)

    def pair(self, place: int) -> SendPair:
        """Return who sends to a recipient."""
        return SendPair(self.senders[self.places[place]], str(self.numbers[place]))

    @property
    def invalid(self) -> int:
        """Rows that cannot be sent to."""
        return self.tally.buckets[Bucket.INVALID]

    @property
    def duplicates(self) -> int:
        """Rows whose recipient an earlier row has."""
        return self.tally.buckets[Bucket.DUPLICATE]


def read_recipients(source: Source, columns: Columns) -> Recipients:
    """Return the recipients of a table, read to its end by the rules of an import.

    :raises EmptyInputError: when there are no rows.
    :raises InputError: in one sentence, without any number, when there is no such column, or when a recipient has two
        senders.
    """
    check_reading(columns.default_region, columns.ambiguous_numbers)
    if not source.columns and not any(batch.records.num_rows for batch in source.batches()):  # such as an empty list
        raise _without_rows(source)
    names = (found_column(source, columns.recipient), columns.sender and found_column(source, columns.sender))
    rules = Rules(default_region=columns.default_region, ambiguous_numbers=columns.ambiguous_numbers)
    facts = [TableFacts(datetime.now(UTC).date()) for _ in names]
    for each in facts:
        each.begin()
    reading = _read(source, names, rules, facts)
    concluded = [each.conclude() for each in facts]
    if any(concluded):  # the whole table shows that some numbers have lost digits
        reading = _read(source, names, rules, facts)
    if not reading.rows:
        raise _without_rows(source)
    return reading.recipients(columns.sender_of_all)


def _without_rows(source: Source) -> EmptyInputError:
    return EmptyInputError(f"data is {with_article(source.describe)} and has no rows, so there are no recipients.")


class _Reading:
    """The rows that were read so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.tally = Tally()
        self._numbers, self._positions = list[Numbers](), list[Numbers]()
        self._senders = list[str | None]()

    def add(self, batch: Batch, numbers: pa.Array, wrong: pa.Array, senders: pa.Array | None) -> None:
        good = np.flatnonzero(~wrong.to_numpy(zero_copy_only=False))
        self.rows += batch.records.num_rows
        self._positions.append(good + batch.start)
        self._numbers.append(numbers.take(pa.array(good)).cast(pa.int64()).to_numpy(zero_copy_only=False))
        if senders is not None:
            self._senders += senders.take(pa.array(good)).to_pylist()

    def recipients(self, sender_of_all: str) -> Recipients:
        """Return each person once, by the first row."""
        nobody = np.empty(0, np.int64)
        numbers = np.concatenate([nobody, *self._numbers])
        positions = np.concatenate([nobody, *self._positions])
        senders = pa.array(self._senders or [sender_of_all] * len(numbers), pa.string()).dictionary_encode()
        places = senders.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        persons, _ = todays_form(numbers)
        _, firsts, group = np.unique(persons, return_index=True, return_inverse=True)
        first_of_row = firsts[group]
        if len(differing := np.flatnonzero(places != places[first_of_row])):
            raise _two_senders(positions, first_of_row, differing)
        repeated = np.flatnonzero(first_of_row != np.arange(len(numbers)))
        reason = Reason("duplicate", "Another row has the same recipient.", "Each recipient gets the message once.")
        self.tally.add(Bucket.DUPLICATE, len(repeated), reason if len(repeated) else None, positions[repeated].tolist())
        firsts = np.sort(firsts)
        texts = tuple(senders.dictionary.to_pylist())
        return Recipients(numbers[firsts], persons[firsts], texts, places[firsts], self.rows, self.tally)


def _read(source: Source, names: tuple[str, str | None], rules: Rules, facts: Sequence[TableFacts]) -> _Reading:
    reading = _Reading()
    own_rules = (rules, Rules())  # the recipients' country says nothing of the senders'
    for batch in source.batches():
        missing = pa.repeat(pa.scalar(False), batch.records.num_rows)
        wrong, texts = missing, list[pa.Array]()
        for place, name in enumerate(names):
            if name is None:
                continue
            text, found = _checked(batch, name, own_rules[place], facts[place])
            for reason, mask in found:
                named = reason if place == 0 else BAD_SENDER
                new = pc.and_not(mask, wrong)
                positions = [batch.start + each for each in pc.indices_nonzero(new).to_pylist()]
                if positions:
                    reading.tally.add(Bucket.INVALID, len(positions), counted_as(named), positions)
                wrong = pc.or_(wrong, mask)
            texts.append(text)
        reading.add(batch, texts[0], wrong, texts[1] if len(texts) > 1 else None)
    return reading


def _checked(
    batch: Batch, name: str, rules: Rules, facts: TableFacts
) -> tuple[pa.Array, list[tuple[Reason, pa.Array]]]:
    """Return the numbers of a column as digits, and which rows have none, by reason."""
    rows = batch.records.num_rows
    if name not in batch.records.schema.names:
        return pa.nulls(rows, pa.string()), [(NO_NUMBER, pa.repeat(pa.scalar(True), rows))]
    checked = check_field(Field(NUMBER, name), batch.records.column(name), rules, facts)
    found = [(reason, pc.fill_null(mask, False)) for reason, mask in checked.problems]
    return checked.text, [*found, (NO_NUMBER, pc.is_null(checked.text))]


def _two_senders(positions: Numbers, first_of_row: Numbers, differing: Numbers) -> InputError:
    pairs = [f"{positions[first_of_row[each]]:,} and {positions[each]:,}" for each in differing[:NAMED_POSITIONS]]
    more = f", and {len(differing) - NAMED_POSITIONS:,} more" if len(differing) > NAMED_POSITIONS else ""
    return InputError(
        "data has recipients with two senders each, and a recipient gets the message once, so nothing was sent: keep "
        f"one of the rows {'; '.join(pairs)}{more}, counted from 0."
    )
