"""The threshold of refused rows above which an import fails."""

from __future__ import annotations

from fractions import Fraction

from airflow_provider_socialscrm.importer.errors import RejectedRowsError
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.wording import worded


def check_refusals(report: Report, max_rejected: float | None, rejects_path: object = None) -> None:
    """Raise if more rows were refused than allowed.

    :param max_rejected: an int is a number of rows, a float a share of the input, ``None`` allows all.
    :param rejects_path: the file with the rows, if there is one.
    :raises RejectedRowsError: with the number of rows by code.
    """
    allowed = allowed_refusals(max_rejected, report.rows)
    if allowed is not None and report.refused > allowed:
        where = written_to(rejects_path, report.refused)
        raise RejectedRowsError(f"{report.summary()}; max_rejected allows {max_rejected}.{where}")


def written_to(rejects_path: object, rows: int) -> str:
    """Return the sentence to append that says where rows are; empty without a file or rows."""
    return f" {worded(rows, 'It is', 'They are')} in {rejects_path}." if rows and rejects_path is not None else ""


def allowed_refusals(max_rejected: float | None, rows: int) -> int | None:
    """Return how many rows may be refused; ``None`` allows all.

    :param max_rejected: an int is a number of rows, a float a share of the input, ``None`` allows all.
    :param rows: rows of the input.
    """
    if isinstance(max_rejected, float):
        return int(Fraction(str(max_rejected)) * rows)  # exact: 0.29 of 100 rows is 29
    return max_rejected
