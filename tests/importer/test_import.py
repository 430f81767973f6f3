"""Whole imports against the sandbox over HTTP: where each row ends, in how many calls, and what is said."""

from __future__ import annotations

from itertools import cycle, product
from math import ceil, log2
from pathlib import Path

import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.codes import REFUSED, TABLES
from airflow_provider_socialscrm.api.errors import RequestError, SettingError, UncertainError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.errors import SystemicError
from airflow_provider_socialscrm.importer.options import ALL, DEFAULT_CONCURRENCY, IsolationLimits, Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.engine import OPEN_CHUNKS_PER_CONNECTION
from airflow_provider_socialscrm.importer.sending.systemic_failures import ALIKE
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.imports import counts_of, failure_of, number_of, rejected_rows, table_of
from tests.support.sandbox import settings_of

SOON = RetryLimits(first_wait=0.005, longest_wait=0.02, outage=0.0)
"""Waits too short for a person to notice; they are of no use against an outage."""

ANY_NUMBER_REFUSED = 10**9


def importing(settings: Settings, rows: list[dict], rejects_path: Path | None = None, **options) -> Import:
    all_columns = Rules(extension_fields=ALL)
    chosen = {"max_rejected": ANY_NUMBER_REFUSED, "retry_limits": SOON, "rules": all_columns} | options
    client = Client(settings, connections=8)
    return Import(open_source(table_of(rows)), client, Options(**chosen), rejects_path)


def people(count: int, scheme: str = "header", **fields) -> list[dict]:
    """Return rows of the same size, alternating between two agents where rows name one."""
    agents = ("agent_wang", "agent_novk") if scheme == "header" else (None,)
    named = [{"agentAccount": agents[place % len(agents)]} if agents[0] else {} for place in range(count)]
    return [
        {"whatsApp": number_of(place), "friendName": f"N{place:06}"} | agent | fields
        for place, agent in enumerate(named)
    ]


def stored(crm: Sandbox) -> list[dict]:
    """Return the customers as rows of the header scheme, by number."""
    kept = [{"whatsApp": one["whatsApp"], "agentAccount": one["agent"]} | one["fields"] for one in crm.customers()]
    return sorted(kept, key=lambda row: row["whatsApp"])


@pytest.fixture
def with_novk(crm: Sandbox) -> Sandbox:
    crm.configure(agents=["agent_wang", "agent_novk"])
    return crm


# What one failing call leads to, for every code.

NAMES_THE_CONNECTION = (501, 516, 518, 519, 522, 523, 524, 525, 526, 529, 530)
ABOUT_LOST_DATA = (506, 534)
OF_OTHER_ENDPOINTS = (503, 504, 505, *range(509, 516), 520, 521, 527, 528, 536, 537, 538)
UNKNOWN = ((535, "odd"), (599, "odd"), (400, ""), (0, ""), (-2, "odd"), (-1, "try later"), (-1, ""))

STOPS = [
    *((code, None, SettingError, f"answered {code} (") for code in NAMES_THE_CONNECTION),
    *((code, None, RequestError, "This code belongs to another endpoint") for code in OF_OTHER_ENDPOINTS),
    *((code, None, RequestError, "no proxy changes the body of calls") for code in ABOUT_LOST_DATA),
    (-1, "Admin Cannot import data", SettingError, "agent (seat), not of an administrator"),
]
GOES_ON = [
    # code, text, further calls when one chunk of ten is refused once: again (1), halves (2), a probe and the rest (3)
    (502, None, 1),
    (517, None, 1),
    (508, None, 2),
    (531, None, 2),
    (532, None, 2),
    (533, None, 2),
    *((code, text, 3) for code, text in UNKNOWN),
]
SCHEMES = pytest.mark.parametrize("scheme", ["header", "body"])
WAYS = tuple(product(("header", "body"), ((10, 0), (30, 0), (30, 2))))
"""Scheme, rows, and calls that are taken before the code comes."""


def each_in_turn(*cases: tuple) -> list[tuple]:
    """Return each case with one of the ways, so that all ways have a case of about every kind."""
    return [(*case, scheme, *shape) for case, (scheme, shape) in zip(cases, cycle(WAYS))]


def test_every_code_of_every_family_is_in_a_table_of_these_tests():
    numbers = {code.number for table in TABLES.values() for code in table}
    assert numbers - {507, REFUSED} == {code for code, *_ in (*STOPS, *GOES_ON)} - {code for code, _ in UNKNOWN}


@pytest.mark.parametrize(("code", "text", "error", "sentence", "scheme", "rows", "after"), each_in_turn(*STOPS))
def test_a_code_that_is_no_rows_fault_stops_the_run_in_that_very_call(
    with_novk, *, scheme, rows, after, code, text, error, sentence
):
    with_novk.inject("code", code=code, message=text, after=after)
    run = importing(settings_of(with_novk, scheme), people(rows, scheme), rows_per_call=10, concurrency=1)
    failure = failure_of(run)
    assert type(failure) is error
    assert sentence in str(failure)
    taken = {"accepted": after * 10} if after else {}
    assert counts_of(run) == taken | {"not_sent": rows - after * 10}
    assert with_novk.stats()["calls"] == after + 1


@pytest.mark.parametrize(("code", "text", "more", "scheme", "rows", "after"), each_in_turn(*GOES_ON, *GOES_ON))
def test_a_code_that_passes_is_mended_within_the_chunk_it_struck(with_novk, *, scheme, rows, after, code, text, more):
    if code == 502 and not after:
        with_novk.configure(clock_offset=600)  # before any call is accepted, only another time is worth a second call
    with_novk.inject("code", code=code, message=text, after=after, times=1)
    run = importing(settings_of(with_novk, scheme), people(rows, scheme), rows_per_call=10, concurrency=1)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": rows}
    assert len(with_novk.customers()) == rows
    assert with_novk.stats()["calls"] == rows / 10 + more


@SCHEMES
@pytest.mark.parametrize(
    ("code", "error", "sentence"),
    [
        (502, SettingError, "Its clock agrees with ours. Check the worker's clock; on the body scheme set Time zone"),
        (517, UncertainError, "Not caused by your data"),
    ],
)
def test_a_code_that_waiting_does_not_fix_stops_the_run(with_novk, scheme, code, error, sentence):
    with_novk.inject("code", code=code)
    run = importing(settings_of(with_novk, scheme), people(40, scheme), rows_per_call=40)
    failure = failure_of(run)
    assert type(failure) is error
    assert sentence in str(failure)
    assert counts_of(run) == {{502: "not_sent", 517: "unknown"}[code]: 40}
    assert with_novk.stats()["calls"] == {502: 1, 517: SOON.attempts}[code]


@SCHEMES
@pytest.mark.parametrize(("code", "calls"), [(507, 11), (508, 15), (532, 15), (533, 15), (531, {"header": 3})])
def test_a_row_code_on_every_call_rejects_each_row(with_novk, scheme, code, calls, tmp_path):
    with_novk.inject("code", code=code)
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(with_novk, scheme), people(8, scheme), rejects, rows_per_call=8, concurrency=1)
    assert failure_of(run) is None
    assert rejected_rows(rejects) == [(position, "rejected", str(code)) for position in range(8)]
    # 8 rows alone and the 7 parts above them; of the two agents each needs a call; and what 507 says of a size is
    # not asked again of the other parts, so only one of each size is sent
    assert with_novk.stats()["calls"] == (calls if isinstance(calls, int) else calls.get(scheme, 15))


# A wrong setting is refused once, and not by each connection.


@pytest.mark.parametrize(
    ("scheme", "wrong", "sentence"),
    [
        ("header", {"api_key": "WRONG"}, "Check ApiKey first"),
        ("body", {"api_key": "WRONG"}, "Check ApiKey first"),
        ("header", {"tenant_id": "2"}, "Compare Tenant ID and ApiKey"),
        ("body", {"tenant_id": "2"}, "Compare Tenant ID and ApiKey"),
        ("body", {"user_name": "admin"}, "Set User name to the login of an agent (seat), not of an administrator"),
        ("body", {"user_name": "nobody"}, "Correct User name in the connection"),
        ("header", {"plan": "basic"}, "Ask the vendor for a plan with API access"),
        ("body", {"plan": "basic"}, "Ask the vendor for a plan with API access"),
    ],
)
def test_a_wrong_setting_costs_one_call_whatever_the_concurrency(crm, scheme, wrong, sentence):
    if "plan" in wrong:
        crm.configure(**wrong)
    settings = settings_of(crm, scheme, **{name: value for name, value in wrong.items() if name != "plan"})
    run = importing(settings, people(2000, scheme), rows_per_call=10, concurrency=8)
    failure = failure_of(run)
    assert isinstance(failure, SettingError)
    assert sentence in str(failure)
    assert "WRONG" not in str(failure)
    assert crm.stats()["calls"] == 1
    assert counts_of(run) == {"not_sent": 2000}
    assert run.manifest()["calls"]["retries"] == 0


# The clock.


@SCHEMES
@pytest.mark.parametrize("minutes", [10, -10])
def test_a_servers_clock_that_is_off_is_learned_once_and_mended(with_novk, scheme, minutes):
    with_novk.configure(clock_offset=minutes * 60)
    run = importing(settings_of(with_novk, scheme), people(400, scheme), rows_per_call=10)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 400}
    manifest = run.manifest()
    assert abs(manifest["clock_offset_seconds"] - minutes * 60) < 5
    assert manifest["calls"] == {
        "sent": 41,
        "unsaved_ends": 0,
        "retries": 0,
        "re_signed": 1,
        "splits": 0,
        "unexpected_numbers": 0,
        "unanswered_rows": 0,
    }


def test_a_create_time_read_in_another_zone_is_named_and_nothing_is_sent(crm):
    crm.configure(time_zone="America/Sao_Paulo")
    run = importing(settings_of(crm, "body"), people(400, "body"), rows_per_call=10)
    failure = failure_of(run)
    assert isinstance(failure, SettingError)
    assert "Its clock agrees with ours" in str(failure)
    assert "set Time zone to the zone in which the CRM reads createTime" in str(failure)
    assert counts_of(run) == {"not_sent": 400}
    assert crm.customers() == []
    assert crm.stats()["calls"] == 1  # not one for each connection, nor another one with the same time


def test_a_wrong_zone_and_a_wrong_clock_together_cost_two_calls(crm):
    crm.configure(time_zone="America/Sao_Paulo", clock_offset=600)
    run = importing(settings_of(crm, "body"), people(400, "body"), rows_per_call=10)
    failure = failure_of(run)
    assert isinstance(failure, SettingError)
    assert "Its clock is +600 s from ours, and signing with its own time did not help" in str(failure)
    assert counts_of(run) == {"not_sent": 400}
    assert crm.stats()["calls"] == 2


# Refused batches, however the CRM behaves where its vendor is silent.

BAD = {3: {"Loyalty Level": "Lead"}, 40: {"Loyalty Level": "Tin"}, 41: {"Last Order": "soon"}, 99: {"No Such": "x"}}


def mixed(scheme: str = "header") -> list[dict]:
    """Return 100 rows, most of them with extension fields, four of which the CRM refuses with 533."""
    rows = [row | ({"Loyalty Level": "Gold"} if place % 3 else {}) for place, row in enumerate(people(100, scheme))]
    return [row | BAD.get(place, {}) for place, row in enumerate(rows)]


def as_sent(rows: list[dict]) -> list[dict]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("rows_per_call", "failures", "refusal", "strangers"),
    [  # every pair of two values
        (1, "unnamed", "atomic", "none"),
        (1, "whats_ids", "partial", "extra"),
        (1, "lists", "partial", "none"),
        (7, "unnamed", "partial", "extra"),
        (7, "whats_ids", "atomic", "none"),
        (7, "lists", "partial", "extra"),
        (25, "unnamed", "partial", "none"),
        (25, "whats_ids", "partial", "none"),
        (25, "lists", "atomic", "extra"),
        (100, "unnamed", "atomic", "extra"),
        (100, "whats_ids", "partial", "extra"),
        (100, "lists", "partial", "none"),
    ],
)
def test_the_same_bad_rows_end_in_the_same_buckets(with_novk, tmp_path, *, refusal, failures, strangers, rows_per_call):
    with_novk.configure(refusal=refusal, failures=failures, strangers=strangers)
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(with_novk), mixed(), rejects, rows_per_call=rows_per_call)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 96, "rejected": 4}
    named = refusal == "partial" and failures != "unnamed"
    assert rejected_rows(rejects) == [(place, "rejected", "named" if named else "533") for place in BAD]
    assert stored(with_novk) == as_sent([row for place, row in enumerate(mixed()) if place not in BAD])
    naming = failures != "unnamed" and strangers == "extra"
    answered = with_novk.stats()["calls_by_code"]["200"]
    assert run.manifest()["calls"]["unexpected_numbers"] == (answered if naming else 0)


@pytest.mark.parametrize(
    ("failures", "left"),
    [
        # Each answer leaves out the last failed row, or else the last row of the call. Such a row is asked about again
        # alone, and left out again: then its outcome is unknown. Only isAllOk says that a lone good row is taken.
        ("whats_ids", [(3, "unknown"), (40, "rejected"), (41, "unknown"), (99, "unknown")]),
        ("lists", [(3, "unknown"), (40, "rejected"), (41, "unknown"), (74, "unknown"), (99, "unknown")]),
    ],
)
def test_rows_that_no_answer_names_are_asked_about_once_more_and_then_unknown(with_novk, failures, left, tmp_path):
    with_novk.configure(refusal="partial", failures=failures, strangers="missing")
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(with_novk), mixed(), rejects, rows_per_call=25)
    assert failure_of(run) is None
    assert [(place, bucket) for place, bucket, _ in rejected_rows(rejects)] == left
    unknown = [place for place, bucket in left if bucket == "unknown"]
    assert [place for place, _, code in rejected_rows(rejects) if code == "not-in-response"] == unknown
    assert counts_of(run) == {"accepted": 100 - len(left), "rejected": 1, "unknown": len(unknown)}
    assert with_novk.stats()["calls"] == 4 + 4  # each of the four answers left one row out
    assert len(with_novk.customers()) == 96


def test_a_number_that_stands_twice_in_a_call_is_told_apart_by_calls_of_their_own(with_novk, tmp_path):
    with_novk.configure(refusal="partial", failures="whats_ids")
    rows = people(6)
    rows[4] = rows[1] | {"No Such": "x"}
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(with_novk), rows, rejects, rules=Rules(extension_fields=ALL, duplicates="send"))
    assert failure_of(run) is None
    assert rejected_rows(rejects) == [(4, "rejected", "named")]
    assert counts_of(run) == {"accepted": 5, "rejected": 1}


# Finding bad rows.


@pytest.mark.parametrize("size", [2, 64, 1000])
@pytest.mark.parametrize("place", [0, 0.5, 1])
@pytest.mark.parametrize("others", [{}, {"Last Order": "2026/01/02"}])
def test_one_row_with_a_bad_extension_field_among_n_costs_few_calls(with_novk, size, place, others, tmp_path):
    position = int(place * (size - 1))
    rows = [row | others for row in people(size)]
    rows[position] |= {"Loyalty Level": "Tin"}
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(with_novk), rows, rejects, rows_per_call=size, concurrency=1)
    assert failure_of(run) is None
    assert rejected_rows(rejects) == [(position, "rejected", "533")]
    # Where no other row has an extension field: those without any, and the one. Else two calls a halving, and one for
    # a row alone, which shows that the CRM knows the field.
    assert with_novk.stats()["calls"] - 1 <= (2 * ceil(log2(size)) + 1 if others else 2)


def test_one_call_decides_about_an_agent_and_its_other_rows_cost_none(with_novk, tmp_path):
    agents = ["agent_wang", "ghost_a", "agent_novk", "ghost_b", "ghost_c"]
    rows = [row | {"agentAccount": agents[place % 5]} for place, row in enumerate(people(1000))]
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(with_novk), rows, rejects, rows_per_call=100, concurrency=1)
    assert failure_of(run) is None
    assert rejected_rows(rejects) == [(place, "rejected", "531") for place in range(1000) if place % 5 in {1, 3, 4}]
    assert len(with_novk.customers()) == 400
    assert with_novk.stats()["calls"] == 1 + 5 + 9  # the first chunk, its five agents, and what is left of the others


def test_the_log_names_the_rejected_agents_with_their_rows_and_no_customer(with_novk, caplog):
    agents = ["ghost_a", "ghost_b", "8615266667780", "agent_wang", *(f"ghost_{place:02}" for place in range(10))]
    rows = [row | {"agentAccount": agents[place]} for place, row in enumerate(people(len(agents)))]
    rows += [row | {"agentAccount": "ghost_b"} for row in people(40)[20:]]

    assert failure_of(importing(settings_of(with_novk), rows, rows_per_call=10, concurrency=1)) is None

    (line,) = [message for message in caplog.messages if message.startswith("The CRM rejects")]
    assert line.startswith("The CRM rejects the agents 'ghost_b' (21 rows), '9999999999999' (1 row), 'ghost_00' (1")
    assert line.endswith(" and 3 more")
    assert "8615266667780" not in line


def test_rows_of_agents_that_are_rejected_meanwhile_are_removed_from_the_calls_that_wait(with_novk):
    agents = ["agent_wang", *(f"ghost_{number}" for number in range(20))]
    rows = [row | {"agentAccount": agents[place % 21]} for place, row in enumerate(people(2100))]
    run = importing(settings_of(with_novk), rows, rows_per_call=100, concurrency=8)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 100, "rejected": 2000}
    refused = with_novk.stats()["calls_by_code"]["531"]
    assert 20 < refused <= 20 + 16 + 8  # each agent once, chunks that were open by then, and probes in flight


def test_on_the_body_scheme_the_agent_who_signs_is_judged_by_its_own_calls(crm, tmp_path):
    agents = ["agent_wang", "ghost", None, "admin", "agent_silva"]
    rows = [
        row | {"agentAccount": agents[place % 5]} for place, row in enumerate(people(500, "body")) if place % 5 != 2
    ]
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(crm, "body"), rows, rejects, rows_per_call=10, concurrency=1)
    assert failure_of(run) is None
    verdicts = ["", "530", "-1", ""] * 100
    assert rejected_rows(rejects) == [(place, "rejected", code) for place, code in enumerate(verdicts) if code]
    assert [crm.stats()["calls_by_code"][code] for code in ("200", "530", "-1")] == [20, 1, 1]


# Calls that are too large.


@pytest.mark.parametrize("status", [None, 413])
def test_a_size_that_is_refused_is_halved_and_remembered(with_novk, status):
    if status:
        with_novk.inject("http", status=status, times=3)
    else:
        with_novk.configure(bytes_per_call=2000)
    rows = people(1000)
    run = importing(settings_of(with_novk), rows, rows_per_call=100, concurrency=1)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 1000}
    calls = with_novk.calls()
    refused = [call["rows"] for call in calls if call["code"] != 200]
    largest = max(call["rows"] for call in calls if call["code"] == 200)
    assert refused == [100, 50, 25]
    assert largest == 13
    assert max(call["rows"] for call in calls[3:]) == 13  # nothing larger goes out once 13 rows passed
    assert 1000 / 13 <= len(calls) - 3 <= 1000 / 13 + 8  # the four quarters of the first chunk are not filled up
    assert 12 * 80 < run.manifest()["bytes_per_call"] < 14 * 80


def test_a_row_that_alone_is_too_large_is_rejected_and_the_others_are_not_made_smaller(with_novk, tmp_path):
    with_novk.configure(bytes_per_call=5000)
    rows = people(40)
    rows[17] |= {"desc": "x" * 6000}
    rejects = tmp_path / "dead.jsonl"
    run = importing(settings_of(with_novk), rows, rejects, rows_per_call=40, concurrency=1)
    assert failure_of(run) is None
    assert rejected_rows(rejects) == [(17, "rejected", "507")]
    assert run.manifest()["bytes_per_call"] > 6000


def test_row_limits_are_found_as_byte_limits(with_novk):
    with_novk.configure(rows_per_call=30)
    run = importing(settings_of(with_novk), people(1000), rows_per_call=100)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 1000}
    assert with_novk.stats()["calls_by_code"]["507"] <= 3 * 16  # only chunks that were open by then


# The guard.


@SCHEMES
@pytest.mark.parametrize("size", [30, 5000])
@pytest.mark.parametrize("rows_per_call", [1, 100])
def test_a_refusal_nobody_knows_on_every_call_stops_soon_and_blames_no_row(with_novk, scheme, size, rows_per_call):
    with_novk.inject("code", code=-1, message="system upgrade")
    run = importing(settings_of(with_novk, scheme), people(size, scheme), rows_per_call=rows_per_call)
    failure = failure_of(run)
    assert isinstance(failure, SystemicError)
    assert "each alone" in str(failure)
    assert "system upgrade" in str(failure)
    assert counts_of(run) == {"not_sent": size}
    open_chunks = OPEN_CHUNKS_PER_CONNECTION * DEFAULT_CONCURRENCY  # each is sent, and then one row of it alone
    assert with_novk.stats()["calls"] <= 2 * open_chunks + ALIKE


def test_a_cause_that_sets_in_later_is_told_from_bad_rows_too(with_novk):
    with_novk.inject("code", code=-1, message="system upgrade", after=20)
    run = importing(settings_of(with_novk), people(5000), rows_per_call=100)
    assert isinstance(failure_of(run), SystemicError)
    assert counts_of(run) == {"accepted": 2000, "not_sent": 3000}
    assert with_novk.stats()["calls"] <= 20 + 100


def test_more_bad_rows_than_are_worth_finding_stop_the_run_and_those_found_are_kept(with_novk, tmp_path):
    with_novk.inject("code", code=532)
    rejects = tmp_path / "dead.jsonl"
    run = importing(
        settings_of(with_novk),
        people(1000),
        rejects,
        rows_per_call=4,
        concurrency=1,
        isolation_limits=IsolationLimits(calls=100, calls_per_accepted_row=0),
    )
    failure = failure_of(run)
    assert isinstance(failure, SystemicError)
    assert "Finding bad rows took 100 calls" in str(failure)
    shown = counts_of(run)
    assert {*shown} == {"rejected", "not_sent"}
    assert [bucket for _, bucket, _ in rejected_rows(rejects)].count("rejected") == shown["rejected"]
    assert with_novk.stats()["calls"] <= 100 + 17  # the parts, and the chunks they are of


# The pace.


@pytest.mark.thorough
@pytest.mark.parametrize("over_limit", ["429", "429-retry-after", "517"])
def test_a_limit_below_our_pace_slows_the_run_down_and_loses_nothing(crm, over_limit):
    crm.configure(calls_per_second=15, over_limit=over_limit)
    run = importing(
        settings_of(crm, "body", calls_per_second=45),
        people(400, "body"),
        rows_per_call=10,
        retry_limits=RetryLimits(attempts=50, first_wait=0.2, longest_wait=1),
    )
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 400}
    calls = run.manifest()["calls"]
    assert calls["sent"] == crm.stats()["calls"] == 40 + calls["retries"]
    assert calls["retries"] > 0


def test_no_second_sees_more_calls_than_the_pace_probes_and_retries_included(with_novk):
    with_novk.inject("code", code=517, rate=0.2)
    rows = [row | ({"No Such": "x"} if place % 40 == 0 else {}) for place, row in enumerate(people(400))]
    run = importing(settings_of(with_novk, calls_per_second=40), rows, rows_per_call=20, concurrency=4)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 390, "rejected": 10}
    [peak] = with_novk.stats()["peak_calls_per_second"].values()
    # Starts are 1/40 s apart, so 41 at most within a second; calls that started before it may arrive in it.
    assert peak <= 41 + 4
