"""How many refused rows are too many."""

from __future__ import annotations

from airflow_provider_socialscrm.importer.errors import RejectedRowsError
from airflow_provider_socialscrm.importer.report import Report


def check_refusals(report: Report, max_rejected: float, rejects_path: object = None) -> None:
    """Raise when more rows were refused than a person allowed.

    :param max_rejected: a number of rows, or a fraction of the input as a float below 1.
    :param rejects_path: where the rows are, if anywhere.
    :raises RejectedRowsError: in one sentence.
    """
    if report.refused > allowed_refusals(max_rejected, report.rows):
        raise RejectedRowsError(f"{report.summary()}; max_rejected allows {max_rejected:g}.{written_to(rejects_path)}")


def written_to(rejects_path: object) -> str:
    """Return where a person finds the rows, as a sentence to append."""
    return "" if rejects_path is None else f" They are in {rejects_path}."


def allowed_refusals(max_rejected: float, rows: int) -> int:
    """Return how many rows may be refused.

    :param max_rejected: a number of rows, or a fraction of the input as a float below 1.
    :param rows: rows of the input.
    """
    return int(max_rejected * rows) if isinstance(max_rejected, float) and max_rejected < 1 else int(max_rejected)
