"""Methods of the hook about sends to numbers, which reach people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import time
from typing import Any

import msgspec

from airflow_provider_socialscrm.api import send_status, sends
from airflow_provider_socialscrm.api.contents import Channel, contents_from
from airflow_provider_socialscrm.api.errors import RequestError
from airflow_provider_socialscrm.api.send_status import STATUS_METHODS, SendStatus
from airflow_provider_socialscrm.api.sends import SendOptions, SendPair, Target, TimeForm, check_times
from airflow_provider_socialscrm.hooks.performing import Performing
from airflow_provider_socialscrm.runtime.frames import frame_of


class SendMethods(Performing):
    """Send messages to numbers, and read what became of them. All calls are signed by headers."""

    _status_method: str = STATUS_METHODS[0]

    def send(self, sender: str, recipient: str, content: Any, **options: Any) -> str:
        """Create a task that sends to one number, and return the task's id.

        :param sender: digits of a service number.
        :param recipient: digits of a number, or a group's id.
        :param content: as of :meth:`send_many`.
        :param options: as of :meth:`send_many`.
        :raises ValueError: in one sentence and before the call, if the CRM takes no such task.
        :raises UncertainError: if the CRM may have taken the task. It is not sent again.
        :raises ResponseFormError: if the CRM took the task, and its response has no id.
        """
        how = _checked(SendOptions(**options))
        pair = SendPair(sender, recipient)
        time_zone = self.get_settings().time_zone
        return sends.task_id_of(self.perform(sends.send(pair, contents_from(content), how, time_zone=time_zone)))

    def send_many(
        self,
        pairs: Sequence[SendPair],
        content: Any,
        *,
        channel: str = Channel.PC,
        target: str = Target.PERSON,
        start: datetime | None = None,
        end: datetime | None = None,
        name: str | None = None,
        agent: str | None = None,
        times_as: str = TimeForm.TEXT,
        trans_id: str | None = None,
    ) -> str:
        """Create a task that sends the same to at most 5,000 numbers, and return the task's id.

        :param pairs: who sends to whom; no recipient twice.
        :param content: a text, an object such as ``Image``, a dictionary that means one, or a list of these.
        :param channel: ``pc`` (default), ``mobile`` or ``cloud_pc``: the kind of program that sends.
        :param target: ``person`` (default) or ``group``.
        :param start: when it begins, with a time zone. Default ``None``: at once.
        :param end: when it ends, with a time zone. Default ``None``: once all is sent.
        :param name: shown in the CRM; it need not be unique. Default ``None``: none.
        :param agent: login of the agent who sends. Default ``None``: the CRM chooses.
        :param times_as: ``text`` (default) or ``milliseconds``: how the times are written.
        :param trans_id: ``transId`` of each content, which the vendor does not explain. Default ``None``: none.
        :raises ValueError: in one sentence and before the call, if the CRM takes no such task.
        :raises UncertainError: if the CRM may have taken the task. It is not sent again.
        :raises ResponseFormError: if the CRM took the task, and its response has no id.
        """
        how = _checked(SendOptions(channel, target, start, end, name, agent, times_as, trans_id))
        time_zone = self.get_settings().time_zone
        return sends.task_id_of(self.perform(sends.send_many(pairs, contents_from(content), how, time_zone=time_zone)))

    def get_send_status(self, task_id: str) -> SendStatus:
        """Return the state of a task and of each recipient's message.

        :param task_id: as the CRM returned it.
        :raises ResponseFormError: if the response does not have the form that is known.
        """
        try:
            data = self.perform(send_status.send_status(task_id, method=self._status_method))
        except RequestError as failure:
            if failure.code is not None:
                raise
            other = next(method for method in STATUS_METHODS if method != self._status_method)
            data = self.perform(send_status.send_status(task_id, method=other))
            self._status_method = other
        return send_status.status_of(task_id, data)

    def get_send_status_df(self, task_id: str) -> Any:
        """Return the messages of :meth:`get_send_status` as a table.

        Its columns are ``number``, ``status`` (the CRM's number), ``status_name`` (such as ``sent``, or empty for a
        state that is not known), ``sender`` and ``raw``, the vendor's fields as JSON.
        """
        rows = [
            (each.number, int(each.status), send_status.name_of(each.status), each.sender, _json(each.raw))
            for each in self.get_send_status(task_id).recipients
        ]
        return frame_of(rows, ["number", "status", "status_name", "sender", "raw"])


def _checked(options: SendOptions) -> SendOptions:
    check_times(options.start, options.end, time())
    return options


def _json(raw: Any) -> str:
    return msgspec.json.encode(raw).decode()
