"""Check and encode the rows of a batch, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.api.customers import AGENT, API_FIELDS, NUMBER, SIDE_EFFECT
from airflow_provider_socialscrm.importer.columns.cleaning import clean_text, json_objects, json_text
from airflow_provider_socialscrm.importer.columns.findings import FieldColumn, Finding
from airflow_provider_socialscrm.importer.columns.null_words import null_words, without
from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.fields.checked_batch import CheckedBatch
from airflow_provider_socialscrm.importer.fields.compared import ComparedColumns, Comparer
from airflow_provider_socialscrm.importer.fields.duplicates import keys_of
from airflow_provider_socialscrm.importer.fields.earlier_buckets import in_doubt_before, superseded_before
from airflow_provider_socialscrm.importer.fields.mapping import Field, Plan, is_index, is_own
from airflow_provider_socialscrm.importer.fields.rules import check_field
from airflow_provider_socialscrm.importer.reasons import (
    IMPORT_COLUMN,
    NO_NUMBER,
    TOO_LARGE,
    AmbiguousNumberReason,
    Reason,
)

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
    from airflow_provider_socialscrm.importer.options import Rules
    from airflow_provider_socialscrm.importer.sources.base import Batch


@dataclass(frozen=True, slots=True)
class RowPreparer:
    """Prepares batches.

    :param plan: what rows are made of.
    :param rules: the user's.
    :param agent_in_row: header scheme: ``agentAccount`` is sent in the row; else it says who signs.
    :param bytes_per_call: how large the body of a call with a single row may be.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    :param facts: what the whole table says.
    :param comparer: returns what a ledger compares; ``None`` without a ledger.
    """

    plan: Plan
    rules: Rules
    agent_in_row: bool
    bytes_per_call: int
    envelope: Callable[[str | None], int]
    facts: TableFacts
    comparer: Comparer | None = None

    def check(self, batch: Batch) -> CheckedBatch:
        """Return the rows of a batch, checked and encoded."""
        checked = {
            field.name: check_field(field, _column(batch, field.column), self.rules, self.facts)
            for field in self.plan.fields
        }
        problems = [finding for column in checked.values() for finding in column.problems]
        remarks = [finding for column in checked.values() for finding in column.remarks]
        agents = checked[AGENT].text.to_pylist() if AGENT in checked else None
        encoded = [column for name, column in checked.items() if self.agent_in_row or name != AGENT]
        # The number first and the others by name: whatever the order of the columns, an equal row has equal bytes.
        encoded.sort(key=lambda column: (column.name != NUMBER, column.name))
        once = self.comparer.once_names if self.comparer else ()
        whole = [column for column in encoded if column.name not in once]
        members = {column.name: _json_texts(column) for column in encoded}
        bodies = json_objects([(column.name, members[column.name]) for column in whole])
        compared = self.comparer.compare(members, agents, bodies) if self.comparer else None
        problems += self._too_large(bodies, None if self.agent_in_row else agents, compared)
        reasons = _by_row(problems, batch.unreadable)
        extension_sets, set_of_row = _extension_fields(whole)
        return CheckedBatch(
            own=batch,
            bodies=pc.cast(bodies, pa.binary()),
            keys=keys_of(checked[NUMBER]),
            agents=agents,
            agent_in_row=self.agent_in_row,
            side_effects=pc.is_valid(checked[SIDE_EFFECT].text).to_pylist() if SIDE_EFFECT in checked else None,
            extension_sets=extension_sets,
            extension_set_of_row=set_of_row,
            reasons=reasons,
            blank=self._blank(batch, reasons),
            remarks=[(reason, np.flatnonzero(mask.to_numpy(zero_copy_only=False))) for reason, mask in remarks],
            ambiguous_numbers=_ambiguous_numbers([*problems, *remarks]),
            superseded_before=superseded_before(batch),
            in_doubt=in_doubt_before(batch),
            compared=compared,
        )

    def fields_at_fault(self, row: Batch) -> list[Field]:
        """Return the fields whose values are why a row cannot be sent.

        :param row: a batch of this one row.
        """
        return [
            field
            for field in self.plan.fields
            if check_field(field, _column(row, field.column), self.rules, self.facts).problems
        ]

    def _blank(self, batch: Batch, reasons: Mapping[int, Sequence[Reason]]) -> frozenset[int]:
        """Return the rows that have no value in any column but words for none, so that nobody misses anything.

        A row of a dead letter is not blank: if it has no values, it is a line that could not be read.
        """
        left = pa.array([index for index, reasons in reasons.items() if NO_NUMBER in reasons], pa.int64())
        for name in batch.records.schema.names:
            if len(left) and (name == IMPORT_COLUMN or (is_own(name) and not is_index(name))):
                text = as_text(as_utf8(batch.records.column(name).take(left)))
                text = without(text, self.rules.null_values)
                left = left.filter(pc.or_(pc.is_null(text), null_words(text)))
        return frozenset(left.to_pylist())

    def _too_large(
        self, bodies: pa.Array, signers: Sequence[str | None] | None, compared: ComparedColumns | None
    ) -> list[Finding]:
        sizes = pc.cast(pc.binary_length(bodies), pa.int64())
        for members in compared.once_members if compared else ():
            sizes = pc.add(sizes, pc.add(pc.binary_length(members), 1))  # a comma before each
        largest = {signer: self.bytes_per_call - self.envelope(signer) for signer in set(signers or [None])}
        if (pc.max(sizes).as_py() or 0) <= min(largest.values()):
            return []
        room = pa.array([largest[signer] for signer in signers or [None] * len(sizes)])
        return [(TOO_LARGE, pc.greater(sizes, room))]


def _column(batch: Batch, name: str | None) -> pa.Array:
    """Return a column of the batch, empty where a field has none, or a file lacks it."""
    if name is None or name not in batch.records.schema.names:
        return pa.nulls(batch.records.num_rows, pa.string())
    return batch.records.column(name)


def _json_texts(column: FieldColumn) -> pa.Array:
    """Return the texts of a column as they stand in JSON; a dictionary if it repeats them."""
    texts = json_text(column.checked.text)
    return texts if column.indices is None else pa.DictionaryArray.from_arrays(column.indices, texts)


def _extension_fields(columns: Sequence[FieldColumn]) -> tuple[Sequence[frozenset[str]], Sequence[int] | None]:
    """Return the sets of extension fields that rows have, and which of them each row has; ``None`` is the first."""
    extensions = {name: column for column in columns if (name := clean_text(column.name)) not in API_FIELDS}
    gaps = {name: column for name, column in extensions.items() if column.checked.text.null_count}
    always = frozenset(extensions.keys() - gaps.keys())
    if not gaps:
        return [always], None
    values = [column.by_row(pc.is_valid(column.checked.text)) for column in gaps.values()]
    present = np.stack([mask.to_numpy(zero_copy_only=False) for mask in values], axis=1)
    places: dict[bytes, int] = {}
    set_of_row = [places.setdefault(row.tobytes(), len(places)) for row in present]
    return [always.union(compress(gaps, flags)) for flags in places], set_of_row


def _ambiguous_numbers(findings: Sequence[Finding]) -> dict[str, int]:
    return {reason.countries: mask.true_count for reason, mask in findings if isinstance(reason, AmbiguousNumberReason)}


def _by_row(findings: Sequence[Finding], unreadable: Mapping[int, Reason]) -> Mapping[int, Sequence[Reason]]:
    reasons: dict[int, list[Reason]] = {}
    for reason, mask in findings:
        for index in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
            reasons.setdefault(index, []).append(reason)
    # What cannot be read has no value, so each further reason would be wrong.
    return reasons | {index: [reason] for index, reason in unreadable.items()}
