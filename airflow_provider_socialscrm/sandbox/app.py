"""The sandbox as a Starlette application: the API, the admin endpoints and the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .admin import admin_routes, json_response
from .crm import BATCH_IMPORT_PATH, IMPORT_PATH, USER_QUERY_PATH, Crm
from .page import SECURITY_HEADERS, render
from .wire import response_of

if TYPE_CHECKING:
    from starlette.requests import Request

API_METHODS = {IMPORT_PATH: "PUT", BATCH_IMPORT_PATH: "POST", USER_QUERY_PATH: "POST"}


def make_app(crm: Crm, sleep: Callable[[float], Awaitable[None]]) -> Starlette:
    """Return the application of one CRM.

    :param sleep: waits for some seconds; latency faults use it
    """
    routes = [
        *(Route(path, _api_endpoint(crm, sleep), methods=[method]) for path, method in API_METHODS.items()),
        *admin_routes(),
        Route("/favicon.ico", _no_icon, methods=["GET"]),
        Route("/", _page, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _say_what_exists})
    app.state.crm = crm
    return app


def _api_endpoint(crm: Crm, sleep: Callable[[float], Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        started = crm.ticks()
        try:
            body = await request.body()
        except ClientDisconnect:  # a client that was killed; it gets no answer, and nothing happened
            return Response(status_code=204)
        call = crm.received(request.url.path, request.headers, body)
        strike = crm.admit(call)
        if strike is not None and strike.wait:
            await sleep(strike.wait)
        reply = crm.reply(call, strike)
        crm.record(call, strike, reply, crm.ticks() - started)
        return response_of(reply, crm.now())

    return endpoint


async def _page(request: Request) -> Response:
    content = render(request.app.state.crm, str(request.base_url).rstrip("/"), request.query_params)
    return HTMLResponse(content, headers=SECURITY_HEADERS)


async def _no_icon(_request: Request) -> Response:
    return Response(status_code=204)


async def _say_what_exists(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    existing = sorted(
        f"{method} {route.path}"
        for route in request.app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    )
    return json_response({"error": f"there is no {request.method} {request.url.path}", "existing": existing}, status)
