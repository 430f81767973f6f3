"""Calls that may have been taken: what the report says of each row is what the CRM did, in one try and in several."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.answers import read_answer
from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import (
    ServiceError,
    SettingError,
    SocialSCRMError,
    UncertainError,
    refusal,
)
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.options import ALL, IsolationLimits, Options, Rules
from airflow_provider_socialscrm.importer.results.checkpoint import CheckpointStore
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import counts_of, failure_of, number_of, place_of, table_of

AT_ONCE = RetryLimits(attempts=3, first_wait=0.0, longest_wait=0.0, outage=0.0)
PATIENT = RetryLimits(attempts=1000, first_wait=0.0, longest_wait=0.0, budget=1000)


def responded(status: int, body: bytes = b"", **headers: str) -> SocialSCRMError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(SocialSCRMError) as caught:
        read_answer(status, named, body, family=Family.IMPORT, now=0.0)
    return caught.value


NOT_CONNECTED = ServiceError("cannot be reached")
BUSY = responded(503, Retry_After="0")
NOT_TAKEN = {
    "not connected": NOT_CONNECTED,
    "busy": BUSY,
    "busy since": responded(429, Retry_After="Thu, 01 Jan 1970 00:00:00 GMT"),
    "signed again": refusal(look_up(502, family=Family.IMPORT), clock_offset=5.0),
}
"""Failures that say for certain that the call was not taken."""

LOST = UncertainError("the connection was lost")
MAYBE_TAKEN = {
    "lost": LOST,
    "517": refusal(look_up(517, family=Family.IMPORT)),
    "408": responded(408),
    "429": responded(429, Retry_After="soon"),
    "503": responded(503),
    "500": responded(500),
    "web page": responded(200, b"<html>"),
}
STRAY = {str(status): responded(status) for status in (302, 303, 307, 400, 401, 403, 404, 405, 422)} | {
    "certificate": SettingError("The server's certificate is not trusted, so nothing was sent.")
}
"""Failures that name a setting until a call has succeeded."""


class ScriptedCrm(Client):
    """Takes or refuses calls as told beforehand, and notes what it did.

    :param script: what happens to each call in turn: a failure, and whether the call is carried out before; then none.
    :param atomic: whether a refused call takes none of its rows.
    :param refuse: the code that a row is refused with, 0 if it is not.
    """

    def __init__(
        self,
        script: Sequence[tuple[SocialSCRMError | None, bool]] = (),
        *,
        settings: Settings,
        atomic: bool = True,
        refuse: Callable[[dict[str, str]], int] = lambda _: 0,
    ) -> None:
        super().__init__(settings)
        self._script, self._atomic, self._refuse = list(script), atomic, refuse
        self._lock = threading.Lock()
        self.calls: list[list[int]] = []
        self.taken: Counter[int] = Counter()
        self.refused: set[int] = set()
        self.welcomes: Counter[int] = Counter()
        self.stop_at: tuple[int, Callable[[], None]] | None = None
        self.has_succeeded = False

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
        with self._lock:
            customers = [msgspec.json.decode(row) for row in rows]
            self.calls.append([place_of(customer) for customer in customers])
            if self.stop_at and len(self.calls) == self.stop_at[0]:
                self.stop_at[1]()
            failure, taken = self._script.pop(0) if self._script else (None, True)
            if taken and (self.has_succeeded or failure not in STRAY.values()):
                self._carry_out(customers, agent)
            if failure:
                raise failure
            self.has_succeeded = True
            return ""

    def _carry_out(self, customers: list[dict[str, str]], agent: str | None) -> None:
        codes = [530 if agent == "ghost" else self._refuse(customer) for customer in customers]
        for customer, code in zip(customers, codes, strict=True):
            if code:
                self.refused.add(place_of(customer))
            elif not self._atomic or not any(codes):
                self.taken[place_of(customer)] += 1
                self.welcomes[place_of(customer)] += "welcome" in customer
        if any(codes):
            raise refusal(look_up(next(filter(None, codes)), family=Family.IMPORT))


def settings_of(scheme: str = "header", *, atomic: bool = False) -> Settings:
    return Settings(
        "http://localhost:1",
        "1",
        "KEY",
        "agent",
        AuthScheme(scheme),
        calls_per_second=1_000_000,
        refusals_are_atomic=atomic,
    )


def people(count: int, welcomed: Sequence[int] = (), agents: Sequence[str] = ("agent",)) -> list[dict[str, Any]]:
    return [
        {"whatsApp": number_of(place), "agentAccount": agents[place % len(agents)]}
        | ({"welcome": "Hello!"} if place in welcomed else {})
        for place in range(count)
    ]


def importing(
    crm: ScriptedCrm, rows: list[dict[str, Any]], store: CheckpointStore | None = None, **options: Any
) -> Import:
    chosen = {"concurrency": 1, "max_rejected": None, "retry_limits": AT_ONCE, "rules": Rules(extension_fields=ALL)}
    return Import(open_source(table_of(rows)), crm, Options(**chosen | options), checkpoint_store=store)


@contextmanager
def recorded() -> Iterator[dict[int, str]]:
    """Yield the bucket of each row, by position, as the report counts it."""
    buckets: dict[int, str] = {}
    count = Report.count

    def noting(report: Report, bucket: Any, positions: Sequence[int], *args: Any, **named: Any) -> None:
        assert not buckets.keys() & {*positions}
        buckets.update(dict.fromkeys(positions, bucket.value))
        count(report, bucket, positions, *args, **named)

    with patch.object(Report, "count", noting):
        yield buckets


# One row with a welcome, or one without, and one response.

ACCEPTED_BEFORE = (None, True)


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    "failure", [*MAYBE_TAKEN.values(), *(STRAY[name] for name in STRAY if name.isdigit())], ids=str
)
def test_after_a_doubtful_response_only_rows_without_a_welcome_are_sent_again(failure, taken):
    crm = ScriptedCrm([ACCEPTED_BEFORE, (failure, taken), (failure, taken)], settings=settings_of())
    run = importing(crm, people(4, welcomed=[0, 1]), rows_per_call=2, retry_limits=PATIENT)

    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 3, "unknown": 1}
    assert crm.calls == [[0], [1], [2, 3], [2, 3]]
    assert crm.welcomes[1] == taken


@pytest.mark.parametrize("failure", [*NOT_TAKEN.values(), STRAY["certificate"]], ids=str)
def test_after_a_certain_refusal_every_row_is_sent_again(failure):
    crm = ScriptedCrm([ACCEPTED_BEFORE, (failure, False), ACCEPTED_BEFORE, (failure, False)], settings=settings_of())
    run = importing(crm, people(4, welcomed=[0, 1]), rows_per_call=2, retry_limits=PATIENT)

    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 4}
    assert crm.welcomes == {0: 1, 1: 1, 2: 0, 3: 0}


@pytest.mark.parametrize("failure", STRAY.values(), ids=str)
def test_before_the_first_success_a_stray_response_names_the_setting(failure):
    crm = ScriptedCrm([(failure, False)] * 9, settings=settings_of())
    run = importing(crm, people(3))

    assert failure_of(run) is failure
    assert (counts_of(run), len(crm.calls)) == ({"not_sent": 3}, 1)


@pytest.mark.parametrize(("name", "failure"), STRAY.items(), ids=str)
def test_after_a_success_stray_responses_that_last_are_left_to_a_retry_of_the_task(name, failure):
    crm = ScriptedCrm([ACCEPTED_BEFORE, *[(failure, False)] * 99], settings=settings_of())
    run = importing(crm, people(2), rows_per_call=1)

    stopped_by = failure_of(run)
    assert type(stopped_by) is (UncertainError if name.isdigit() else ServiceError)
    assert "arlier calls succeeded" in str(stopped_by)
    assert len(crm.calls) <= 1 + 2 * AT_ONCE.attempts
    assert set(counts_of(run)) == {"accepted", "unknown" if name.isdigit() else "not_sent"}


def test_a_stray_first_response_of_a_retry_does_not_end_an_import_that_had_rows_accepted():
    store = MemoryCheckpointStore()
    crm = ScriptedCrm([ACCEPTED_BEFORE, *[(LOST, False)] * 99], settings=settings_of())
    assert failure_of(importing(crm, people(3), store, rows_per_call=1)) is LOST

    crm = ScriptedCrm([(STRAY["404"], False)], settings=settings_of())
    run = importing(crm, people(3), store, rows_per_call=1)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 3}


# What a run leaves behind.

CERTAIN = (NOT_CONNECTED, False)
TAKEN = (LOST, True)


@pytest.mark.parametrize(
    ("script", "bucket"),
    [
        ([CERTAIN, CERTAIN, CERTAIN], "not_sent"),
        ([CERTAIN, CERTAIN, TAKEN], "unknown"),
        ([TAKEN, CERTAIN, CERTAIN], "unknown"),  # a later refusal says nothing about the first call
        ([TAKEN, (BUSY, False), (refusal(look_up(522, family=Family.IMPORT)), False)], "unknown"),
        ([(refusal(look_up(522, family=Family.IMPORT)), False)], "not_sent"),
        ([TAKEN, (responded(413), False), *[CERTAIN] * 6], "unknown"),  # through a split
        ([(responded(413), False), *[CERTAIN] * 6], "not_sent"),
    ],
)
def test_rows_that_a_call_may_have_brought_are_unknown_when_the_run_stops(script, bucket):
    crm = ScriptedCrm(script, settings=settings_of())
    run = importing(crm, people(2))

    assert failure_of(run) is not None
    assert counts_of(run) == {bucket: 2}
    if bucket == "not_sent":
        assert not crm.taken


def test_rows_that_a_response_left_out_and_that_are_not_asked_about_again_are_unknown(tmp_path):
    class LeavesOut(ScriptedCrm):
        def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
            super().import_customers(rows, agent=agent)
            return {"isAllOk": False, "successWhatsIds": [number_of(0)], "failWhatsIds": []}

    crm = LeavesOut([ACCEPTED_BEFORE, *[CERTAIN] * 9], settings=settings_of())
    run = importing(crm, people(3))

    assert failure_of(run) is NOT_CONNECTED
    assert counts_of(run) == {"accepted": 1, "unknown": 2}


def test_isolation_that_is_given_up_leaves_rows_of_a_lost_call_as_unknown():
    crm = ScriptedCrm([(LOST, False)], settings=settings_of(), refuse=lambda _: 508)
    run = importing(crm, people(4), isolation_limits=IsolationLimits(calls=2, calls_per_accepted_row=0))

    assert failure_of(run) is not None
    assert counts_of(run) == {"unknown": 4}


def test_attempts_of_rows_left_behind_are_in_the_dead_letter(tmp_path):
    crm = ScriptedCrm([CERTAIN, TAKEN, CERTAIN], settings=settings_of())
    run = Import(
        open_source(table_of(people(1))), crm, Options(retry_limits=AT_ONCE), rejects_path=tmp_path / "left.jsonl"
    )
    assert failure_of(run) is NOT_CONNECTED
    (line,) = map(msgspec.json.decode, (tmp_path / "left.jsonl").read_bytes().splitlines())
    assert (line["socialscrm_bucket"], line["socialscrm_code"], str(line["socialscrm_attempts"])) == (
        "unknown",
        "no-answer",
        "3",
    )


def test_while_the_crm_is_unavailable_rows_with_a_welcome_are_not_all_held():
    crm = ScriptedCrm([(MAYBE_TAKEN["503"], False)] * 9999, settings=settings_of())
    run = importing(crm, people(1000, welcomed=range(1000)))

    assert isinstance(failure_of(run), UncertainError)
    assert counts_of(run)["unknown"] <= AT_ONCE.budget + 1


# Rows with a welcome in calls that they share.


def test_where_refusals_are_atomic_rows_with_a_welcome_share_calls_and_are_isolated():
    bad = {3, 70}
    crm = ScriptedCrm(
        settings=settings_of(atomic=True), refuse=lambda customer: 508 if place_of(customer) in bad else 0
    )
    run = importing(crm, people(100, welcomed=range(0, 100, 2)), rows_per_call=50)

    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 98, "rejected": 2}
    assert len(crm.calls) < 30
    assert {count for place, count in crm.welcomes.items() if place % 2 == 0} == {1}


def test_where_refusals_are_not_known_to_be_atomic_a_refused_call_with_good_rows_repeats_no_welcome():
    crm = ScriptedCrm(
        settings=settings_of(), atomic=False, refuse=lambda customer: 508 if place_of(customer) == 3 else 0
    )
    run = importing(crm, people(20, welcomed=range(0, 20, 2)), rows_per_call=50)

    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 19, "rejected": 1}
    assert max(crm.welcomes.values()) == 1


@pytest.mark.parametrize("scheme", list(AuthScheme))
@pytest.mark.parametrize("failure", MAYBE_TAKEN.values(), ids=str)
def test_a_doubtful_response_holds_the_rows_with_a_welcome_of_its_call_and_repeats_the_others(failure, scheme):
    crm = ScriptedCrm([ACCEPTED_BEFORE, (failure, True)], settings=settings_of(scheme, atomic=True))
    rows = people(40, welcomed=range(0, 40, 2), agents=("agent_a", "agent_b"))
    run = importing(crm, rows, rows_per_call=10, retry_limits=PATIENT)

    assert failure_of(run) is None
    held = [place for place in crm.calls[1] if place % 2 == 0]
    assert counts_of(run) == {"accepted": 40 - len(held)} | ({"unknown": len(held)} if held else {})
    assert max(crm.welcomes.values()) == 1
    assert {*crm.taken} == {*range(40)}


def test_after_a_kill_only_rows_with_a_welcome_of_a_shared_call_are_held():
    store = MemoryCheckpointStore()

    class Killed(Exception):  # noqa: N818 - not a failure of the import's
        pass

    class Dies(ScriptedCrm):
        def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
            super().import_customers(rows, agent=agent)
            raise Killed

    settings = settings_of(atomic=True)
    with pytest.raises(Killed):
        importing(Dies(settings=settings), people(10, welcomed=[0, 4]), store).run()

    crm = ScriptedCrm(settings=settings)
    run = importing(crm, people(10, welcomed=[0, 4]), store)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 8, "unknown": 2}
    assert crm.calls == [[1, 2, 3, 5, 6, 7, 8, 9]]


def test_a_shared_call_costs_one_save_before_it():
    store = MemoryCheckpointStore()
    crm = ScriptedCrm(settings=settings_of(atomic=True))
    run = importing(crm, people(100, welcomed=range(100)), store, rows_per_call=50)

    assert failure_of(run) is None
    assert len(crm.calls) == 2
    assert len([state for state in store.states if state["in_doubt"]]) <= 2 * len(crm.calls)


# Any sequence of failures.

kinds = st.lists(
    st.sampled_from(["good", "good", "good", "welcome", "welcome", "508", "ghost"]), min_size=1, max_size=30
)
scripts = st.lists(
    st.one_of(
        st.just((None, True)),
        st.sampled_from([*NOT_TAKEN.values()]).map(lambda failure: (failure, False)),
        st.tuples(
            st.sampled_from([*MAYBE_TAKEN.values(), *(STRAY[name] for name in ("302", "403", "404"))]), st.booleans()
        ),
        st.just((STRAY["certificate"], False)),
    ),
    max_size=25,
)


def row_of(place: int, kind: str) -> dict[str, Any]:
    row = {"whatsApp": number_of(place), "agentAccount": "ghost" if kind == "ghost" else f"agent_{place % 2}"}
    more = {"welcome": {"welcome": "Hello!"}, "508": {"desc": "refuse with 508"}}
    return row | more.get(kind, {})


def code_of(customer: dict[str, str]) -> int:
    return 531 if customer.get("agentAccount") == "ghost" else 508 if "desc" in customer else 0


@given(
    kinds=kinds,
    scripts=st.lists(scripts, min_size=1, max_size=3),
    scheme=st.sampled_from(list(AuthScheme)),
    is_set=st.booleans(),
    on_unknown=st.sampled_from(["hold", "hold", "hold", "resend"]),
    rows_per_call=st.integers(1, 12),
    concurrency=st.integers(1, 3),
    stop_at=st.integers(1, 40),
    attempts=st.integers(1, 4),
)
def test_what_the_report_says_is_what_the_crm_did(
    *, kinds, scripts, scheme, is_set, on_unknown, rows_per_call, concurrency, stop_at, attempts
):
    rows, store = [row_of(place, kind) for place, kind in enumerate(kinds)], MemoryCheckpointStore()
    welcomes: Counter[int] = Counter()
    for script in (*scripts, ()):
        # A stray response is taken for a wrong setting until a success was recorded: then the CRM took nothing.
        steps = [(failure, taken and (concurrency == 1 or failure not in STRAY.values())) for failure, taken in script]
        crm = ScriptedCrm(steps, settings=settings_of(scheme, atomic=is_set), refuse=code_of)
        run = importing(
            crm,
            rows,
            store,
            on_unknown=on_unknown,
            rows_per_call=rows_per_call,
            concurrency=concurrency,
            retry_limits=RetryLimits(attempts=attempts, first_wait=0.0, longest_wait=0.0),
        )
        crm.stop_at = (stop_at, run.stop) if script else None
        with recorded() as buckets:
            failure = failure_of(run)
        welcomes += crm.welcomes
        for place, bucket in buckets.items():
            assert bucket != "accepted" or crm.taken[place]
            assert bucket != "not_sent" or not crm.taken[place]
            assert bucket != "rejected" or not crm.taken[place]
            assert bucket != "rejected" or kinds[place] in {"508", "ghost"}
            assert bucket != "unknown" or failure or kinds[place] == "welcome"
        assert on_unknown == "resend" or max(welcomes.values(), default=0) <= 1
    assert failure is None
    assert sum(counts_of(run).values()) == len(rows)
    assert "not_sent" not in counts_of(run)


@given(kinds=kinds, script=scripts, scheme=st.sampled_from(list(AuthScheme)), rows_per_call=st.integers(1, 12))
def test_a_crm_that_takes_the_good_rows_of_refused_calls_sends_no_welcome_twice(kinds, script, scheme, rows_per_call):
    rows = [row_of(place, kind) for place, kind in enumerate(kinds)]
    crm = ScriptedCrm(script, settings=settings_of(scheme), refuse=code_of, atomic=False)
    run = importing(crm, rows, rows_per_call=rows_per_call, retry_limits=PATIENT)
    with recorded() as buckets:
        failure_of(run)
    assert max(crm.welcomes.values(), default=0) <= 1
    assert all(crm.taken[place] for place, bucket in buckets.items() if bucket == "accepted")
