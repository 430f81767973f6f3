"""The sandbox's own page, with the customers and calls of the imports that the other tests look at."""

from __future__ import annotations

import pytest

SCROLLS = "[...document.querySelectorAll('.scroll')].some((one) => one.scrollWidth > one.clientWidth)"
TOO_WIDE = f"return document.documentElement.scrollWidth > innerWidth || {SCROLLS}"
CALL = "section[aria-labelledby=calls] tbody tr:first-child :is(th, td)"
TITLES = f"""
const title = (cell) => getComputedStyle(cell, '::before').content;
return [...document.querySelectorAll('{CALL}')].map(title).filter((one) => one !== 'none');
"""


@pytest.fixture
def page(browser, crm):
    browser.chrome.get(crm.url)
    return browser


def test_nothing_scrolls_sideways_at_any_width(page):
    widths = (320, 400, 640, 1058, 1200, 1202, 1440)

    assert [width for width in widths if page.resize(width) or page.script(TOO_WIDE)] == []


def test_each_value_has_its_name_on_a_narrow_page_and_a_head_on_a_wide_one(page):
    page.resize(400)
    narrow = page.script(TITLES)
    page.resize(1440)

    assert narrow[:3] == ['"Agent "', '"Rows "', '"Code "']
    assert page.script(TITLES) == []
    assert page.find("thead", "Last import (UTC)")
