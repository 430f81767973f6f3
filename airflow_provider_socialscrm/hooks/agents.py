"""Methods of the hook about agents and who is online."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_socialscrm.api import agents
from airflow_provider_socialscrm.api.agents import Agent, OnlineNumber
from airflow_provider_socialscrm.api.errors import DataError, RequestError, ResponseFormError, SocialSCRMError
from airflow_provider_socialscrm.hooks.performing import Performing
from airflow_provider_socialscrm.runtime.frames import frame_of


class AgentMethods(Performing):
    """Look up agents. All calls only read, and are signed by headers whatever the connection's scheme."""

    def get_agent(self, login: str) -> Agent | None:
        """Return an agent, or ``None`` if the CRM does not know the login.

        :param login: the agent's, as in ``agentAccount``.
        :raises SocialSCRMError: if the CRM does not say whether it knows the login.
        """
        try:
            return agents.agent_of(self.perform(agents.agent_query(login)))
        except SocialSCRMError as failure:
            if failure.code is not None and failure.code.number == agents.UNKNOWN_LOGIN:
                return None
            raise

    def list_agents(self, logins: Sequence[str] | None = None) -> list[Agent]:
        """Return all agents of the tenant.

        The vendor does not document the list. Where the CRM refuses it, the given logins are looked up one by one.

        :param logins: whom to look up if there is no list; those that the CRM does not know are left out.
        :raises SocialSCRMError: if there is no list, and ``logins`` is not given or cannot be looked up.
        """
        try:
            return agents.agents_of(self.perform(agents.agent_list()))
        except (RequestError, DataError, ResponseFormError):  # not for a key or an address that is wrong
            if logins is None:
                raise
            return [agent for login in dict.fromkeys(logins) if (agent := self.get_agent(login))]

    def list_online(self, source: str | None = None) -> list[OnlineNumber]:
        """Return the service numbers that agents are online with.

        :param source: ``pc``, ``mobile`` or ``cloud``. Default ``None``: all of them.
        :raises ValueError: if ``source`` is something else.
        """
        return agents.online_of(self.perform(agents.online_query(source)), source)

    def list_agents_df(self, logins: Sequence[str] | None = None) -> Any:
        """Return :meth:`list_agents` as a table: ``login``, ``user_id``, ``nickname``."""
        rows = [(agent.login, agent.user_id, agent.nickname) for agent in self.list_agents(logins)]
        return frame_of(rows, ["login", "user_id", "nickname"])

    def list_online_df(self, source: str | None = None) -> Any:
        """Return :meth:`list_online` as a table: ``login``, ``number``, ``name``, ``source``, ``user_id``."""
        rows = [(each.login, each.number, each.name, each.source, each.user_id) for each in self.list_online(source)]
        return frame_of(rows, ["login", "number", "name", "source", "user_id"])
