"""The pages that show imports in Airflow's UI: one task instance, one DAG, all DAGs.

Static files; the page fetches its data from Airflow's REST API.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm._compat import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX: Final = "socialscrm"
"""Path of the pages on Airflow's api-server, relative to its base URL."""

FOLDER: Final = Path(__file__).parent / "ui"
"""Folder of the static files."""

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",  # browsers revalidate each file, so an upgrade never mixes with old files
}
"""Headers of every response. The policy blocks foreign content and injected scripts, whatever a DAG's name contains."""


async def serve_pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the static files as an ASGI application."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *own]}
        await send(message)

    await _files()(scope, receive, send_with_headers)


@cache
def _files() -> ASGIApp:
    # Workers and DAG processors load plugins too, but serve nothing.
    from starlette.staticfiles import StaticFiles  # noqa: PLC0415

    return StaticFiles(directory=FOLDER, html=True)


def _view(name: str, route: str, destination: str, query: str = "", **more: Any) -> dict[str, Any]:
    # No leading slash: Airflow may be served below a path, which its pages name as their base.
    return {
        "name": name,
        "href": f"{PREFIX}/{query}",
        "destination": destination,
        "url_route": route,
        "icon": f"{PREFIX}/icon.svg",
        "icon_dark_mode": f"{PREFIX}/icon-dark.svg",
        **more,
    }


class SocialSCRMPlugin(AirflowPlugin):
    """Adds the pages. They read Airflow's REST API in the user's session and store nothing."""

    name = "socialscrm"
    fastapi_apps: list[Any] = [{"app": serve_pages, "url_prefix": f"/{PREFIX}", "name": "SocialsCRM"}]  # noqa: RUF012
    external_views: list[Any] = [  # noqa: RUF012 - Airflow's own interface
        _view(
            "Import report",
            "socialscrm-report",
            "task_instance",
            "?dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}",
        ),
        _view("SocialsCRM imports", "socialscrm-dag-imports", "dag", "?dag_id={DAG_ID}"),
        _view("SocialsCRM imports", "socialscrm-imports", "nav", category="browse"),
    ]
