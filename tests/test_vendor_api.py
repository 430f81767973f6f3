"""docs/vendor-api.md has what the code relies on, and each reference to it names a section that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_socialscrm.api import (
    agents,
    codes,
    contents,
    customers,
    group_links,
    mass_sends,
    owners,
    screening,
    send_status,
    sends,
    service_numbers,
    settings,
    signing,
)

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "vendor-api.md").read_text(encoding="utf-8")
SECTIONS = set(re.findall(r"^##+ (\d+(?:\.\d+)?) ", PAGE, re.MULTILINE))

NUMBER = r"\d+(?:\.\d+)?"
REFERENCE = re.compile(rf"(?:vendor API|vendor-api\.md,)\s+({NUMBER}(?:(?:, | and | to ){NUMBER})*)")
"""``vendor API 2.1`` in code and pages, ``see docs/vendor-api.md, 2.1`` in what a person sees elsewhere."""


def files() -> Iterator[Path]:
    folders = (ROOT / name for name in ("airflow_provider_socialscrm", "dags", "docs", "tests", "tools"))
    paths = [ROOT / "README.md", *(path for folder in folders for path in sorted(folder.rglob("*")))]
    return (path for path in paths if path.suffix in {".py", ".md", ".html"})


def section(number: str) -> str:
    """Return the text of a section, those below it included."""
    level = "#" * (2 + number.count("."))
    return re.split(rf"^{level} {re.escape(number)} ", PAGE, flags=re.MULTILINE)[1].split(f"\n{level} ")[0]


def all_codes(value: Any) -> Iterator[tuple[int, str]]:
    """Yield number and text of every code in a value, however deep in tables."""
    if hasattr(value, "number") and hasattr(value, "text"):
        if isinstance(value.number, int):
            yield value.number, value.text
    elif isinstance(value, Mapping):
        yield from (code for each in value.values() for code in all_codes(each))
    elif isinstance(value, tuple | list | frozenset | set):
        yield from (code for each in value for code in all_codes(each))


def test_every_reference_names_a_section_of_the_page():
    unknown = [
        f"{path.relative_to(ROOT)}: {number}"
        for path in files()
        for numbers in REFERENCE.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(NUMBER, numbers)
        if number not in SECTIONS
    ]

    assert unknown == []


def test_no_reference_leads_to_a_document_that_readers_do_not_have():
    old = re.compile(r"\bcontract[\s#]+\d", re.IGNORECASE)

    assert [path.name for path in files() if old.search(path.read_text(encoding="utf-8"))] == []


def test_every_code_is_in_the_tables_of_the_page():
    rows = re.findall(r"^\| (-?\d+) \| (.+?) \|", section("4"), re.MULTILINE)
    listed = {(int(number), text) for number, text in rows}
    ours = {code for value in vars(codes).values() for code in all_codes(value)}

    assert len(ours) >= 38
    assert sorted(ours - listed) == []


@pytest.mark.parametrize("field", customers.API_FIELDS)
def test_every_field_of_a_row_is_in_the_table_of_the_page(field):
    assert re.search(rf"^\|[^|]*`{field}`", section("3.2"), re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    [
        customers.IMPORT_PATH,
        customers.BATCH_IMPORT_PATH,
        agents.USER_QUERY_PATH,
        agents.AGENT_LIST_PATH,
        agents.ONLINE_PATH,
        agents.ALL_ONLINE_PATH,
        service_numbers.NUMBERS_PATH,
        mass_sends.MASS_SEND_PATH,
        sends.SEND_PATH,
        sends.SEND_MANY_PATH,
        send_status.STATUS_PATH,
        group_links.LINKS_IMPORT_PATH,
        group_links.LINKS_QUERY_PATH,
        owners.CLEAR_OWNERS_PATH,
    ],
)
def test_every_endpoint_is_in_the_table_of_the_page(path):
    assert f"{path}`" in section("1.2")


@pytest.mark.parametrize("path", [screening.ORDER_PATH, screening.PROGRESS_PATH, screening.RESULT_PATH])
def test_every_endpoint_of_screening_is_in_the_table_of_the_page(path):
    assert re.search(rf"{path}(/{{orderId}})?`", section("1.2"))


def test_the_page_has_the_limits_of_an_order():
    assert f"**{screening.FEWEST_NUMBERS} to {screening.MOST_NUMBERS:,}** numbers" in section("1.8")


def test_the_page_has_the_limits_of_a_send():
    assert f"at most **{sends.LARGEST_TASK:,}** numbers" in section("1.12")
    assert f"**{contents.LONGEST_TEXT:,}** characters" in section("1.12")


def test_the_page_has_the_defaults_of_a_connection():
    assert f"`{settings.DEFAULT_BASE_URL}`" in section("1.1")
    assert f"`{settings.DEFAULT_TIME_ZONE}`" in section("2.3")
    assert f"**{settings.VENDOR_CALLS_PER_SECOND} calls within one second**" in section("5.1")
    assert f"is {settings.DEFAULT_CALLS_PER_SECOND:.0f} by default" in section("5.1")


def test_the_examples_of_tokens_are_right():
    key = "SANDBOXKEY0123456789"

    assert f"`{signing.header_token('1', 1769819400000, key)}`" in section("2.2")
    assert f"`{signing.body_token('1', 'agent_wang', '2026-01-31 08:30:00', key)}`" in section("2.3")


def test_every_source_is_listed_and_used():
    text, lists = PAGE.split("\n## 8 ")
    listed = set(re.findall(r"^\| ([VP]\d+) \|", lists, re.MULTILINE))

    assert set(re.findall(r"\b[VP]\d+\b", text)) == listed
