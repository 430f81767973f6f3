"""Failures of a task: those that Airflow must not retry, and what the sentence of each says besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import SocialSCRMError, StopError
from airflow_provider_socialscrm.importer.errors import ImporterError, MissingFileError
from airflow_provider_socialscrm.runtime.task_failures import complete

if TYPE_CHECKING:
    from airflow.sdk import Context


@contextmanager
def no_retry_after(
    context: Context, conn_id: str, *errors: type[Exception], instead: Callable[[], str] = str
) -> Iterator[None]:
    """Turn errors that no retry can fix into the one that stops Airflow's retries.

    A missing file stays an error that Airflow retries, as in any other task, because most are only late. The sentences
    of all errors of ours then name the connection, and say whether a retry comes.

    :param context: of the task.
    :param conn_id: of its connection.
    :param errors: of this task, besides :class:`StopError`.
    :param instead: returns what to do rather than clear the task, if anything.
    :raises AirflowFailException: with the sentence of the error.
    """
    fatal: tuple[type[Exception], ...] = (StopError, *errors)
    try:
        yield
    except MissingFileError as failure:
        complete(failure, context, conn_id, instead=instead())
        raise
    except fatal as failure:
        complete(failure, context, conn_id, is_final=True)
        raise AirflowFailException(str(failure)) from None
    except (SocialSCRMError, ImporterError) as failure:
        complete(failure, context, conn_id, instead=instead())
        raise
