"""The sandbox as a Starlette application: the API, the endpoints below ``/_sandbox/``, the page, and broken responses.

The API's routes come from the ``ENDPOINTS`` of each module in :data:`FAMILIES`; ``crm`` describes how to add one.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from . import agents, customers
from .access import ADMIN_PREFIX, Guard
from .faults import FaultError, parse_fault
from .page import SECURITY_HEADERS, render
from .settings import SettingsError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from .access import Access
    from .codes import Reply
    from .crm import Crm, Endpoint

    Sleep = Callable[[float], Awaitable[None]]
    Action = Callable[[Crm, Request, Any], Any]

FAMILIES = (customers, agents)
"""Modules with ``ENDPOINTS``, one for each family of the vendor's interfaces."""

TRANSPORT = "transport"
"""Key in an ASGI scope's ``state`` under which a response finds its connection."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""Value of SO_LINGER with which closing a socket resets the connection: linger on, for 0 seconds."""


def make_app(crm: Crm, sleep: Sleep, access: Access) -> Starlette:
    """Return the application of one CRM.

    :param sleep: waits for some seconds; latency faults use it
    :param access: which requests are answered
    """
    routes = [
        *(_api_route(crm, endpoint, sleep) for family in FAMILIES for endpoint in family.ENDPOINTS),
        *(_admin_route(crm, method, name, action) for (method, name), action in ADMIN_ACTIONS.items()),
        Route("/favicon.ico", _no_icon, methods=["GET"]),
        _page_route(crm),
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
        call = crm.received(endpoint, request.headers, body)
        injection = crm.admit(call)
        if injection is not None and injection.wait:
            await sleep(injection.wait)
        reply = crm.reply(call, injection)
        crm.record(call, injection, reply, crm.ticks() - started)
        return _response(reply, crm.now())

    return Route(endpoint.path, answer, methods=[endpoint.method])


def _page_route(crm: Crm) -> Route:
    async def answer(request: Request) -> Response:
        content = render(crm, str(request.base_url).rstrip("/"), request.query_params)
        return HTMLResponse(content, headers=SECURITY_HEADERS)

    return Route("/", answer, methods=["GET"])


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


class AdminError(ValueError):
    """A request below ``/_sandbox/`` does not fit its endpoint."""


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


class ConnectionProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which also gives each request its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Add the connection to the state that uvicorn copies into every request's scope."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class BrokenResponse(Response):
    """A response whose connection ends too early: reset before the first byte, or closed halfway."""

    def __init__(self, reply: Reply, headers: dict[str, str]) -> None:
        super().__init__(reply.content, reply.status or 0, headers, reply.content_type)
        self._is_reset = reply.status is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the part that arrives, then end the connection."""
        transport: asyncio.Transport = scope["state"][TRANSPORT]
        if self._is_reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            transport.abort()
        else:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            transport.close()
        # Returning before uvicorn has noticed would make it answer 500, or log an error.
        while (await receive())["type"] != "http.disconnect":
            pass


def _response(reply: Reply, now: float) -> Response:
    headers = {"Date": formatdate(now, usegmt=True), **reply.headers}
    if reply.is_complete:
        return Response(reply.content, reply.status or 0, headers, reply.content_type)
    return BrokenResponse(reply, {**headers, "Content-Length": str(reply.promised or 0)})
