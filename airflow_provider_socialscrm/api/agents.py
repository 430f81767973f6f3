"""Agents of the tenant, the people who talk to its customers: look one up, list all, see who is online. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.api.request import Request

USER_QUERY_PATH: Final = "/se-api/user/query"
"""Header scheme: one agent by login; reads only (vendor API 1.4)."""

AGENT_LIST_PATH: Final = "/group-dispatch-api/user/listUserByTenantId"
"""Header scheme: all agents; undocumented, known from a public client only (vendor API 1.6)."""

ONLINE_PATH: Final = "/group-dispatch-api/user/queryUserStatus"
"""Header scheme: the agents that are online with one kind of program (vendor API 1.6)."""

ALL_ONLINE_PATH: Final = "/group-dispatch-api/user/queryAllOlWhatsAppInfo"
"""Header scheme: the agents that are online with any program (vendor API 1.6)."""

UNKNOWN_LOGIN: Final = 530
"""Code of a login that does not exist, as we assume; ``data`` of ``null`` means the same (vendor API 1.4)."""

MATCHES: Final = ("all", "any")
"""How many of those that somebody waits for have to be online."""

_LOGINS: Final = ("username", "userName", "agentAccount")
"""Names that the vendor gives to an agent's login."""


class Source(StrEnum):
    """The kind of program that an agent is online with."""

    PC = "pc"
    MOBILE = "mobile"
    CLOUD = "cloud"


_SOURCE_NUMBERS: Final = {Source.PC: 1, Source.MOBILE: 2, Source.CLOUD: 3}
_SOURCES: Final = {str(number): str(source) for source, number in _SOURCE_NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as the CRM returns it; a text is empty where the response does not have it.

    :param login: ``agentAccount`` of an import.
    :param user_id: the CRM's own id.
    :param nickname: the name that the CRM shows.
    :param raw: all fields of the response, by the vendor's names.
    """

    login: str
    user_id: str = ""
    nickname: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class OnlineNumber:
    """A service number that an agent is online with.

    :param login: of the agent.
    :param number: the service number's digits; empty for an agent who is online without a number.
    :param name: of the number, where the response has it.
    :param source: ``pc``, ``mobile`` or ``cloud``, or the vendor's own number for another one.
    :param user_id: of the agent, where the response has it.
    """

    login: str
    number: str = ""
    name: str = ""
    source: str = ""
    user_id: str = ""


def agent_query(login: str) -> Request:
    """Return the call that looks up an agent."""
    return Request(USER_QUERY_PATH, {"username": login}, repeatable=True)


def agent_list() -> Request:
    """Return the call that lists all agents."""
    return Request(AGENT_LIST_PATH, {}, repeatable=True)


def online_query(source: Source | str | None = None, login: str | None = None) -> Request:
    """Return the call that lists who is online.

    :param source: with which kind of program; ``None``: any.
    :param login: only this agent; needs a ``source``.
    :raises ValueError: in one sentence, if the source is not one, or is missing beside a login.
    """
    if source is None:
        if login is not None:
            raise ValueError("The CRM looks up one agent's numbers by source: set source to pc, mobile or cloud.")
        return Request(ALL_ONLINE_PATH, repeatable=True)
    if source not in {*Source}:
        raise ValueError("source must be pc, mobile or cloud, or None for all of them.")
    named = {} if login is None else {"userName": login}
    return Request(ONLINE_PATH, {**named, "source": _SOURCE_NUMBERS[Source(source)]}, repeatable=True)


def agent_of(data: Any) -> Agent | None:
    """Return the agent in the ``data`` of :func:`agent_query`, or ``None`` if it has none.

    :raises ResponseFormError: if it is neither.
    """
    if not data:
        return None
    if not isinstance(data, Mapping) or not (login := _first(data, _LOGINS)):
        raise unknown_form(USER_QUERY_PATH)
    return Agent(login, _text(data.get("userId")), _text(data.get("nickname")), dict(data))


def agents_of(data: Any) -> list[Agent]:
    """Return the agents in the ``data`` of :func:`agent_list`.

    :raises ResponseFormError: if it is not a list of agents.
    """
    found = []
    for each in items_of(data, AGENT_LIST_PATH):
        agent = agent_of(each) if isinstance(each, Mapping) else None
        if agent is None:
            raise unknown_form(AGENT_LIST_PATH)
        found.append(agent)
    return found


def online_of(data: Any, source: Source | str | None = None) -> list[OnlineNumber]:
    """Return who is online by the ``data`` of :func:`online_query`, one entry for each number.

    :param source: what was asked for.
    :raises ResponseFormError: if the data does not have the documented form.
    """
    if source is not None:
        return list(_numbers_of(data, ONLINE_PATH, str(source)))
    found: list[OnlineNumber] = []
    for group in items_of(data, ALL_ONLINE_PATH):
        if not isinstance(group, Mapping):
            raise unknown_form(ALL_ONLINE_PATH)
        number = _text(group.get("source"))
        found += _numbers_of(group.get("list"), ALL_ONLINE_PATH, _SOURCES.get(number, number))
    return found


def who_is_missing(
    online: Iterable[OnlineNumber], agents: Iterable[str], numbers: Iterable[str], match: str
) -> list[str]:
    """Return the agents and numbers that are waited for and not online.

    :param online: who is.
    :param agents: logins that are waited for.
    :param numbers: service numbers that are waited for, digits only.
    :param match: ``all``, or ``any``: then nobody is missing once one of them is online.
    """
    present = {name for each in online for name in (each.login, each.number)}
    awaited = [*agents, *numbers]
    missing = [name for name in awaited if name not in present]
    return [] if match == "any" and len(missing) < len(awaited) else missing


def items_of(data: Any, path: str) -> list[Any]:
    """Return a list of a response; none, or an empty text, counts as an empty one.

    :param path: of the endpoint, for the error.
    :raises ResponseFormError: if it is anything else.
    """
    if data in (None, ""):
        return []
    if not isinstance(data, list):
        raise unknown_form(path)
    return data


def _numbers_of(data: Any, path: str, source: str) -> Iterable[OnlineNumber]:
    for agent in items_of(data, path):
        login = _first(agent, ("agentAccount", "userName", "username")) if isinstance(agent, Mapping) else ""
        if not login:
            raise unknown_form(path)
        user_id = _text(agent.get("userId"))
        entries = items_of(agent.get("whatsAppList"), path) or [""]
        for entry in entries:
            number, name = (entry.get("whatsApp"), entry.get("name")) if isinstance(entry, Mapping) else (entry, "")
            yield OnlineNumber(login, digits_of(number) or _text(number), _text(name), source, user_id)


def _first(values: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((text for name in names if (text := _text(values.get(name)))), "")


def _text(value: Any) -> str:
    return "" if value is None else str(value)
