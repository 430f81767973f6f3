"""The endpoints below ``/_sandbox/``: what a test or a person changes and looks up. JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from .faults import FaultError, parse_fault
from .settings import SettingsError

if TYPE_CHECKING:
    from starlette.requests import Request

    from .crm import Crm

PREFIX = "/_sandbox"


class AdminError(ValueError):
    """An admin call is not what its endpoint takes."""


def json_response(value: Any, status: int = 200) -> Response:
    """Return a value as a JSON response."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def admin_routes() -> list[Route]:
    """Return the routes of all admin endpoints."""
    actions: dict[tuple[str, str], Callable[[Crm, Request, Any], Any]] = {
        ("GET", "faults"): lambda crm, _request, _body: crm.faults.listed(),
        ("POST", "faults"): _add_faults,
        ("DELETE", "faults"): _clear_faults,
        ("GET", "settings"): lambda crm, _request, _body: crm.settings.shown(),
        ("PATCH", "settings"): _change_settings,
        ("GET", "customers"): _customers,
        ("GET", "calls"): lambda crm, _request, _body: {"recent": crm.calls.recent(), **crm.calls.totals()},
        ("GET", "stats"): lambda crm, _request, _body: crm.stats(),
        ("POST", "reset"): _reset,
    }
    return [
        Route(f"{PREFIX}/{name}", _endpoint(action), methods=[method]) for (method, name), action in actions.items()
    ]


def _endpoint(action: Callable[[Crm, Request, Any], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            raw = await request.body()
            return json_response(action(request.app.state.crm, request, _decoded(raw)))
        except (AdminError, FaultError, SettingsError) as error:
            return json_response({"error": str(error)}, 400)

    return endpoint


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw) if raw else None
    except (msgspec.DecodeError, ValueError) as error:
        raise AdminError(f"the body is not JSON: {error}") from None


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
    crm.configure(body)
    return crm.settings.shown()


def _customers(crm: Crm, request: Request, _body: Any) -> Any:
    text = request.query_params.get("limit")
    if text is not None and not (text.isascii() and text.isdigit()):
        raise AdminError(f"limit is {text!r}; give a whole number, or leave it out for all customers")
    return crm.store.customers(None if text is None else int(text))


def _reset(crm: Crm, _request: Request, _body: Any) -> Any:
    crm.reset()
    return crm.stats()
