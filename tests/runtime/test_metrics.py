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
from airflow_provider_socialscrm.importer.changes.difference import Counts
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.metrics import counts_of_try, emit_metrics
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore

METRICS_PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")


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


def manifest_of(report: Report, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return report.manifest() | {"changes": changes}


def test_only_the_rows_and_calls_of_this_try_are_counted():
    before, after = report_of(accepted=5, rejected=1), report_of(accepted=9, rejected=3)
    before.calls.sent, after.calls.sent, after.calls.retries = 4, 6, 1

    assert counts_of_try(manifest_of(after), manifest_of(before)) == {
        "socialscrm.rows.accepted": 4,
        "socialscrm.rows.rejected": 2,
        "socialscrm.refused.rejected_bad": 2,
        "socialscrm.calls": 2,
        "socialscrm.retries": 1,
    }


def test_rows_that_nobody_has_to_look_at_are_not_refusals():
    counted = counts_of_try(manifest_of(report_of(duplicate=2, not_sent=3)), manifest_of(Report()))

    assert counted == {"socialscrm.rows.duplicate": 2, "socialscrm.rows.not_sent": 3}


def test_rows_that_a_ledger_leaves_out_count_as_what_they_are():
    counted = counts_of_try(manifest_of(report_of(unchanged=9, known_bad=2)), manifest_of(Report()))

    assert counted == {
        "socialscrm.rows.unchanged": 9,
        "socialscrm.rows.known_bad": 2,
        "socialscrm.refused.known_bad_bad": 2,  # somebody has to look at them
    }


def changes_of(**counts: int) -> dict[str, Any]:
    return Counts().manifest() | counts | {"generation": 1, "digest": "1790000000-0"}


def test_the_difference_from_the_ledger_is_counted_by_its_classes():
    changes = changes_of(new=1, changed=2, aged=3, retried=4, gone=5)

    assert counts_of_try(manifest_of(Report(), changes), manifest_of(Report())) == {
        "socialscrm.changes.new": 1,
        "socialscrm.changes.changed": 2,
        "socialscrm.changes.aged": 3,
        "socialscrm.changes.retried": 4,
        "socialscrm.changes.gone": 5,
    }


def test_a_retry_does_not_count_the_same_difference_again():
    changes = changes_of(new=1, changed=2)

    assert counts_of_try(manifest_of(Report(), changes), manifest_of(Report(), changes)) == {}


def test_a_task_counts_the_difference_that_it_finds(crm: Sandbox, backend: FakeBackend, tmp_path: Path):
    rows = [{"whatsApp": f"86197753{n:05}"} for n in range(3)]
    for number in (2, 3):
        operator = SocialSCRMImportOperator(task_id="a_task", data=rows[:number], ledger=str(tmp_path / "ledger"))
        operator.execute({"ti": FakeTaskInstance()})

    assert backend.counts == {
        "socialscrm.rows.accepted": 3,
        "socialscrm.rows.unchanged": 2,
        "socialscrm.changes.new": 3,
        "socialscrm.calls": 2,
    }


def test_a_task_counts_its_rows_calls_and_seconds_under_its_own_tags(crm: Sandbox, backend: FakeBackend):
    with DAG("a_dag", schedule=None):
        operator = SocialSCRMImportOperator(
            task_id="a_task", data=[{"whatsApp": "8619775300000"}, {"whatsApp": "x"}], max_rejected=1
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
    rows = [{"whatsApp": f"86197753{n:05}"} for n in range(10)]

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
        emit_metrics(manifest_of(Report()), manifest_of(Report()), {})

    assert [record.getMessage() for record in caplog.records] == [
        "The metrics of this Airflow version were not found, so the import reports none"
    ]
    airflow_stats.cache_clear()


def test_every_metric_is_listed():
    listed = set(re.findall(r"^\| `(socialscrm\.[\w.<>]+)` \|", METRICS_PAGE, re.MULTILINE))

    assert listed == {
        "socialscrm.rows.<bucket>",
        "socialscrm.refused.<code>",
        "socialscrm.calls",
        "socialscrm.retries",
        "socialscrm.import.seconds",
        "socialscrm.changes.<name>",
    }
