"""Methods of the hook about service numbers."""

from __future__ import annotations

from typing import Any

from airflow_provider_socialscrm.api import service_numbers
from airflow_provider_socialscrm.api.service_numbers import ServiceNumber
from airflow_provider_socialscrm.hooks.performing import Performing
from airflow_provider_socialscrm.runtime.frames import frame_of_records


class NumberMethods(Performing):
    """Read the state of service numbers. The call is signed by headers whatever the connection's scheme."""

    def get_numbers(self) -> list[ServiceNumber]:
        """Return the tenant's service numbers, each with all fields that the CRM returns.

        :raises ResponseFormError: if the response is not a list of numbers.
        """
        return service_numbers.numbers_of(self.perform(service_numbers.numbers_query()))

    def get_numbers_df(self) -> Any:
        """Return :meth:`get_numbers` as a table: ``number``, then the vendor's fields under their own names."""
        return frame_of_records([{"number": each.number, **each.raw} for each in self.get_numbers()], first="number")
