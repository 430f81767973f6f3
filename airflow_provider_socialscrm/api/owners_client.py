"""A client whose rows are customers to leave without an owner, so that an import's engine can do that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.api.owners import CLEAR_OWNERS_PATH, clearing
from airflow_provider_socialscrm.api.request import signed
from airflow_provider_socialscrm.api.settings import Settings


class OwnersClient(Client):
    """Takes rows with a number each, as an import's client does, and clears the owners of these customers.

    The response names what became of each number in a form that the import reads row by row.

    :param settings: tenant, key, scheme and time-outs.
    :param admin: login of an administrator; ``None`` takes the connection's user.
    """

    def __init__(self, settings: Settings, *, admin: str | None = None, connections: int = 1) -> None:
        super().__init__(settings, connections=connections)
        self._admin = admin

    @property
    def rows_path(self) -> str:
        """The path that the calls count for."""
        return CLEAR_OWNERS_PATH

    @property
    def rows_name_agents(self) -> bool:
        """Whether each row names an agent: none does."""
        return False

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:  # noqa: ARG002 - as in an import
        """Clear the owners of some customers and return the response's ``data``.

        :param rows: one encoded JSON object for each customer, with the number.
        :raises SocialSCRMError: of the class that says what to do next.
        """
        numbers = [str(msgspec.json.decode(row)[NUMBER]) for row in rows]
        return self.call(clearing(numbers, self._admin))

    def envelope_size(self, agent: str | None = None) -> int:  # noqa: ARG002 - as in an import
        """Return the bytes around the numbers in a call's body, the same in every call."""
        return len(signed(clearing((), self._admin), self.settings, self.clock.now()).body)
