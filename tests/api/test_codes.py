from __future__ import annotations

import re

import pytest

from airflow_provider_socialscrm.api import codes
from airflow_provider_socialscrm.api.codes import REFUSED, TABLES, Blame, Family, Recovery, look_up
from airflow_provider_socialscrm.api.errors import RequestError, SettingError, UnknownCodeError, error_type
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

LINES = [(family, code) for family, table in TABLES.items() for code in table]
EACH_LINE = pytest.mark.parametrize(
    ("family", "code"), LINES, ids=[f"{family.name}-{code.number}" for family, code in LINES]
)


def test_the_tables_are_the_source_documents():
    tables = {code.number: code.text for _, code in LINES}
    assert tables == {REFUSED: "Admin Cannot import data"} | VENDOR_TEXTS


@pytest.mark.parametrize("family", Family)
def test_each_family_has_a_table_with_one_line_for_each_number_in_order(family):
    numbers = [code.number for code in TABLES[family]]
    assert numbers == sorted(set(numbers))


@EACH_LINE
def test_a_code_of_the_family_is_the_line_of_its_table(family, code):
    assert look_up(code.number, code.text, family=family) is code


@EACH_LINE
def test_every_code_has_its_meaning_and_a_hint_in_sentences(family, code):
    assert re.fullmatch(r"[A-Z].+\.", code.meaning), family
    assert re.fullmatch(r"[A-Z].+\.", code.hint), family
    assert code.meaning.lower().rstrip(".") != code.text.lower()


@EACH_LINE
def test_a_hint_calls_settings_by_their_labels_in_the_form(family, code):
    assert not re.search(r"auth_scheme|tenant_id|time_zone|api_key|user_name|password|login\b(?! of)", code.hint), (
        family
    )
    if error_type(code) is SettingError:
        assert re.search("|".join(labels()) + "|vendor", code.hint)


def labels():
    (connection_type,) = get_provider_info()["connection-types"]
    fields = connection_type["conn-fields"].values()
    return [*connection_type["ui-field-behaviour"]["relabeling"].values(), *(field["label"] for field in fields)]


@EACH_LINE
def test_who_is_at_fault_fits_what_is_done(family, code):
    stops = {Blame.CONNECTION, Blame.SIGNER, Blame.REQUEST}
    fitting = {
        Recovery.STOP: stops,
        Recovery.RE_SIGN: {Blame.CONNECTION},
        Recovery.UNCERTAIN: {Blame.SERVICE},
        Recovery.POLL: {Blame.SERVICE},
        Recovery.HALVE_BYTES: {Blame.REQUEST},
    }
    assert code.blame in fitting.get(code.recovery, {Blame.ROW}), family


@pytest.mark.parametrize("family", Family)
def test_a_code_of_another_family_is_a_wrong_request(family):
    own = {code.number for code in TABLES[family]}
    others = {code.number: code for _, code in LINES if code.number not in own}
    assert others
    for number, line in others.items():
        code = look_up(number, line.text, family=family)
        assert (code.number, code.text) == (number, line.text)
        assert (code.recovery, code.blame, error_type(code)) == (Recovery.STOP, Blame.REQUEST, RequestError)
        assert code.hint.startswith("This code belongs to another endpoint")


def test_a_code_means_what_it_means_in_its_family():
    assert look_up(508, family=Family.MASS_SEND).meaning != look_up(508, family=Family.IMPORT).meaning
    assert look_up(538, family=Family.GROUP_LINKS).recovery is Recovery.POLL
    assert look_up(538, family=Family.IMPORT).recovery is Recovery.STOP


@pytest.mark.parametrize("family", Family)
def test_a_complaint_about_missing_data_proves_the_signature_and_no_other_code_does(family):
    assert {code.number for code in TABLES[family] if code.proves_signature} == {506, 534}


@pytest.mark.parametrize(
    "text", ["Admin Cannot import data", "admin cannot import data", " Admin Cannot import data\n"]
)
def test_the_refusal_of_administrators_names_the_setting(text):
    code = look_up(-1, text, family=Family.IMPORT)
    assert (code.number, code.text, code.recovery) == (-1, "Admin Cannot import data", Recovery.STOP)
    assert code.blame is Blame.SIGNER
    assert "User name" in code.hint
    assert error_type(code) is SettingError


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(
    ("number", "text"), [(-1, ""), (-1, "whatsApp is error"), (-1, "Admin"), (535, "?"), (0, ""), (539, ""), (-2, "x")]
)
def test_a_code_in_no_table_keeps_the_text_and_is_isolated_under_a_guard(number, text, family):
    code = look_up(number, text, family=family)
    assert (code.number, code.text, code.recovery) == (number, text, Recovery.ISOLATE_UNKNOWN)
    assert code.blame is Blame.UNKNOWN
    assert error_type(code) is UnknownCodeError


def test_a_text_in_no_table_is_cleaned_before_a_line_keeps_it():
    code = look_up(-1, "no Ana here", family=Family.IMPORT, clean=lambda text: text.replace("Ana", "[hidden]"))
    assert code.text == "no [hidden] here"


def test_a_known_code_keeps_the_tables_text_whatever_the_response_says():
    assert look_up(531, "Ana does not exist", family=Family.IMPORT).text == "userName is error"


def test_the_text_about_administrators_means_nothing_beside_another_code():
    assert look_up(999, codes.ADMIN_CANNOT_IMPORT, family=Family.IMPORT).recovery is Recovery.ISOLATE_UNKNOWN
