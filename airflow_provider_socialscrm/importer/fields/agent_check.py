"""Look up the agents that rows name, before any row is sent; rows of agents whom the CRM does not know are invalid."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.api.agents import UNKNOWN_LOGIN, agent_of, agent_query
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.paces import Paces
from airflow_provider_socialscrm.api.repeats import perform
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.masking import SHOWN_LOGINS, shown_login
from airflow_provider_socialscrm.importer.reasons import unknown_agent
from airflow_provider_socialscrm.wording import counted, first_of

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.client import Client
    from airflow_provider_socialscrm.importer.fields.checked_batch import CheckedBatch
    from airflow_provider_socialscrm.importer.options import Options

log = logging.getLogger(__name__)

MOST_LOGINS: Final = 1_000
"""Agents that are looked up: more than a tenant has. More means that the column holds something else; one look-up a
login would take hours."""

FindUnknown = Callable[[Collection[str]], Collection[str]]
"""Takes the logins that rows name and returns those that the CRM does not know."""


def agent_check(client: Client, options: Options) -> FindUnknown | None:
    """Return what looks up the agents of an import, or ``None`` if its options do not ask for it."""
    return partial(find_unknown, client=client, options=options) if options.check_agents else None


def find_unknown(logins: Collection[str], *, client: Client, options: Options) -> frozenset[str]:
    """Look up each agent once, and return those that the CRM does not know. The calls only read.

    :raises InputError: if there are more than an ``agentAccount`` column has.
    :raises SocialSCRMError: if the CRM does not say whether it knows an agent.
    """
    if len(logins) > MOST_LOGINS:
        raise InputError(
            f"agentAccount has {len(logins):,} different values, and check_agents looks up at most {MOST_LOGINS:,}: "
            "check which column is mapped to agentAccount, or set check_agents=False."
        )
    with closing(Paces(client.settings)) as paces:
        unknown = [login for login in sorted(logins) if not _is_known(login, client, paces, options)]
    if unknown:
        names = first_of([*map(shown_login, unknown)], SHOWN_LOGINS)
        log.warning("The CRM does not know %s of %s: %s", len(unknown), counted(len(logins), "agent"), names)
    elif logins:
        log.info("The CRM knows %s of the rows", counted(len(logins), "agent", "agents, all"))
    return frozenset(unknown)


def refusing(checked: CheckedBatch, unknown: Collection[str]) -> CheckedBatch:
    """Return the rows of a batch, those of unknown agents with a reason more."""
    found = {
        index: (*checked.reasons.get(index, ()), _reason(agent))
        for index, agent in enumerate(checked.agents or ())
        if agent in unknown and index not in checked.own.unreadable
    }
    return replace(checked, reasons={**checked.reasons, **found}) if found else checked


def _is_known(login: str, client: Client, paces: Paces, options: Options) -> bool:
    try:
        data = perform(agent_query(login), client, paces, limits=options.retry_limits, clock=options.clock)
        return agent_of(data) is not None
    except SocialSCRMError as failure:
        if failure.code is not None and failure.code.number == UNKNOWN_LOGIN:
            return False
        failure.args = (f"check_agents could not look up the rows' agents, so no customer was sent. {failure}",)
        raise


_reason = cache(unknown_agent)
"""One object for all rows of an agent, since there may be a million."""
