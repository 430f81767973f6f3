from __future__ import annotations

import re

import pytest

from airflow_provider_socialscrm.api import codes
from airflow_provider_socialscrm.api.codes import CODES, Recovery, look_up
from airflow_provider_socialscrm.api.errors import (
    ClockError,
    NotReadyError,
    RequestError,
    RowError,
    ServiceError,
    SettingError,
    TooLargeError,
    UnknownCodeError,
    error_type,
)
from airflow_provider_socialscrm.get_provider_info import get_provider_info

VENDOR_TABLE = """
501 | appSecret error
502 | timestamp timeout
503 | name is empty
504 | executor error
505 | executor is empty
506 | data is empty
507 | data size big
508 | no exist userName
509 | customer group is null
510 | customer group key error
511 | customer group value error
512 | send type == 1 and startTime is not null
513 | start time is error
514 | content is null
515 | file is null
516 | main userId is null
517 | database error
518 | timestamp is null
519 | timestamp is error
520 | send interval is null
521 | task name repetition
522 | accessToken is error
523 | tenantId is null
524 | userName is null
525 | token is null
526 | createTime is null
527 | group is error
528 | group is null
529 | Non-professional Edition
530 | action username error
531 | userName is error
532 | customer whats id is null
533 | extended field format error
534 | whatsid list null
536 | groupLinkList is null
537 | groupLink is not exist . Please reload it !
538 | parsing group link. Please try again later
"""
VENDOR_TEXTS = {int(number): text for number, text in re.findall(r"(\d+) \| (.+)", VENDOR_TABLE)}

SETTING = (Recovery.STOP, SettingError)
REQUEST = (Recovery.STOP, RequestError)
ROW = (Recovery.ISOLATE, RowError)
ASKS_FOR = {
    **dict.fromkeys((501, 516, 518, 519, 522, 523, 524, 525, 526, 529, 530), SETTING),
    **dict.fromkeys((503, 504, 505, 506, 509, 510, 511, 512, 513, 514, 515), REQUEST),
    **dict.fromkeys((520, 521, 527, 528, 534, 536, 537), REQUEST),
    502: (Recovery.RE_SIGN, ClockError),
    507: (Recovery.SHRINK, TooLargeError),
    508: ROW,
    517: (Recovery.WAIT, ServiceError),
    531: (Recovery.BLAME_AGENT, RowError),
    532: ROW,
    533: (Recovery.BLAME_EXTENSION, RowError),
    538: (Recovery.POLL, NotReadyError),
}


def test_the_table_is_the_source_documents_and_200():
    table = {number: code.text for number, code in CODES.items()}
    assert table == {200: "Success"} | VENDOR_TEXTS
    assert [*CODES] == sorted(CODES)


def test_every_code_asks_for_what_the_design_says():
    table = {number: (code.recovery, error_type(code)) for number, code in CODES.items() if number != codes.SUCCESS}
    assert table == ASKS_FOR


def test_success_asks_for_nothing_but_settling():
    assert CODES[200].recovery is Recovery.SETTLE


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: str(code.number))
def test_every_code_has_its_meaning_and_a_hint_in_sentences(code):
    assert re.fullmatch(r"[A-Z].+\.", code.meaning)
    assert re.fullmatch(r"[A-Z].+\.", code.hint)
    assert code.meaning.lower().rstrip(".") != code.text.lower()


@pytest.mark.parametrize("code", [*CODES.values(), look_up(-1, codes.ADMIN_CANNOT_IMPORT)], ids=lambda c: str(c.number))
def test_a_hint_calls_settings_by_their_labels_in_the_form(code):
    assert not re.search(r"auth_scheme|tenant_id|time_zone|api_key|user_name|password|login\b(?! of)", code.hint)
    if error_type_is_setting(code):
        assert re.search("|".join(labels()) + "|vendor", code.hint)


def error_type_is_setting(code):
    return code.recovery is Recovery.STOP and error_type(code) is SettingError


def labels():
    (connection_type,) = get_provider_info()["connection-types"]
    fields = connection_type["conn-fields"].values()
    return [*connection_type["ui-field-behaviour"]["relabeling"].values(), *(field["label"] for field in fields)]


@pytest.mark.parametrize(
    "text", ["Admin Cannot import data", "admin cannot import data", " Admin Cannot import data\n"]
)
def test_the_refusal_of_administrators_names_the_setting(text):
    code = look_up(-1, text)
    assert (code.number, code.text, code.recovery) == (-1, "Admin Cannot import data", Recovery.STOP)
    assert "User name" in code.hint
    assert error_type(code) is SettingError


@pytest.mark.parametrize(
    ("number", "text"), [(-1, ""), (-1, "whatsApp is error"), (-1, "Admin"), (535, "?"), (0, ""), (539, ""), (-2, "x")]
)
def test_a_code_in_no_table_keeps_the_text_and_is_isolated_under_a_guard(number, text):
    code = look_up(number, text)
    assert (code.number, code.text, code.recovery) == (number, text, Recovery.GUARD)
    assert error_type(code) is UnknownCodeError


def test_a_text_in_no_table_is_cleaned_before_an_entry_keeps_it():
    assert look_up(-1, "no Ana here", clean=lambda text: text.replace("Ana", "[hidden]")).text == "no [hidden] here"


@pytest.mark.parametrize("number", [531, 200])
def test_a_known_code_keeps_the_tables_text_whatever_the_answer_said(number):
    assert look_up(number, "Ana does not exist") is CODES[number]


def test_the_text_about_administrators_means_nothing_beside_another_code():
    assert look_up(999, codes.ADMIN_CANNOT_IMPORT).recovery is Recovery.GUARD
