from __future__ import annotations

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from airflow_provider_socialscrm.api.answers import clock_offset, read_answer, retry_after
from airflow_provider_socialscrm.api.codes import TABLES, Family, Recovery
from airflow_provider_socialscrm.api.envelopes import read_envelope
from airflow_provider_socialscrm.api.errors import (
    ClockError,
    NotReadyError,
    RequestError,
    RowError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    TooLargeError,
    UncertainError,
    UnknownCodeError,
)

NOW = 1685592732.0
HTML = b"<html><body>502 Bad Gateway</body></html>"


def envelope(**fields):
    return json.dumps(fields).encode()


def failure_of(status, body=b"", headers=None, **options):
    with pytest.raises(SocialSCRMError) as caught:
        read_answer(status, CaseInsensitiveDict(headers or {}), body, **{"family": Family.IMPORT, "now": NOW} | options)
    return caught.value


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"code":200,"message":"Success","data":""}', ""),
        (b'{"code":200,"message":"Success "}', None),
        ('{"code":200,"message":"成功","data":null}'.encode(), None),
        (b'{"code":200,"message":"","data":{"isAllOk":true}}', {"isAllOk": True}),
        (b'{"code":200,"message":"database error","data":[1]}', [1]),
        (b'{"code":200,"message":null,"data":"order-7"}', "order-7"),
        (b'{"code":200}', None),
        (b'{"code":"200","data":1}', 1),
        (b'{"code":" 200 ","data":1}', 1),
        (b' \n{"data":{"code":531},"code":200}\r\n', {"code": 531}),
        (b'{"code":200.0,"data":1}', 1),
        (b'{"code":2e2,"data":1}', 1),
        (b'{"code":"200.0","data":1}', 1),
        (b'{"code":"2e2","data":1}', 1),
        (b'{"code":"2.00E+2","data":1}', 1),
        (b'\xef\xbb\xbf{"code":200,"data":1}', 1),
        (b'\xef\xbb\xbf \n{"code":200,"data":1}', 1),
        ('{"code":200,"message":"成功","data":"李"}'.encode("utf-16"), "李"),
        ('{"code":200,"data":"李"}'.encode("utf-16-le"), "李"),
        ('{"code":200,"data":"李"}'.encode("utf-16-be"), "李"),
        ('{"code":200,"data":1}'.encode("utf-32"), 1),
        ('{"code":200,"message":"成功","data":1}'.encode("gbk"), 1),
        ('{"code":200,"message":"請稍後再試","data":1}'.encode("big5"), 1),
        ('{"code":200,"message":"succès","data":1}'.encode("latin-1"), 1),
        (b'{"code":200,"message":"\xff\xfe\x80","data":1}', 1),
        (b'{"code":200,"message":"two\nlines\x00","data":1}', 1),
        (b'{"code":200,"message":"\\ud83d","data":1}', 1),
    ],
)
def test_http_200_with_code_200_is_success_whatever_the_message_says(body, data):
    assert read_answer(200, {}, body, family=Family.IMPORT, now=NOW) == data


@pytest.mark.parametrize(
    ("body", "kind", "number"),
    [
        (envelope(code=517, message="database error", data=""), UncertainError, 517),
        (envelope(code="531", message="userName is error"), RowError, 531),
        (envelope(code=502), ClockError, 502),
        (envelope(code=522, message="Success"), SettingError, 522),
        (envelope(code=507, message=""), TooLargeError, 507),
        (envelope(code=503), RequestError, 503),
        (envelope(code=-1, message="Admin Cannot import data", data=""), SettingError, -1),
        (envelope(code=-1, message="whatsApp is error", data=""), UnknownCodeError, -1),
        (envelope(code="-1", message="whatsApp is error"), UnknownCodeError, -1),
        (envelope(code=-1), UnknownCodeError, -1),
        (envelope(code=0, message="Success"), UnknownCodeError, 0),
        (envelope(code=999, message={"not": "a text"}), UnknownCodeError, 999),
        (envelope(code=10**30), UnknownCodeError, 10**30),
    ],
)
def test_another_code_is_the_failure_its_table_entry_says(body, kind, number):
    failure = failure_of(200, body)
    assert (type(failure), failure.code.number, failure.http_status) == (kind, number, 200)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (HTML, "is a web page"),
        (b"\n\n<!doctype html>", "is a web page"),
        (b'{"code":200,"mess', "ends early"),
        (b'{"code":200}{', "ends early"),
        (b"[" * 100_000, "ends early"),
        (b'{"code":' + b"9" * 5000 + b"}", "ends early"),
        (b"<<< not JSON >>>", "is a web page"),
        (b"OK", "is not JSON"),
        (b'"\xff"', "is not JSON"),
        (b"\x1f\x8b\x08", "is not JSON"),
        (b"[]", "not an object with a code"),
        (b'[{"code":200}]', "not an object with a code"),
        (b"null", "not an object with a code"),
        (b"200", "not an object with a code"),
        (b"{}", "has no code"),
        (b'{"message":"Success","data":""}', "has no code"),
        (b'{"code":null}', "has no code"),
        (b'{"code":true}', "has no code"),
        (b'{"code":false}', "has no code"),
        (b'{"code":200.5}', "has no code"),
        (b'{"code":1e999}', "has no code"),
        (b'{"code":"1e99"}', "has no code"),
        (b'{"code":"200.5"}', "has no code"),
        (b'{"code":"true"}', "has no code"),
        (b'{"code":"2_00"}', "has no code"),
        (b'{"code":"NaN"}', "has no code"),
        (b'{"code":NaN}', "ends early"),
        (b'{"code":200,"data":NaN}', "ends early"),
        (b'{"code":200,"data":-Infinity}', "ends early"),
        (b'{"code":200,"code":531}', "ends early"),
        (b'{"code":531,"data":{"fail":["861"],"fail":[]}}', "ends early"),
        (b'{"code":200,"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "ends early"),
        (b'{"code":200,"data":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", "ends early"),
        (b'{"code":200,"data":[' + b"[]," * 300_000 + b"[]]}", "ends early"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xef\xbb\xbf<html>", "is a web page"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "is not JSON"),
        (b'{"code":""}', "has no code"),
        (b'{"code":"ok"}', "has no code"),
        (b'{"code":"--1"}', "has no code"),
        (b'{"code":[200]}', "has no code"),
        (b'{"code":"' + b"9" * 5000 + b'"}', "has no code"),
        ('{"code":"２００"}'.encode(), "has no code"),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(body, says):
    failure = failure_of(200, body)
    assert (type(failure), failure.recovery, failure.http_status) == (UncertainError, Recovery.UNCERTAIN, 200)
    assert says in str(failure)
    assert "not known" in str(failure)
    assert "check Base URL" in str(failure)


@pytest.mark.parametrize(
    ("said", "charset", "content_type", "shown"),
    [
        ("客户不存在", "utf-8", "", "客户不存在"),
        ("客户不存在", "utf-8-sig", "application/json", "客户不存在"),
        ("客户不存在", "utf-16", "", "客户不存在"),
        ("客户不存在", "gbk", "application/json;charset=GBK", "客户不存在"),
        ("客戶不存在", "big5", 'application/json; charset="big5"', "客戶不存在"),
        ("客户不存在", "utf-8", "application/json; charset=ISO-8859-1", "客户不存在"),
        ("client 不存在", "gbk", "", "client \ufffd"),  # the charset is a guess, so a name might be shown in another
        ("José", "latin-1", "", "Jos\ufffd"),
        ("José", "latin-1", "application/json; charset=ISO-8859-1", "Jos\ufffd"),
        ("客户 x", "gbk", "application/json; charset=utf-7", "\ufffd x"),
        ("客户 x", "gbk", "application/json; charset=unicode_escape", "\ufffd x"),
        ("客户 x", "gbk", "application/json; charset=no-such", "\ufffd x"),
        ("客户 x", "gbk", "application/json; charset=hex", "\ufffd x"),
        ("half \ud83d", "ascii", "", "half \ufffd"),
    ],
)
def test_a_code_is_read_beside_a_text_in_any_charset(said, charset, content_type, shown):
    escaped = json.dumps({"code": 531, "message": said}, ensure_ascii=charset == "ascii")
    found = read_envelope(escaped.encode(charset), content_type)
    assert (found.code, found.message) == (531, shown)


@given(st.text(), st.sampled_from(["gb18030", "big5", "shift_jis", "euc-kr", "cp1251", "latin-1", "utf-16", "utf-8"]))
def test_no_charset_of_a_text_makes_another_code_of_a_code(said, charset):
    body = json.dumps({"message": said, "code": 531}, ensure_ascii=False).encode(charset, "ignore")
    try:
        assert read_envelope(body).code == 531
    except UncertainError as failure:
        assert charset not in {"gb18030", "utf-16", "utf-8"}, failure  # noqa: PT017


TAKEN = envelope(code=200, message="Success", data="")


@pytest.mark.parametrize("body", [b"", HTML, TAKEN], ids=["empty", "html", "envelope"])
@pytest.mark.parametrize(
    ("statuses", "kind", "recovery", "says"),
    [
        ((201, 202, 204, 206), UncertainError, Recovery.UNCERTAIN, "not known"),
        ((301, 302, 303, 307, 308), SettingError, Recovery.STOP, "redirect"),
        ((401, 403, 404, 405, 407), SettingError, Recovery.STOP, "Base URL"),
        ((413,), TooLargeError, Recovery.HALVE_BYTES, "bytes_per_call"),
        ((408, 429, 503), UncertainError, Recovery.UNCERTAIN, "not known"),
        ((400, 409, 415, 422), RequestError, Recovery.STOP, "Auth scheme"),
        ((500, 502, 504, 520, 599), UncertainError, Recovery.UNCERTAIN, "not known"),
    ],
)
def test_another_http_status_is_a_failure_whatever_the_body_says(statuses, kind, recovery, says, body):
    for status in statuses:
        failure = failure_of(status, body)
        assert (type(failure), failure.recovery, failure.http_status) == (kind, recovery, status)
        assert str(status) in str(failure)
        assert says in str(failure)
        assert failure.code is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["0", "7", formatdate(NOW + 30, usegmt=True), formatdate(NOW - 30, usegmt=True)])
def test_a_busy_server_that_says_when_to_come_again_took_nothing(status, value):
    failure = failure_of(status, headers={"Retry-After": value})
    assert (type(failure), failure.recovery) == (ServiceError, Recovery.WAIT)
    assert "did not process the call" in str(failure)


@pytest.mark.parametrize("headers", [{"Retry-After": "90"}, {}], ids=["says when", "does not say when"])
def test_each_status_has_its_own_advice_and_the_seconds_that_it_asks_for(headers):
    busy, many = (failure_of(status, headers=headers) for status in (503, 429))
    assert str(busy) == f"{busy.meaning} Try again later."
    assert "Calls per second" in many.advice
    assert [("asks to wait 90 s" in str(failure)) for failure in (busy, many)] == [bool(headers)] * 2


@pytest.mark.parametrize(
    ("status", "value"),
    [
        *((status, value) for status in (429, 503) for value in ("", "soon", "-5", "1.5", "Tue, 99 Nov 2026 25:00:00")),
        *((status, "7") for status in (408, 500, 502, 504)),  # no busy server's statuses
    ],
)
def test_without_a_time_to_come_again_the_call_may_have_been_taken(status, value):
    failure = failure_of(status, headers={"Retry-After": value})
    assert (type(failure), failure.recovery) == (UncertainError, Recovery.UNCERTAIN)
    assert "not known" in str(failure)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        ("Thu, 01 Jun 2023 04:12:42 -0000", 30.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("²", None),
        ("Tue, 15 Nov 99999999999999999999 08:12:31 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_or_not_at_all(value, seconds):
    assert retry_after({"Retry-After": value}, NOW) == seconds
    assert failure_of(429, headers={"retry-after": value}).retry_after == seconds


def test_a_failure_without_retry_after_asks_for_no_certain_wait():
    assert failure_of(503).retry_after is None


def test_a_retry_after_date_is_taken_by_the_servers_own_clock():
    headers = {"Date": formatdate(NOW + 3600, usegmt=True), "Retry-After": formatdate(NOW + 3630, usegmt=True)}
    assert retry_after(headers, NOW) == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("date", "offset"),
    [
        (formatdate(NOW, usegmt=True), 0.0),
        (formatdate(NOW - 1, usegmt=True), 0.0),
        (formatdate(NOW + 3600, usegmt=True), 3600.5),
        (formatdate(NOW - 3600, usegmt=True), -3599.5),
        ("garbage", None),
        ("", None),
        ("Tue, 15 Nov 99999999999999999999 08:12:31 GMT", None),
    ],
)
def test_the_clocks_offset_is_told_by_the_date_header(date, offset):
    assert clock_offset({"Date": date}, NOW) == offset
    assert failure_of(200, envelope(code=502), {"date": date}).clock_offset == offset


def test_without_a_date_header_the_clocks_offset_is_not_known():
    assert failure_of(200, envelope(code=502)).clock_offset is None


def test_the_refusal_of_administrators_is_known_whatever_values_the_call_carried():
    failure = failure_of(
        200, envelope(code=-1, message="Admin Cannot import data"), sent_values=lambda: ["Admin", "data"]
    )
    assert type(failure) is SettingError
    assert str(failure).startswith("SocialsCRM answered -1 (Admin Cannot import data): ")


def test_the_servers_text_is_shown_without_what_was_sent():
    said = "Ana Silva (ana@example.com, +86 152 6666 7779) is odd"
    failure = failure_of(200, envelope(code=-1, message=said), sent_values=lambda: ["Ana Silva"])
    assert failure.code.text == "[hidden] [hidden] [hidden]) is odd"
    assert failure.code.text in str(failure)


@pytest.mark.parametrize("family", Family)
def test_a_code_is_read_as_one_of_the_family_that_was_called(family):
    found = {number: type(failure_of(200, envelope(code=number), family=family)) for number in (533, 528, 538)}
    assert found == {533: RequestError, 528: RequestError, 538: RequestError} | {
        Family.IMPORT: {533: RowError},
        Family.GROUP_LINKS: {538: NotReadyError},
    }.get(family, {})


def test_a_text_that_may_quote_a_message_is_not_shown():
    failure = failure_of(200, envelope(code=599, message="cannot read: see you at noon"), family=Family.CHATS)

    assert "noon" not in f"{failure} {failure!r}"
    assert "599" in str(failure)


@pytest.mark.parametrize("code", [code for code in TABLES[Family.IMPORT] if not code.needs_text], ids=str)
def test_what_the_server_says_beside_a_known_code_is_not_repeated(code):
    def never():
        raise AssertionError("nothing of the call needs to be decoded for a known code")

    failure = failure_of(200, envelope(code=code.number, message="Ana Silva"), sent_values=never)
    assert failure.code is code
    assert "Ana" not in str(failure)


@given(
    status=st.integers(200, 599),
    body=st.binary(),
    headers=st.dictionaries(st.sampled_from(["Date", "Retry-After"]), st.text()),
)
def test_no_answer_is_beyond_the_client(status, body, headers):
    with pytest.raises(SocialSCRMError):
        read_answer(status, headers, body, family=Family.IMPORT, now=NOW)
