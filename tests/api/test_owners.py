"""The call that clears owners, and its response."""

from __future__ import annotations

import msgspec
import pytest

from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.errors import ResponseFormError
from airflow_provider_socialscrm.api.owners import Cleared, check_numbers, cleared_of, owners_clear, parts_of
from airflow_provider_socialscrm.api.request import signed
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings

A, B, C = "8613800000001", "8613800000002", "8613800000003"


def sent(scheme: AuthScheme, admin: str | None = None) -> dict[str, object]:
    settings = Settings("https://x.example", tenant_id="7", api_key="k", user_name="boss", auth_scheme=scheme)
    return msgspec.json.decode(signed(owners_clear([A], admin), settings, 1e9).body)


def test_each_scheme_names_tenant_and_administrator_once():
    assert sent(AuthScheme.HEADER) == {"tenantId": 7, "userName": "boss", "data": [A]}
    assert sent(AuthScheme.HEADER, "other")["userName"] == "other"
    body = sent(AuthScheme.BODY, "other")
    assert (body["tenantId"], body["userName"], body["data"], len(str(body["token"]))) == ("7", "other", [A], 32)


def test_the_call_is_of_its_family_and_may_be_repeated():
    request = owners_clear([A])

    assert (request.family, request.repeatable) == (Family.OWNERS, True)
    assert request.path == "/wscrm-bus-api/open/customer/setPrincipalAsNull"


@pytest.mark.parametrize("count", [0, 51])
def test_a_call_takes_one_to_fifty(count):
    with pytest.raises(ValueError, match="1 to 50"):
        owners_clear([A] * count)
    assert [len(part) for part in parts_of([A] * 51)] == [50, 1]


def test_numbers_are_digits_each_once():
    assert check_numbers([f"+{A}", f"{A}@c.us", int(B)]) == [A, B]
    with pytest.raises(ValueError, match="at place 1"):
        check_numbers([A, "none"])
    with pytest.raises(ValueError, match="must be a list"):
        check_numbers(A)


@pytest.mark.parametrize(
    ("data", "ok", "failed"),
    [
        ({"isAllOk": True, "total": 3, "successWhatsIds": [A, B, C], "failWhatsIds": []}, (A, B, C), ()),
        ({"isAllOk": False, "successWhatsIds": [f"{A}@c.us", int(B)], "failWhatsIds": [C]}, (A, B), (C,)),
        ({"isAllOk": False, "successWhatsIds": [A], "failWhatsIds": [B]}, (A,), (B, C)),
        ({"isAllOk": True, "successWhatsIds": [A, B], "failWhatsIds": [B]}, (A,), (B, C)),
        ({"isAllOk": True}, (A, B, C), ()),
        ({"isAllOk": False}, (), (A, B, C)),
        ({"failWhatsIds": [B]}, (A, C), (B,)),
        ({"successWhatsIds": None}, (), (A, B, C)),
    ],
)
def test_a_number_is_cleared_only_where_the_response_says_so(data, ok, failed):
    assert cleared_of(data, [A, B, C]) == Cleared(ok, failed)


@pytest.mark.parametrize("data", [None, "", [], {}, {"total": 3}, {"successWhatsIds": "x"}])
def test_another_response_is_an_error(data):
    with pytest.raises(ResponseFormError):
        cleared_of(data, [A])


def test_no_number_shows_in_a_repr():
    assert A not in repr((Cleared((A,), (A,)), owners_clear([A])))
