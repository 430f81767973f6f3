"""What the methods of each endpoint family need from a hook: to have a call made, and to know the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.request import Request
    from airflow_provider_socialscrm.api.settings import Settings


class Performing(Protocol):
    """Makes calls; the hook does, and the methods of the families build on it."""

    def perform(self, request: Request) -> Any:
        """Make a call at the pace of its path, repeat it within limits where that is harmless, and return ``data``.

        :raises SocialSCRMError: of the class that says what to do next.
        """
        ...

    def get_settings(self) -> Settings:
        """Return the connection as frozen settings.

        :raises SettingError: naming every missing or wrong field by its label in the form.
        """
        ...
