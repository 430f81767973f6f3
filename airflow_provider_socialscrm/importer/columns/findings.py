"""What a field's rule makes of a column: texts, and which of them cannot be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.reasons import Reason

if TYPE_CHECKING:
    import pyarrow as pa


Finding = tuple[Reason, "pa.Array"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RuleResult:
    """A column of texts after a rule.

    :param text: strings; null where the row has no value. What stands in a row with a problem does not matter.
    :param problems: each cause with a boolean array that is true in the rows it applies to.
    :param remarks: the same for what a person should know of, though the row can be sent.
    """

    text: pa.Array
    problems: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()

    def take(self, indices: pa.Array) -> RuleResult:
        """Return the column whose rows are these rows of it, as with the values of a dictionary."""
        problems, remarks = (
            tuple((reason, mask.take(indices)) for reason, mask in findings)
            for findings in (self.problems, self.remarks)
        )
        return RuleResult(self.text.take(indices), problems, remarks)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FieldColumn:
    """A checked field of a batch: of each row, or of the distinct values and which of them each row has.

    :param name: the field's.
    :param checked: what the rule made of the values.
    :param indices: the value of each row; ``None`` where the values are the rows' own.
    """

    name: str
    checked: RuleResult
    indices: pa.Array | None = None

    @property
    def text(self) -> pa.Array:
        """The text of each row."""
        return self.by_row(self.checked.text)

    @property
    def problems(self) -> list[Finding]:
        """What is wrong, row by row; a cause that no row has is left out."""
        return self._found(self.checked.problems)

    @property
    def remarks(self) -> list[Finding]:
        """What is odd, row by row."""
        return self._found(self.checked.remarks)

    def by_row(self, values: pa.Array) -> pa.Array:
        """Return what belongs to the values as what belongs to the rows."""
        return values if self.indices is None else values.take(self.indices)

    def _found(self, findings: tuple[Finding, ...]) -> list[Finding]:
        return [(reason, self.by_row(mask)) for reason, mask in findings if mask.true_count]
