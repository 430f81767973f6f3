"""The rate limit of each path, and the response above it."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.sandbox.calls import OTHER_PATHS, PATHS_COUNTED, CallLog, CallRecord, SlidingWindow

ROWS = [{"whatsApp": "8610000001"}]


def admitted(window, times, limit=2, path="/a"):
    return "".join("x" if window.admit(path, time, limit) else "-" for time in times)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 0.1, 0.2], "xx-"),
        ([0.0, 0.1, 0.99, 1.0], "xx-x"),
        ([0.0, 0.75, 1.0, 1.25, 1.75], "xxx-x"),
        ([0.0, 0.1, 0.5, 0.6, 1.05], "xx--x"),
    ],
)
def test_the_window_slides_and_throttled_calls_do_not_use_it_up(times, expected):
    assert admitted(SlidingWindow(), times) == expected


def test_each_path_has_its_own_limit_and_peak_which_counts_throttled_calls_too():
    window = SlidingWindow()

    assert admitted(window, [0.0, 0.1, 0.2], path="/a") == "xx-"
    assert admitted(window, [0.2], path="/b") == "x"
    assert admitted(window, [5.0], path="/a") == "x"

    assert window.peaks == {"/a": 3, "/b": 1}


def test_paths_that_somebody_makes_up_fill_no_memory():
    log = CallLog()
    facts = {
        "at": 0.0,
        "user": "",
        "rows": 0,
        "code": None,
        "message": "",
        "status": 404,
        "fault": None,
        "seconds": 0.0,
    }
    for n in [*range(2 * PATHS_COUNTED), 0]:
        log.add(CallRecord(path=f"/{n}", **facts))

    by_path = log.totals()["by_path"]
    assert (by_path["/0"], by_path[OTHER_PATHS], len(by_path)) == (2, PATHS_COUNTED, PATHS_COUNTED + 1)


@pytest.mark.parametrize(
    ("over_limit", "expected"),
    [
        ("429-retry-after", (429, "1", "too many requests")),
        ("429", (429, None, "too many requests")),
        ("517", (200, None, '{"code":517,"message":"database error","data":""}')),
    ],
)
def test_a_call_above_the_limit_is_answered_as_configured_and_stores_nothing(
    client, sandbox, monkeypatch, over_limit, expected
):
    monkeypatch.setattr(sandbox, "ticks", lambda: 7.0)  # all calls arrive at the same moment
    sandbox.configure(calls_per_second=1, over_limit=over_limit)
    assert client.send_body(ROWS).json()["code"] == 200

    answer = client.send_body([{"whatsApp": "8610000002"}])

    assert (answer.status_code, answer.headers.get("Retry-After"), answer.text) == expected
    assert len(sandbox.customers()) == 1
    assert sandbox.calls()[-1]["fault"] == "over the rate limit"
    assert sandbox.stats()["peak_calls_per_second"] == {"/wscrm-bus-api/customer/api/import": 2}
    assert client.send_header([{**ROWS[0], "agentAccount": "agent_wang"}]).json()["code"] == 200
