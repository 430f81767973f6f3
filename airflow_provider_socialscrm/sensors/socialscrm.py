"""The sensor that waits until agents or service numbers are online."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator

from airflow_provider_socialscrm._compat import AirflowFailException, default_deferrable
from airflow_provider_socialscrm.api.agents import MATCHES, who_is_missing
from airflow_provider_socialscrm.api.errors import StopError
from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

if TYPE_CHECKING:
    from airflow.sdk import Context


class SocialSCRMOnlineSensor(BaseSensorOperator):
    """Wait until agents or service numbers are online, for example before a task that sends messages with them.

    Deferred, it waits in the triggerer and occupies no worker; its trigger only asks. Airflow stores the logins and
    service numbers that it waits for, which are the tenant's own: do not give customers' numbers.

    :param agents: logins of agents to wait for (templated). Default ``None``: no agents.
    :param numbers: service numbers to wait for, with their country code (templated). Default ``None``: no numbers.
    :param match: whether to wait for ``all`` of them (default), or for ``any``.
    :param deferrable: whether to wait in the triggerer. Default ``None``: as Airflow's ``operators.default_deferrable``
        says.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm`` (templated). Default
        ``"socialscrm_default"``.
    :raises AirflowFailException: when no retry can help: a wrong setting, or nobody to wait for.
    """

    template_fields: Sequence[str] = ("agents", "numbers", "socialscrm_conn_id")
    ui_color = "#d9f2e3"

    def __init__(
        self,
        *,
        agents: Sequence[str] | None = None,
        numbers: Sequence[str] | None = None,
        match: str = MATCHES[0],
        deferrable: bool | None = None,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.agents = agents
        self.numbers = numbers
        self.match = match
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.socialscrm_conn_id = socialscrm_conn_id

    def execute(self, context: Context) -> None:
        """Wait on the worker, or ask once and defer."""
        try:
            agents, numbers = self._awaited()
            if not self.deferrable:
                super().execute(context)
                return
            if self.poke(context):
                return
        except (StopError, ValueError) as failure:
            raise AirflowFailException(str(failure)) from None
        from airflow_provider_socialscrm.triggers.socialscrm import SocialSCRMOnlineTrigger  # noqa: PLC0415 - core

        trigger = SocialSCRMOnlineTrigger(
            agents=agents,
            numbers=numbers,
            match=self.match,
            socialscrm_conn_id=self.socialscrm_conn_id,
            poke_interval=self.poke_interval,
        )
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout))

    def poke(self, context: Context) -> bool:  # noqa: ARG002 - as Airflow calls it
        """Return whether those that are waited for are online."""
        agents, numbers = self._awaited()
        missing = who_is_missing(SocialSCRMHook(self.socialscrm_conn_id).list_online(), agents, numbers, self.match)
        if missing:
            self.log.info("Not online yet: %s", ", ".join(missing))
        return not missing

    def execute_complete(self, context: Context, event: dict[str, str]) -> None:  # noqa: ARG002 - as Airflow calls it
        """Return if they are online.

        :raises AirflowFailException: if the CRM could not be asked, and a person has to fix it.
        """
        if event["status"] != "online":
            raise AirflowFailException(event["message"])

    def _awaited(self) -> tuple[list[str], list[str]]:
        agents, numbers = _texts("agents", self.agents), _texts("numbers", self.numbers)
        if self.match not in MATCHES:
            raise ValueError(f"match is {self.match!r}, not {' or '.join(MATCHES)}.")
        if not agents and not numbers:
            raise ValueError("Give agents or numbers to wait for.")
        digits = [digits_of(number) for number in numbers]
        if wrong := [place for place, each in enumerate(digits) if not each]:
            raise ValueError(f"numbers has something that is not a number at place {wrong[0]}.")
        return agents, [each for each in digits if each]


def _texts(name: str, values: Any) -> list[str]:
    if values is None:
        return []
    if not isinstance(values, list | tuple | set) or not all(isinstance(each, str | int) and each for each in values):
        raise ValueError(f"{name} must be a list of texts.")
    return [str(each) for each in values]
