"""The documentation's site, opened from its files as it is without a network.

``make docs`` builds it, and so does ``make test-browser``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SITE = Path(__file__).parents[2] / "build" / "docs"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
SHOWN = (
    "index",
    "tutorial",
    "zh/tutorial",
    "howto/index",
    "howto/connect",
    "reference/operators",
    "reference/codes",
    "operations/rows",
)
"""Pages of which a screenshot is saved, where one is asked for."""

NARROW, WIDE = 400, 1440
PATIENCE = 20.0
"""Seconds for the search to find a page, on a slow machine."""

SPEED = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}

if not PAGES:
    pytest.skip("make docs has not built the site", allow_module_level=True)

TOO_WIDE = """
const seen = document.documentElement.clientWidth;
return [...document.querySelectorAll('body *')].filter(one => {
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const scrolls = ['auto', 'scroll'].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1;
  const sticks_out = one.closest('article') && box.width > 0 && box.right > seen + 1;
  return style.visibility !== 'hidden' && (scrolls && one.closest('article') || sticks_out);
}).map(one => one.tagName + ' ' + one.className + ': ' + one.textContent.trim().slice(0, 60));
"""


def open_page(chrome: Chrome, page: str, width: int, theme: str = "light") -> None:
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    preferred = [{"name": "prefers-color-scheme", "value": theme}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preferred})
    chrome.get((SITE / page).as_uri())


def picture(chrome: Chrome, name: str) -> None:
    if folder := os.environ.get("SOCIALSCRM_SITE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        chrome.save_screenshot(Path(folder) / f"{name}.png")


def test_the_site_is_there():
    assert len(PAGES) > 40


def test_nothing_scrolls_sideways_on_a_narrow_page(chromium: Chrome):
    wrong = {}
    for page in PAGES:
        open_page(chromium, page, NARROW)
        wide = chromium.execute_script("return document.documentElement.scrollWidth")
        if found := [*([f"{wide} px"] if wide > NARROW else []), *chromium.execute_script(TOO_WIDE)]:
            wrong[page] = found[:5]

    assert wrong == {}


TITLES = """
const title = (cell) => getComputedStyle(cell, '::before').content;
return [...document.querySelectorAll('article tbody tr')].map((row) => [...row.cells].map(title).slice(1));
"""


@pytest.mark.parametrize(("width", "title"), [(NARROW, '"what is done: "'), (WIDE, "none")])
def test_a_cell_of_a_table_has_its_columns_title_where_the_head_is_left_out(chromium: Chrome, width, title):
    open_page(chromium, "reference/codes.html", width)
    rows = [row for row in chromium.execute_script(TITLES) if len(row) == 4]

    assert len(rows) > 30
    assert all(row[2] == title for row in rows)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_text_and_background_follow_the_theme(chromium: Chrome, width, theme):
    for page in SHOWN:
        open_page(chromium, f"{page}.html", width, theme)
        picture(chromium, f"{page.replace('/', '-')}-{width}-{theme}")
        color = chromium.execute_script("return getComputedStyle(document.body).backgroundColor")
        red = int(color.split("(")[1].split(",")[0])
        assert (red < 60) is (theme == "dark"), color


@pytest.fixture
def offline(chromium: Chrome) -> Iterator[Chrome]:
    chromium.execute_cdp_cmd("Network.enable", {})
    chromium.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **SPEED})
    yield chromium
    chromium.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **SPEED})


def test_the_search_finds_pages_without_a_network(offline: Chrome):
    open_page(offline, "search.html", WIDE)
    offline.get(f"{(SITE / 'search.html').as_uri()}?q=rounded-number")

    # Results appear one after the other.
    link = "ul.search a[href*='reference/reasons.html']"
    WebDriverWait(offline, PATIENCE).until(lambda tab: tab.find_elements(By.CSS_SELECTOR, link))
    picture(offline, "search-1440-light")


@pytest.mark.parametrize(("page", "language"), [("tutorial", "en"), ("zh/tutorial", "zh-CN")])
def test_a_page_names_its_language(chromium: Chrome, page, language):
    open_page(chromium, f"{page}.html", WIDE)

    assert chromium.execute_script("return document.documentElement.lang") == language


def test_no_page_loads_anything_from_elsewhere():
    loaded = [
        page
        for page in PAGES
        for tag in ('<script src="http', '<link rel="stylesheet" type="text/css" href="http', '<img src="http')
        if tag in (SITE / page).read_text(encoding="utf-8")
    ]

    assert loaded == []
