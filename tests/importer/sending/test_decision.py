"""One table for every code of every family, and for failures without a code: the error, and what is decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.answers import read_answer
from airflow_provider_socialscrm.api.codes import ADMIN_CANNOT_IMPORT, REFUSED, TABLES, Family, Recovery, look_up
from airflow_provider_socialscrm.api.errors import (
    ClockError,
    DataError,
    NotReadyError,
    RequestError,
    RowError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    TooLargeError,
    UncertainError,
    UnknownCodeError,
    refusal,
)
from airflow_provider_socialscrm.api.retry import RetryLimits, backoff
from airflow_provider_socialscrm.importer.sending.decision import MOST_RE_SIGNED, Action, Attempt, Decision, decide
from airflow_provider_socialscrm.importer.sending.stray_responses import after_success

LIMITS = RetryLimits()


def attempt(**facts) -> Attempt:
    return Attempt(**{"attempts": 1, "re_signed": 0, "elapsed": 0.0, "rows": 10, "repeatable": True} | facts)


def decided(failure: SocialSCRMError, random: float = 0.5, **facts) -> Decision:
    return decide(failure, attempt(**facts), LIMITS, random)


def action(failure: SocialSCRMError, **facts) -> Action:
    return decided(failure, **facts).action


# Every code of every family: the error, the action for several rows, and the one for a single row.

SETTING = (SettingError, Action.STOP, Action.STOP)
REQUEST = (RequestError, Action.STOP, Action.STOP)
ISOLATED = (RowError, Action.HALVE_ROWS, Action.REJECT)
TOO_LARGE = (TooLargeError, Action.HALVE_BYTES, Action.REJECT)
UNKNOWN = (UnknownCodeError, Action.PROBE_ROW, Action.REJECT_UNLESS_SYSTEMIC)

ADMIN = (REFUSED, ADMIN_CANNOT_IMPORT)
# What may have been taken: the actions for rows that may be sent again, and for those that may not.
MAYBE_TAKEN = (UncertainError, Action.SEND_AGAIN, Action.SEND_AGAIN)
HELD = (UncertainError, Action.KEEP_UNKNOWN, Action.KEEP_UNKNOWN)

EVERY_CALL = {
    **dict.fromkeys((501, 516, 518, 519, 522, 523, 524, 525, 526, 529, 530), SETTING),
    **dict.fromkeys((506, 534), REQUEST),
    502: (ClockError, Action.RE_SIGN, Action.RE_SIGN),
    517: MAYBE_TAKEN,
}
OWN: Final = {
    Family.IMPORT: {
        ADMIN: SETTING,
        507: TOO_LARGE,
        508: ISOLATED,
        531: (RowError, Action.PROBE_AGENTS, Action.PROBE_AGENTS),
        532: ISOLATED,
        533: (RowError, Action.SPLIT_BY_EXTENSION, Action.REJECT_UNLESS_FIELDS),
    },
    **{family: {} for family in (Family.USER_QUERY, Family.AGENTS, Family.NUMBERS, Family.CHATS, Family.OTHER)},
    Family.SCREENING: {507: REQUEST},
    Family.MASS_SEND: {
        **dict.fromkeys((503, 504, 505, *range(509, 516), 520, 521, 527, 528), REQUEST),
        507: TOO_LARGE,
        508: ISOLATED,
    },
    Family.SEND: {**dict.fromkeys((507, 513, 514, 515, 531, 532), REQUEST)},
    Family.SEND_STATUS: {},
    Family.GROUP_LINKS: {536: REQUEST, 537: REQUEST, 538: (NotReadyError, Action.STOP, Action.STOP)},
    Family.OWNERS: {507: TOO_LARGE, 532: ISOLATED},
}
IN_NO_TABLE = dict.fromkeys((0, 400, 535, 539, 599, 999, (REFUSED, ""), (REFUSED, "whatsApp is error")), UNKNOWN)
KNOWN = [*EVERY_CALL, *(key for own in OWN.values() for key in own)]


def code_of(key: int | tuple[int, str], family: Family):
    number, text = key if isinstance(key, tuple) else (key, "odd")
    return look_up(number, text, family=family)


def expected(family: Family, key: int | tuple[int, str]):
    return (EVERY_CALL | IN_NO_TABLE | OWN[family]).get(key, REQUEST)  # a code of another family: a wrong request


@pytest.mark.parametrize("family", Family)
def test_the_table_here_has_every_line_of_a_family(family):
    lines = {ADMIN if code.number == REFUSED else code.number for code in TABLES[family]}

    assert lines == {*EVERY_CALL, *OWN[family]}


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("key", [*dict.fromkeys((*KNOWN, *IN_NO_TABLE))], ids=str)
@pytest.mark.parametrize("family", Family)
def test_each_code_of_each_family_leads_to_its_error_and_its_actions(family, key, repeatable):
    failure = refusal(code_of(key, family), clock_offset=7.0)

    several, single = (action(failure, rows=rows, repeatable=repeatable) for rows in (10, 1))

    wanted = expected(family, key)
    assert (type(failure), several, single) == (HELD if wanted is MAYBE_TAKEN and not repeatable else wanted)


@pytest.mark.parametrize("key", [*dict.fromkeys((*KNOWN, *IN_NO_TABLE))], ids=str)
def test_where_rows_name_the_signer_only_codes_about_the_signer_are_decided_otherwise(key):
    failure = refusal(code_of(key, Family.IMPORT), clock_offset=7.0)

    several, single = (action(failure, rows=rows, agent_from_row=True) for rows in (10, 1))

    blames_signer = key in (530, ADMIN)
    probes = (SettingError, Action.PROBE_AGENTS, Action.PROBE_AGENTS)
    assert (type(failure), several, single) == (probes if blames_signer else expected(Family.IMPORT, key))


# Every HTTP status, and failures of the transport.

REPEATED = (Action.SEND_AGAIN,) * 4
NOT_REPEATED = (Action.SEND_AGAIN, Action.SEND_AGAIN, Action.KEEP_UNKNOWN, Action.KEEP_UNKNOWN)
STOPPED = (Action.STOP,) * 4
STATUSES = {
    **dict.fromkeys((*range(201, 300), *range(500, 600), 408, 429), (UncertainError, NOT_REPEATED)),
    **dict.fromkeys(range(300, 400), (SettingError, STOPPED)),
    **dict.fromkeys({*range(400, 500)} - {408, 429}, (RequestError, STOPPED)),
    **dict.fromkeys((401, 403, 404, 405, 407), (SettingError, STOPPED)),
    413: (TooLargeError, (Action.HALVE_BYTES, Action.REJECT) * 2),
}


def failure_with(status: int, family: Family, headers: dict[str, str] | None = None) -> SocialSCRMError:
    with pytest.raises(SocialSCRMError) as caught:
        read_answer(status, headers or {}, b'{"code":200}', family=family, now=0.0)
    return caught.value


def outcome_of(failure: SocialSCRMError) -> tuple[type[SocialSCRMError], tuple[Action, ...]]:
    return type(failure), actions(failure)


def actions(failure: SocialSCRMError) -> tuple[Action, ...]:
    """Return what is decided on several rows and on one, that may be sent again and that may not."""
    return tuple(action(failure, rows=rows, repeatable=safe) for safe in (True, False) for rows in (10, 1))


@pytest.mark.parametrize("family", Family)
def test_each_http_status_leads_to_its_error_and_its_actions_whatever_the_endpoint(family):
    found = {status: outcome_of(failure_with(status, family)) for status in STATUSES}

    assert found == STATUSES


@pytest.mark.parametrize("family", Family)
def test_each_http_status_with_a_time_to_come_again_leads_to_the_same_unless_the_server_is_busy(family):
    later = {"Retry-After": "5"}
    found = {status: outcome_of(failure_with(status, family, later)) for status in STATUSES}

    assert found == STATUSES | dict.fromkeys((429, 503), (ServiceError, REPEATED))


def test_each_http_status_leads_to_another_attempt_once_calls_have_succeeded():
    found = {status: outcome_of(after_success(failure_with(status, Family.IMPORT))) for status in STATUSES}

    assert found == dict.fromkeys(STATUSES, (UncertainError, NOT_REPEATED)) | {413: STATUSES[413]}


@pytest.mark.parametrize("key", [*dict.fromkeys((*KNOWN, *IN_NO_TABLE))], ids=str)
def test_a_code_means_the_same_after_calls_have_succeeded(key):
    failure = refusal(code_of(key, Family.IMPORT))

    assert after_success(failure) is failure


@pytest.mark.parametrize(
    ("failure", "decided"),
    [
        (ServiceError("no connection"), REPEATED),
        (UncertainError("no response"), NOT_REPEATED),
        (SettingError("certificate"), STOPPED),
        (RequestError("wrong"), STOPPED),
        (NotReadyError("later"), STOPPED),
        (DataError("rows"), (Action.PROBE_ROW, Action.REJECT_UNLESS_SYSTEMIC) * 2),
        (SocialSCRMError("of no class"), STOPPED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_failure_without_a_response_leads_to_its_actions(failure, decided):
    assert actions(failure) == decided


@pytest.mark.parametrize("recovery", Recovery)
@pytest.mark.parametrize("facts", [{"rows": 1}, {"repeatable": False}, {"agent_from_row": True}, {}], ids=str)
def test_something_is_decided_for_every_recovery(recovery, facts):
    line = replace(look_up(999, family=Family.IMPORT), recovery=recovery)

    assert action(refusal(line), **facts) in Action


# Waiting and signing again.


def test_502_is_signed_again_with_the_servers_time():
    failure = refusal(look_up(502, family=Family.IMPORT), clock_offset=7.0)

    assert decided(failure) == Decision(Action.RE_SIGN, clock_offset=7.0)


def test_517_is_sent_again_after_a_wait():
    assert decided(refusal(look_up(517, family=Family.IMPORT))) == Decision(Action.SEND_AGAIN, delay=0.5)


@pytest.mark.parametrize(
    "facts",
    [{"attempts": LIMITS.attempts}, {"elapsed": LIMITS.seconds}, {"budget": 0.5}],
)
@pytest.mark.parametrize("failure", [ServiceError("unavailable"), UncertainError("lost")])
def test_retries_end_after_attempts_or_seconds_or_when_the_run_has_no_budget_left(failure, facts):
    assert decided(failure, **facts) == Decision(Action.STOP)


@pytest.mark.parametrize("re_signed", range(MOST_RE_SIGNED + 1))
def test_502_is_signed_again_at_most_so_often(re_signed):
    failure = refusal(look_up(502, family=Family.IMPORT), clock_offset=-600.0)

    assert action(failure, re_signed=re_signed) is (Action.STOP if re_signed == MOST_RE_SIGNED else Action.RE_SIGN)


@pytest.mark.parametrize(
    ("offset", "signed_offset", "decided"),
    [
        (600.0, 0.0, Action.RE_SIGN),
        (600.0, 599.0, Action.STOP),  # signed with the server's time already
        (600.0, 500.0, Action.RE_SIGN),
        (0.0, 0.0, Action.STOP),  # the clocks agree
        (1.5, 0.0, Action.STOP),
        (0.0, None, Action.RE_SIGN),  # calls were accepted, so this one was merely late
    ],
)
def test_502_is_not_signed_again_with_the_same_time(offset, signed_offset, decided):
    failure = refusal(look_up(502, family=Family.IMPORT), clock_offset=offset)

    assert action(failure, signed_offset=signed_offset) is decided


def test_502_without_a_date_in_the_response_stops_the_run():
    assert action(refusal(look_up(502, family=Family.IMPORT))) is Action.STOP


@given(attempts=st.integers(1, 50), random=st.floats(0, 1))
def test_backoff_stays_between_nothing_and_its_bound(attempts, random):
    bound = min(LIMITS.longest_wait, LIMITS.first_wait * 2 ** (attempts - 1))

    assert 0 <= backoff(attempts, LIMITS, random) <= bound


@given(asked=st.floats(0, 1e9), random=st.floats(0, 1))
def test_retry_after_is_obeyed_up_to_the_longest_wait(asked, random):
    waited = backoff(1, LIMITS, random, asked)

    assert min(asked, LIMITS.longest_wait) <= waited <= LIMITS.longest_wait + LIMITS.first_wait
