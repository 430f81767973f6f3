"""Service numbers: which ones agents work with, whether they are online, and the endpoint that lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .authentication import check_header_signed
from .codes import Answer
from .crm import Endpoint
from .tables import Table

if TYPE_CHECKING:
    from .crm import ApiCall, Crm
    from .settings import SandboxSettings

NUMBERS_PATH = "/group-dispatch-api/whatsapp/queryWhatsAppStatus"


@dataclass(frozen=True, slots=True)
class ServiceNumber:
    """A WhatsApp number that an agent works with.

    :param agent: the agent's login
    :param number: its digits
    :param source: pc, mobile or cloud
    :param is_online: whether it is online
    """

    agent: str
    number: str
    source: str
    is_online: bool

    @property
    def name(self) -> str:
        """The name that the CRM shows; any would do."""
        return f"{self.agent} {self.source}"


def service_numbers(settings: SandboxSettings) -> list[ServiceNumber]:
    """Return the numbers of the setting ``service_numbers``; those in ``offline`` are not online."""
    found = []
    for text in settings.service_numbers:
        agent, _, rest = text.partition("=")
        number, _, source = rest.partition("@")
        found.append(ServiceNumber(agent, number, source or "pc", number not in settings.offline))
    return found


def query_numbers(crm: Crm, call: ApiCall) -> Answer:
    """Return all service numbers; the fields beside the number are our assumption, the vendor's page is cut there.

    :raises Rejected: with the reason why the call is rejected
    """
    check_header_signed(call.headers, crm.settings, call.at)
    found = service_numbers(crm.settings)
    if crm.settings.numbers_as == "texts":
        return Answer(data=[each.number for each in found])
    return Answer(
        data=[
            {
                "whatsApp": each.number,
                "name": each.name,
                "agentAccount": each.agent,
                "source": each.source,
                "status": int(each.is_online),
            }
            for each in found
        ]
    )


ENDPOINTS = (Endpoint("GET", NUMBERS_PATH, query_numbers),)


def tables(crm: Crm) -> Iterable[Table]:
    """Return the service numbers for the page."""
    rows = [
        (each.number, each.agent, each.source, "online" if each.is_online else "offline")
        for each in service_numbers(crm.settings)
    ]
    columns = ("Number", "Agent", "Program", "State")
    return [Table("numbers", "Service numbers", columns, rows, "No agent has a number.", "Setting service_numbers")]
