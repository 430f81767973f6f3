"""Methods of the hook about links to WhatsApp groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_provider_socialscrm.api import group_links
from airflow_provider_socialscrm.api.errors import NotReadyError, SocialSCRMError
from airflow_provider_socialscrm.api.group_links import GroupInfo, ImportedLinks
from airflow_provider_socialscrm.hooks.performing import Performing
from airflow_provider_socialscrm.runtime.frames import frame_of

_COLUMNS = ("link", "name", "group_id", "members", "code", "raw")


class GroupLinkMethods(Performing):
    """Import group links and read them. The calls are signed in the body whatever the connection's scheme."""

    def import_group_links(self, links: Sequence[str], *, admin: str | None = None) -> ImportedLinks:
        """Import links, which the CRM then parses. A link that was imported before counts as taken.

        :param links: addresses of groups; none makes no call.
        :param admin: login of the administrator that signs. Default ``None``: the connection's user.
        :raises ValueError: in one sentence and before any call, if there is something else among them.
        """
        ok, failed = list[str](), list[str]()
        for part in group_links.parts_of(group_links.check_links(links)):
            imported = group_links.imported_of(self.perform(group_links.links_import(part, admin)))
            ok += imported.ok
            failed += imported.failed
        return ImportedLinks(tuple(ok), tuple(failed))

    def group_info(self, links: Sequence[str], *, admin: str | None = None) -> list[GroupInfo]:
        """Return what the CRM has found behind imported links, each with a code where it has found nothing yet.

        Code 538: the link is being parsed, ask again later. Code 537: it is unknown, import it again. Where the CRM has
        one code for a whole call, its links are asked about one by one.

        :param links: addresses of groups; none makes no call.
        :param admin: login of the administrator that signs. Default ``None``: the connection's user.
        :raises ValueError: in one sentence and before any call, if there is something else among them.
        """
        found: list[GroupInfo] = []
        for part in group_links.parts_of(group_links.check_links(links)):
            found += self._group_info(part, admin)
        return found

    def group_info_df(self, links: Sequence[str], *, admin: str | None = None) -> Any:
        """Return :meth:`group_info` as a table: ``link``, ``name``, ``group_id``, ``members``, ``code``, ``raw``."""
        rows = [
            (each.link, each.name, each.group_id, each.members, each.code, msgspec.json.encode(each.raw).decode())
            for each in self.group_info(links, admin=admin)
        ]
        return frame_of(rows, _COLUMNS)

    def _group_info(self, links: Sequence[str], admin: str | None) -> list[GroupInfo]:
        try:
            return group_links.groups_of(self.perform(group_links.links_query(links, admin)), links)
        except SocialSCRMError as failure:
            number = failure.code.number if failure.code else None
            if not isinstance(failure, NotReadyError) and number != group_links.UNKNOWN_LINK:
                raise
            if len(links) == 1:
                return [GroupInfo(links[0], code=number or group_links.NOT_PARSED)]
        return [group for link in links for group in self._group_info([link], admin)]
