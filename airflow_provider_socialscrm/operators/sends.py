"""The task that sends a message to the numbers in a table, to each of them once."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm._compat import AirflowFailException, is_mapped
from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.api.errors import StopError
from airflow_provider_socialscrm.api.sends import LARGEST_TASK, check_times
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.changes.located import located
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import AMBIGUOUS_NUMBERS
from airflow_provider_socialscrm.operators.retries import with_retry_policy
from airflow_provider_socialscrm.operators.send_arguments import ON_EMPTY, arguments_of, check_confirmed
from airflow_provider_socialscrm.operators.table_input import TableInput
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable
from airflow_provider_socialscrm.runtime.path_text import PathArgument
from airflow_provider_socialscrm.runtime.paths import check_is_path, check_ledger_apart, openable
from airflow_provider_socialscrm.runtime.plain_arguments import PlainArgument, plain
from airflow_provider_socialscrm.runtime.rendered import is_missing
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.wording import counted, out_of, worded

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from airflow_provider_socialscrm.api.sends import SendOptions
    from airflow_provider_socialscrm.importer.sources.base import Source
    from airflow_provider_socialscrm.operators.send_arguments import SendArguments
    from airflow_provider_socialscrm.sends.campaign import Campaign
    from airflow_provider_socialscrm.sends.ledger import SendLedger
    from airflow_provider_socialscrm.sends.recipients import Recipients
    from airflow_provider_socialscrm.sends.sending import CampaignSender, Result

log = logging.getLogger(__name__)

LONGEST_END: Final = 40.0
"""Seconds beyond a response's for what became of the last call to be saved; as for an import."""

_OBJECTS = ("content", "start", "end")
"""Arguments that may be or hold objects of ours."""


class SocialSCRMSendOperator(TableInput, BaseOperator):
    """Send a message to the numbers in a table, each once.

    Recipients are claimed in the ledger before their call. Whoever is claimed is in no other call of the campaign:
    neither a retry, a killed worker, clearing the task nor another task sends the message twice. A call whose response
    is doubtful is not repeated: its recipients are held until ``doubts`` says what a person has found out. A call that
    the CRM certainly refused frees its recipients, and a retry sends to them.

    The task returns a manifest: ``campaign``, ``rows``, ``recipients``, ``invalid`` and ``duplicate`` rows, recipients
    that are ``accepted`` (in a call of this task), ``sent_before`` (in one of another task or run), ``rejected``,
    ``in_doubt`` or ``not_sent``, ``task_ids``, ``doubts`` and ``refusals``. ``task.output["task_ids"]`` are for
    :class:`~airflow_provider_socialscrm.sensors.sends.SocialSCRMSendSensor`. No number shows in logs, XCom or rendered
    fields.

    :param data: a table, or a path or glob of Parquet, CSV or JSONL files, as for the import.
    :param column: the column with the recipients' numbers. Default ``"whatsApp"``.
    :param sender: the service number that sends. Default ``None``: ``sender_column`` has it.
    :param sender_column: the column with the service number that sends to the row. Default ``None``: ``sender``.
    :param content: the message: a text, an object of ``api.contents`` such as ``Image``, a dictionary that means one,
        or a list of these. Files need public addresses.
    :param confirm_recipients: how many different numbers get the message. With another number nothing is sent. It is
        required, except for a dry run.
    :param ledger: a folder of its own for the claims, local or in object storage, the same in every run. It is
        required: task state ends with its task, and no two tasks share it.
    :param campaign: within which a number gets one message, for ever and in any task with this ledger. Default
        ``None``: this task in this run of the DAG, with all tasks of its map.
    :param name: of the CRM's tasks, each of which adds its number and its call. Default ``None``: DAG, task, map index
        and run.
    :param channel: the kind of program that sends: ``pc`` (default), ``mobile`` or ``cloud_pc``.
    :param agent: login of the agent who sends. Default ``None``: the CRM chooses.
    :param start: when it begins, with a time zone: a datetime or a text such as ``2026-12-24T09:00:00+08:00``. Default
        ``None``: at once.
    :param end: when it ends, so that nothing is sent in quiet hours. Default ``None``: once all is sent.
    :param times_as: how these are written: as ``text`` (default) or as ``milliseconds``.
    :param recipients_per_task: recipients of a task of the CRM at most. Default 5,000, which is also the largest.
    :param max_rejected: rows that are invalid or rejected without failing the task, as for the import. With more
        invalid ones nothing is sent. Default 0.
    :param doubts: what became of calls in doubt, by their names: ``sent``, ``not_sent``, which has the recipients sent
        to, or the id of the CRM's task. Default ``None``: they stay in doubt.
    :param check_executors: whether the agent and the senders are looked up before anything is sent. Default ``True``.
    :param dry_run: count, show a message with its number masked, and make no call. Default ``False``.
    :param default_region: the country of recipients' numbers without a country code, as in ``"IN"``. Default ``None``:
        each number needs its own.
    :param ambiguous_numbers: how to read a number with two readings, as for the import. Default: ``reject`` it.
    :param on_empty: when there are no rows: ``fail`` (default) or ``skip`` the task, which also leaves out the items of
        a list that are ``None``.
    :param encoding: of CSV and JSONL files, by its name in Python. Default ``"utf-8"``.
    :param delimiter: between the values of CSV files, one character. Default ``","``.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :raises AirflowFailException: when no retry can help: unusable data, a wrong setting, a call in doubt.
    :raises RetriableError: when the CRM was unavailable, and certainly took nothing; a retry sends to the rest.
    """

    text_rendered = (
        "column", "sender", "sender_column", "content", "confirm_recipients", "ledger", "campaign", "name", "channel",
        "agent", "start", "end", "times_as", "recipients_per_task", "max_rejected", "doubts", "check_executors",
        "dry_run", "default_region", "ambiguous_numbers", "on_empty", "encoding", "delimiter", "socialscrm_conn_id",
    )  # fmt: skip
    template_fields: Sequence[str] = ("data", *text_rendered)
    ui_color = "#d9f2e3"
    ledger = PathArgument()
    content = PlainArgument()
    start = PlainArgument()
    end = PlainArgument()

    def __init__(
        self, *,
        data: Any, column: str = NUMBER, sender: str | None = None, sender_column: str | None = None, content: Any,
        confirm_recipients: int | str | None = None, ledger: str | PathLike[str] | ObjectStoragePath,
        campaign: str | None = None, name: str | None = None, channel: str = "pc", agent: str | None = None,
        start: datetime | str | None = None, end: datetime | str | None = None, times_as: str = "text",
        recipients_per_task: int = LARGEST_TASK, max_rejected: float | None = 0,
        doubts: Mapping[str, str] | str | None = None, check_executors: bool = True, dry_run: bool | str = False,
        default_region: str | None = None, ambiguous_numbers: str = AMBIGUOUS_NUMBERS[0],
        on_empty: str = ON_EMPTY[0], encoding: str = "utf-8", delimiter: str = ",",
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**with_retry_policy(kwargs, is_mapped=is_mapped(self)))
        self.data, self.column, self.sender, self.sender_column = data, column, sender, sender_column
        self.content, self.confirm_recipients, self.ledger = content, confirm_recipients, ledger
        self.campaign, self.name, self.channel, self.agent = campaign, name, channel, agent
        self.start, self.end, self.times_as = start, end, times_as
        self.recipients_per_task, self.max_rejected = recipients_per_task, max_rejected
        self.doubts: Any = doubts
        self.check_executors, self.dry_run = check_executors, dry_run
        self.default_region, self.ambiguous_numbers, self.on_empty = default_region, ambiguous_numbers, on_empty
        self.encoding, self.delimiter, self.socialscrm_conn_id = encoding, delimiter, socialscrm_conn_id
        self._sender: CampaignSender | None = None
        self._is_killed = False
        self._templates = {name: getattr(self, name) for name in self.text_rendered}
        if not is_mapped(self):  # whose data may be another task's
            self._check_input(kwargs)

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Return what ``expand`` makes mapped tasks of, with objects of ours as values that Airflow can store."""
        return super().partial(**{name: plain(each) if name in _OBJECTS else each for name, each in kwargs.items()})

    @property
    def dry_run(self) -> Any:
        """Whether no call is made; Airflow's operators have a method of this name for something else."""
        return self._dry_run

    @dry_run.setter
    def dry_run(self, value: Any) -> None:
        self._dry_run = value

    def execute(self, context: Context) -> dict[str, Any]:
        """Send to whom nobody has sent, and return the manifest."""
        with self._task_failures(context):
            self._set_types(context)
            given = arguments_of({name: getattr(self, name) for name in self.text_rendered}, identity_of(context))
            folder = self._folder()
            recipients = self._recipients(given, folder, context)
            if not self.dry_run:
                check_confirmed(self.confirm_recipients, len(recipients))
            with located(folder):
                ledger = self._opened(folder)
                campaign = ledger.campaign(given.campaign)
                keys = ledger.keyring.keys(recipients.persons)
                if self.dry_run:
                    return self._preview(campaign, keys, recipients)
                ledger.make()
                return self._finished(
                    context, given, recipients, self._sent(context, given, campaign, keys, recipients)
                )

    def on_kill(self) -> None:
        """Send nothing more, and let the call in flight end. Airflow calls this to end the task."""
        self._is_killed = True
        if self._sender:
            self._sender.stop()

    def _folder(self) -> Any:
        check_is_path("ledger", self.ledger)
        if is_missing(self.ledger):
            raise InputError("ledger is missing: give the path of a folder for the claims. Nothing was sent.")
        folder = openable(self.ledger, "ledger")
        check_file_systems(folder)
        return folder

    def _recipients(self, given: SendArguments, folder: Any, context: Context) -> Recipients:
        from airflow_provider_socialscrm.importer.results.threshold import (  # noqa: PLC0415 - loads Arrow
            allowed_number,
        )
        from airflow_provider_socialscrm.sends.recipients import Columns, read_recipients  # noqa: PLC0415 - loads Arrow

        columns = Columns(self.column, self.sender_column, given.sender, self.default_region, self.ambiguous_numbers)
        found = read_recipients(self._source(folder, context), columns)
        allowed = allowed_number(self.max_rejected, found.rows)
        if allowed is not None and found.invalid > allowed:
            reasons = ", ".join(
                f"{each.rows:,} x {each.reason.code}, first at {each.first_positions[0]:,}"
                for each in found.tally.refusals.values()
                if each.bucket == "invalid"
            )
            raise InputError(
                f"{found.invalid:,} of {counted(found.rows, 'row')} cannot be sent to ({reasons}), and max_rejected "
                f"allows {self.max_rejected}, so nothing was sent: correct "
                f"{worded(found.invalid, 'this row', 'these rows')}, or raise max_rejected."
            )
        if not len(found):
            no_row_has = worded(found.rows, "The row does not have", f"None of the {found.rows:,} rows has")
            raise InputError(f"{no_row_has} a recipient, so nothing was sent.")
        log.info("%s %s", counted(found.rows, "row has", "rows have"), counted(len(found), "recipient"))
        return found

    def _source(self, folder: Any, context: Context) -> Source:
        from airflow_provider_socialscrm.importer.sources.open_source import open_source  # noqa: PLC0415 - loads Arrow

        data = self._given(context)
        if isinstance(self.data, HiddenTable):
            self.data.warn_if_large()
        else:
            check_ledger_apart(folder, data=data)
        return open_source(data, encoding=self.encoding, delimiter=self.delimiter)

    def _opened(self, folder: Any) -> SendLedger:
        from airflow_provider_socialscrm.importer.changes.storage import open_storage  # noqa: PLC0415 - loads Arrow
        from airflow_provider_socialscrm.sends.ledger import SendLedger  # noqa: PLC0415 - loads Arrow

        settings = SocialSCRMHook(self.socialscrm_conn_id).get_settings()
        return SendLedger(open_storage(folder), settings.base_url, settings.tenant_id, settings.ledger_secret or None)

    def _preview(self, campaign: Campaign, keys: Any, recipients: Recipients) -> dict[str, Any]:
        from airflow_provider_socialscrm.sends.manifest import preview_of  # noqa: PLC0415 - loads Arrow

        preview = preview_of(campaign, keys.tolist(), recipients, self.recipients_per_task)
        preview["example"]["content"] = self.content
        log.info("Dry run, nothing is sent: %s", preview)
        return preview

    def _sent(
        self, context: Context, given: SendArguments, campaign: Campaign, keys: Any, recipients: Recipients
    ) -> Result:
        from airflow_provider_socialscrm.sends.sending import CampaignSender, Sending, resolve  # noqa: PLC0415 - Arrow

        resolve(campaign, {str(name): str(word) for name, word in (self.doubts or {}).items()})
        options = given.options
        hook = SocialSCRMHook(self.socialscrm_conn_id)
        settings = hook.get_settings()
        how = Sending(
            identity_of(context).owner, str(options.name), self.recipients_per_task, settings.refusals_are_atomic
        )
        with hook:
            sender = CampaignSender(
                lambda pairs, name: hook.send_many(
                    pairs, given.contents, channel=options.channel, start=options.start, end=options.end, name=name,
                    agent=options.agent, times_as=options.times_as,
                ),
                campaign, keys, recipients, how,
                check=lambda: check_times(options.start, options.end, time.time()),
            )  # fmt: skip
            if sender.is_anything_left():
                self._check_left(hook, options, recipients)
            return self._shielded(sender, settings.timeout)

    def _shielded(self, sender: CampaignSender, timeout: float) -> Result:
        """Send, and let the call in flight end if a signal ends the task, so that it leaves no doubt."""
        from airflow_provider_socialscrm.importer.sending.shield import run_shielded  # noqa: PLC0415 - not for parsing

        self._sender = sender
        if self._is_killed:
            sender.stop()
        results: list[Result] = []
        run_shielded(lambda: results.append(sender.send()), sender.stop, timeout + LONGEST_END)
        return results[0]

    def _check_left(self, hook: SocialSCRMHook, options: SendOptions, recipients: Recipients) -> None:
        """Check the times, and look up the agent and the senders.

        :raises InputError: if a time is over, or if the CRM does not know one.
        """
        try:
            check_times(options.start, options.end, time.time())
        except ValueError as wrong:
            raise InputError(f"{wrong} Nothing was sent.") from None
        if not self.check_executors:
            return
        agent = options.agent
        try:
            if agent is not None and hook.get_agent(agent) is None:
                raise InputError(f"agent is '{agent}', whom the CRM does not know: nothing was sent.")
            known = {each.number for each in hook.get_numbers()}
        except StopError as failure:
            raise StopError(
                f"{failure} The agent and the senders could not be looked up, so nothing was sent: set "
                "check_executors=False if your tenant has no such call."
            ) from None
        strangers = sum(each not in known for each in recipients.senders)
        if strangers:
            raise InputError(
                f"{out_of(strangers, len(recipients.senders), 'sender', 'is', 'are')} not among the service numbers "
                "that the CRM lists, so nothing was sent: correct them, or set check_executors=False."
            )

    def _finished(
        self, context: Context, given: SendArguments, recipients: Recipients, result: Result
    ) -> dict[str, Any]:
        from airflow_provider_socialscrm.sends.manifest import manifest_of  # noqa: PLC0415 - loads Arrow

        manifest = manifest_of(given.campaign, recipients, result)
        log.info("Recipients: %s", ", ".join(f"{count:,} {name}" for name, count in result.counts.items()))
        failure = self._failure(recipients, result)
        if self.do_xcom_push:  # so that task.output["task_ids"] finds it
            context["ti"].xcom_push(key="task_ids", value=result.task_ids)
            if failure:  # a failed task returns nothing, but its manifest is needed most
                context["ti"].xcom_push(key="return_value", value=manifest)
        if failure:
            raise failure
        return manifest

    def _failure(self, recipients: Recipients, result: Result) -> Exception | None:
        """Return why the task fails, if it does."""
        from airflow_provider_socialscrm.importer.results.threshold import (  # noqa: PLC0415 - loads Arrow
            allowed_number,
        )
        from airflow_provider_socialscrm.sends.manifest import doubt_sentence  # noqa: PLC0415 - loads Arrow
        from airflow_provider_socialscrm.sends.sending import Outcome  # noqa: PLC0415 - loads Arrow

        if result.doubts:  # also where the failure is one that a retry may help: a person has to look first
            return AirflowFailException(doubt_sentence(result, result.failure))
        if result.failure:
            return result.failure
        rejected = recipients.invalid + result.counts[Outcome.REJECTED]
        allowed = allowed_number(self.max_rejected, recipients.rows)
        if allowed is not None and rejected > allowed:
            return AirflowFailException(
                f"{out_of(rejected, recipients.rows, 'row', 'was', 'were')} refused; max_rejected allows "
                f"{self.max_rejected}. "
                f"{result.refusals[0]}"
            )
        return None
