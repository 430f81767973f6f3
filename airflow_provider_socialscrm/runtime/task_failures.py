"""Failures of a task: those that Airflow must not retry, and what the sentence of each lacks where it arises.

That is the connection of its settings, and whether a retry comes.
"""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import NotReadyError, RetriableError, SocialSCRMError, StopError
from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.importer.errors import (
    FATAL_ERRORS,
    ImporterError,
    MissingFileError,
    RejectedRowsError,
    StoppedError,
    SupersededError,
)
from airflow_provider_socialscrm.wording import worded

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

EXPLAIN: Final = "python -m airflow_provider_socialscrm explain"
"""The command that prints what the runbook says."""

(_CONNECTION_TYPE,) = get_provider_info()["connection-types"]
LABELS: Final = (
    *_CONNECTION_TYPE["ui-field-behaviour"]["relabeling"].values(),
    *(field["label"] for field in _CONNECTION_TYPE["conn-fields"].values()),
)
"""What the form of a connection calls its fields."""

ADMIN: Final = "Admin > Connections"
"""Where Airflow's UI has its connections."""

_FIELD: Final = re.compile("|".join(rf"\b{re.escape(label)}\b" for label in LABELS))

NEVER_RETRIED: Final = (StopError, *FATAL_ERRORS, SupersededError)
"""Errors that no retry follows, or whose task goes on in another try."""


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
    known: tuple[type[Exception], ...] = (SocialSCRMError, ImporterError, *errors)
    try:
        yield
    except known as failure:
        if isinstance(failure, fatal) and not isinstance(failure, MissingFileError):
            complete(failure, context, conn_id, is_final=True)
            raise AirflowFailException(str(failure)) from None
        complete(failure, context, conn_id, instead=instead())
        raise


def where_defined(conn_id: str) -> str:
    """Return where a person finds a connection, in words: Airflow does not say which of the places it is in."""
    return f"{ADMIN}, or where it is defined: AIRFLOW_CONN_{conn_id.upper()} or a secrets backend"


def name_connection(failure: BaseException, conn_id: str) -> None:
    """Add to a sentence that names a field of a connection which connection that is, once.

    :param failure: what a call raised; another error, or one of no field, stays as it is.
    :param conn_id: of the connection.
    """
    said = str(failure)
    if not isinstance(failure, SocialSCRMError) or f"onnection {conn_id!r}" in said or not _names_a_field(said):
        return
    these = worded(len(set(_FIELD.findall(said))), "This field is", "These fields are")
    failure.args = (f"{said} {these} in the connection {conn_id!r} ({where_defined(conn_id)}).",)


@contextmanager
def named_connection(conn_id: str) -> Iterator[None]:
    """Name the connection in the errors of calls.

    :param conn_id: of the connection.
    """
    try:
        yield
    except SocialSCRMError as failure:
        name_connection(failure, conn_id)
        raise


def instead_of_clearing(manifest: Mapping[str, Any]) -> str:
    """Return what to do rather than clear the task of an import that failed; nothing where clearing does no harm.

    :param manifest: of the import. Without a ledger a run from the start sends every welcome again.
    """
    rows = manifest["rows"]
    if manifest["changes"] is not None or not manifest["has_welcome"] or not rows["accepted"] + rows["unknown"]:
        return ""
    left = f"the rows in '{manifest['rejects_path']}'" if manifest["rejects_written"] else "only the rows that are left"
    return f"do not clear the task, which would send each welcome again, but import {left}"


def complete(
    failure: BaseException, context: Context, conn_id: str, *, is_final: bool = False, instead: str = ""
) -> None:
    """Name the connection in an error of a task, and say whether a retry comes; others than ours stay as they are.

    :param context: of the task.
    :param conn_id: of its connection.
    :param is_final: whether the task is not retried, whatever retries are left.
    :param instead: what to do rather than clear the task, from :func:`instead_of_clearing`.
    """
    name_connection(failure, conn_id)
    if isinstance(failure, SocialSCRMError | ImporterError):
        log.info("To read what to do: %s %s", EXPLAIN, _in_the_runbook(failure))
    if not is_final and (said := _about_the_retry(failure, context.get("ti"), instead)):
        failure.args = (f"{failure} {said}",)


def _in_the_runbook(failure: SocialSCRMError | ImporterError) -> str:
    """Return what the runbook is asked about: a code, or else the name of the error."""
    if isinstance(failure, SocialSCRMError) and failure.code:
        return str(failure.code.number)
    most = failure.most if isinstance(failure, RejectedRowsError) else None
    return type(failure).__name__ if most is None else shlex.quote(str(most))


def _names_a_field(said: str) -> bool:
    return _FIELD.search(said) is not None


def _about_the_retry(failure: BaseException, ti: Any, instead: str) -> str:
    """Return whether a retry follows, in a sentence; nothing where the error says what to do, or nobody knows."""
    number, most = getattr(ti, "try_number", None), getattr(ti, "max_tries", None)
    is_ours = isinstance(failure, SocialSCRMError | ImporterError) and not isinstance(failure, NEVER_RETRIED)
    if not is_ours or not isinstance(number, int) or not isinstance(most, int):
        return ""
    this = f"This was try {number} of {max(number, most + 1)}"  # Airflow's max_tries are the retries
    if number > most:
        return f"{this}, so no retry is left: {instead or 'clear the task'} {_when(failure)}."
    # Somebody who marks a task failed stops it, too, and then no retry comes.
    return f"{this}, and a retry follows." if isinstance(failure, RetriableError) else ""


def _when(failure: BaseException) -> str:
    if isinstance(failure, StoppedError | NotReadyError):
        return "to run it again"
    return "once calls succeed again" if isinstance(failure, RetriableError) else "once this is fixed"
