"""The metrics that an import sends to Airflow."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm import _compat
from airflow_provider_socialscrm._compat import airflow_stats
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.metrics import counts_of_try, emit_metrics
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


class FakeBackend:
    """Record what a metrics server would be sent."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.times: dict[str, Any] = {}
        self.tags: list[dict[str, str]] = []

    def incr(self, stat: str, count: int = 1, *, tags: dict[str, str]) -> None:
        self.counts[stat] = self.counts.get(stat, 0) + count
        self.tags.append(tags)

    def timing(self, stat: str, dt: Any, *, tags: dict[str, str]) -> None:
        self.times[stat] = dt
        self.tags.append(tags)


@pytest.fixture
def backend(monkeypatch) -> Any:
    """A metrics backend that records."""
    backend = FakeBackend()
    try:
        from airflow.sdk.observability.stats import initialize
    except ImportError:  # Airflow before 3.3: a class makes the backend when it is first used
        monkeypatch.setattr(airflow_stats(), "factory", lambda: backend)
        monkeypatch.setattr(airflow_stats(), "instance", None)
        yield backend
        return
    initialize(factory=lambda: backend, export_legacy_names=False)
    yield backend
    from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger

    initialize(factory=NoStatsLogger, export_legacy_names=False)


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def report_of(**rows: int) -> Report:
    report = Report()
    for bucket, count in rows.items():
        reason = None if bucket == "accepted" else Reason(f"{bucket} + bad", "why", "what")
        report.count(Bucket(bucket), range(count), reason)
    return report


def test_only_the_rows_and_calls_of_this_try_are_counted():
    before, after = report_of(accepted=5, rejected=1), report_of(accepted=9, rejected=3)
    before.calls.sent, after.calls.sent, after.calls.retries = 4, 6, 1

    assert counts_of_try(after.manifest(), before.manifest()) == {
        "socialscrm.rows.accepted": 4,
        "socialscrm.rows.rejected": 2,
        "socialscrm.refused.rejected_bad": 2,
        "socialscrm.calls": 2,
        "socialscrm.retries": 1,
    }


def test_rows_that_nobody_has_to_look_at_are_not_refusals():
    counted = counts_of_try(report_of(duplicate=2, not_sent=3).manifest(), Report().manifest())

    assert counted == {"socialscrm.rows.duplicate": 2, "socialscrm.rows.not_sent": 3}


def test_a_task_counts_its_rows_calls_and_seconds_under_its_own_tags(crm: Sandbox, backend: FakeBackend):
    with DAG("a_dag", schedule=None):
        operator = SocialSCRMImportOperator(
            task_id="a_task", data=[{"whatsApp": "8699775300000"}, {"whatsApp": "x"}], max_rejected=1
        )
    operator.execute({"ti": FakeTaskInstance()})

    assert backend.counts == {
        "socialscrm.rows.accepted": 1,
        "socialscrm.rows.invalid": 1,
        "socialscrm.refused.bad-number": 1,
        "socialscrm.calls": 1,
    }
    assert isinstance(backend.times["socialscrm.import.seconds"], timedelta)
    assert [tags for tags in backend.tags if tags != {"dag_id": "a_dag", "task_id": "a_task"}] == []


def test_a_failed_task_counts_too(crm: Sandbox, backend: FakeBackend):
    with pytest.raises(Exception, match="max_rejected"):
        SocialSCRMImportOperator(task_id="a_task", data=[{"whatsApp": "x"}]).execute({"ti": FakeTaskInstance()})

    assert backend.counts["socialscrm.refused.bad-number"] == 1


class QuickOperator(SocialSCRMImportOperator):
    """Give up at the first failure, as the real one does after minutes."""

    def _options(self) -> Options:
        return Options(rows_per_call=2, concurrency=1, retry_limits=RetryLimits(attempts=1))


def test_a_retry_counts_no_row_and_no_call_of_the_try_before(crm: Sandbox, backend: FakeBackend):
    context = {"ti": FakeTaskInstance(), "task_state_store": FakeTaskStateStore()}
    crm.inject("code", code=517, after=2, times=1)
    rows = [{"whatsApp": f"86997753{n:05}"} for n in range(10)]

    with pytest.raises(Exception, match="517"):
        QuickOperator(task_id="a_task", data=rows).execute(context)
    assert (backend.counts["socialscrm.rows.accepted"], backend.counts["socialscrm.calls"]) == (4, 3)
    QuickOperator(task_id="a_task", data=rows).execute(context)

    assert (backend.counts["socialscrm.rows.accepted"], backend.counts["socialscrm.calls"]) == (10, 6)


def test_an_airflow_whose_metrics_are_not_found_counts_nothing_and_says_so_once(monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(_compat, "STATS", ("not.there",))
    airflow_stats.cache_clear()

    for _ in range(2):
        emit_metrics(Report().manifest(), Report().manifest(), {})

    assert [record.getMessage() for record in caplog.records] == [
        "The metrics of this Airflow version were not found, so the import reports none"
    ]
    airflow_stats.cache_clear()


def test_every_metric_is_listed_in_the_readme():
    listed = set(re.findall(r"^\| `(socialscrm\.[\w.<>]+)` \|", README, re.MULTILINE))

    assert listed == {
        "socialscrm.rows.<bucket>",
        "socialscrm.refused.<code>",
        "socialscrm.calls",
        "socialscrm.retries",
        "socialscrm.import.seconds",
    }
