"""Reasons and errors say what to do next, and blame only rows that are at fault."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.codes import ADMIN_CANNOT_IMPORT, REFUSED, Family, look_up
from airflow_provider_socialscrm.api.errors import (
    RequestError,
    ServiceError,
    SettingError,
    TooLargeError,
    UncertainError,
    refusal,
)
from airflow_provider_socialscrm.importer.sending.failure_reasons import (
    AGENT_HINT,
    agent_reason,
    final_failure,
    isolation_exhausted,
    reason_if_unknown,
    reason_of,
    unknown_fields,
)
from airflow_provider_socialscrm.importer.sending.refused_fields import Culprits

SIGNERS = [look_up(530, family=Family.IMPORT), look_up(REFUSED, ADMIN_CANNOT_IMPORT, family=Family.IMPORT)]
UNKNOWN_AGENT = look_up(531, family=Family.IMPORT)
UNKNOWN_NUMBER = look_up(532, family=Family.IMPORT)


@pytest.mark.parametrize("code", SIGNERS)
def test_a_wrong_user_of_the_connection_is_not_the_fault_of_a_rows_agent(code):
    assert "User name" in reason_of(refusal(code)).hint


@pytest.mark.parametrize("code", SIGNERS)
def test_an_agent_that_rows_name_is_to_be_corrected_in_the_rows(code):
    reason = agent_reason(refusal(code))

    assert (reason.code, reason.hint) == (code.number, AGENT_HINT)
    assert reason.meaning.startswith("The row's agent cannot import customers: ")


def test_an_agent_that_does_not_exist_has_the_meaning_of_the_code_itself():
    assert agent_reason(refusal(UNKNOWN_AGENT)) == reason_of(refusal(UNKNOWN_AGENT))


@pytest.mark.parametrize("kind", [SettingError, RequestError])
def test_a_cause_that_a_retry_cannot_fix_is_to_be_fixed_before_the_import_is_run_again(kind):
    assert reason_of(kind("Wrong.", http_status=404)).hint.startswith("Fix what stopped the run")


@pytest.mark.parametrize("kind", [ServiceError, UncertainError])
def test_after_a_failure_that_may_pass_the_import_is_to_be_run_again(kind):
    reason = reason_of(kind("Unavailable.", http_status=500))

    assert (reason.code, reason.hint[:18]) == ("HTTP 500", "Run the task again")


def test_a_row_that_is_too_large_alone_is_to_be_shortened():
    assert reason_of(TooLargeError("Too large.", http_status=413)).hint.startswith("Shorten the texts of this row")


@pytest.mark.parametrize("failure", [UncertainError("Lost."), UncertainError("Unavailable.", http_status=500)])
def test_a_row_that_must_not_be_sent_twice_is_to_be_looked_up_and_not_sent_again_blindly(failure):
    assert reason_if_unknown(failure).meaning == reason_of(failure).meaning
    assert reason_if_unknown(failure).hint.startswith("Look the customer up in the CRM")


def test_too_many_bad_rows_are_reported_with_the_last_rejection_and_where_to_look():
    sentence = str(isolation_exhausted(refusal(UNKNOWN_NUMBER), 5000))

    assert sentence.startswith("Finding bad rows took 5,000 calls")
    assert UNKNOWN_NUMBER.hint in sentence
    assert "rejects_path" in sentence


@pytest.mark.parametrize(
    ("suspects", "accepted", "found", "advice"),
    [
        ({"Shoe Size"}, set(), "no row with 'Shoe Size'. It does not know this field,", "Remove it from"),
        (
            {"Shoe Size"},
            {"Level", "Club"},
            "no row with 'Shoe Size', while it accepted rows with 'Club', 'Level'. It does not know this field,",
            "Remove it from",
        ),
        (
            {"Shoe Size", "Hat"},
            set(),
            "no row with any of 'Hat', 'Shoe Size'. It does not know at least one of these fields,",
            "Remove such a field from",
        ),
        (
            {"Level", "Club"},
            {"Level", "Club"},
            "no row with exactly 'Club', 'Level', though it accepted each of these fields in other rows.",
            "Remove such a field from",
        ),
    ],
)
def test_extension_fields_with_which_no_row_is_accepted_are_named_with_what_to_do(suspects, accepted, found, advice):
    sentence = str(unknown_fields(Culprits(frozenset(suspects), frozenset(accepted))))

    assert f"accepted {found}" in sentence
    assert f"{advice} extension_fields" in sentence
    assert "or create it in the CRM under exactly this name" in sentence


@pytest.mark.parametrize(
    ("offset", "re_signed", "said"),
    [
        (600.0, 2, "Its clock is +600 s from ours"),
        (-600.0, 2, "Its clock is -600 s from ours"),
        (0.0, 2, "Its clock agrees with ours"),
        (None, 0, "the difference is unknown"),
    ],
)
def test_a_last_502_names_the_offset_and_the_setting(offset, re_signed, said):
    failure = final_failure(refusal(look_up(502, family=Family.IMPORT), clock_offset=offset), re_signed)

    assert isinstance(failure, SettingError)
    assert said in str(failure)
    assert "Time zone" in str(failure)


def test_any_other_last_failure_is_raised_as_it_is():
    failure = ServiceError("Unavailable.")

    assert final_failure(failure, 2) is failure
