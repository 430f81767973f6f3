"""What a person reads about rows tells what to do next, and blames no row that is not at fault."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.codes import ADMIN_CANNOT_IMPORT, CODES, REFUSED, look_up
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
    fields_refused,
    held,
    isolation_exhausted,
    reason_of,
)
from airflow_provider_socialscrm.importer.sending.refused_fields import Culprits

SIGNERS = [CODES[530], look_up(REFUSED, ADMIN_CANNOT_IMPORT)]


@pytest.mark.parametrize("code", SIGNERS)
def test_a_wrong_user_of_the_connection_is_no_fault_of_a_rows_agent(code):
    assert "User name" in reason_of(refusal(code)).hint


@pytest.mark.parametrize("code", SIGNERS)
def test_an_agent_that_rows_name_is_to_be_mended_in_the_rows(code):
    reason = agent_reason(refusal(code))

    assert (reason.code, reason.hint) == (code.number, AGENT_HINT)
    assert reason.meaning.startswith("The row's agent cannot import customers: ")


def test_an_agent_that_does_not_exist_is_told_by_the_code_itself():
    assert agent_reason(refusal(CODES[531])) == reason_of(refusal(CODES[531]))


@pytest.mark.parametrize("kind", [SettingError, RequestError])
def test_what_no_retry_mends_is_to_be_mended_before_the_import_is_run_again(kind):
    assert reason_of(kind("Wrong.", http_status=404)).hint.startswith("Fix what stopped the run")


@pytest.mark.parametrize("kind", [ServiceError, UncertainError])
def test_what_may_pass_is_to_be_run_again(kind):
    reason = reason_of(kind("Ill.", http_status=500))

    assert (reason.code, reason.hint[:20]) == ("HTTP 500", "Run the import again")


def test_a_row_that_is_too_large_alone_is_to_be_shortened():
    assert reason_of(TooLargeError("Too large.", http_status=413)).hint.startswith("Shorten the texts of this row")


@pytest.mark.parametrize("failure", [UncertainError("Lost."), UncertainError("Ill.", http_status=500)])
def test_a_row_that_must_not_be_sent_twice_is_to_be_looked_up_and_not_sent_again_blindly(failure):
    assert held(failure).meaning == reason_of(failure).meaning
    assert held(failure).hint.startswith("Look the customer up in the CRM")


def test_too_many_bad_rows_are_told_with_the_last_refusal_and_where_to_look():
    sentence = str(isolation_exhausted(refusal(CODES[532]), 5000))

    assert sentence.startswith("5,000 calls went into finding bad rows")
    assert CODES[532].hint in sentence
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
    sentence = str(fields_refused(Culprits(frozenset(suspects), frozenset(accepted))))

    assert f"accepted {found}" in sentence
    assert f"{advice} extension_fields" in sentence
    assert "or create it in the CRM under exactly this name" in sentence
