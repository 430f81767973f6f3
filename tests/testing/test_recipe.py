"""The recipe of docs/howto/test-your-dag.md works in an empty folder, and the fixture says what it does not take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.snippets import ROOT, snippets

PAGE = ROOT / "docs" / "howto" / "test-your-dag.md"
RECIPE = [each for each in snippets(PAGE) if each.saved_as or each.note.startswith("run by")]

TIMEOUT = 300.0
"""Seconds, on a slow machine."""

OTHER_TESTS = '''
import pytest

BROKEN = "import nothing_of_this_name"
TWO = """
from airflow.sdk import DAG, task
for name in ("one", "two"):
    with DAG(name):
        @task
        def name_of(dag=None):
            return dag.dag_id
        name_of()
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        (tmp_path / "file.py").write_text(text)
        return tmp_path / "file.py"
    return write_file


def test_a_dag_of_the_test_runs_with_mapped_tasks_and_a_failure(socialscrm_airflow):
    from airflow.sdk import DAG, task

    with DAG("mapped") as dag:
        @task(retries=0)
        def half(number):
            return 12 / number
        half.expand(number=[4, 0])

    run = socialscrm_airflow.run(dag)

    assert run.state == "failed"
    assert run.states == {"half[0]": "success", "half[1]": "failed"}
    assert run.results == {"half[0]": 3.0}


def test_a_test_sees_no_run_of_another(socialscrm_airflow):
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        assert session.query(DagRun).count() == 0


def test_a_file_may_define_several_dags(socialscrm_airflow, write):
    path = write(TWO)
    assert socialscrm_airflow.run(path, dag_id="two").results == {"name_of": "two"}
    with pytest.raises(ValueError, match=r"defines 2 DAGs \\(one, two\\): give dag_id"):
        socialscrm_airflow.run(path)
    with pytest.raises(ValueError, match="does not define the DAG three, but: one, two"):
        socialscrm_airflow.run(path, dag_id="three")


def test_a_file_that_cannot_be_imported_says_why(socialscrm_airflow, write, tmp_path):
    with pytest.raises(ValueError, match="cannot be imported: .*nothing_of_this_name"):
        socialscrm_airflow.run(write(BROKEN))
    with pytest.raises(ValueError, match="missing.py is not a file"):
        socialscrm_airflow.run(tmp_path / "missing.py")
'''
"""Tests that a user could write, in the same folder, since each process has to load Airflow."""


@pytest.mark.thorough
def test_the_recipe_works_word_by_word_in_an_empty_folder(tmp_path):
    folder = tmp_path / "project"
    for snippet in RECIPE:
        if snippet.saved_as:
            path = folder / snippet.saved_as
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(snippet.text, encoding="utf-8")
    (folder / "test_other.py").write_text(OTHER_TESTS, encoding="utf-8")
    (command,) = [each.text.split() for each in RECIPE if not each.saved_as]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}

    done = subprocess.run(
        [sys.executable, *command[1:]],
        cwd=folder,
        env=kept | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 6 passed" in done.stdout
    assert not (tmp_path / "airflow").exists()  # nothing was left in the home of whoever runs it


def test_the_recipe_has_a_dag_a_test_and_a_command():
    assert [Path(each.saved_as).name for each in RECIPE] == ["nightly_sync.py", "test_nightly_sync.py", ""]
