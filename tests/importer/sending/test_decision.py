from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.codes import CODES, look_up
from airflow_provider_socialscrm.api.errors import ServiceError, SettingError, SocialSCRMError, UncertainError, refusal
from airflow_provider_socialscrm.api.retry import RetryLimits, backoff
from airflow_provider_socialscrm.importer.sending.decision import (
    MOST_RE_SIGNED,
    Attempt,
    BlameAgent,
    BlameExtension,
    Halve,
    Hold,
    Probe,
    Reject,
    ReSign,
    SendAgain,
    Shrink,
    Stop,
    Suspect,
    SuspectFields,
    final_failure,
    next_step,
)

EFFORT = RetryLimits()


def attempt(**facts) -> Attempt:
    return Attempt(**{"attempts": 1, "re_signed": 0, "elapsed": 0.0, "rows": 10, "repeatable": True} | facts)


def step(failure: SocialSCRMError, chance: float = 0.5, **facts):
    return next_step(failure, attempt(**facts), EFFORT, chance)


STOPS = [501, 503, 504, 505, 506, *range(509, 517), *range(518, 531), 534, 536, 537, 538]
TAKEN_APART = {
    507: (Shrink, Reject),
    508: (Halve, Reject),
    531: (BlameAgent, BlameAgent),
    532: (Halve, Reject),
    533: (BlameExtension, SuspectFields),
}


def test_the_tables_here_name_every_code():
    assert sorted([200, 502, 517, *STOPS, *TAKEN_APART]) == sorted(CODES)


@pytest.mark.parametrize("rows", [1, 10])
@pytest.mark.parametrize("number", STOPS)
def test_codes_of_settings_and_of_other_endpoints_stop_the_run(number, rows):
    assert isinstance(step(refusal(CODES[number], clock_offset=7.0), rows=rows), Stop)


@pytest.mark.parametrize(("number", "together", "alone"), [(code, *steps) for code, steps in TAKEN_APART.items()])
def test_codes_of_rows_take_the_call_apart_by_what_they_blame(number, together, alone):
    assert isinstance(step(refusal(CODES[number])), together)
    assert isinstance(step(refusal(CODES[number]), rows=1), alone)


def test_502_is_signed_again_with_the_servers_time():
    assert step(refusal(CODES[502], clock_offset=7.0)) == ReSign(7.0)


def test_517_is_waited_for():
    assert step(refusal(CODES[517])) == SendAgain(0.5)


@pytest.mark.parametrize("code", [look_up(999, "odd"), look_up(535, "?"), look_up(-1, "whatsApp is error")])
def test_an_unknown_code_is_probed_for_a_systemic_cause(code):
    assert isinstance(step(refusal(code)), Probe)
    assert isinstance(step(refusal(code), rows=1), Suspect)


def test_an_administrator_as_the_connections_user_stops_the_run():
    assert isinstance(step(refusal(look_up(-1, "Admin Cannot import data"))), Stop)


@pytest.mark.parametrize("code", [CODES[530], look_up(-1, "Admin Cannot import data")])
def test_an_agent_the_rows_named_is_their_verdict_and_nobody_elses(code):
    assert isinstance(step(refusal(code), agent_from_row=True), BlameAgent)


def test_no_other_setting_is_blamed_on_the_rows_agent():
    assert isinstance(step(refusal(CODES[522]), agent_from_row=True), Stop)


@pytest.mark.parametrize(("repeatable", "expected"), [(True, SendAgain), (False, Hold)])
def test_a_call_of_unknown_outcome_is_sent_again_only_where_that_does_no_harm(repeatable, expected):
    assert isinstance(step(UncertainError("lost"), repeatable=repeatable), expected)


def test_a_call_that_surely_was_not_taken_is_sent_again_also_with_side_effects():
    assert isinstance(step(ServiceError("no connection"), repeatable=False), SendAgain)


@pytest.mark.parametrize(
    "facts",
    [{"attempts": EFFORT.attempts}, {"elapsed": EFFORT.seconds}, {"budget": 0.5}],
)
def test_waiting_ends_after_attempts_or_seconds_or_when_the_run_has_no_budget_left(facts):
    assert isinstance(step(ServiceError("ill"), **facts), Stop)


@pytest.mark.parametrize("re_signed", range(MOST_RE_SIGNED + 1))
def test_502_is_signed_again_at_most_so_often(re_signed):
    failure = refusal(CODES[502], clock_offset=-600.0)

    assert isinstance(step(failure, re_signed=re_signed), Stop if re_signed == MOST_RE_SIGNED else ReSign)


def test_502_without_a_date_in_the_answer_cannot_be_mended():
    assert isinstance(step(refusal(CODES[502])), Stop)


@given(attempts=st.integers(1, 50), chance=st.floats(0, 1))
def test_backoff_stays_between_nothing_and_its_bound(attempts, chance):
    bound = min(EFFORT.longest_wait, EFFORT.first_wait * 2 ** (attempts - 1))

    assert 0 <= backoff(attempts, EFFORT, chance) <= bound


@given(asked=st.floats(0, 1e9), chance=st.floats(0, 1))
def test_retry_after_is_obeyed_up_to_the_longest_wait(asked, chance):
    waited = backoff(1, EFFORT, chance, asked)

    assert min(asked, EFFORT.longest_wait) <= waited <= EFFORT.longest_wait + EFFORT.first_wait


@pytest.mark.parametrize(
    ("offset", "re_signed", "said"),
    [
        (600.0, 2, "Its clock is +600 s from ours"),
        (-600.0, 2, "Its clock is -600 s from ours"),
        (0.0, 2, "Its clock agrees with ours"),
        (None, 0, "cannot be told"),
    ],
)
def test_a_last_502_names_the_offset_and_the_setting(offset, re_signed, said):
    failure = final_failure(refusal(CODES[502], clock_offset=offset), re_signed)

    assert isinstance(failure, SettingError)
    assert said in str(failure)
    assert "Time zone" in str(failure)
