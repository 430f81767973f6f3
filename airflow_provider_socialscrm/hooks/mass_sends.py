"""Methods of the hook about mass sends, which reach people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import time
from typing import Any

from airflow_provider_socialscrm.api import mass_sends
from airflow_provider_socialscrm.api.mass_sends import (
    INTERVAL,
    Content,
    CustomerGroup,
    ExecutorForm,
    MassSend,
    check_mass_send,
)
from airflow_provider_socialscrm.hooks.performing import Performing


class MassSendMethods(Performing):
    """Send messages to stages, tags and groups. The calls are signed in the body whatever the connection's scheme."""

    def create_mass_send(
        self,
        name: str,
        executors: Sequence[str],
        group: CustomerGroup,
        content: str | Content,
        *,
        start: datetime | None = None,
        interval: tuple[int, int] = INTERVAL,
        reached: int | None = None,
        executors_as: str = ExecutorForm.LIST,
        admin: str | None = None,
    ) -> Any:
        """Create a task that sends a message to the customers of a stage, a tag or a group, and return ``data``.

        :param name: of the task. No two tasks can have one name, so a call with it can be repeated: code 521 then means
            that an earlier one was taken.
        :param executors: logins of the agents who send.
        :param group: a ``Stage``, a ``Tag`` or a ``Group``.
        :param content: a text, or a ``Content`` with a file.
        :param start: when it begins, with a time zone. Default ``None``: at once.
        :param interval: seconds between two messages, the least and the most. Default 10 to 30.
        :param reached: ``reachedNum``, which the vendor does not explain. Default ``None``: it is left out.
        :param executors_as: ``list`` (default) or ``text``: how the executors are written.
        :param admin: login of the administrator that signs. Default ``None``: the connection's user.
        :raises ValueError: in one sentence and before the call, if the CRM takes no such task.
        :raises UncertainError: if the CRM may have taken it. It is not sent again.
        """
        whole = Content(content) if isinstance(content, str) else content
        task = MassSend(name, tuple(executors), group, whole, start, interval, reached)
        return self.create_mass_sends([task], executors_as=executors_as, admin=admin)

    def create_mass_sends(
        self, tasks: Sequence[MassSend], *, executors_as: str = ExecutorForm.LIST, admin: str | None = None
    ) -> Any:
        """Create several tasks in one call, and return the response's ``data``, whose content is not documented.

        :param tasks: each with a name of its own.
        :param executors_as: ``list`` (default) or ``text``: how the executors are written.
        :param admin: login of the administrator that signs. Default ``None``: the connection's user.
        :raises ValueError: in one sentence and before the call, if the CRM takes no such task.
        :raises UncertainError: if the CRM may have taken them. They are not sent again.
        """
        for task in tasks:
            check_mass_send(task, time())
        time_zone = self.get_settings().time_zone
        return self.perform(mass_sends.mass_send(tasks, time_zone, executors_as=executors_as, admin=admin))
