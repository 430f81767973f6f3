"""Serves the files of the pages, which hold no data: what they show, the browser asks Airflow's REST API for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER: Final = Path(__file__).parent / "ui"

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",  # asks each time whether a file changed, so that an update never meets old files
}
"""The pages load nothing from elsewhere and run no script but their own, whatever a DAG's name holds."""


async def serve_pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for one of the files; an ASGI application."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *own]}
        await send(message)

    await _files()(scope, receive, send_with_headers)


@cache
def _files() -> ASGIApp:
    # Workers and DAG processors load plugins too, and serve nothing.
    from starlette.staticfiles import StaticFiles  # noqa: PLC0415

    return StaticFiles(directory=FOLDER, html=True)
