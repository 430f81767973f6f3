"""``make demo``: the three runs and what is printed of them."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from tools import demo, demo_runs


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_three_customers_get_another_name_and_nothing_else_changes(tmp_path):
    shutil.copy(demo.ROOT / "dags" / "data" / "customers.csv", path := tmp_path / "customers.csv")
    before = rows_of(path)
    demo_runs.rename(path)
    after = rows_of(path)

    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert (len(before), len(changed)) == (2400, 3)
    assert all(new == old | {"friendName": f"{old['friendName']} (renamed)"} for old, new in changed)


@pytest.mark.thorough
@pytest.mark.frame_through_xcom
def test_the_second_run_sends_nothing_and_the_third_what_changed_on_one_screen(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_failed", lambda _: 1)
    names = {"LOG": "airflow.log", "REJECTS": "rejects", "CUSTOMERS": "customers.db", "INPUT": "customers.csv"}
    for name, file in (names | {"LEDGER": "ledger", "DAGS": "dags"}).items():
        monkeypatch.setattr(demo, name, tmp_path / file)
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    monkeypatch.setattr(demo, "_where", lambda: "")
    lines: list[str] = []

    exit_code = demo.main(lines.append)

    shown = "\n".join(lines)
    assert exit_code == 0, shown + (tmp_path / "airflow.log").read_text(encoding="utf-8")[-3000:]
    assert re.search(r"First run: +\d+ calls in .* rows: 2,400 total, 2,380 accepted, 6 rejected, 14 invalid", shown)
    again = r"The same customers again: +0 calls in .* rows: 2,400 total, 14 invalid, 2,380 unchanged, 6 known bad"
    assert re.search(again, shown)
    changed = r"Three customers renamed: +[1-3] calls? in .* 3 accepted, 14 invalid, 2,377 unchanged, 6 known bad"
    assert re.search(changed, shown)
    assert "The CRM holds 2,380 customers" in shown
    assert len(shown.splitlines()) <= 40
