"""The numbers in a column of a table, read by the import's rules, each once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.api.redaction import is_personal
from airflow_provider_socialscrm.api.screening import NAMED_POSITIONS, part_sizes
from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.fields.mapping import Field
from airflow_provider_socialscrm.importer.fields.phones import check_region
from airflow_provider_socialscrm.importer.fields.rules import check_field
from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.importer.spelling import did_you_mean
from airflow_provider_socialscrm.wording import first_of, out_of, with_article

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TableNumbers:
    """The numbers of a table.

    :param distinct: each number once, in ascending order, so that the order of the rows does not matter.
    :param places: for each row, the place of its number among these.
    :param schemas: the columns' types, as they differ between parts of the table.
    """

    distinct: pa.Array = field(repr=False)
    places: pa.Array = field(repr=False)
    schemas: tuple[pa.Schema, ...] = field(repr=False)

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return len(self.places)

    def __len__(self) -> int:
        return len(self.distinct)


def read_numbers(source: Source, column: str, default_region: str | None = None) -> TableNumbers:
    """Return the numbers in a column, read to the table's end by the rules of an import.

    :param source: the table.
    :param column: the column's name, regardless of case, blanks and underscores.
    :param default_region: the country of numbers without a country code; ``None`` if each has its own.
    :raises EmptyInputError: when there are no rows.
    :raises InputError: in one sentence, without any number, when a row has none, or there is no such column.
    """
    if default_region is not None:
        check_region(default_region)
    name = found_column(source, column)
    rules, facts = Rules(default_region=default_region), TableFacts(datetime.now(UTC).date())
    facts.begin()
    read = _read(source, name, rules, facts)
    if facts.conclude():  # the whole table shows that some numbers have lost digits
        read = _read(source, name, rules, facts)
    texts, bad, schemas = read
    rows = sum(map(len, texts))
    if not rows:
        raise EmptyInputError(f"data is {with_article(source.describe)} and has no rows.")
    if bad:
        raise _not_numbers(bad, rows, name)
    encoded = pa.chunked_array(texts, pa.string()).combine_chunks()
    encoded = (encoded if isinstance(encoded, pa.Array) else pa.concat_arrays(encoded.chunks)).dictionary_encode()
    ascending = pc.sort_indices(encoded.dictionary)
    distinct = encoded.dictionary.take(ascending)
    return TableNumbers(distinct, pc.sort_indices(ascending).take(encoded.indices), tuple(dict.fromkeys(schemas)))


def check_count(numbers: TableNumbers, max_numbers: int, *, may_be_few: bool = False) -> None:
    """Check that so many numbers can be ordered, and are as many as somebody wants to pay for.

    :param may_be_few: whether they are in orders that somebody has placed.
    :raises InputError: in one sentence.
    """
    if len(numbers) > max_numbers:
        raise InputError(
            f"data has {len(numbers):,} different numbers, and max_numbers allows {max_numbers:,}, so nothing was "
            "ordered: each number costs money. Check the data, or raise max_numbers."
        )
    if may_be_few:
        return
    try:
        part_sizes(len(numbers))
    except ValueError as too_few:
        raise InputError(f"Nothing was ordered. {too_few}") from None


def found_column(source: Source, column: str) -> str:
    """Return the column that a name means, regardless of case, blanks and underscores.

    :raises InputError: if there is none, or if there are several.
    """
    if column in source.columns:
        return column
    alike = [name for name in source.columns if _plain(name) == _plain(column)]
    if len(alike) == 1:
        return alike[0]
    if len(alike) > 1:
        raise InputError(f"data has several columns that may be {column!r}: write its name in column as it is there.")
    known = [name for name in source.columns if not is_personal(name)]
    raise InputError(f"data has no column {column!r}{did_you_mean(column, known)}: name its column with numbers.")


def _plain(name: str) -> str:
    return "".join(name.split()).replace("_", "").casefold()


def _read(
    source: Source, column: str, rules: Rules, facts: TableFacts
) -> tuple[list[pa.Array], list[int], list[pa.Schema]]:
    """Return the numbers in parts, the positions of rows without one, and the types of each part's columns."""
    texts, bad, schemas = list[pa.Array](), list[int](), list[pa.Schema]()
    for batch in source.batches():
        schemas.append(batch.records.schema.remove_metadata())
        text, wrong = _numbers_in(batch, column, rules, facts)
        texts.append(text)
        bad += [batch.start + place for place in pc.indices_nonzero(wrong).to_pylist()]
    return texts, bad, schemas


def _numbers_in(batch: Batch, column: str, rules: Rules, facts: TableFacts) -> tuple[pa.Array, pa.Array]:
    rows = batch.records.num_rows
    if column not in batch.records.schema.names:
        return pa.nulls(rows, pa.string()), pa.repeat(pa.scalar(True), rows)
    checked = check_field(Field(NUMBER, column), batch.records.column(column), rules, facts)
    wrong = pc.is_null(checked.text)
    for _, mask in checked.problems:
        wrong = pc.or_(wrong, pc.fill_null(mask, False))
    return checked.text, wrong


def _not_numbers(bad: list[int], rows: int, column: str) -> InputError:
    named = first_of([f"{position:,}" for position in bad], NAMED_POSITIONS)
    shown = "the column with numbers" if is_personal(column) else f"the column {column!r}"
    return InputError(
        f"{out_of(len(bad), rows, 'row', 'has no phone number', 'have no phone number')} with its country code in "
        f"{shown}, so nothing was ordered: "
        f"correct or remove the rows at {named}, counted from 0."
    )
