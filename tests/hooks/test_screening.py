"""The hook's methods about number screening, over HTTP against a sandbox."""

from __future__ import annotations

import json
import logging

import pytest

from airflow_provider_socialscrm.api.errors import ResponseFormError, UncertainError, UnknownCodeError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.screening import ScreeningOrders
from airflow_provider_socialscrm.sandbox.server import Sandbox

NUMBERS = [f"9198765{n:05}" for n in range(20_001)]


@pytest.fixture(params=["body", "header"])
def hook(request, connected_crm: Sandbox, monkeypatch) -> SocialSCRMHook:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(request.param))
    connected_crm.configure(screening_seconds=0)
    return SocialSCRMHook()


def orders(crm: Sandbox) -> list[tuple[str, int]]:
    return [(order.id, len(order.numbers)) for order in crm.memory(ScreeningOrders).all()]


def test_numbers_are_ordered_finished_and_read(hook, connected_crm, caplog):
    caplog.set_level(logging.INFO)
    ids = hook.screen([*NUMBERS, *NUMBERS[:500]], "is_whatsapp", "IN")

    assert orders(connected_crm) == list(zip(ids, (10_001, 10_000), strict=True))
    assert hook.screening_finished(ids[0]) is True
    result = hook.screening_result(ids[0])
    assert [(each.number, each.verdict) for each in result.verdicts[6:8]] == [
        (NUMBERS[6], "yes"),
        (NUMBERS[7], "no"),
    ]
    assert len(result.raw) == 10_001
    assert "9198765" not in caplog.text


def test_a_result_is_a_table_too(hook):
    (order,) = hook.screen(NUMBERS[:500], "gender", "IN")

    frame = hook.screening_result_df(order)
    assert list(frame.columns) == ["number", "screened", "screened_raw"]
    assert list(frame["screened"][:9]) == ["male"] * 4 + ["female"] * 4 + ["unknown"]
    assert json.loads(frame["screened_raw"][0]) == {"whatsApp": NUMBERS[0], "gender": "male"}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_result_is_read_by_the_method_that_the_server_knows(hook, connected_crm, method):
    connected_crm.configure(screening_method=method)
    (order,) = hook.screen(NUMBERS[:500], "active", "IN")

    assert len(hook.screening_result(order).verdicts) == 500


def test_a_result_of_an_unknown_form_can_be_read_as_it_came(hook, connected_crm):
    connected_crm.configure(screening_result="numbers")
    (order,) = hook.screen(NUMBERS[:500], "is_whatsapp", "IN")

    with pytest.raises(ResponseFormError):
        hook.screening_result(order)
    assert len(hook.screening_data(order)) == 350


def test_a_lost_response_is_not_repeated_and_the_orders_before_are_noted(hook, connected_crm):
    connected_crm.inject("order_response_lost", after=1, times=1)
    with pytest.raises(UncertainError) as failure:
        hook.screen(NUMBERS, "is_whatsapp", "IN")

    first, _ = orders(connected_crm)
    assert failure.value.__notes__ == [f"The CRM has taken these orders before: {first[0]}."]
    assert len(orders(connected_crm)) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((NUMBERS[:499], "gender", "IN"), "at least 500 different numbers, and there are 499"),
        ((NUMBERS[:300] * 2, "gender", "IN"), "and there are 300"),
        (([*NUMBERS, "+919876500000"], "gender", "IN"), "1 of 20,002 numbers is not"),
        ((NUMBERS, "avatar", "IN"), "kind must be one of"),
        ((NUMBERS, "gender", "India"), "two letters"),
    ],
)
def test_bad_input_makes_no_call(hook, connected_crm, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        hook.screen(*arguments)
    assert connected_crm.calls() == []


def test_an_order_that_the_crm_does_not_know_is_an_error(hook):
    for ask in (hook.screening_finished, hook.screening_result):
        with pytest.raises(UnknownCodeError):
            ask("17")
