"""The page that shows a person the customers, calls, settings and faults, with a form for a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, StrictUndefined, Template

from .assumptions import FIXED_ASSUMPTIONS, assumptions_in_force
from .codes import SUCCESS
from .connection import PLACEHOLDER
from .customers import BATCH_IMPORT_PATH, IMPORT_PATH
from .faults import COMMON_OPTIONS, descriptions

if TYPE_CHECKING:
    from .connection import SandboxConnection
    from .crm import Crm
    from .tables import Table

CUSTOMERS_PER_PAGE = 15
"""Customers on one page; our choice, a screenful."""
CALLS_SHOWN = 20
"""Recent calls on the page; our choice, ``/_sandbox/calls`` has more."""
REFRESH_SECONDS = 3
"""Seconds between two loads when the page refreshes itself; our choice."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""The page loads nothing, runs no script, whatever a customer's name contains, and no other page can frame it."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of the data that a person asked for.

    :param search: part of a number or name, "" for all customers
    :param page: page of the customers, from 1
    :param refresh: whether the page loads itself again
    """

    search: str = ""
    page: int = 1
    refresh: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> View:
        """Read a query string; a value that makes no sense counts as its default."""
        page = query.get("page", "")
        return cls(
            search=query.get("search", "").strip(),
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 10 else 1,  # noqa: PLR2004
            refresh=query.get("refresh") == "on",
        )

    def link(self, **changes: Any) -> str:
        """Return the address of this view with some changes."""
        wanted = {"search": self.search, "page": self.page, "refresh": "on" if self.refresh else "", **changes}
        defaults = ("", 1)
        return "/?" + urlencode({name: value for name, value in wanted.items() if value not in defaults})


@dataclass(frozen=True, slots=True)
class RefusedFault:
    """A fault that a person typed and that does not fit.

    :param text: what was typed
    :param reason: what is wrong with it
    """

    text: str
    reason: str


def render(
    crm: Crm,
    connection: SandboxConnection,
    query: Mapping[str, str],
    tables: Sequence[Table] = (),
    refused: RefusedFault | None = None,
) -> str:
    """Return the page as HTML.

    :param connection: to the base URL as the reader sees it
    :param query: the page's query string
    :param tables: what the families of endpoints have to show
    :param refused: the fault that the form could not put in force, if any
    """
    view = View.of(query)
    found = crm.store.count(view.search)
    pages = max(1, ceil(found / CUSTOMERS_PER_PAGE))
    offset = (min(view.page, pages) - 1) * CUSTOMERS_PER_PAGE
    return _template().render(
        connection=connection,
        is_key_shown=connection.password != PLACEHOLDER,
        placeholder=PLACEHOLDER,
        view=view,
        found=found,
        pages=pages,
        page=min(view.page, pages),
        customers=crm.store.search(view.search, offset=offset, limit=CUSTOMERS_PER_PAGE),
        calls=crm.call_log.recent()[: -CALLS_SHOWN - 1 : -1],
        paths={"body": f"PUT {IMPORT_PATH}", "header": f"POST {BATCH_IMPORT_PATH}"},
        refresh_seconds=REFRESH_SECONDS,
        settings=crm.settings.shown(),
        agents=_customers_by_agent(crm),
        tables=tables,
        stats=crm.stats(),
        faults=crm.faults.listed(),
        refused=refused,
        kinds=descriptions(),
        common_options=COMMON_OPTIONS,
        assumptions=assumptions_in_force(crm.settings),
        fixed_assumptions=FIXED_ASSUMPTIONS,
        success=SUCCESS,
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["moment"] = _moment
    return environment.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _customers_by_agent(crm: Crm) -> dict[str, int]:
    return {**dict.fromkeys(crm.settings.agents, 0), **crm.store.count_by_agent()}
