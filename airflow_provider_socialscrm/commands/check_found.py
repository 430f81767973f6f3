"""What a check found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.errors import InputError, RejectedRowsError

if TYPE_CHECKING:
    from airflow_provider_socialscrm.commands.check_options import Request
    from airflow_provider_socialscrm.importer.dry_run import Preview
    from airflow_provider_socialscrm.importer.fields.mapping import Plan


@dataclass(frozen=True, slots=True)
class Found:
    """The findings of a check.

    :param request: what was asked for.
    :param columns: names of the file's columns.
    :param files: how many files have rows.
    :param plan: which field each column maps to.
    :param preview: what an import would do.
    :param warnings: what the importer logged as warnings.
    """

    request: Request
    columns: Sequence[str]
    files: int
    plan: Plan
    preview: Preview
    warnings: Sequence[str]

    @property
    def is_fine(self) -> bool:
        """Whether an import would succeed, as far as a check can know."""
        try:
            self.preview.check(self.request.options)
        except (InputError, RejectedRowsError):
            return False
        return True
