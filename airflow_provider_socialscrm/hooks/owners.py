"""Methods of the hook about the owners of customers."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_socialscrm.api import owners
from airflow_provider_socialscrm.api.owners import Cleared
from airflow_provider_socialscrm.hooks.performing import Performing


class OwnerMethods(Performing):
    """Leave customers without an owner. The calls are signed as the connection says."""

    def clear_owners(self, numbers: Sequence[str], *, admin: str | None = None) -> Cleared:
        """Leave customers without an owner, 50 a call, and return what became of each.

        :param numbers: of the customers, with their country code; none makes no call.
        :param admin: login of an administrator. Default ``None``: the connection's user.
        :raises ValueError: in one sentence and before any call, if there is something else among them.
        :raises SocialSCRMError: if a call fails; a repeat does no harm.
        """
        ok, failed = list[str](), list[str]()
        for part in owners.parts_of(owners.check_numbers(numbers)):
            cleared = owners.cleared_of(self.perform(owners.owners_clear(part, admin)), part)
            ok += cleared.ok
            failed += cleared.failed
        return Cleared(tuple(ok), tuple(failed))
