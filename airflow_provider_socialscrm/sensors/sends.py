"""The sensor that waits until messages are sent, delivered or read, and writes the recipients' statuses to a file."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator

from airflow_provider_socialscrm._compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    default_deferrable,
)
from airflow_provider_socialscrm.api.errors import RetriableError, StopError
from airflow_provider_socialscrm.api.send_status import TaskStatus
from airflow_provider_socialscrm.api.sends import is_task_id
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.runtime.own_paths import checked_own_path
from airflow_provider_socialscrm.runtime.path_text import PathArgument, PathArguments
from airflow_provider_socialscrm.runtime.rendered import rendered_fields, typed_arguments
from airflow_provider_socialscrm.runtime.task_failures import no_retry_after
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath, XComArg

    from airflow_provider_socialscrm.api.send_status import SendStatus


class SocialSCRMSendSensor(PathArguments, BaseSensorOperator):
    """Wait until the messages of tasks are sent, delivered or read, and write each recipient's last status to a file.

    A message that failed will never be, and neither will one that was not sent when somebody stopped its task in the
    CRM: the sensor does not wait for them, and fails in the end if they are more than ``max_failed``. It waits for a
    task that is paused, and says so in the log. The file is written in any case, also when the time is over. The sensor
    returns ``recipients``, ``reached``, ``waiting``, ``failed``, ``stopped`` and ``path``. No number shows in logs,
    XCom, rendered fields or the trigger, which holds the ids of tasks.

    :param task_ids: ids of the CRM's tasks, as in ``send.output["task_ids"]``; none is a success at once.
    :param until: what to wait for: ``sent``, ``delivered`` (default) or ``read``.
    :param min_share: share of each task's recipients who must have got so far, or never will: 0.9 does not wait for the
        last tenth. Default 1.0: all of them.
    :param max_failed: messages that may fail or be stopped without failing this task: a whole number, a share of the
        recipients as a float below 1, or ``None`` for any number. Default 0.
    :param result_path: where to write the file, local or in object storage: a folder, whose path ends in ``/``, in
        which each run has a file of its own; or a file whose name ends in ``.parquet``, ``.csv`` or ``.jsonl``, to
        which a mapped task adds ``-{map_index}``. It holds customers' data. Default ``None``: no file.
    :param deferrable: whether to wait in the triggerer. Default ``None``: as Airflow's ``operators.default_deferrable``
        says.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :raises AirflowSensorTimeout: when ``timeout`` is over; with ``soft_fail`` the task is skipped.
    :raises AirflowFailException: when no retry can help: a wrong setting, or too many messages that failed.
    """

    template_fields: Sequence[str] = (
        "task_ids", "until", "min_share", "max_failed", "result_path", "socialscrm_conn_id",
    )  # fmt: skip
    ui_color = "#d9f2e3"
    result_path = PathArgument()

    def __init__(
        self, *,
        task_ids: Sequence[str] | XComArg | str, until: str = "delivered", min_share: float = 1.0,
        max_failed: float | None = 0, result_path: str | PathLike[str] | ObjectStoragePath | None = None,
        deferrable: bool | None = None, socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.task_ids: Any = task_ids
        self.until, self.min_share, self.max_failed = until, min_share, max_failed
        self.result_path = result_path
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.socialscrm_conn_id = socialscrm_conn_id
        self._templates = {name: getattr(self, name) for name in self.template_fields}

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait on the worker, or ask once and defer; then write the file, and return the counts."""
        with no_retry_after(context, self.socialscrm_conn_id, InputError):
            path = self._begun(context)
            if self.deferrable:
                if not self.poke(context):
                    self._defer()
                return self._finished(path)
            try:
                super().execute(context)
            except (AirflowSensorTimeout, AirflowSkipException):  # the time is over
                self._write(path)
                raise
            return self._finished(path)

    def poke(self, context: Context) -> bool:  # noqa: ARG002 - as Airflow calls it
        """Return whether the messages are far enough."""
        from airflow_provider_socialscrm.sends.progress import is_finished  # noqa: PLC0415 - not for parsing

        with SocialSCRMHook(self.socialscrm_conn_id) as hook:
            for task_id in self.task_ids:
                try:
                    status = hook.get_send_status(task_id)
                except RetriableError as failure:  # it may pass while we wait
                    self.log.warning("The state of task %s is not known yet. %s", task_id, failure)
                    return False
                if status.status == TaskStatus.PAUSED:
                    self.log.warning("Task %s is paused: somebody has to let it go on in the CRM", task_id)
                if not is_finished(status, self.until, self.min_share):
                    self.log.info("Messages of task %s are not all %s yet", task_id, self.until)
                    return False
        return True

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write the file, and return the counts.

        :raises AirflowSensorTimeout: if the messages were not far enough in time.
        """
        with no_retry_after(context, self.socialscrm_conn_id, InputError):
            path = self._begun(context)
            if event["status"] == "failed":
                raise StopError(event["message"])
            if event["status"] != "pending":
                return self._finished(path)
            self._write(path)
            file = "" if path is None else ": the file has each recipient's status"
            sentence = f"The timeout is over, and some messages are not {self.until} yet{file}."
            if self.soft_fail:
                raise AirflowSkipException(sentence)
            raise AirflowSensorTimeout(sentence)

    def _begun(self, context: Context) -> Any:
        """Check the arguments, and return the path of the file."""
        from airflow_provider_socialscrm.sends.progress import check_waiting  # noqa: PLC0415 - not for parsing

        for name, value in typed_arguments(rendered_fields(self, self._templates, context)).items():
            setattr(self, name, value)
        self.task_ids = _ids(self.task_ids)
        check_waiting(self.until, self.min_share, self.max_failed)
        return checked_own_path(identity_of(context), "result_path", self.result_path)

    def _defer(self) -> None:
        from airflow_provider_socialscrm.triggers.sends import SocialSCRMSendTrigger  # noqa: PLC0415 - core

        trigger = SocialSCRMSendTrigger(
            task_ids=self.task_ids,
            until=self.until,
            min_share=self.min_share,
            socialscrm_conn_id=self.socialscrm_conn_id,
            poll_interval=self.poke_interval,
            deadline=time.time() + self.timeout,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _write(self, path: Any) -> list[SendStatus]:
        """Read the last statuses, and write them to the file."""
        from airflow_provider_socialscrm.runtime.table_files import write_table  # noqa: PLC0415 - not for parsing
        from airflow_provider_socialscrm.sends.progress import COLUMNS, rows_of  # noqa: PLC0415 - not for parsing

        with SocialSCRMHook(self.socialscrm_conn_id) as hook:
            statuses = [hook.get_send_status(task_id) for task_id in self.task_ids]
        if path is not None:
            write_table(path, list(rows_of(statuses)), COLUMNS)
            self.log.info("Each recipient's last status is in %s", path)
        return statuses

    def _finished(self, path: Any) -> dict[str, Any]:
        from airflow_provider_socialscrm.importer.results.threshold import (  # noqa: PLC0415 - not for parsing
            allowed_number,
        )
        from airflow_provider_socialscrm.sends.progress import counts_of  # noqa: PLC0415 - not for parsing

        statuses = self._write(path)
        counts = counts_of(statuses, self.until)
        self.log.info("Messages: %s", ", ".join(f"{count:,} {name}" for name, count in counts.items()))
        if silent := [each.task_id for each in statuses if not each.recipients]:
            raise AirflowFailException(
                f"The CRM lists no recipients of the stopped tasks {', '.join(silent)}, so nothing says who got the "
                "message."
            )
        failed = counts["failed"] + counts["stopped"]
        allowed = allowed_number(self.max_failed, counts["recipients"])
        if allowed is not None and failed > allowed:
            raise AirflowFailException(
                f"{counts['failed']:,} of {counted(counts['recipients'], 'message')} failed, and "
                f"{counted(counts['stopped'], 'was', 'were')} not sent because their tasks were stopped in the CRM; "
                f"max_failed allows {self.max_failed}. They are not sent again: their recipients' claims stay."
            )
        return {**counts, "path": None if path is None else str(path)}


def _ids(values: Any) -> list[str]:
    listed = [] if values is None else [values] if isinstance(values, str | int) else values
    if not isinstance(listed, list | tuple | set):
        raise InputError("task_ids must be a list of the ids that a send returned.")
    ids = [str(each) for each in listed if each != ""]
    if not all(map(is_task_id, ids)):
        raise InputError("task_ids has something that is not the id of a task.")
    return list(dict.fromkeys(ids))
