"""The pages that show imports in Airflow's UI: of a task instance, of a DAG, of all DAGs."""

from __future__ import annotations

import logging
from typing import Any, Final

from airflow_provider_socialscrm.plugins.pages import serve_pages

try:
    from airflow.sdk.plugins_manager import AirflowPlugin
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.plugins_manager import AirflowPlugin  # type: ignore[assignment]  # only one of the two is there

log = logging.getLogger(__name__)

PREFIX: Final = "socialscrm"
"""Where Airflow's api-server serves the pages, below its own address."""


def _view(name: str, route: str, destination: str, query: str = "", **more: Any) -> dict[str, Any]:
    # No leading slash: Airflow may itself be served below a path, and its pages name that path as their base.
    href = f"{PREFIX}/{query}"
    return {
        "name": name,
        "href": href,
        "destination": destination,
        "url_route": route,
        "icon": f"{PREFIX}/icon.svg",
        "icon_dark_mode": f"{PREFIX}/icon-dark.svg",
        **more,
    }


class SocialSCRMPlugin(AirflowPlugin):
    """Adds the pages. They read Airflow's REST API in the user's own session, and keep nothing."""

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

    @classmethod
    def on_load(cls, *_: Any, **__: Any) -> None:
        """Say so where Airflow has no place for the pages."""
        if not hasattr(AirflowPlugin, "external_views"):
            log.warning("This Airflow cannot show the pages of SocialsCRM imports; 3.1 and newer can")
