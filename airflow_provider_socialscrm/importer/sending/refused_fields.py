"""Detect extension fields that the CRM does not accept (533): if no row with them is accepted, no row is at fault."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

Fields = frozenset[str]
"""Names of the extension fields of one row; a row leaves out those that are blank."""

REFUSED_ROWS: Final = 20
"""Single rows rejected before the cause is a field and not a row. Where half of the rows are bad, one table in a
million begins with twenty of them. To find twenty takes about a hundred calls."""

MOST_UNDECIDED: Final = 2 * REFUSED_ROWS
"""Rows that wait for their verdict, since each holds its batch in memory. If more wait, the oldest are at fault."""

MOST_SETS: Final = 1_000
"""Different sets that are remembered. Ten optional fields make more; then only single fields count."""

UNREAD: Final = 32
"""Accepted calls whose rows are not read yet: twice those in flight by default."""


@dataclass(frozen=True, slots=True)
class Culprits:
    """The extension fields for which the CRM rejects rows.

    :param suspects: the fields that no accepted row has. The same as ``accepted`` where each was accepted on its own,
        but never all of them together.
    :param accepted: the other fields of the rejected row, which accepted rows have too.
    """

    suspects: Fields
    accepted: Fields


@dataclass(slots=True)
class RefusedFieldsDetector(Generic[T]):
    """Delays the verdict on single rows rejected for their extension fields, until the CRM accepts a row like them.

    The CRM names neither the row nor the field, so a bad value and an unknown field look the same. The accepted rows
    show the difference: the cause is a field when :data:`REFUSED_ROWS` single rows that have it were rejected, and no
    accepted row has it. If every row of a table has the same set of fields, that is the rule "no row with this set is
    accepted". If rows leave out blanks, no set may occur twenty times, and the rule still finds the field. Where each
    field was accepted in some row, the cause is a set of fields that the same number of rejected rows has. A single
    accepted row with the field, or the set, shows that the others are at fault.

    So bad rows among good ones do not stop a run. A field whose values are all bad does, and so does a table that
    begins with bad rows, if no good row is on its way by the time twenty of them are found: nothing distinguishes
    these two from an unknown field.

    Accepted rows are read only when a rejection needs them, so an import without rejections pays next to nothing. One
    row of each call is read at once, so that fields which were common early in a table are not forgotten.
    """

    _accepted: set[str] = field(default_factory=set)
    _accepted_sets: set[Fields] = field(default_factory=set)
    _refused: Counter[str] = field(default_factory=Counter)
    _refused_sets: Counter[Fields] = field(default_factory=Counter)
    _counts_sets: bool = True
    _unread: deque[Iterator[Fields]] = field(default_factory=lambda: deque(maxlen=UNREAD))
    _undecided: list[tuple[Fields, T]] = field(default_factory=list)

    def on_accepted(self, rows: Iterable[Fields]) -> Sequence[T]:
        """Note an accepted call, and return the undecided rows that it shows to be at fault.

        :param rows: the fields of each of its rows; read later, or never.
        """
        unread = iter(rows)
        if (first := next(unread, None)) is not None:
            self._learn(first)
            self._unread.append(unread)
        return self.at_fault() if self._undecided else ()

    def on_rejected(self, fields: Fields, row: T) -> Culprits | None:
        """Delay the verdict on a single row, and return the fields that are the cause, if it is not a row.

        :param fields: the row's extension fields.
        """
        self._read()
        self._undecided.append((fields, row))
        if not self._is_in_doubt(fields):
            return None
        self._refused.update(fields - self._accepted)
        suspects = frozenset(name for name in fields - self._accepted if self._refused[name] >= REFUSED_ROWS)
        if self._counts_sets:
            self._refused_sets[fields] += 1
            if not suspects and self._refused_sets[fields] >= REFUSED_ROWS:
                suspects = fields
            self._bound_sets()
        return Culprits(suspects, fields & self._accepted) if suspects else None

    def at_fault(self) -> Sequence[T]:
        """Remove and return the undecided rows that turned out to be at fault."""
        self._read()
        at_fault = [row for fields, row in self._undecided if not self._is_in_doubt(fields)]
        in_doubt = [(fields, row) for fields, row in self._undecided if self._is_in_doubt(fields)]
        self._undecided = in_doubt[-MOST_UNDECIDED:]
        return at_fault + [row for _, row in in_doubt[:-MOST_UNDECIDED]]

    def release(self) -> Sequence[T]:
        """Remove and return all undecided rows."""
        rows = [row for _, row in self._undecided]
        self._undecided.clear()
        return rows

    def has_new(self, fields: Fields) -> bool:
        """Return whether a row has a field that no accepted row has."""
        self._read()
        return not fields <= self._accepted

    def _is_in_doubt(self, fields: Fields) -> bool:
        if fields <= self._accepted:
            return bool(fields) and self._counts_sets and fields not in self._accepted_sets
        return True

    def _read(self) -> None:
        for rows in self._unread:
            for fields in rows:
                self._learn(fields)
        self._unread.clear()

    def _learn(self, fields: Fields) -> None:
        if fields in self._accepted_sets:
            return
        self._accepted |= fields
        if self._counts_sets:
            self._accepted_sets.add(fields)
            del self._refused_sets[fields]
            self._bound_sets()

    def _bound_sets(self) -> None:
        if len(self._accepted_sets) + len(self._refused_sets) >= MOST_SETS:
            self._counts_sets = False
            self._accepted_sets.clear()
            self._refused_sets.clear()
