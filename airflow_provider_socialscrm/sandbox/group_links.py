"""The endpoints of group links: import them, and read what was found behind them once they are parsed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from . import faults
from .authentication import check_administrator, check_body_signed
from .codes import Answer, Rejected
from .crm import Endpoint
from .tables import Table

if TYPE_CHECKING:
    from .crm import ApiCall, Crm

LINKS_IMPORT_PATH = "/wscrm-bus-api/open/group/api/groupAnalysis"
LINKS_QUERY_PATH = "/wscrm-bus-api/open/group/api/getInfo"

BEGINNING = "https://chat.whatsapp.com/"
"""How a link to a group begins; another one is not taken, which is our assumption."""
MOST_MEMBERS = 1024
"""Members of a group, WhatsApp's own limit."""

UNKNOWN, PENDING = 537, 538


@dataclass
class GroupLinks:
    """When each link was imported, seconds since the epoch. Safe to use from several threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    imported: dict[str, float] = field(default_factory=dict)


def import_links(crm: Crm, call: ApiCall) -> Answer:
    """Take links; those that were imported before count as taken.

    :raises Rejected: with the reason why the call is rejected
    """
    links = _links(crm, call)
    known = crm.memory(GroupLinks)
    good = [link for link in links if link.startswith(BEGINNING) and len(link) > len(BEGINNING)]
    with known.lock:
        for link in good:
            known.imported.setdefault(link, call.at)
    return Answer(data={"successLink": good, "failLink": [link for link in links if link not in good]})


def query_links(crm: Crm, call: ApiCall) -> Answer:
    """Return what was found behind links; the names of the fields are our assumption.

    :raises Rejected: with the reason why the call is rejected
    """
    links = _links(crm, call)
    known = crm.memory(GroupLinks)
    with known.lock:
        if isinstance(call.fault, faults.LinksForgotten):
            for link in links:
                known.imported.pop(link, None)
        found = {link: _code(crm, known.imported.get(link), call.at) for link in links}
    if crm.settings.group_link_pending == "call":
        for code in (UNKNOWN, PENDING):
            if code in found.values():
                raise Rejected(code)
    return Answer(data=[_group(link, code) for link, code in found.items()])


ENDPOINTS = (Endpoint("POST", LINKS_IMPORT_PATH, import_links), Endpoint("POST", LINKS_QUERY_PATH, query_links))


def _links(crm: Crm, call: ApiCall) -> list[str]:
    check_body_signed(call.json_object, crm.settings, call.at, check_administrator)
    links = call.json_object.get("groupLinkList")
    if not isinstance(links, list) or not links:
        raise Rejected(536)
    return list(dict.fromkeys(map(str, links)))


def _code(crm: Crm, imported_at: float | None, now: float) -> int:
    if imported_at is None:
        return UNKNOWN
    return PENDING if now - imported_at < crm.settings.group_link_seconds else 0


def _group(link: str, code: int) -> dict[str, Any]:
    if code:
        return {"groupLink": link, "errorCode": code}
    digest = sha256(link.encode()).digest()
    number = int.from_bytes(digest[:7])
    return {
        "groupLink": link,
        "groupName": f"Group {link.rpartition('/')[2][:8]}",
        "groupId": f"{number:018}",
        "memberCount": 2 + number % (MOST_MEMBERS - 1),
    }


def tables(crm: Crm) -> Iterable[Table]:
    """Return the links for the page."""
    words = {0: "parsed", PENDING: "being parsed"}
    now = crm.now()
    rows = [(link, words[_code(crm, at, now)]) for link, at in [*crm.memory(GroupLinks).imported.items()]]
    return [Table("group-links", "Group links", ("Link", "State"), rows, "No link was imported.")]
