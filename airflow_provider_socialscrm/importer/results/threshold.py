"""How many refused rows are too many."""

from __future__ import annotations

from fractions import Fraction

from airflow_provider_socialscrm.importer.errors import RejectedRowsError
from airflow_provider_socialscrm.importer.results.report import Report


def check_refusals(report: Report, max_rejected: float | None, rejects_path: object = None) -> None:
    """Raise when more rows were refused than a person allowed.

    :param max_rejected: an int is a number of rows, a float a share of the input, ``None`` is no limit.
    :param rejects_path: where the rows are, if anywhere.
    :raises RejectedRowsError: in one sentence.
    """
    allowed = allowed_refusals(max_rejected, report.rows)
    if allowed is not None and report.refused > allowed:
        raise RejectedRowsError(f"{report.summary()}; max_rejected allows {max_rejected}.{written_to(rejects_path)}")


def written_to(rejects_path: object) -> str:
    """Return where a person finds the rows, as a sentence to append."""
    return "" if rejects_path is None else f" They are in {rejects_path}."


def allowed_refusals(max_rejected: float | None, rows: int) -> int | None:
    """Return how many rows may be refused; ``None`` is no limit.

    :param max_rejected: an int is a number of rows, a float a share of the input, ``None`` is no limit.
    :param rows: rows of the input.
    """
    if isinstance(max_rejected, float):
        return int(Fraction(str(max_rejected)) * rows)  # as it is written: 0.29 of 100 rows are 29
    return max_rejected
