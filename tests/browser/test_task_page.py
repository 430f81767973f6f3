"""What Airflow's own pages of a task show of an import."""

from __future__ import annotations

import pytest

FIRST = "manual__2026-11-16T02:00:00+00:00"
OF_THE_LINKED = f"/dags/linked/runs/{FIRST}/tasks"
CONSOLE = "https://console.aws.amazon.com/s3/object/crm?prefix="


def extra_links(browser, task):
    """Return the links on a task's page, by their labels."""
    browser.open(f"{OF_THE_LINKED}/{task}/details")
    part = browser.find("h2", "Extra Links").find_element("xpath", "..")
    browser.find("a", within=part)
    return {one.text: one.get_attribute("href") for one in part.find_elements("css selector", "a")}


@pytest.mark.parametrize(
    ("task", "prefix"),
    [
        ("to_object_storage", "refused%20rows/2026-11-16.csv"),
        ("mapped/mapped/0", "0.csv"),
        ("mapped/mapped/1", "1.csv"),
    ],
)
def test_a_task_leads_to_the_crm_and_to_the_rows_that_did_not_go_in(browser, crm, task, prefix):
    found = extra_links(browser, task)
    browser.picture("links")

    assert found == {"SocialsCRM": f"{crm.url}/", "Rows that did not go in": CONSOLE + prefix}


@pytest.mark.parametrize("task", ["to_disk", "nowhere"])
def test_where_no_browser_can_show_the_rows_there_is_no_link_to_them(browser, crm, task):
    found = extra_links(browser, task)
    browser.picture(f"links-{task}")

    assert found == {"SocialsCRM": f"{crm.url}/"}
