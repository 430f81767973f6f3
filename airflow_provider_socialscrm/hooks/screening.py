"""Methods of the hook about number screening, which costs money."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from airflow_provider_socialscrm.api import screening
from airflow_provider_socialscrm.api.errors import RequestError, SocialSCRMError
from airflow_provider_socialscrm.api.screening import ScreeningResult
from airflow_provider_socialscrm.hooks.performing import Performing
from airflow_provider_socialscrm.runtime.frames import frame_of
from airflow_provider_socialscrm.wording import counted

log = logging.getLogger(__name__)


class ScreeningMethods(Performing):
    """Order screenings, and read their results. All calls are signed by headers whatever the connection's scheme."""

    def order_screening(self, numbers: Sequence[str], kind: str, country: str, *, activity: str | None = None) -> str:
        """Order the screening of 500 to 20,000 numbers, which costs money, and return the order's id.

        :param numbers: digits with the country code, different ones.
        :param kind: ``is_whatsapp``, ``active`` or ``gender``.
        :param country: the two letters of the numbers' country.
        :param activity: for ``active``: ``frequent``, ``recent`` or ``recently``. Default ``None``: the CRM's default.
        :raises ValueError: in one sentence and before the call, if the CRM takes no such order.
        :raises UncertainError: if the CRM may have taken the order. It is not ordered again.
        :raises ResponseFormError: if the CRM took the order, and its response has no id.
        """
        return screening.order_id_of(self.perform(screening.screening_order(numbers, kind, country, activity)))

    def screen(self, numbers: Sequence[str], kind: str, country: str, *, activity: str | None = None) -> list[str]:
        """Order the screening of numbers, which costs money, in as few orders as possible, and return their ids.

        :param numbers: digits with the country code; one that repeats is ordered once.
        :param kind: ``is_whatsapp``, ``active`` or ``gender``.
        :param country: the two letters of the numbers' country.
        :param activity: for ``active``: ``frequent``, ``recent`` or ``recently``. Default ``None``: the CRM's default.
        :raises ValueError: in one sentence and before any call, if the CRM takes no such orders.
        :raises SocialSCRMError: if an order fails; a note on it has the ids of those before.
        """
        screening.check_screening(kind, country, activity)
        screening.check_numbers(numbers)
        orders: list[str] = []
        for part in screening.parts_of(list(dict.fromkeys(numbers))):
            try:
                orders.append(self.order_screening(part, kind, country, activity=activity))
            except SocialSCRMError as failure:
                if orders:
                    failure.add_note(f"The CRM has taken these orders before: {', '.join(orders)}.")
                raise
            log.info("The CRM has taken order %s of %s", orders[-1], counted(len(part), "number"))
        return orders

    def screening_finished(self, order: str) -> bool:
        """Return whether an order is finished, so that it has a result.

        :raises ResponseFormError: if the CRM says neither yes nor no.
        """
        return screening.is_finished(self.perform(screening.progress_query(order)))

    def screening_result(self, order: str) -> ScreeningResult:
        """Return the result of a finished order, with all of its data as they came.

        :raises ResponseFormError: if the result has a form that is not known; :meth:`screening_data` returns it.
        """
        return screening.result_of(order, self.screening_data(order))

    def screening_data(self, order: str) -> Any:
        """Return ``data`` of the result of a finished order as they came."""
        try:
            return self.perform(screening.result_query(order))
        except RequestError as failure:
            if failure.code is not None:
                raise
            return self.perform(screening.result_query(order, method="GET"))  # as in the vendor's list of endpoints

    def screening_result_df(self, order: str) -> Any:
        """Return :meth:`screening_result` as a table: ``number``, ``screened`` and ``screened_raw``, which is JSON."""
        verdicts = self.screening_result(order).verdicts
        rows = [(each.number, each.verdict, msgspec.json.encode(each.raw).decode()) for each in verdicts]
        return frame_of(rows, ["number", "screened", "screened_raw"])
