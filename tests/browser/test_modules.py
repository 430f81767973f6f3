"""The modules of the pages, called in the browser with numbers and lists that a seeded Airflow does not have."""

from __future__ import annotations

import json

import pytest

CALL = """
const [module, source, argument, done] = arguments;
const called = (loaded) => new Function("m", "x", `return ${source}`)(loaded, argument);
import(new URL(module, document.baseURI)).then(called).then(done, (error) => done({ thrown: String(error) }));
"""
ROWS = {"total": 10, "accepted": 8, "invalid": 2}


@pytest.fixture
def call(browser):
    """Call an expression with a module ``m`` and an argument ``x``."""
    browser.open("/socialscrm/?dag_id=no_such")
    browser.chrome.set_script_timeout(30)

    def run(module, source, argument=None):
        # The policy of the pages forbids new code; a test may have it.
        result = browser.chrome.execute_async_script(CALL, module, source, argument)
        assert not (isinstance(result, dict) and "thrown" in result), result
        return result

    browser.chrome.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.open("/socialscrm/?dag_id=no_such")
    yield run
    browser.chrome.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})


@pytest.mark.parametrize(
    ("noun", "texts"),
    [
        ("row", ["0 rows", "1 row", "2 rows", "1,000 rows"]),
        ("import", ["0 imports", "1 import", "2 imports", "1,000 imports"]),
        ("part", ["0 parts", "1 part", "2 parts", "1,000 parts"]),
    ],
)
def test_numbers_with_their_nouns(call, noun, texts):
    assert call("format.js", "[0, 1, 2, 1000].map((number) => m.counted(number, x))", noun) == texts


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 0], [1], [1, 1, 1], [2, 1], [1, 999_999], [1, 1, 999_998], [333, 333, 334], [1] * 7, [999, 1, 0],
        [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], [1, 2, 3, 10_000_000], [6667, 3333], [66.6, 33.4], [2375, 11, 14],
    ],
)  # fmt: skip
def test_shares_are_a_hundred_percent_and_never_more(call, numbers):
    shares = [float(text.removesuffix(" %")) for text in call("format.js", "m.shares(x)", numbers)]
    each = "x.map((n) => m.share(n, x.reduce((a, b) => a + b)))"
    one = [float(text.removesuffix(" %")) for text in call("format.js", each, numbers)]

    assert sum(shares) == pytest.approx(100 if any(numbers) else 0)
    assert all(0 <= share <= 100 for share in shares + one)
    assert [share > 0 for share in shares] == [number > 0 for number in numbers]


def part(index, state="success", *, progress=None, manifest=None, sentence=None, run="r"):
    instance = {
        "dag_id": "d", "dag_run_id": run, "task_id": "t", "map_index": index, "state": state, "run_after": run,
        "operator": "SocialSCRMImportOperator", "id": f"{run}-{index}",
        "dag_display_name": "d", "task_display_name": "t",
    }  # fmt: skip
    return {"instance": instance, "manifest": manifest, "progress": progress, "sentence": sentence}


def test_parts_that_run_are_summed_with_those_that_have_ended(call):
    ended = part(0, manifest={"rows": ROWS, "refusals": []})
    running = [
        part(
            index,
            "running",
            progress={"rows": 5, "total": 20, "refused": 1, "rows_per_second": 4, "seconds_left": left},
        )
        for index, left in ((1, 3), (2, 9))
    ]

    (group,) = call("groups.js", "m.grouped(x)", [*running, ended])

    assert group["instance"]["state"] == "running"
    assert group["progress"] == {"rows": 20, "total": 50, "refused": 4, "rows_per_second": 8, "seconds_left": 9}
    assert [one["instance"]["map_index"] for one in group["parts"]] == [0, 1, 2]


def test_a_group_says_why_its_failed_part_failed(call):
    parts = [part(0, "up_for_retry", sentence="Later."), part(1, "failed", sentence="522."), part(2)]

    (group,) = call("groups.js", "m.grouped(x)", parts)

    assert (group["instance"]["state"], group["sentence"]) == ("failed", "522.")


PAGED = """(() => {
  const asked = [];
  const real = window.fetch;
  window.fetch = async (address) => {
    const query = new URL(address).searchParams;
    if (!query.has("offset")) return { ok: false, status: 404 };
    asked.push(Number(query.get("offset")));
    const instances = x.slice(asked.at(-1), asked.at(-1) + Number(query.get("limit")));
    return { ok: true, json: async () => ({ task_instances: instances, total_entries: x.length }) };
  };
  const ids = (found) => ({ asked, keys: found.map(({ instance }) => instance.id) });
  return m.imports(null, 3, "").then(ids).finally(() => { window.fetch = real; });
})()"""


@pytest.mark.parametrize(
    ("parts_of_runs", "asked", "runs"),
    [
        ([1, 1], [0], "ab"),
        ([1, 1, 1, 1, 1], [0], "abc"),
        ([150, 1, 1, 1], [0, 100], "abc"),
        ([40, 40, 40], [0, 100], "abc"),
        ([90, 90], [0, 100], "ab"),
        ([1500], [0, 100, 200, 300, 400, 500, 600, 700, 800, 900], "a"),
        ([900, 200, 1], [0, 100, 200, 300, 400, 500, 600, 700, 800, 900], "a"),
    ],
)
def test_all_parts_of_a_run_are_fetched_or_none(call, parts_of_runs, asked, runs):
    names = "abcdefgh"
    instances = [
        part(index, run=names[place])["instance"] for place, parts in enumerate(parts_of_runs) for index in range(parts)
    ]

    found = call("api.js", PAGED, json.loads(json.dumps(instances)))

    assert found["asked"] == asked
    expected = [one["id"] for one in instances if one["dag_run_id"] in runs]
    assert found["keys"] == expected[:1000]


STOPPED = {"bucket": "not_sent", "code": "stopped", "rows": 900}
WRONG_KEY = {"bucket": "not_sent", "code": 522, "rows": 100, "meaning": "Not signed.", "hint": "Check ApiKey."}
BAD = {"bucket": "invalid", "code": "bad-number", "rows": 3}


@pytest.mark.parametrize(
    ("refusals", "has_stopped", "codes"),
    [
        ([STOPPED, {"bucket": "rejected", "code": 522, "rows": 1}], False, [522, "stopped"]),
        ([STOPPED, WRONG_KEY], True, [522, "stopped"]),
        ([STOPPED, WRONG_KEY, BAD], True, [522, "bad-number", "stopped"]),
        ([WRONG_KEY, BAD], False, ["bad-number", 522]),
        ([STOPPED, BAD], True, ["bad-number", "stopped"]),
    ],
)
def test_what_stopped_a_run_comes_before_that_it_stopped(call, refusals, has_stopped, codes):
    source = f"m.causesFirst(x, {json.dumps(has_stopped)})"

    assert [one["code"] for one in call("buckets.js", source, refusals)] == codes


def ended(*refusals, error="SettingError", accepted=0, **more):
    rows = {"total": 1000, "accepted": accepted, "not_sent": 1000 - accepted}
    broke_off = {"error": error, "while": "sending"}
    return {
        "rows": rows,
        "refusals": [*refusals],
        "broke_off": broke_off,
        "changes": None,
        "rejects_path": None,
        **more,
    }


DOUBT = {"bucket": "unknown", "code": "cut-short", "rows": 31, "meaning": "Cut short.", "hint": "Look it up."}
UNSURE = ended(DOUBT, error="RejectedRowsError", accepted=900, rejects_path="/r.csv", rejects_written=True)
PLACE = "{ dagId: 'd', runId: 'r', taskId: 't' }"
OUTCOME = f"m.outcome({{ state: 'failed', rendered_fields: {{}} }}, x[0], x[1], {PLACE}).textContent"


@pytest.mark.parametrize(
    ("manifest", "sentence", "there", "not_there"),
    [
        (ended(STOPPED, WRONG_KEY), None, "522: Not signed. Check ApiKey.", "bad-number"),
        (ended(STOPPED, WRONG_KEY, BAD), None, "522: Not signed. Check ApiKey.", "bad-number"),
        (ended(STOPPED, WRONG_KEY), "The log's.", "The log's.", "Not signed"),
        (ended(STOPPED, WRONG_KEY), None, "Then clear the task to run it again.", "every row"),
        (
            ended(STOPPED, WRONG_KEY, accepted=1),
            None,
            "Do not clear the task, which would send each welcome",
            "hen clear",
        ),
        (ended(STOPPED, WRONG_KEY, accepted=1), None, "again: import only the rows that are left.", "ledger"),
        (ended(STOPPED, WRONG_KEY, accepted=1, changes={}), None, "the ledger leaves out", "every row"),
        (ended(STOPPED, error="ServiceError"), None, "Open the connection", "under Admin"),
        (ended(STOPPED, error="StoppedError"), None, "Clear the task", "Open the connection"),
        (ended(STOPPED, error="UnusableLedgerError"), None, "Fix the ledger first. Then clear", "Open the connection"),
        (ended(STOPPED, WRONG_KEY, accepted=1, has_welcome=False), None, "sends every row again.", "welcome"),
        (None, "No such file.", "Fix the input or the task's arguments first. Then clear the task", "its log why"),
        (
            None,
            "data has no column for whatsApp.",
            "Fix the input or the task's arguments first.",
            "Open the connection",
        ),
        (None, "Connection 'c': no key.", "Fix the connection first.", "Fix the input"),
        (None, "The conn_id `c` isn't defined", "Open the connection", "Fix the input"),
        (UNSURE, None, "Look up the customers of the unknown rows in the CRM first", "Fix the rows"),
        (UNSURE, None, "Do not import those with a welcome before you have looked", "Fix them in it"),
        (
            {**UNSURE, "refusals": [BAD, DOUBT]},
            None,
            "Fix the rows below first, or raise max_rejected.",
            "nothing to fix",
        ),
        (None, None, "Read in its log why it ended", "Fix this first"),
    ],
)
def test_a_failed_run_says_why_and_what_to_do(call, manifest, sentence, there, not_there):
    text = call("outcome.js", OUTCOME, [manifest, sentence])

    assert there in text
    assert not_there not in text


@pytest.mark.parametrize(
    ("refusals", "there", "not_there"),
    [
        ([STOPPED], "nothing to fix in them", "check"),
        ([STOPPED, WRONG_KEY], "nothing to fix in them", "Fix them in it"),
        ([STOPPED, BAD], "check /r.csv", "nothing to fix"),
        ([STOPPED, DOUBT], "looked the customers up", "Fix them in it"),
    ],
)
def test_a_file_of_rows_that_were_only_not_sent_has_nothing_to_fix(call, refusals, there, not_there):
    manifest = ended(*refusals, rejects_path="/r.csv", rejects_written=True)

    text = call("outcome.js", "m.rejects(x).map((one) => one.textContent).join(' ')", manifest)

    assert there in text
    assert not_there not in text


@pytest.mark.parametrize(
    ("stored", "there"), [("true", "Open the connection c"), ("false", "variable AIRFLOW_CONN_C or")]
)
def test_a_connection_has_a_link_only_where_airflow_lists_it(call, stored, there):
    instance = "{ state: 'failed', rendered_fields: { socialscrm_conn_id: 'c' } }"
    text = call(
        "outcome.js", f"m.outcome({instance}, null, x, {PLACE}, {stored}).textContent", "Connection 'c': no key."
    )

    assert there in text
    assert ("Open the connection c" in text) == (stored == "true")


@pytest.mark.parametrize(("conn_id", "is_there"), [("crm_without_key", True), ("of_a_variable", False), (None, True)])
def test_airflow_says_whether_it_lists_a_connection(call, conn_id, is_there):
    assert call("api.js", "m.hasConnection(x)", conn_id) is is_there


@pytest.mark.parametrize(
    ("broke_off", "title"),
    [
        (None, "The input had no rows"),
        ({"error": "LedgerError", "while": "reading"}, "No row was read"),
        ({"error": "LedgerError", "while": "finishing"}, "The input had no rows"),
    ],
)
def test_an_input_has_no_rows_only_if_it_was_read(call, broke_off, title):
    manifest = {"rows": {"total": 0}, "refusals": [], "broke_off": broke_off, "changes": None}

    assert call("report.js", "m.headline(x)", manifest) == title


def test_an_outage_shows_what_the_import_waits_for_and_no_estimate(call):
    progress = {"rows": 1, "total": 300, "refused": 1, "rows_per_second": 0, "seconds_left": -1}
    waiting = {"waiting": 60, "next_call_in": 15, "given_up_after": 150}
    says = "waiting for SocialsCRM for 60 s; the next call in 15 s; gives up after 2.5 min, 1 refused so far"

    assert says in call("outcome.js", "m.progressText(x)", progress | waiting)
    parts = [part(index, "running", progress=progress | waiting | {"waiting": 60 * index}) for index in (0, 1)]
    (group,) = call("groups.js", "m.grouped(x)", parts)
    assert group["progress"]["waiting"] == 60


@pytest.mark.parametrize(
    ("rate", "left", "text"),
    [(3, 9, "3 a second, 9 s left"), (0, 300, "less than 1 a second, 5 min left"), (0, -1, "0 a second, 1 refused")],
)
def test_a_slow_import_does_not_stand_still(call, rate, left, text):
    progress = {"rows": 5, "total": 20, "refused": 1, "rows_per_second": rate, "seconds_left": left}

    assert text in call("outcome.js", "m.progressText(x)", progress)


OLDER = """(async () => {
  const real = window.fetch;
  window.fetch = async (address) => {
    const query = new URL(address).searchParams;
    const found = x.slice(Number(query.get("offset")), Number(query.get("offset")) + Number(query.get("limit")));
    return query.has("offset")
      ? { ok: true, json: async () => ({ task_instances: found, total_entries: x.length }) }
      : { ok: false, status: 404 };
  };
  const page = document.createElement("div");
  const show = async () => page.replaceChildren(...(await m.history(null)).nodes);
  const seen = [];
  for (let button = true; button; ) {
    await show();
    const [options, rows] = ["[name=dag] option", "tbody tr"].map((css) => page.querySelectorAll(css).length);
    seen.push([page.querySelector("header p").textContent.split(":")[0], options, rows]);
    button = page.querySelector("[name=more]");
    button?.click();
  }
  window.fetch = real;
  return seen;
})()"""


def test_older_imports_and_their_dags_can_be_shown(call):
    instances = [
        part(-1, run=f"2026-11-16T0{9 - number // 10}:0{9 - number % 10}:00Z")["instance"] | {"dag_id": f"d{number}"}
        for number in range(70)
    ]

    seen = call("history.js", OLDER, instances)

    assert seen == [["The latest 30 imports", 31, 30], ["The latest 60 imports", 61, 60], ["70 imports", 71, 70]]


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        (
            {"accepted": 3, "unchanged": 348, "invalid": 38, "duplicate": 1},
            "3 rows accepted, 348 unchanged, 38 invalid, 1 duplicate",
        ),
        ({"accepted": 1, "unchanged": 0, "rejected": 1}, "1 row accepted, 1 rejected"),
        ({"accepted": 1, "unchanged": 2, "duplicate": 5, "blank": 3}, "1 row sent, 2 unchanged, 5 duplicates"),
        ({"accepted": 1, "unchanged": 0}, "1 row sent"),
        ({"accepted": 0, "unchanged": 348, "invalid": 38}, "Nothing to send: 348 rows unchanged, 38 invalid"),
        ({"accepted": 0, "invalid": 1}, "Nothing to send: 1 row invalid"),
        ({"accepted": 0, "unchanged": 1}, "Nothing changed: 1 row unchanged"),
        ({"accepted": 0, "unchanged": 5, "known_bad": 1}, "Nothing changed: 5 rows unchanged, 1 known bad"),
        (
            {"accepted": 0, "unchanged": 5, "not_sent": 353, "invalid": 30},
            "0 rows accepted, 5 unchanged, 30 invalid, 353 not sent",
        ),
        ({"sendable": 1, "unchanged": 5, "invalid": 2}, "1 row would be sent, 5 unchanged, 2 invalid"),
        ({"sendable": 0, "unchanged": 5}, "Nothing changed: 5 rows unchanged"),
    ],
)
def test_the_headline_of_a_run_with_a_ledger_says_what_was_done_first_and_its_numbers_add_up(call, rows, headline):
    manifest = {"rows": {"total": sum(rows.values())} | rows, "changes": {}, "dry_run": "sendable" in rows}

    assert call("changes.js", "m.headlineOfChanges(x)", manifest) == headline


BROKE = {"error": "ExtensionFieldsError", "while": "sending"}


@pytest.mark.parametrize(
    ("state", "broke_off", "sentence", "reason"),
    [
        ("failed", BROKE, "From the log.", "From the log."),
        ("failed", BROKE | {"sentence": "Level is unknown."}, None, "Level is unknown."),
        ("failed", BROKE, None, "broke off while sending rows (ExtensionFieldsError)"),
        ("success", None, None, "bad-number Not a number."),
        ("failed", None, None, "bad-number Not a number."),
    ],
)
def test_the_list_names_what_ended_a_run_before_the_largest_group_of_rows(call, state, broke_off, sentence, reason):
    refusals = [
        {"bucket": "not_sent", "code": "stopped", "meaning": "It stopped.", "rows": 353},
        {"bucket": "invalid", "code": "bad-number", "meaning": "Not a number.", "rows": 30},
    ]
    found = part(0, state, manifest={"rows": ROWS, "refusals": refusals, "broke_off": broke_off})
    say = "[m.reason(x)].flat().map((one) => one.textContent ?? one).join('')"

    found["sentence"] = call("api.js", "m.sentenceOf(x[0], x[1].instance, x[1].manifest)", [sentence, found])

    assert call("history.js", say, found) == reason
    (group,) = call("groups.js", "m.grouped(x)", [found, part(1, manifest={"rows": ROWS, "refusals": []})])
    assert call("history.js", say, group) == reason


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        ({"refusals": [], "rejects_path": "/r.csv", "rejects_written": True}, None),
        ({"refusals": [1], "rejects_path": None, "rejects_written": False}, None),
        (
            {"refusals": [1], "rejects_path": "/r.csv", "rejects_written": False, "broke_off": {"while": "preparing"}},
            None,
        ),
        (
            {"refusals": [1], "rejects_path": "/r.csv", "rejects_written": True, "broke_off": {"while": "sending"}},
            "/r.csv",
        ),
        ({"refusals": [1], "rejects_path": "/r.csv"}, "/r.csv"),
        ({"refusals": [1], "rejects_path": "/r.csv", "broke_off": {"while": "reading"}}, None),
    ],
)
def test_rejected_rows_have_a_path_only_if_there_are_some_and_the_file_exists(call, manifest, path):
    assert (call("outcome.js", "m.rejectsOf(x)", manifest) or None) == path
