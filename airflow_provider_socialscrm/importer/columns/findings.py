"""Results of checking a column: its texts, and the rows with a problem or a remark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.reasons import Reason

if TYPE_CHECKING:
    import pyarrow as pa


Finding = tuple[Reason, "pa.Array"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RuleResult:
    """A column of texts after a field's rule.

    :param text: strings; null where the row has no value. The text of a row with a problem is not used.
    :param problems: reasons why rows cannot be sent, each with a boolean array that is true for those rows.
    :param remarks: the same for rows that can be sent but deserve a look.
    """

    text: pa.Array
    problems: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()

    def take(self, indices: pa.Array) -> RuleResult:
        """Return the rows at these indices, as when a dictionary is decoded."""
        problems, remarks = (
            tuple((reason, mask.take(indices)) for reason, mask in findings)
            for findings in (self.problems, self.remarks)
        )
        return RuleResult(self.text.take(indices), problems, remarks)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FieldColumn:
    """A checked field of a batch, with a value for each row, or distinct values and an index for each row.

    :param name: the field's name.
    :param checked: the values after the field's rule.
    :param indices: the index of each row's value; ``None`` if there is one value for each row.
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
        """The reasons why rows cannot be sent, by row; a reason without rows is left out."""
        return self._found(self.checked.problems)

    @property
    def remarks(self) -> list[Finding]:
        """The remarks, by row; a remark without rows is left out."""
        return self._found(self.checked.remarks)

    def by_row(self, values: pa.Array) -> pa.Array:
        """Return an array of the values' as one of the rows'."""
        return values if self.indices is None else values.take(self.indices)

    def _found(self, findings: tuple[Finding, ...]) -> list[Finding]:
        return [(reason, self.by_row(mask)) for reason, mask in findings if mask.true_count]
