from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import (
    NotReadyError,
    RequestError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    UncertainError,
    UnknownCodeError,
    refusal,
)
from airflow_provider_socialscrm.api.paces import Paces
from airflow_provider_socialscrm.api.repeats import Tries, delay_before_repeat, perform
from airflow_provider_socialscrm.api.request import Request, request_to
from airflow_provider_socialscrm.api.retry import MOST_RE_SIGNED, RetryLimits
from airflow_provider_socialscrm.api.settings import AuthScheme
from tests.support.clock import FakeClock
from tests.support.sandbox import NO_LIMIT, settings_of

LIMITS = RetryLimits(attempts=4, seconds=100.0)
QUERY = "/se-api/user/query"
ONE = Request(QUERY, {"username": "agent_silva"})


def code(number: int) -> SocialSCRMError:
    return refusal(look_up(number, family=Family.OTHER), clock_offset=90.0)


@pytest.mark.parametrize(
    ("failure", "repeatable", "delay"),
    [
        (ServiceError("no connection"), False, 0.5),
        (ServiceError("429", retry_after=3.0), False, 3.5),
        (UncertainError("lost"), True, 0.5),
        (UncertainError("lost"), False, None),
        (code(517), True, 0.5),
        (code(517), False, None),
        (code(502), False, 0.0),
        (refusal(look_up(502, family=Family.OTHER)), False, None),  # without a Date there is nothing to sign with
        (code(501), True, None),
        (code(529), True, None),
        (code(-1), True, None),
        (code(999), True, None),
        (NotReadyError("538"), True, None),
        (RequestError("400"), True, None),
    ],
    ids=str,
)
def test_each_failure_is_repeated_only_where_that_is_harmless(failure, repeatable, delay):
    assert delay_before_repeat(failure, Tries(), LIMITS, 0.5, repeatable=repeatable) == delay


@pytest.mark.parametrize(
    "tries", [Tries(made=4), Tries(elapsed=99.9), Tries(re_signed=MOST_RE_SIGNED), Tries(signed_offset=91.0)], ids=str
)
def test_repeats_end(tries):
    failure = code(502) if tries.re_signed or tries.signed_offset else ServiceError("no connection")

    assert delay_before_repeat(failure, tries, LIMITS, 0.5, repeatable=True) is None


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=list(AuthScheme))
def client(request, crm) -> Iterator[Client]:
    with closing(Client(settings_of(crm, request.param))) as made:
        yield made


def made(client: Client, request: Request, clock: FakeClock, **options):
    return perform(request, client, Paces(client.settings), clock=clock.as_clock(), **options)


def test_a_call_returns_the_data(client, clock):
    assert made(client, ONE, clock)["nickname"] == "agent_silva"
    assert clock.slept == []


def test_any_endpoint_is_called_in_either_scheme(client, clock, crm):
    rows = [{"whatsApp": "8615266667779", "agentAccount": "agent_wang"}]
    body = request_to("/wscrm-bus-api/customer/api/import", {"data": rows}, scheme="body", method="PUT")
    header = request_to("/wscrm-bus-api/customer/api/batchImport", {"tenantId": 1, "data": rows}, scheme="header")
    for request in (body, header):
        made(client, request, clock)
    assert [customer["times_imported"] for customer in crm.customers()] == [2]


@pytest.mark.parametrize(
    "fault", [{"kind": "http", "status": 429, "retry_after": 1}, {"kind": "http", "retry_after": 1}]
)
def test_a_refusal_is_repeated_in_any_case(client, clock, crm, fault):
    crm.inject(**fault, times=2)
    repeats = []

    assert made(client, ONE, clock, on_repeat=lambda *repeat: repeats.append(repeat[1]))["username"] == "agent_silva"
    assert repeats == [1.5, 1.5]


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "truncated", "html", "code", "empty"])
def test_a_doubtful_outcome_is_repeated_only_where_that_is_harmless(client, clock, crm, fault):
    crm.inject(fault, times=1)
    with pytest.raises(UncertainError):
        made(client, ONE, clock)
    crm.inject(fault, times=1)
    assert made(client, replace(ONE, repeatable=True), clock)["username"] == "agent_silva"


def test_a_skewed_clock_is_learned_once(client, clock, crm):
    crm.configure(clock_offset=3600.0)
    made(client, ONE, clock)
    made(client, ONE, clock)
    assert [call["code"] for call in crm.calls()] == [502, 200, 200]


@pytest.mark.parametrize(("key", "kind"), [("wrong", SettingError)])
def test_what_no_repeat_can_fix_is_raised_at_once(crm, clock, key, kind):
    with closing(Client(settings_of(crm, api_key=key))) as client, pytest.raises(kind):
        made(client, replace(ONE, repeatable=True), clock)
    assert len(crm.calls()) == 1


def test_an_unknown_path_is_a_wrong_request_and_the_sandbox_counts_it(client, clock, crm):
    with pytest.raises(RequestError, match=r"does not know POST /no/such \(HTTP 404\)"):
        made(client, request_to("/no/such", scheme="header"), clock)
    assert crm.stats()["calls_by_path"] == {"/no/such": 1}


def test_a_wrong_method_is_a_wrong_request(client, clock):
    with pytest.raises(RequestError, match=r"PUT /se-api/user/query \(HTTP 405\)"):
        made(client, request_to(QUERY, scheme="header", method="PUT"), clock)


def test_the_servers_text_has_nothing_of_the_body(client, clock, crm):
    crm.inject("code", code=-1, message="no user Ana Silva 8615266667779")
    with pytest.raises(UnknownCodeError) as caught:
        made(client, Request(QUERY, {"username": "Ana Silva", "whatsApp": "8615266667779"}), clock)
    assert not any(text in str(caught.value) for text in ("Ana", "Silva", "8615"))


def test_each_path_has_a_pace_of_its_own(crm):
    clock = FakeClock()
    with closing(Client(settings_of(crm, calls_per_second=10))) as client:
        paces = Paces(client.settings)
        for number in range(3):
            paces.wait("/one", clock.as_clock())
            paces.wait(f"/other/{number}", clock.as_clock())
    assert clock.slept == pytest.approx([0.1, 0.1])


def test_a_429_halves_the_rate_of_its_path(crm, clock):
    crm.inject("http", status=429, retry_after=0, times=1)
    with closing(Client(settings_of(crm, calls_per_second=10))) as client:
        paces = Paces(client.settings)
        for _ in range(3):
            perform(ONE, client, paces, clock=clock.as_clock())
    assert clock.now - 1000.0 > 0.3  # 0.2 s without the 429
    assert NO_LIMIT > len(crm.calls()) == 4
