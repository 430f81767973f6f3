"""Failures of a task that Airflow must not retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import StopError


@contextmanager
def no_retry_after(*errors: type[Exception]) -> Iterator[None]:
    """Turn errors that no retry can fix into the one that stops Airflow's retries.

    :param errors: of this task, besides :class:`StopError`.
    :raises AirflowFailException: with the sentence of the error.
    """
    fatal: tuple[type[Exception], ...] = (StopError, *errors)
    try:
        yield
    except fatal as failure:
        raise AirflowFailException(str(failure)) from None
