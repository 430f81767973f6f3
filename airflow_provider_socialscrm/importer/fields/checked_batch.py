"""The rows of a batch, checked and encoded, until it is known which rows of the table share a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import TypeVar

import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.api.customers import SIDE_EFFECT
from airflow_provider_socialscrm.importer.fields.compared import ComparedColumns, Verdicts
from airflow_provider_socialscrm.importer.fields.duplicates import NO_NUMBER_KEY, Flags, Keys, Positions
from airflow_provider_socialscrm.importer.reasons import Reason
from airflow_provider_socialscrm.importer.rows import (
    InvalidRow,
    KnownBadRow,
    OwnColumns,
    PreparedBatch,
    Row,
    SupersededRow,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False, eq=False, kw_only=True)
class CheckedBatch:
    """Rows of the input, each with what will be sent, or why it cannot be.

    Rows are named by their place in the batch, from 0.

    :param own: their own columns.
    :param bodies: their JSON; meaningless for a row that cannot be sent.
    :param keys: their numbers, as :func:`.duplicates.keys_of` returns them.
    :param agents: the agents of the rows; ``None`` where no row has one.
    :param agent_in_row: header scheme: the row names its agent; else the agent signs.
    :param side_effects: whether sending a row twice may do harm; ``None`` where it does not for any.
    :param extension_sets: sets of extension fields that rows have.
    :param extension_set_of_row: which of them each row has; ``None`` where all have the first.
    :param reasons: why rows cannot be sent; those without a reason can.
    :param blank: rows among them that have no value at all.
    :param remarks: rows that have something noteworthy, by reason.
    :param ambiguous_numbers: rows whose number has two readings, by their countries.
    :param superseded_before: rows that an earlier import's dead letter says another row was sent for.
    :param in_doubt: rows that it says the CRM may have accepted.
    :param compared: what a ledger compares; ``None`` in an import without one. The bodies then lack the fields that are
        sent once.
    """

    own: OwnColumns
    bodies: pa.Array
    keys: Keys
    agents: Sequence[str | None] | None
    agent_in_row: bool
    side_effects: Sequence[bool] | None
    extension_sets: Sequence[frozenset[str]]
    extension_set_of_row: Sequence[int] | None
    reasons: Mapping[int, Sequence[Reason]]
    blank: frozenset[int]
    remarks: Sequence[tuple[Reason, Positions]]
    ambiguous_numbers: Mapping[str, int]
    superseded_before: Positions
    in_doubt: Positions
    compared: ComparedColumns | None = None

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def compared_keys(self) -> Keys:
        """The keys by which rows are compared with others: rows that were superseded before have none."""
        if not len(self.superseded_before):
            return self.keys
        keys = self.keys.copy()
        keys[self.superseded_before] = NO_NUMBER_KEY
        return keys

    @property
    def sendable(self) -> Flags:
        """Whether each row can be sent."""
        flags = np.ones(len(self), np.bool_)
        flags[list(self.reasons)] = False
        return flags

    def left(self, superseded: Mapping[int, int | None]) -> Sequence[int]:
        """Return the rows that can be sent and that no other row is sent for."""
        gone = self.reasons.keys() | superseded.keys()
        return [index for index in range(len(self)) if index not in gone] if gone else range(len(self))

    def prepared(
        self,
        superseded: Mapping[int, int | None],
        places: Iterator[int],
        verdicts: Verdicts | None = None,
        held: Mapping[int, tuple[Reason, ...]] | None = None,
    ) -> PreparedBatch:
        """Return the rows as they are sent, each once: sent, unchanged, known bad, invalid, held, superseded or blank.

        :param superseded: rows that are not sent, each with the position of the one that is sent instead, or ``None``
            where that was sent in an earlier import.
        :param places: numbers that run on over the batches: places in the order of sending.
        :param verdicts: what a ledger says of the rows; ``None`` without one.
        :param held: rows that are not sent because a dead letter leaves them in doubt, with all their reasons.
        """
        start, held = self.own.start, held or {}
        invalid = sorted(self.reasons.keys() - self.blank - superseded.keys() - held.keys())
        left = self.left(superseded)
        sent = left if verdicts is None else verdicts.sent_of(left)
        if held:
            sent = [index for index in sent if index not in held]
        is_sent = np.zeros(len(self), np.bool_)
        is_sent[sent] = True
        remarks = {reason: int(is_sent[rows].sum()) for reason, rows in self.remarks}
        return PreparedBatch(
            self.own,
            len(self),
            self._rows(sent, places, verdicts),
            [InvalidRow(start + index, tuple(self.reasons[index])) for index in invalid],
            [SupersededRow(start + index, winner) for index, winner in superseded.items()],
            [start + index for index in sorted(self.blank - superseded.keys())],
            {reason: rows for reason, rows in remarks.items() if rows},
            () if verdicts is None else (start + verdicts.unchanged_of(left)).tolist(),
            []
            if verdicts is None
            else [KnownBadRow(start + index, code) for index, code in verdicts.known_bad.items()],
            [InvalidRow(start + index, reasons) for index, reasons in held.items()],
        )

    def harmful(self, verdicts: Verdicts | None) -> Flags:
        """Return whether sending each row twice may do harm, also for rows that cannot be sent.

        :param verdicts: what a ledger says of the rows: those that it leaves out are sent by nobody.
        """
        static = np.zeros(len(self), np.bool_) if self.side_effects is None else np.asarray(self.side_effects, np.bool_)
        flags = np.asarray(self._side_effects(verdicts) or static, np.bool_)
        if verdicts is not None:
            flags = flags & verdicts.is_sent
        unsendable = list(self.reasons)
        flags[unsendable] = static[unsendable]
        return flags

    def _rows(self, indices: Sequence[int], places: Iterator[int], verdicts: Verdicts | None) -> list[Row]:
        side_effects = self._side_effects(verdicts)
        arranged = sending_order(indices, None if self.agent_in_row else self.agents, side_effects)
        bodies, keys, start = self.bodies, self.keys, self.own.start
        if len(arranged) < len(bodies) or not isinstance(arranged, range):
            at = np.asarray(arranged, np.int64)
            bodies, keys = bodies.take(pa.array(at)), keys[at]
        agents = _chosen(self.agents, arranged, None)
        own_sets = _chosen(self.extension_set_of_row, arranged, 0)
        columns = (
            range(start, start + len(self)) if arranged == range(len(self)) else [start + index for index in arranged],
            bodies.to_pylist(),
            repeat(None) if self.agent_in_row else agents,
            repeat(self.own),
            islice(places, len(arranged)),
            _chosen(side_effects, arranged, False),
            keys.tolist(),
            agents if self.agent_in_row else repeat(None),
            map(self.extension_sets.__getitem__, own_sets),
        )
        if self.compared is None or verdicts is None:
            return list(map(Row, *columns))
        rows = map(Row, *columns, self.compared.ledger_rows(arranged, verdicts, agents))
        return list(map(self.compared.with_once, arranged, rows) if verdicts.once.any() else rows)

    def _side_effects(self, verdicts: Verdicts | None) -> Sequence[bool] | None:
        """Return whether sending a row twice may do harm: a field that is sent once is taken to reach the customer."""
        if verdicts is None or self.compared is None or not self.compared.once_names:
            return self.side_effects
        harmful = verdicts.once != 0
        if self.side_effects is not None and SIDE_EFFECT not in self.compared.once_names:
            harmful |= np.asarray(self.side_effects)
        flags: list[bool] = harmful.tolist()
        return flags


def _chosen(values: Sequence[T] | None, indices: Sequence[int], default: T) -> Iterable[T]:
    return repeat(default) if values is None else [values[index] for index in indices]


def sending_order(
    indices: Sequence[int], signers: Sequence[str | None] | None, side_effects: Sequence[bool] | None
) -> Sequence[int]:
    """Return rows in the order of sending: those of one agent follow each other, side effects first.

    So the rows recorded of a batch are few intervals of that order, however the agents alternate.
    """
    if signers is None and side_effects is None:
        return indices
    first_of: dict[str | None, int] = {}
    for index in indices:
        first_of.setdefault(signers[index] if signers else None, index)
    return sorted(
        indices,
        key=lambda index: (first_of[signers[index] if signers else None], not (side_effects and side_effects[index])),
    )
