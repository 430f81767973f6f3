"""Number screening: order it, ask whether it is finished, read its result (vendor API 1.8). An order costs money."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import faults
from .authentication import check_header_signed
from .codes import OTHER, Answer, Rejected, WrongMethod
from .crm import Endpoint
from .kept import Kept
from .tables import Table

if TYPE_CHECKING:
    from starlette.requests import Request

    from .crm import ApiCall, Crm

ORDER_PATH = "/wscrm-bus-api/open/scan/screenWhatsApp"
PROGRESS_PATH = "/wscrm-bus-api/open/scan/queryTaskStatus/{order_id}"
RESULT_PATH = "/wscrm-bus-api/open/scan/queryTaskDetails/{order_id}"

FEWEST_NUMBERS, MOST_NUMBERS = 500, 20_000
"""Numbers of an order (vendor API 1.8)."""

KINDS = {0: "is WhatsApp", 1: "active", 2: "gender"}
FIELDS = {0: "isWhatsApp", 1: "active", 2: "gender"}
"""Names of the verdict in a result; our assumption."""

NUMBER = re.compile(r"[1-9][0-9]{6,14}")
COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class ScreeningOrder:
    """A screening that somebody has ordered, and has to pay.

    :param id: what the CRM calls it
    :param numbers: to be screened
    :param kind: 0 is WhatsApp, 1 active, 2 gender
    :param country: two letters
    :param at: when it came, seconds of a clock that never goes back
    :param never_finishes: whether a fault keeps it from ending
    """

    id: str
    numbers: tuple[str, ...] = field(repr=False)
    kind: int
    country: str
    at: float
    never_finishes: bool = False


class ScreeningOrders(Kept[ScreeningOrder]):
    """The orders of one sandbox."""

    id_before = 1_780_000_000_000_000_000
    none_text = "order is not exist"

    @property
    def paid_numbers(self) -> int:
        """How many numbers have to be paid, each as often as it was ordered."""
        return sum(len(order.numbers) for order in self.all())


def verdict_of(number: str, kind: int) -> int | str:
    """Return what the sandbox finds out about a number, by its last digit."""
    digit = int(number[-1])
    if kind == 2:  # noqa: PLR2004 - see KINDS
        return "male" if digit < 4 else "female" if digit < 8 else "unknown"  # noqa: PLR2004 - any split would do
    return int(digit < (7 if kind == 0 else 5))


def order_screening(crm: Crm, call: ApiCall) -> Answer:
    """Take an order.

    :raises Rejected: with the reason why the call is rejected; the codes are our assumption, except for the numbers
    """
    settings = crm.settings
    check_header_signed(call.headers, settings, call.at)
    body = call.json_object
    numbers, kind, country = body.get("data"), body.get("type"), body.get("country")
    if not isinstance(numbers, list) or not numbers:
        raise Rejected(506)
    if not FEWEST_NUMBERS <= len(numbers) <= MOST_NUMBERS:
        raise Rejected(507) if settings.screening_limit == "507" else Rejected(OTHER, "data size must be 500-20000")
    if not all(isinstance(number, str) and NUMBER.fullmatch(number) for number in numbers):
        raise Rejected(OTHER, "data is error")
    if not isinstance(kind, int) or kind not in KINDS:
        raise Rejected(OTHER, "type is error")
    if not isinstance(country, str) or not COUNTRY.fullmatch(country):
        raise Rejected(OTHER, "country is error")
    never = isinstance(call.fault, faults.OrderNeverFinishes)
    orders = crm.memory(ScreeningOrders)
    order_id = orders.keep(lambda name: ScreeningOrder(name, tuple(numbers), kind, country, crm.ticks(), never))
    return Answer(data=order_id)


def query_progress(crm: Crm, call: ApiCall) -> Answer:
    """Return 1 if an order is finished, and 0 if it is not.

    :raises Rejected: with the reason why the call is rejected
    """
    check_header_signed(call.headers, crm.settings, call.at)
    return Answer(data=int(_is_finished(crm, crm.memory(ScreeningOrders).get(call.parts["order_id"]))))


def query_result(crm: Crm, call: ApiCall) -> Answer:
    """Return the verdicts of a finished order, in the form of the setting ``screening_result``.

    :raises Rejected: with the reason why the call is rejected; that of an order that is not finished is our assumption
    :raises WrongMethod: if the setting ``screening_method`` says another method
    """
    if call.endpoint.method != crm.settings.screening_method:
        raise WrongMethod
    check_header_signed(call.headers, crm.settings, call.at)
    order = crm.memory(ScreeningOrders).get(call.parts["order_id"])
    if not _is_finished(crm, order):
        raise Rejected(OTHER, "order is not finished")
    verdicts = {number: verdict_of(number, order.kind) for number in order.numbers}
    return Answer(data=_in_form(verdicts, order.kind, crm.settings.screening_result))


ENDPOINTS = (
    Endpoint("POST", ORDER_PATH, order_screening),
    Endpoint("POST", PROGRESS_PATH, query_progress),
    Endpoint("POST", RESULT_PATH, query_result),
    Endpoint("GET", RESULT_PATH, query_result),
)


def tables(crm: Crm) -> Iterable[Table]:
    """Return the orders for the page."""
    orders = crm.memory(ScreeningOrders)
    rows = [
        (order.id, KINDS[order.kind], order.country, len(order.numbers), _state(crm, order)) for order in orders.all()
    ]
    columns = ("Order", "Kind", "Country", "Numbers", "State")
    note = f"{orders.paid_numbers:,} {'number' if orders.paid_numbers == 1 else 'numbers'} to pay"
    return [Table("orders", "Screening orders", columns, rows, "Nothing was ordered.", note)]


def _listed(crm: Crm, _request: Request, _body: Any) -> Any:
    orders = crm.memory(ScreeningOrders)
    return {
        "paid_numbers": orders.paid_numbers,
        "orders": [
            {
                "id": order.id,
                "kind": KINDS[order.kind],
                "country": order.country,
                "numbers": len(order.numbers),
                "state": _state(crm, order),
            }
            for order in orders.all()
        ],
    }


ADMIN_ACTIONS = {("GET", "orders"): _listed}


def _is_finished(crm: Crm, order: ScreeningOrder) -> bool:
    return not order.never_finishes and crm.ticks() - order.at >= crm.settings.screening_seconds


def _state(crm: Crm, order: ScreeningOrder) -> str:
    return "finished" if _is_finished(crm, order) else "never finishes" if order.never_finishes else "not finished"


def _in_form(verdicts: dict[str, int | str], kind: int, form: str) -> Any:
    if form == "objects":
        return [{"whatsApp": number, FIELDS[kind]: verdict} for number, verdict in verdicts.items()]
    if form == "map":
        return verdicts
    if form == "lists":
        lists: dict[str, list[str]] = {}
        for number, verdict in verdicts.items():
            lists.setdefault({"0": "invalid", "1": "valid"}.get(str(verdict), str(verdict)), []).append(number)
        return lists
    return [number for number, verdict in verdicts.items() if verdict in {1, "male"}]
