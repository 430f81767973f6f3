"""The pages of imports in Airflow's UI, with runs of the real operator."""

from __future__ import annotations

import re

import pytest

FIRST = "manual__2026-11-16T02:00:00+00:00"
REPORT = f"/dags/first_import/runs/{FIRST}/tasks/import_customers/plugin/socialscrm-report"
PAGE = f"/socialscrm/?dag_id=first_import&run_id={FIRST}&task_id=import_customers&map_index=-1"
A_NUMBER = re.compile(r"\+?\d{11,}")


def of_night(day, task="import_customers"):
    return f"/socialscrm/?dag_id=nightly&run_id=manual__2026-11-{day}T02:00:00+00:00&task_id={task}&map_index=-1"


def of_sync(day):
    return of_night(day).replace("dag_id=nightly", "dag_id=synced")


def shown(browser, path, **how):
    """Open one of our pages, on its own or in Airflow's frame, and return its text."""
    browser.open(path, **how)
    browser.wait_for_page() if path.startswith("/socialscrm/") else browser.enter_frame()
    return browser.text_of("main")


def section_text_lines(browser, title):
    return browser.find("section", title).text.splitlines()


def rows_by_bucket(browser):
    lines = [line.split() for line in browser.texts("table")[0].splitlines()]
    found = [re.match(r"([a-z ]+) ([\d,]+) [\d.]+ %", " ".join(line)) for line in lines]
    return {match[1]: int(match[2].replace(",", "")) for match in found if match}


def test_a_report_has_every_row_of_the_import_in_a_bucket(browser):
    text = shown(browser, REPORT)

    assert "2,375 of 2,400 rows accepted" in text
    assert rows_by_bucket(browser) == {
        "accepted": 2375, "rejected": 11, "invalid": 14, "duplicate": 0, "blank": 0, "unknown": 0,
        "not sent": 0,
    }  # fmt: skip
    bar = browser.find("svg.bar")
    assert bar.get_attribute("aria-label") == "Rows by bucket: accepted 2,375, rejected 11, invalid 14"
    widths = browser.script("return [...document.querySelectorAll('.bar rect')].map((one) => one.width.baseVal.value)")
    assert sum(widths) == pytest.approx(1000)
    assert min(widths) >= 8  # eleven of 2,400 rows are visible


def test_rejections_have_their_meaning_and_a_hint(browser):
    text = shown(browser, PAGE)

    assert "533" in text
    assert "An extension field of the row has a format the CRM does not take." in text
    assert "Compare the row's extension fields with their type and choices in the CRM's field settings." in text
    assert "Positions in the input, counted from 0: 133, 421, 905, 1502, 1751, 2118" in text


def test_pace_and_settings_are_those_of_the_run(browser):
    facts = dict(zip(*(fact_texts(browser, PAGE, name) for name in ("dt", "dd")), strict=True))

    assert facts["Connection"] == "socialscrm_default"
    assert facts["Rows per call, at most"] == "100"
    assert float(facts["Rows accepted a second"].replace(",", "")) > 0


def fact_texts(browser, path, name):
    shown(browser, path)
    return browser.texts(f".facts {name}")


def test_the_path_of_the_rejected_rows_can_be_copied(browser):
    shown(browser, PAGE)
    path = browser.text_of(".path code")
    browser.find("button", "Copy the path").click()

    assert path.endswith("rejects.csv")
    browser.wait(lambda: browser.text_of(".path button") in {"Copied", "Selected: press Ctrl+C"}, "an answer")
    assert browser.script("return String(getSelection())") == path


def test_no_customer_shows(browser):
    texts = [shown(browser, path) for path in (PAGE, "/socialscrm/?dag_id=nightly", of_night(19))]
    hint_of_ours = "8615266667780"

    assert [A_NUMBER.findall(text.replace(hint_of_ours, "")) for text in texts] == [[], [], []]
    assert "Seeded Name" not in "".join(texts)


def test_a_failed_import_has_its_report_and_the_next_step(browser):
    text = shown(browser, of_night(19))

    assert browser.text_of("h1") == "20 of 50 rows accepted failed"
    assert "Fix the rows below first, or raise max_rejected. Then clear the task to run it again" in text
    assert "To send only the fixed rows, do not clear it: import the file below." in text
    assert "Open the task and its log" in text
    assert browser.find(".error a.button", "to clear it").get_attribute("href").endswith("/tasks/import_customers")
    path, command = browser.texts(".error .path code")
    assert path.endswith("/rejects/2026-11-19.csv")
    assert command == f"python -m airflow_provider_socialscrm check {path}"
    browser.find("button", "Copy the command that checks it").click()
    assert browser.script("return String(getSelection())") == command
    assert text.count("This file has the rows that were not accepted") == 1


def test_a_failure_before_the_table_was_read_shows_its_sentence_and_leads_to_the_connection(browser):
    text = shown(browser, PAGE.replace("first_import", "unconnected"))
    browser.picture("unconnected")

    assert browser.text_of("h1") == "No report failed"
    assert browser.text_of(".sentence") == (
        "Connection 'crm_without_key': ApiKey is missing. Fix it under Admin > Connections, or where it is defined: "
        "AIRFLOW_CONN_CRM_WITHOUT_KEY or a secrets backend."
    )
    assert "Fix the connection first. Then clear the task to run it again." in text
    assert "The task's log says why" not in text
    browser.find("a.button", "Open the connection crm_without_key").click()
    browser.wait(lambda: "/connections?name_pattern=crm_without_key" in browser.chrome.current_url, "the connections")
    browser.find("button", "Add Connection")


def test_the_history_shows_the_sentence_of_a_run_that_failed_before_it_read_anything(browser):
    assert "Connection 'crm_without_key': ApiKey is missing." in shown(browser, "/socialscrm/?dag_id=unconnected")


def test_a_report_is_compared_with_the_run_before(browser):
    shown(browser, of_night(18))
    lines = [" ".join(line.split()) for line in section_text_lines(browser, "Compared with the run before")]

    assert "That of 2026-11-17 02:00:00, which succeeded." in lines
    assert "Rows 1,453 912 +541" in lines
    assert "Not accepted 3 12 -9" in lines
    browser.find("a", "2026-11-17 02:00:00").click()
    browser.find("h1", "900 of 912 rows accepted")


def test_the_first_run_is_compared_with_nothing(browser):
    assert "Compared with" not in shown(browser, of_night(16))


@pytest.mark.parametrize("path", [of_sync(20), of_sync(21), PAGE])
def test_shares_add_up_to_a_hundred_percent(browser, path):
    text = shown(browser, path)
    rows = text.split("Rows by bucket")[1].split("Why rows")[0]

    assert sum(float(share) for share in re.findall(r"([\d.]+) %", rows)) == pytest.approx(100)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (of_night(16, "read_customers"), "This task is not an import into SocialsCRM, so it has no report."),
        (of_night(22), "The import did not run, because an upstream task failed."),
        (of_night(24), "The import has not finished. Its log shows the progress; the report appears when it ends."),
        ("/socialscrm/?dag_id=by_country", "1 import: 80 rows accepted, 3 not."),
    ],
)
def test_a_sentence_replaces_a_missing_report(browser, path, sentence):
    assert sentence in shown(browser, path)


def test_a_mapped_task_has_its_own_report(browser):
    path = f"/dags/by_country/runs/{FIRST}/tasks/import_customers/mapped/2/plugin/socialscrm-report"

    assert "40 of 42 rows accepted" in shown(browser, path)


def test_a_dry_run_shows_what_an_import_would_send(browser):
    page = f"/socialscrm/?dag_id=by_country&run_id={FIRST}&task_id=import_customers&map_index=0"
    text = shown(browser, page)

    assert "38 of 40 rows could be sent" in text
    assert "This was a dry run: nothing was sent." in text
    assert rows_by_bucket(browser)["blank"] == 3
    assert "Columns that are not sent: password_hash, id." in text
    assert "Numbers that are valid in two countries: 4 (CN or US)." in text
    assert "null-word 1,200 friendName: A value is a word. Set null_values." in " ".join(text.split())
    browser.picture("remarks")
    assert "NaN" not in text
    assert "undefined" not in text
    assert "import_customers [0] (dry run)" in shown(browser, "/socialscrm/?dag_id=by_country")


@pytest.mark.parametrize(
    ("day", "headline"),
    [
        (16, "2,000 rows adopted without a call"),
        (17, "400 rows sent, 2,000 unchanged"),
        (18, "Nothing changed: 2,400 rows unchanged"),
        (19, "3 rows sent, 2,397 unchanged"),
        (20, "40 rows accepted, 2,346 unchanged, 4 rejected"),
        (21, "45 rows sent, 2,341 unchanged, 4 known bad"),
        (22, "60 rows would be sent, 2,326 unchanged, 4 known bad"),
        (23, "0 rows accepted, 2,390 not sent"),
    ],
)
def test_the_headline_of_a_run_with_a_ledger_counts_what_was_sent(browser, day, headline):
    shown(browser, of_sync(day))

    assert browser.text_of("h1").startswith(f"{headline} ")


def section_text(browser, title):
    return " ".join(" ".join(section_text_lines(browser, title)).split())


def test_a_run_with_a_ledger_shows_what_changed(browser):
    shown(browser, of_sync(20), width=1440, height=1600)
    browser.picture("changes")
    text = section_text(browser, "Changes")

    assert "changed 44 They differ from what the CRM last answered to." in text
    assert "gone 10 Numbers that the ledger has and the input has not." in text
    assert "newly gone 10" in text
    assert "friendName 40 desc 5 Loyalty Level 4" in text
    assert (
        "Values that became empty: the CRM keeps the old ones Rows by field that became empty Field Rows desc 5" in text
    )
    assert "Numbers before the run 2,400" in text
    assert "Digest" not in text


def test_rows_in_doubt_say_what_to_do(browser):
    shown(browser, of_sync(21))

    assert "in doubt 2 A call with a field that is sent once was cut short." in section_text(browser, "Changes")
    assert "Look these customers up in the CRM" in section_text(browser, "Changes")


def test_rows_that_a_ledger_leaves_out_have_buckets_with_meanings_and_colours(browser):
    text = shown(browser, of_sync(21))

    assert rows_by_bucket(browser) == {
        "accepted": 45, "unchanged": 2341, "known bad": 4, "rejected": 0, "invalid": 0, "unknown": 0, "duplicate": 0,
        "not sent": 0, "blank": 0,
    }  # fmt: skip
    assert "The CRM accepted them as they are in an earlier import, so they are not sent." in text
    assert "533 known bad 4 The CRM rejected this row as it is in an earlier import" in " ".join(text.split())
    colours = "return [...document.querySelectorAll('.bar rect')].map((one) => getComputedStyle(one).fill)"
    assert len(set(browser.script(colours))) == 3


def test_the_digest_of_a_dry_run_can_be_copied(browser):
    text = shown(browser, of_sync(22))
    digest = browser.text_of(".path code")
    browser.find("button", "Copy the digest").click()

    assert re.fullmatch(r"\d+-[0-9a-f]{32}", digest)
    assert "give this digest to the import as expected_changes of its ledger" in text
    assert browser.script("return String(getSelection())") == digest


def test_a_run_that_broke_off_says_while_doing_what(browser):
    text = shown(browser, of_sync(23))

    assert "The import broke off while comparing the input with the ledger, before the first call (InputError)." in text
    assert "The input has 1,500 changes (0 new, 1,500 changed, 0 retried), and max_changes is 1000" in text
    assert "Then clear the task to run it again: the ledger leaves out what the CRM accepted." in text
    assert "Positions in the input, counted from 0: ," not in text
    assert "Rejected rows" not in text  # no file was written
    facts = dict(zip(browser.texts(".facts dt"), browser.texts(".facts dd"), strict=True))
    assert float(facts["Seconds in total"]) < 100


def test_the_history_keeps_three_rows_that_were_sent_visible_beside_thousands_that_were_not(browser):
    text = shown(browser, "/socialscrm/?dag_id=synced", width=1440)
    browser.picture("history-ledger")

    assert "8 imports: 488 rows accepted, 13,484 unchanged, 2,398 not accepted." in text
    heights = "[...one.querySelectorAll('rect')].map((part) => part.height.baseVal.value)"
    columns = f"[...document.querySelectorAll('.chart:not(.below) g')].map((one) => [one.textContent, ...{heights}])"
    by_night = browser.script(f"return {columns}")
    assert by_night[3][0] == "2026-11-19 02:00:00: 3 accepted, 2,397 unchanged"
    assert by_night[3][1:] == [pytest.approx(4)]
    assert by_night[1][1] > 20
    assert by_night[2][1:] == [0]
    assert len(browser.texts(".chart.below rect")) == 7


def test_the_history_explains_a_failed_run_and_shows_dates(browser):
    text = shown(browser, "/socialscrm/?dag_id=synced", width=1440)

    assert "and max_changes is 1000, so no call was made." in text
    assert "stopped" not in text
    assert browser.texts(".dates span") == ["11-16", "11-18", "11-20", "11-22"]


def test_parts_of_a_mapped_import_are_summed_above_them(browser):
    shown(browser, "/socialscrm/?dag_id=by_country", width=1440)
    browser.picture("history-mapped")
    rows = [" ".join(one.split()) for one in browser.texts("tbody tr")]

    assert "import_customers, 3 parts success 83 80 3 bad-number" in rows[0]  # without the part that was a dry run
    assert len(rows) == 4
    assert browser.texts("tbody tr.part a") == ["2026-11-16 02:00:00"] * 3
    assert len(browser.texts(".chart g")) == 1


def choose(browser, name, value):
    script = "const it = document.querySelector(`[name=${arguments[0]}]`); it.value = arguments[1];"
    browser.script(f"{script} it.dispatchEvent(new Event('change'))", name, value)


def test_the_imports_of_all_dags_can_be_filtered_and_dags_are_links(browser):
    shown(browser, "/socialscrm/", width=1440)
    choose(browser, "state", "failed")
    browser.wait(lambda: "3 imports:" in browser.text_of("main"), "the failed ones")
    choose(browser, "dag", "nightly")
    browser.wait(lambda: "1 import: 20 rows accepted, 30 not." in browser.text_of("main"), "the failed one")
    choose(browser, "state", "skipped")
    browser.wait(lambda: "No import matches these filters." in browser.text_of("main"), "the sentence")
    choose(browser, "state", "")
    browser.wait(lambda: "9 imports" in browser.text_of("main"), "all of the DAG")

    browser.find("tbody td a", "nightly").click()
    browser.find("h1", "Imports of nightly")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("changes", of_sync(20)),
        ("failed", of_sync(23)),
        ("history", "/socialscrm/?dag_id=synced"),
        ("all", "/socialscrm/"),
    ],
)
def test_a_narrow_page_has_nothing_that_scrolls_sideways(browser, name, path, theme):
    text = shown(browser, path, width=400, theme=theme)
    browser.picture(f"{name}-narrow-{theme}")
    overflowing = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"

    assert browser.script("return document.documentElement.scrollWidth") <= 400
    assert browser.script(f"return {overflowing}.length") == 0
    if name == "history":  # what people can do without is left out, and each number has its name
        assert "2,397" in text
        assert browser.find("[data-title=Unchanged]").is_displayed()
        assert not [one for one in browser.chrome.find_elements("css selector", ".wide") if one.is_displayed()]


LONG_NAMES = """
const lengthen = (css, text) => document.querySelectorAll(css).forEach((one) => { one.textContent += text.repeat(5); });
lengthen("td.name", "_with_a_long_name");
lengthen("td.detail", "/a/path/without/a/blank/in/it");
"""


@pytest.mark.parametrize("path", ["/socialscrm/", "/socialscrm/?dag_id=synced", of_sync(21)])
def test_no_table_scrolls_sideways_in_a_frame_of_any_width(browser, path):
    shown(browser, path, width=1440)
    browser.script(LONG_NAMES)
    scrolls = "[...document.querySelectorAll('.scroll')].some((one) => one.scrollWidth > one.clientWidth)"
    too_wide = f"document.documentElement.scrollWidth > innerWidth || {scrolls}"
    widths = (320, 640, 880, 904, 1008, 1040, 1064, 1144, 1168, 1280, 1440)

    assert [width for width in widths if browser.resize(width) or browser.script(f"return {too_wide}")] == []


def test_a_dag_has_the_history_of_its_imports(browser):
    text = shown(browser, "/dags/nightly/plugin/socialscrm-dag-imports", height=1100)

    assert "9 imports: 6,160 rows accepted, 59 not." in text
    assert browser.find("svg.chart").get_attribute("aria-label").startswith("Rows of the last 9 imports by bucket")
    titles = browser.script("return [...document.querySelectorAll('.chart title')].map((one) => one.textContent)")
    assert titles[1] == "2026-11-17 02:00:00: 900 accepted, 12 invalid"
    assert titles[4].endswith("no rows")
    assert titles[6].endswith("no report")
    assert "1,289 1,280 9 bad-number" in text
    browser.picture("history")


def test_imports_link_to_their_reports_and_reports_to_airflow(browser):
    browser.open("/")
    browser.find("button", "Browse").click()
    browser.find("[role=menuitem]", "SocialsCRM imports").click()
    browser.enter_frame()
    assert "24 imports" in browser.text_of("main")

    browser.find("tr", "first_import").find_element("css selector", "a").click()
    browser.find("h1", "2,375 of 2,400 rows accepted")
    browser.find("header a", "import_customers").click()

    browser.chrome.switch_to.default_content()
    browser.wait(lambda: "/dags/first_import/runs/" in browser.chrome.current_url, "the task in Airflow")
    browser.find("a", "Import report")


@pytest.mark.parametrize(("theme", "page"), [("light", (255, 255, 255)), ("dark", (20, 26, 42))])
def test_the_page_has_airflows_theme(browser, theme, page):
    shown(browser, REPORT, theme=theme, height=1100)
    colour = (
        "const c = document.createElement('canvas').getContext('2d'); c.fillStyle = getComputedStyle(document.body)"
    )
    pixel = browser.script(
        f"{colour}.backgroundColor; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]"
    )

    assert pixel[:3] == pytest.approx(page, abs=8)
    browser.picture("report" if theme == "light" else f"report-{theme}")


def test_the_page_follows_a_change_of_theme(browser):
    shown(browser, REPORT, theme="light")
    browser.chrome.switch_to.default_content()
    browser.script("localStorage.setItem('theme', 'dark')")
    browser.enter_frame()

    browser.wait(lambda: browser.script("return document.documentElement.dataset.theme") == "dark", "the dark theme")


@pytest.mark.parametrize("width", [1280, 600])
def test_nothing_overflows(browser, width):
    browser.open(PAGE, width=width)
    browser.find("h1", "rows accepted")

    assert browser.script("return document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser):
    browser.open(PAGE)
    browser.find("h1", "rows accepted")
    seen = []
    for _ in range(6):
        browser.chrome.switch_to.active_element.send_keys("\ue004")  # tab
        seen.append(browser.script(FOCUSED))

    assert [name for name, _ in seen] == [
        "import_customers", "first_import", "Rows by bucket", "Why rows were not accepted", "the path", "Copy the path",
    ]  # fmt: skip
    assert all(outline == "solid" for _, outline in seen)


FOCUSED = """
const focused = document.activeElement;
const name = focused.closest(".path") && focused.tagName === "CODE" ? "the path" : null;
return [name ?? focused.getAttribute("aria-label") ?? focused.textContent, getComputedStyle(focused).outlineStyle];
"""


@pytest.mark.parametrize(
    ("user", "path", "sentence"),
    [
        (None, PAGE, "Your Airflow session has ended. Log in and reload this page."),
        ("nobody", PAGE, "Your Airflow user may not read this."),
        ("admin", PAGE.replace("first_import", "no_such"), "This DAG, run or task does not exist in Airflow."),
        ("admin", PAGE.replace("2026", "2027"), "This DAG, run or task does not exist in Airflow."),
        ("admin", "/socialscrm/?dag_id=no_such", "This DAG, run or task does not exist in Airflow."),
    ],
)
def test_an_error_of_airflow_becomes_a_plain_sentence(browser, user, path, sentence):
    browser.log_in(user) if user else browser.log_out()
    browser.open(path)

    assert sentence in browser.find("[role=alert]").text


def test_the_page_loads_nothing_from_elsewhere_and_logs_no_error(browser):
    browser.chrome.get_log("browser")
    browser.open(PAGE)
    browser.find("h1", "rows accepted")
    loaded = browser.script("return performance.getEntriesByType('resource').map((one) => one.name)")

    assert all(address.startswith(browser.server.url) for address in loaded)
    assert browser.chrome.get_log("browser") == []


def test_names_are_never_parsed_as_html(browser):
    text = shown(browser, "/socialscrm/?dag_id=by_country")

    assert "Imports of By <b>country</b>" in text
    assert browser.texts("b") == []
