"""The plugin's views and the files that it serves."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from fastapi import FastAPI

from airflow_provider_socialscrm.decorators.socialscrm import SocialSCRMDecoratedOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.plugins.socialscrm import FOLDER, SocialSCRMPlugin

FILES = sorted(path for path in FOLDER.iterdir() if path.suffix != ".svg")


def get(path):
    app = FastAPI()
    for one in SocialSCRMPlugin.fastapi_apps:
        app.mount(one["url_prefix"], one["app"])

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_views_are_for_a_task_instance_a_dag_and_all():
    views = SocialSCRMPlugin.external_views

    assert [view["destination"] for view in views] == ["task_instance", "dag", "nav"]
    assert len({view["url_route"] for view in views}) == len(views)
    assert not [view["href"] for view in views if view["href"].startswith("/")]  # Airflow may be below a path


def test_views_are_served_and_so_are_their_icons():
    for view in SocialSCRMPlugin.external_views:
        for name in ("href", "icon", "icon_dark_mode"):
            assert get(f"/{view[name]}").status_code == 200


def test_pages_allow_no_foreign_content_and_are_never_stale():
    answer = get("/socialscrm/")

    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert answer.headers["cache-control"] == "no-cache"
    assert "<html" in answer.text


def test_a_missing_file_and_a_file_outside_the_folder_are_not_found():
    assert get("/socialscrm/other.js").status_code == 404
    assert get("/socialscrm/../socialscrm.py").status_code == 404


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_name_no_foreign_address_and_parse_no_html(path):
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text) == []


def test_pages_know_the_operators_by_their_names():
    text = (FOLDER / "api.js").read_text(encoding="utf-8")

    names = [operator.__name__ for operator in (SocialSCRMImportOperator, SocialSCRMDecoratedOperator)]
    assert f"OPERATORS = {json.dumps(names)};" in text
