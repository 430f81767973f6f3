"""Judges the rows of a batch: those that can be sent, encoded once and in the order of sending, and the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.api.customers import AGENT, NUMBER, SEX, SIDE_EFFECT
from airflow_provider_socialscrm.importer.columns.cleaning import json_members, json_objects
from airflow_provider_socialscrm.importer.columns.findings import FieldColumn, Finding
from airflow_provider_socialscrm.importer.columns.null_words import null_words, without
from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.fields.duplicates import Flags
from airflow_provider_socialscrm.importer.fields.mapping import Plan, is_index, is_own
from airflow_provider_socialscrm.importer.fields.rules import check_field
from airflow_provider_socialscrm.importer.fields.sexes import letters_of
from airflow_provider_socialscrm.importer.reasons import NO_NUMBER, TOO_LARGE, AmbiguousNumberReason, Reason
from airflow_provider_socialscrm.importer.rows import InvalidRow, PreparedBatch, Rows, SupersededRow

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
    from airflow_provider_socialscrm.importer.options import Rules
    from airflow_provider_socialscrm.importer.sources.base import Batch


@dataclass(frozen=True, slots=True)
class RowPreparer:
    """Judges batches.

    :param plan: what rows are made of.
    :param rules: the user's.
    :param agent_in_row: header scheme: ``agentAccount`` goes into the row; else it says who signs.
    :param bytes_per_call: what the body of a call with a single row may have.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    :param facts: what the whole table says.
    """

    plan: Plan
    rules: Rules
    agent_in_row: bool
    bytes_per_call: int
    envelope: Callable[[str | None], int]
    facts: TableFacts

    def numbers(self, batch: Batch) -> FieldColumn:
        """Return the column of numbers alone."""
        return self._checked(batch, NUMBER)[NUMBER]

    def observe(self, batch: Batch) -> None:
        """Note what the batch says of the whole table, beside its numbers."""
        sex = self.plan.field(SEX)
        if sex and self.facts.sex_letters is not None:
            self.facts.sex_letters |= letters_of(as_text(as_utf8(_column(batch, sex.column))))

    def is_sendable(self, batch: Batch) -> Flags:
        """Return for each row whether it can be sent."""
        sendable = np.ones(batch.records.num_rows, np.bool_)
        sendable[list(self._examine(batch).reasons)] = False
        return sendable

    def judge(self, batch: Batch, superseded: Mapping[int, int | None], places: Iterator[int]) -> PreparedBatch:
        """Return a batch's rows, each sendable, invalid or superseded.

        :param superseded: rows of the batch that are not sent, by position, each with the position of the one that goes
            instead, or ``None`` where that went in before.
        :param places: numbers that run on over the batches: places in the order of sending.
        """
        examined = self._examine(batch)
        blank = self._blank(batch, examined.reasons)
        reasons = {batch.start + index: reasons for index, reasons in examined.reasons.items() if index not in blank}
        gone = superseded.keys() | reasons.keys() | {batch.start + index for index in blank}
        everything = range(batch.records.num_rows)
        left = [index for index in everything if batch.start + index not in gone] if gone else everything
        return PreparedBatch(
            batch,
            examined.rows(batch, left, places),
            [InvalidRow(at, tuple(reasons[at])) for at in sorted(reasons) if at not in superseded],
            [SupersededRow(at, winner) for at, winner in superseded.items()],
            [batch.start + index for index in sorted(blank)],
            examined.remarks_on(left),
            examined.ambiguous_numbers,
        )

    def _blank(self, batch: Batch, reasons: Mapping[int, Sequence[Reason]]) -> frozenset[int]:
        """Return the rows that have no value in any column but words for none, so that nobody misses anything."""
        left = pa.array([index for index, reasons in reasons.items() if NO_NUMBER in reasons], pa.int64())
        for name in batch.records.schema.names:
            if len(left) and is_own(name) and not is_index(name):
                text = as_text(as_utf8(batch.records.column(name).take(left)))
                text = without(text, self.rules.null_values)
                left = left.filter(pc.or_(pc.is_null(text), null_words(text)))
        return frozenset(left.to_pylist())

    def _checked(self, batch: Batch, *names: str) -> dict[str, FieldColumn]:
        return {
            field.name: check_field(field, _column(batch, field.column), self.rules, self.facts)
            for field in self.plan.fields
            if not names or field.name in names
        }

    def _examine(self, batch: Batch) -> _Examined:
        checked = self._checked(batch)
        findings = [finding for column in checked.values() for finding in column.problems]
        remarks = [finding for column in checked.values() for finding in column.remarks]
        agents = None if self.agent_in_row else checked.pop(AGENT, None)
        signers = None if agents is None else agents.text.to_pylist()
        harmful = checked.get(SIDE_EFFECT)
        members = [column.by_row(json_members(name, column.checked.text)) for name, column in checked.items()]
        bodies = json_objects(members)
        findings += self._too_large(bodies, signers)
        return _Examined(
            bodies,
            signers,
            None if harmful is None else pc.is_valid(harmful.text).to_pylist(),
            _by_row(findings, batch.unreadable),
            remarks,
            _ambiguous_numbers([*findings, *remarks]),
        )

    def _too_large(self, bodies: pa.Array, signers: Sequence[str | None] | None) -> list[Finding]:
        sizes = pc.cast(pc.binary_length(bodies), pa.int64())
        largest = {signer: self.bytes_per_call - self.envelope(signer) for signer in set(signers or [None])}
        if (pc.max(sizes).as_py() or 0) <= min(largest.values()):
            return []
        room = pa.array([largest[signer] for signer in signers or [None] * len(sizes)])
        return [(TOO_LARGE, pc.greater(sizes, room))]


@dataclass(frozen=True, slots=True, repr=False)
class _Examined:
    bodies: pa.Array
    signers: Sequence[str | None] | None
    harmful: Sequence[bool] | None
    reasons: Mapping[int, Sequence[Reason]]
    remarks: Sequence[Finding]
    ambiguous_numbers: Mapping[str, int]

    def remarks_on(self, indices: Sequence[int]) -> dict[Reason, int]:
        """Return how many of the rows at these indices have something noteworthy."""
        flags = {reason: mask.to_numpy(zero_copy_only=False) for reason, mask in self.remarks}
        return {reason: count for reason, odd in flags.items() if (count := int(odd[list(indices)].sum()))}

    def rows(self, batch: Batch, indices: Sequence[int], places: Iterator[int]) -> Rows:
        """Return the rows at these indices, in the order of sending."""
        arranged = sending_order(indices, self.signers, self.harmful)
        bodies = pc.cast(self.bodies, pa.binary())
        if len(arranged) < len(bodies) or not isinstance(arranged, range):
            bodies = bodies.take(pa.array(arranged, pa.int64()))
        return Rows(
            batch,
            [batch.start + index for index in arranged],
            bodies.to_pylist(),
            list(islice(places, len(arranged))),
            [self.signers[index] for index in arranged] if self.signers else None,
            [self.harmful[index] for index in arranged] if self.harmful else None,
        )


def sending_order(
    indices: Sequence[int], signers: Sequence[str | None] | None, harmful: Sequence[bool] | None
) -> Sequence[int]:
    """Return rows in the order of sending: those of one agent follow each other, side effects first.

    So what is settled in a batch is few intervals of that order, however the agents alternate.
    """
    if signers is None and harmful is None:
        return indices
    first_of: dict[str | None, int] = {}
    for index in indices:
        first_of.setdefault(signers[index] if signers else None, index)
    return sorted(
        indices,
        key=lambda index: (first_of[signers[index] if signers else None], not (harmful and harmful[index])),
    )


def _column(batch: Batch, name: str | None) -> pa.Array:
    """Return a column of the batch, empty where a field has none, or a file lacks it."""
    if name is None or name not in batch.records.schema.names:
        return pa.nulls(batch.records.num_rows, pa.string())
    return batch.records.column(name)


def _ambiguous_numbers(findings: Sequence[Finding]) -> dict[str, int]:
    return {reason.countries: mask.true_count for reason, mask in findings if isinstance(reason, AmbiguousNumberReason)}


def _by_row(findings: Sequence[Finding], unreadable: Mapping[int, Reason]) -> Mapping[int, Sequence[Reason]]:
    reasons: dict[int, list[Reason]] = {}
    for reason, mask in findings:
        for index in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
            reasons.setdefault(index, []).append(reason)
    # What cannot be read has no value, so each further reason would be wrong.
    return reasons | {index: [reason] for index, reason in unreadable.items()}
