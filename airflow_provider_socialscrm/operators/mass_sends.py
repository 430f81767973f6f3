"""The task that has SocialsCRM send a message to the customers of a stage, a tag or a group."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm._compat import AirflowFailException, is_mapped
from airflow_provider_socialscrm.api.errors import StopError, UncertainError
from airflow_provider_socialscrm.api.mass_sends import (
    INTERVAL,
    Content,
    CustomerGroup,
    ExecutorForm,
    MassSend,
    check_mass_send,
    mass_send,
)
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import FATAL_ERRORS, InputError
from airflow_provider_socialscrm.mass_sends.names import LONGEST_NAME
from airflow_provider_socialscrm.operators.mass_send_arguments import tasks_of
from airflow_provider_socialscrm.operators.retries import with_retry_policy
from airflow_provider_socialscrm.runtime.own_paths import checked_own_path
from airflow_provider_socialscrm.runtime.path_text import PathArgument, PathArguments
from airflow_provider_socialscrm.runtime.plain_arguments import PlainArgument, plain
from airflow_provider_socialscrm.runtime.rendered import rendered_fields, typed_arguments
from airflow_provider_socialscrm.runtime.task_failures import no_retry_after
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.mass_sends.intents import Intents
    from airflow_provider_socialscrm.mass_sends.sending import MassSender, Result

log = logging.getLogger(__name__)

_OBJECTS: Final = ("group", "content", "start", "tasks")
"""Arguments that may be or hold objects of ours."""


class SocialSCRMMassSendOperator(PathArguments, BaseOperator):
    """Have the CRM send a message to the customers of a stage, a tag or a group, at a time and at an interval.

    The CRM knows such a task by its name, so none is created twice: each name is saved before its call, a call with a
    doubtful response is sent again, and code 521 (the name is taken) then means that the CRM has it. On a first try 521
    is an error. Neither a retry nor clearing the task sends again what was accepted. The task returns a manifest:
    ``accepted``, ``rejected``, ``in_doubt``, ``not_sent``, and ``tasks`` with the name, outcome, code and reason of
    each. It names no customer.

    :param name: of the task in the CRM. Default ``None``: DAG, task, map index and run, cut to ``name_limit``.
    :param executors: logins of the agents who send.
    :param group: who gets the message: a ``Stage``, ``Tag`` or ``Group`` of ``api.mass_sends``, or a dictionary such as
        ``{"stage": "New Customer", "id": "12"}``.
    :param content: the message: a text, a ``Content`` of ``api.mass_sends`` with a file, or a dictionary such as
        ``{"text": "Look", "kind": "picture", "url": "https://..."}``.
    :param start: when it begins, with a time zone: a datetime or a text such as ``2026-12-24T09:00:00+08:00``. Default
        ``None``: at once.
    :param interval: seconds between two messages, the least and the most. Default 10 to 30.
    :param reached: ``reachedNum`` of the CRM, which the vendor does not explain. Default ``None``: it is left out.
    :param tasks: several tasks for one call, in place of the arguments above: each a ``MassSend`` of
        ``api.mass_sends``, or a dictionary with these arguments. Default ``None``: one task.
    :param executors_as: how the executors are written: as a ``list`` (default) or as one ``text``; the vendor documents
        both.
    :param admin: login of the administrator that signs. Default ``None``: the connection's user.
    :param check_executors: whether each executor is looked up before anything is sent. Default ``True``: one whom the
        CRM does not know fails the task.
    :param name_limit: characters of a default name. Default 100, since the vendor documents no limit.
    :param checkpoint_path: where to save what was sent, local or in object storage: a folder, whose path ends in ``/``,
        or a small file, to whose name a mapped task adds ``-{map_index}``. Default ``None``: it is in the task's state
        on Airflow 3.3, and before 3.3 nowhere.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :raises AirflowFailException: when no retry can help: bad input, a wrong setting, a task that was rejected.
    :raises RetriableError: when the CRM was unavailable, or left open whether it took a task; a retry goes on.
    """

    template_fields: Sequence[str] = (
        "name", "executors", "group", "content", "start", "interval", "reached", "tasks", "executors_as", "admin",
        "check_executors", "name_limit", "checkpoint_path", "socialscrm_conn_id",
    )  # fmt: skip
    ui_color = "#d9f2e3"
    group = PlainArgument()
    content = PlainArgument()
    start = PlainArgument()
    tasks = PlainArgument()
    checkpoint_path = PathArgument()

    def __init__(
        self, *,
        name: str | None = None, executors: Sequence[str] | None = None,
        group: CustomerGroup | Mapping[str, Any] | None = None,
        content: str | Content | Mapping[str, Any] | None = None,
        start: datetime | str | None = None, interval: tuple[int, int] | str | None = INTERVAL,
        reached: int | None = None, tasks: Sequence[MassSend | Mapping[str, Any]] | None = None,
        executors_as: str = ExecutorForm.LIST.value, admin: str | None = None, check_executors: bool = True,
        name_limit: int = LONGEST_NAME, checkpoint_path: str | PathLike[str] | ObjectStoragePath | None = None,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**with_retry_policy(kwargs, is_mapped=is_mapped(self)))
        self.name, self.executors, self.group, self.content = name, executors, group, content
        self.start, self.interval, self.reached, self.tasks = start, interval, reached, tasks
        self.executors_as, self.admin, self.check_executors = executors_as, admin, check_executors
        self.name_limit, self.checkpoint_path = name_limit, checkpoint_path
        self.socialscrm_conn_id = socialscrm_conn_id
        self._templates = {each: getattr(self, each) for each in self.template_fields}

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Return what ``expand`` makes mapped tasks of, with objects of ours as values that Airflow can store."""
        stored = {name: plain(value) if name in _OBJECTS else value for name, value in kwargs.items()}
        made: OperatorPartial = super().partial(**stored)
        return made

    def execute(self, context: Context) -> dict[str, Any]:
        """Create what was not created yet, and return the manifest."""
        with no_retry_after(context, self.socialscrm_conn_id, *FATAL_ERRORS):
            return self._execute(context)

    def _execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_socialscrm.mass_sends.intents import Sent  # noqa: PLC0415 - not for parsing a DAG file
        from airflow_provider_socialscrm.runtime.mass_send_state import intents_for  # noqa: PLC0415

        arguments = self._arguments(context)
        identity = identity_of(context)
        tasks, own_names = tasks_of(arguments, identity)
        checkpoint_path = checked_own_path(identity, "checkpoint_path", arguments["checkpoint_path"])
        intents = intents_for(context, checkpoint_path)
        try:
            intents.check(tasks)
            left = [task for task in tasks if intents.sent(task) is not Sent.ACCEPTED]
            with SocialSCRMHook(arguments["socialscrm_conn_id"]) as hook:
                _check(left, intents, arguments, hook.get_settings())
                if arguments["check_executors"]:
                    _check_executors(hook, left)
                results, sender = _send(hook, tasks, intents, arguments, own_names)
        finally:
            intents.close()
        return self._finished(context, results, sender)

    def _arguments(self, context: Context) -> dict[str, Any]:
        """Return the arguments in the types that they are documented with, whatever the DAG renders templates to."""
        arguments = typed_arguments(rendered_fields(self, self._templates, context))
        if not isinstance(arguments["check_executors"], bool):
            raise InputError("check_executors must be True or False.")
        return arguments

    def _finished(self, context: Context, results: Sequence[Result], sender: MassSender) -> dict[str, Any]:
        manifest = _manifest(results)
        log.info("Mass sends: %s", ", ".join(f"{manifest[each]} {each}" for each in _COUNTS if manifest[each]))
        wrong = [result for result in results if result.reason]
        for result in wrong:
            log.warning("'%s' is %s: %s", result.task.name, result.outcome, result.reason)
        if wrong and self.do_xcom_push:  # a failed task returns nothing, but its manifest is needed most
            context["ti"].xcom_push(key="return_value", value=manifest)
        if sender.failure:
            raise sender.failure
        if wrong:
            names = ", ".join(f"'{result.task.name}'" for result in wrong)
            of_all = counted(len(results), "mass send failed", "mass sends failed")
            raise AirflowFailException(f"{len(wrong)} of {of_all}: {names}. {wrong[0].reason}")
        return manifest


_COUNTS = ("accepted", "rejected", "in_doubt", "not_sent")


_LONGEST_REASON: Final = 120
"""Characters of a reason in the manifest; the log has all of it."""


def _manifest(results: Sequence[Result]) -> dict[str, Any]:
    from airflow_provider_socialscrm.importer.results.report import shortened  # noqa: PLC0415 - not for parsing

    tasks = [
        {
            "name": each.task.name,
            "outcome": str(each.outcome),
            "code": each.code,
            "reason": shortened(each.reason, _LONGEST_REASON),
        }
        for each in results
    ]
    counts = dict.fromkeys(_COUNTS, 0)
    for each in results:
        counts[str(each.outcome).removesuffix("_before")] += 1
    return {**counts, "tasks": tasks}


def _check(tasks: Sequence[MassSend], intents: Intents, arguments: Mapping[str, Any], settings: Settings) -> None:
    """Check what is to be sent, before anything is.

    :raises InputError: in a sentence.
    """
    if not (arguments["admin"] or settings.user_name):
        raise InputError("admin is missing: name the administrator that signs. Nothing was sent.")
    for task in tasks:
        try:
            check_mass_send(task, time.time())
        except ValueError as wrong:
            doubt = " An earlier try may have created it: look it up in the CRM." if intents.sent(task) else ""
            raise InputError(f"{wrong} Nothing was sent.{doubt}") from None
    try:
        if tasks:
            mass_send(tasks, settings.time_zone, executors_as=arguments["executors_as"])
    except ValueError as wrong:
        raise InputError(f"{wrong} Nothing was sent.") from None


def _check_executors(hook: SocialSCRMHook, tasks: Sequence[MassSend]) -> None:
    """Look up each executor once.

    :raises InputError: if the CRM does not know one.
    """
    for login in dict.fromkeys(login for task in tasks for login in task.executors):
        try:
            is_known = hook.get_agent(login) is not None
        except StopError as failure:
            raise StopError(
                f"{failure} The executors could not be looked up, so nothing was sent: set check_executors=False if "
                "your tenant has no such call."
            ) from None
        except UncertainError:
            raise
        if not is_known:
            raise InputError(f"executors names '{login}', whom the CRM does not know: nothing was sent.")


def _send(
    hook: SocialSCRMHook,
    tasks: Sequence[MassSend],
    intents: Intents,
    arguments: Mapping[str, Any],
    own_names: frozenset[str],
) -> tuple[list[Result], MassSender]:
    from airflow_provider_socialscrm.mass_sends.sending import MassSender  # noqa: PLC0415 - not for parsing a DAG file

    sender = MassSender(
        lambda some: hook.create_mass_sends(some, executors_as=arguments["executors_as"], admin=arguments["admin"]),
        intents,
        refusals_are_atomic=hook.get_settings().refusals_are_atomic,
        own_names=own_names,
    )
    return sender.send(tasks), sender
