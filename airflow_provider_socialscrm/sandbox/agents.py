"""The endpoints about agents: look one up, list all, see who is online (vendor API 1.4 and 1.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .authentication import check_header_signed
from .codes import OTHER, Answer, Rejected
from .crm import Endpoint
from .numbers import ServiceNumber, service_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .crm import ApiCall, Crm
    from .settings import SandboxSettings

USER_QUERY_PATH = "/se-api/user/query"
AGENT_LIST_PATH = "/group-dispatch-api/user/listUserByTenantId"
ONLINE_PATH = "/group-dispatch-api/user/queryUserStatus"
ALL_ONLINE_PATH = "/group-dispatch-api/user/queryAllOlWhatsAppInfo"

SOURCES = {"1": "pc", "2": "mobile", "3": "cloud"}
"""The documented numbers of the programs that an agent is online with; the third is known from a client only."""

MAIN_USER_ID = 1
"""The ``mainUserId`` of every agent; any number would do."""
LONG_DIGITS = 18
"""Digits that always fit a Long, the type of ``tenantId``; a longer id, or one of letters, is returned as text."""


def query_user(crm: Crm, call: ApiCall) -> Answer:
    """Return one agent's ids; their values are our assumption, and the setting ``unknown_agents`` has another one.

    :raises Rejected: with the reason why the call is rejected
    """
    settings = crm.settings
    check_header_signed(call.headers, settings, call.at)
    username = call.json_object.get("username")
    if username in settings.agents:
        return Answer(data=_agent(str(username), settings))
    if settings.unknown_agents == "null":
        return Answer(data=None)
    raise Rejected(530)


def list_users(crm: Crm, call: ApiCall) -> Answer:
    """Return all agents; the setting ``agent_list`` says whether, and under which name their logins are.

    :raises Rejected: with the reason why the call is rejected
    """
    settings = crm.settings
    check_header_signed(call.headers, settings, call.at)
    if settings.agent_list == "refused":
        raise Rejected(OTHER, "no permission")
    agents = (_agent(login, settings) for login in settings.agents)
    return Answer(data=[{settings.agent_list: agent.pop("username"), **agent} for agent in agents])


def query_status(crm: Crm, call: ApiCall) -> Answer:
    """Return the agents that are online with one kind of program.

    :raises Rejected: with the reason why the call is rejected; -1 for an unknown source is our assumption
    """
    check_header_signed(call.headers, crm.settings, call.at)
    body = call.json_object
    source = SOURCES.get(str(body.get("source")))
    if source is None:
        raise Rejected(OTHER, "source is error")
    found = _online(crm, source)
    if login := body.get("userName"):
        found = [number for number in found if number.agent == login]
    if user_id := body.get("userId"):
        found = [number for number in found if str(_user_id(number.agent, crm.settings)) == str(user_id)]
    return Answer(
        data=[
            {"userId": _user_id(agent, crm.settings), "agentAccount": agent, "whatsAppList": _as_objects(numbers)}
            for agent, numbers in _by_agent(found).items()
        ]
    )


def query_all_online(crm: Crm, call: ApiCall) -> Answer:
    """Return the agents that are online, by the kind of program.

    :raises Rejected: with the reason why the call is rejected
    """
    check_header_signed(call.headers, crm.settings, call.at)
    as_texts = crm.settings.numbers_as == "texts"
    groups = []
    for number, source in SOURCES.items():
        agents = _by_agent(_online(crm, source))
        listed = [
            {
                "agentAccount": agent,
                "userName": agent,
                "whatsAppList": [each.number for each in found] if as_texts else _as_objects(found),
            }
            for agent, found in agents.items()
        ]
        if listed:
            groups.append({"source": int(number), "list": listed})
    return Answer(data=groups)


ENDPOINTS = (
    Endpoint("POST", USER_QUERY_PATH, query_user),
    Endpoint("POST", AGENT_LIST_PATH, list_users),
    Endpoint("POST", ONLINE_PATH, query_status),
    Endpoint("POST", ALL_ONLINE_PATH, query_all_online),
)


def _agent(login: str, settings: SandboxSettings) -> dict[str, Any]:
    user_id = _user_id(login, settings)
    return {
        "mainUserId": MAIN_USER_ID,
        "tenantId": _as_long(settings.tenant_id),
        "userId": user_id,
        "username": login,
        "nickname": login,
        "guid": f"sandbox-{user_id}",
    }


def _user_id(login: str, settings: SandboxSettings) -> int:
    """Return an agent's id; an agent of a service number who is not configured has that of nobody."""
    return MAIN_USER_ID + 1 + settings.agents.index(login) if login in settings.agents else 0


def _online(crm: Crm, source: str) -> list[ServiceNumber]:
    return [number for number in service_numbers(crm.settings) if number.is_online and number.source == source]


def _by_agent(numbers: Iterable[ServiceNumber]) -> dict[str, list[ServiceNumber]]:
    found: dict[str, list[ServiceNumber]] = {}
    for number in numbers:
        found.setdefault(number.agent, []).append(number)
    return found


def _as_objects(numbers: Iterable[ServiceNumber]) -> list[dict[str, str]]:
    return [{"whatsApp": each.number, "name": each.name} for each in numbers]


def _as_long(text: str) -> int | str:
    """Return an id as the number that the vendor's sample has (vendor API 1.4)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONG_DIGITS else text
