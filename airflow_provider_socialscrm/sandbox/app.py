"""The sandbox as a Starlette application: the API, the endpoints below ``/_sandbox/`` and the page.

The API's routes come from the ``ENDPOINTS`` of each module in :data:`FAMILIES`; ``crm`` describes how to add one. Such
a module may also have ``tables``, a function that takes a ``Crm`` and returns the :class:`~.tables.Table` objects that
the page shows for it, and ``ADMIN_ACTIONS``, its own endpoints below ``/_sandbox/``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from . import agents, chats, customers, group_links, mass_sends, numbers, owners, screening, sends, webhooks
from .access import ADMIN_PREFIX, Guard
from .connection import shown_connection
from .crm import AdminError
from .faults import FaultError, parse_fault, parse_fault_text
from .page import SECURITY_HEADERS, RefusedFault, render
from .responses import Sleep, response_of
from .settings import SettingsError

if TYPE_CHECKING:
    from starlette.requests import Request

    from .access import Access
    from .crm import Crm, Endpoint

    Action = Callable[[Crm, Request, Any], Any]

FAMILIES = (customers, agents, numbers, chats, screening, mass_sends, sends, group_links, owners, webhooks)
"""Modules with ``ENDPOINTS``, one for each family of the vendor's interfaces."""


def make_app(crm: Crm, sleep: Sleep, access: Access, *, show_key: bool = False) -> Starlette:
    """Return the application of one CRM.

    :param sleep: waits for some seconds; latency faults use it
    :param access: which requests are answered
    :param show_key: whether the page shows an ApiKey that somebody chose
    """
    routes = [
        *(_api_route(crm, endpoint, sleep) for family in FAMILIES for endpoint in family.ENDPOINTS),
        *(_admin_route(crm, method, name, action) for (method, name), action in _admin_actions().items()),
        Route("/favicon.ico", _no_icon, methods=["GET"]),
        _page_route(crm, show_key=show_key),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={HTTPException: _unknown(crm)},
    )


def _api_route(crm: Crm, endpoint: Endpoint, sleep: Sleep) -> Route:
    async def answer(request: Request) -> Response:
        started = crm.ticks()
        try:
            body = await request.body()
        except ClientDisconnect:  # a client that was killed; nobody reads this response, and nothing happened
            return Response(status_code=204)
        call = crm.received(endpoint, request.headers, body, {**request.query_params, **request.path_params})
        injection = crm.admit(call)
        if injection is not None and injection.wait:
            await sleep(injection.wait)
        reply = crm.reply(call, injection)
        crm.record(call, injection, reply, crm.ticks() - started)
        return response_of(reply, crm.now(), sleep)

    return Route(endpoint.path, answer, methods=[endpoint.method])


def _page_route(crm: Crm, *, show_key: bool) -> Route:
    async def answer(request: Request) -> Response:
        refused = None
        if request.method == "POST":
            refused = _change_faults(crm, parse_qs((await request.body()).decode(errors="replace")))
            if refused is None:
                return RedirectResponse("/#faults", 303)
        tables = [table for family in FAMILIES if hasattr(family, "tables") for table in family.tables(crm)]
        connection = shown_connection(crm.settings, str(request.base_url).rstrip("/"), show_key=show_key)
        content = render(crm, connection, request.query_params, tables, refused)
        return HTMLResponse(content, 200 if refused is None else 400, SECURITY_HEADERS)

    return Route("/", answer, methods=["GET", "POST"])


def _change_faults(crm: Crm, form: dict[str, list[str]]) -> RefusedFault | None:
    """Do what the page's form asks for, and return the fault that does not fit, if any."""
    if "remove" in form:
        crm.faults.clear()
        return None
    text = form.get("fault", [""])[0]
    try:
        crm.faults.add(parse_fault_text(text))
    except FaultError as error:
        return RefusedFault(text, str(error))
    return None


async def _no_icon(_request: Request) -> Response:
    return Response(status_code=204)


def _unknown(crm: Crm) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the answer to a call that no endpoint fits: it lists what exists, and the call is remembered."""

    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        path = request.url.path
        if path != ADMIN_PREFIX and not path.startswith(f"{ADMIN_PREFIX}/"):
            crm.record_unknown(path, status)
        existing = sorted(
            f"{method} {route.path}"
            for route in request.app.routes
            if isinstance(route, Route)
            for method in route.methods or ()
        )
        return _json_response({"error": f"unknown endpoint: {request.method} {path}", "existing": existing}, status)

    return answer


def _admin_route(crm: Crm, method: str, name: str, action: Action) -> Route:
    async def answer(request: Request) -> Response:
        try:
            return _json_response(action(crm, request, _decoded(await request.body())))
        except (AdminError, FaultError, SettingsError) as error:
            return _json_response({"error": str(error)}, 400)

    return Route(f"{ADMIN_PREFIX}/{name}", answer, methods=[method])


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw) if raw else None
    except (msgspec.DecodeError, ValueError) as error:
        raise AdminError(f"the body is not JSON: {error}") from None


def _json_response(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _add_faults(crm: Crm, _request: Request, body: Any) -> Any:
    rules = body if isinstance(body, list) else [body]
    if not all(isinstance(rule, dict) for rule in rules):
        raise AdminError('give a fault such as {"kind": "latency", "seconds": 0.2}, or a list of faults')
    for fault in [parse_fault(rule) for rule in rules]:
        crm.faults.add(fault)
    return crm.faults.listed()


def _clear_faults(crm: Crm, _request: Request, _body: Any) -> Any:
    crm.faults.clear()
    return crm.faults.listed()


def _change_settings(crm: Crm, _request: Request, body: Any) -> Any:
    if not isinstance(body, dict):
        raise AdminError('give the settings to change, such as {"refusal": "partial"}')
    crm.configure(**body)
    return crm.settings.shown()


def _customers(crm: Crm, request: Request, _body: Any) -> Any:
    text = request.query_params.get("limit")
    if text is not None and not (text.isascii() and text.isdigit()):
        raise AdminError(f"limit is {text!r}; give a whole number, or leave it out for all customers")
    return crm.store.customers(None if text is None else int(text))


def _reset(crm: Crm, _request: Request, _body: Any) -> Any:
    crm.reset()
    return crm.stats()


def _admin_actions() -> dict[tuple[str, str], Action]:
    actions = dict(ADMIN_ACTIONS)
    for family in FAMILIES:
        actions.update(getattr(family, "ADMIN_ACTIONS", {}))
    return actions


ADMIN_ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "faults"): lambda crm, _request, _body: crm.faults.listed(),
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "settings"): lambda crm, _request, _body: crm.settings.shown(),
    ("PATCH", "settings"): _change_settings,
    ("GET", "customers"): _customers,
    ("GET", "calls"): lambda crm, _request, _body: {"recent": crm.call_log.recent(), **crm.call_log.totals()},
    ("GET", "stats"): lambda crm, _request, _body: crm.stats(),
    ("POST", "reset"): _reset,
}
