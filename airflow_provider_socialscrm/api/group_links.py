"""Links to WhatsApp groups: import them, and read the groups' names, ids and members once they are parsed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from airflow_provider_socialscrm.api.agents import items_of
from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.request import Request
from airflow_provider_socialscrm.api.settings import AuthScheme

LINKS_IMPORT_PATH: Final = "/wscrm-bus-api/open/group/api/groupAnalysis"
"""Body scheme: import links, which the CRM then parses (vendor API 1.10)."""

LINKS_QUERY_PATH: Final = "/wscrm-bus-api/open/group/api/getInfo"
"""Body scheme: what the CRM has found behind links (vendor API 1.10)."""

LINKS_PER_CALL: Final = 50
"""Links in a call; our choice, since the vendor names no limit and clearing owners takes as many."""

UNKNOWN_LINK: Final = 537
"""Code of a link that was not imported, or that the CRM has forgotten."""

NOT_PARSED: Final = 538
"""Code of a link that is not parsed yet."""

_LINKS: Final = ("groupLink", "link", "url", "inviteLink")
_NAMES: Final = ("groupName", "name", "subject")
_IDS: Final = ("groupId", "id", "whatsGroupId", "gid")
_MEMBERS: Final = ("memberCount", "memberNum", "members", "count", "num", "size")
_ERRORS: Final = ("errorCode", "code")
"""Names that the response may have for a group's link, name, id and number of members, and for a link's own code: the
vendor's page is cut before them, so these are our guesses."""


@dataclass(frozen=True, slots=True)
class ImportedLinks:
    """Name the links that an import took, and those that it did not take.

    :param ok: links that the CRM took, now or earlier.
    :param failed: links that it did not take.
    """

    ok: tuple[str, ...] = field(repr=False)
    failed: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A group, or why there is none, as the CRM returns it for a link.

    :param link: as it was imported.
    :param name: of the group.
    :param group_id: of the group.
    :param members: how many it has; ``None`` where the response does not have it.
    :param code: 0 once the link is parsed; else why there is nothing yet, 537 or 538, or another code of the vendor's.
    :param raw: all fields of the response, by the vendor's names.
    """

    link: str = field(repr=False)
    name: str = ""
    group_id: str = ""
    members: int | None = None
    code: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


def check_links(links: Any) -> list[str]:
    """Return links, each once, in their order.

    :raises ValueError: in one sentence, without a link, if there is something else among them.
    """
    if isinstance(links, str) or not isinstance(links, Sequence):
        raise ValueError("links must be a list of texts.")  # noqa: TRY004 - as its siblings
    wrong = [place for place, link in enumerate(links) if not _is_link(link)]
    if wrong:
        raise ValueError(
            f"links has something that is not the address of a group at place {wrong[0]}, counted from 0: give "
            "addresses such as https://chat.whatsapp.com/...."
        )
    return list(dict.fromkeys(link.strip() for link in links))


def parts_of(links: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield links in the parts that calls carry."""
    for start in range(0, len(links), LINKS_PER_CALL):
        yield links[start : start + LINKS_PER_CALL]


def links_import(links: Sequence[str], admin: str | None = None) -> Request:
    """Return the call that imports links. Links that were imported before count as taken, so a repeat does no harm.

    :param admin: login that signs; ``None`` takes the connection's.
    :raises ValueError: if there is no link.
    """
    return _request(LINKS_IMPORT_PATH, links, admin)


def links_query(links: Sequence[str], admin: str | None = None) -> Request:
    """Return the call that reads what the CRM has found behind links.

    :param admin: login that signs; ``None`` takes the connection's.
    :raises ValueError: if there is no link.
    """
    return _request(LINKS_QUERY_PATH, links, admin)


def imported_of(data: Any) -> ImportedLinks:
    """Return what became of links by the ``data`` of :func:`links_import`.

    :raises ResponseFormError: if it does not have the documented form.
    """
    if not isinstance(data, Mapping) or not {"successLink", "failLink"} & data.keys():
        raise unknown_form(LINKS_IMPORT_PATH)
    ok, failed = (tuple(map(str, items_of(data.get(name), LINKS_IMPORT_PATH))) for name in ("successLink", "failLink"))
    return ImportedLinks(ok, failed)


def groups_of(data: Any, links: Sequence[str]) -> list[GroupInfo]:
    """Return what the CRM has found by the ``data`` of :func:`links_query`, in the order of the links.

    :param links: those of the call. Where the response does not repeat links, it must have one item for each.
    :raises ResponseFormError: if it is not a list of objects about these links.
    """
    if isinstance(data, Mapping) and len(links) == 1:
        data = [data]
    items = items_of(data, LINKS_QUERY_PATH)
    if not all(isinstance(item, Mapping) for item in items):
        raise unknown_form(LINKS_QUERY_PATH)
    named = {str(link): item for item in items if (link := _first(item, _LINKS))}
    if not named and len(items) == len(links):
        named = dict(zip(links, items, strict=True))
    if named.keys() != set(links):
        raise unknown_form(LINKS_QUERY_PATH)
    return [_group(link, named[link]) for link in links]


def _group(link: str, item: Mapping[str, Any]) -> GroupInfo:
    members, code = _first(item, _MEMBERS), _whole(_first(item, _ERRORS)) or 0
    count = len(members) if isinstance(members, list) else _whole(members)
    is_parsed = code in (0, 200)
    name, group_id = str(_first(item, _NAMES) or ""), str(_first(item, _IDS) or "")
    return GroupInfo(link, name, group_id, count, 0 if is_parsed else code, dict(item))


def _request(path: str, links: Sequence[str], admin: str | None) -> Request:
    if not links:
        raise ValueError("links is empty: give at least one link.")
    body = {"groupLinkList": list(links)}
    return Request(path, body, scheme=AuthScheme.BODY, repeatable=True, user_name=admin)


def _is_link(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        address = urlsplit(value.strip())
    except ValueError:
        return False
    is_web = address.scheme in {"http", "https"} and bool(address.hostname) and len(address.path) > 1
    return is_web and not any(sign <= " " for sign in value.strip())


def _first(item: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if item.get(name) not in (None, "")), None)


def _whole(value: Any) -> int | None:
    text = str(value)
    return int(text) if not isinstance(value, bool) and text.isascii() and text.isdigit() else None
