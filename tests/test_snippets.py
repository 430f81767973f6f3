"""Each snippet of the README and of docs/ runs as it stands, in a new user's order, against the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from tests.support.run_snippets import commands, plain
from tests.support.snippets import BUILT, ROOT, Snippet, all_pages, snippets, wrong_reason

PAGES = all_pages()
FIRST = ["README.md"]
"""What a new user reads first. Most of its time is Airflow's start; the other pages are left to the thorough run."""

TIMEOUT = 500.0
"""Seconds for all pages, on a slow machine."""


def failures(folder: Path, pages: list[str]) -> list[str]:
    """Run the snippets of some pages in a process of their own, and return what failed."""
    (folder / "home").mkdir()
    environment = {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "default",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.run_snippets", str(folder)],
        input="\n".join(pages),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "failures.json").read_text(encoding="utf-8"))


def test_the_readme_runs_as_it_stands(tmp_path):
    assert failures(tmp_path, FIRST) == []


@pytest.mark.thorough
def test_all_pages_run_as_they_stand(tmp_path):
    # Airflow before 3.3 cannot hand a DataFrame of pandas 3 from task to task, which this page does.
    is_old = Version(version("apache-airflow")) < Version("3.3") and Version(version("pandas")) >= Version("3")
    left_out = {"docs/howto/import-a-dataframe.md"} if is_old else set()

    assert failures(tmp_path, [page for page in PAGES if page not in left_out]) == []


def test_there_are_snippets_to_run():
    run = [each for those in PAGES.values() for each in those if each.is_run]

    assert {each.language for each in run} == {"python", "sh", "json", "sql", "text"}
    assert len(run) > 50


@pytest.mark.parametrize(
    "snippet",
    [each for those in PAGES.values() for each in those if not each.is_run or each.note.startswith(BUILT)],
    ids=lambda each: f"{each.page}:{each.line}",
)
def test_what_is_not_run_has_a_reason_that_is_true(snippet):
    assert wrong_reason(snippet) == ""


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("a server", "airflow db migrate"),
        ("make", "make coffee"),
        ("make", "rm -rf /"),
        ("installs", "pip install '.[s4]'"),
        ("installs", "airflow db migrate"),
        ("needs airflow.sdk", "import airflow.sdk"),
        ("run by tests/test_prose.py", "airflow"),
        ("run by tests/missing.py", "airflow"),
        ("built, whole in dags/first_import.py", "SocialSCRMSendOperator(task_id='send')"),
        ("built, whole in dags/missing.py", "SocialSCRMImportOperator(task_id='send')"),
        ("built, whole in dags/first_import.py", "print('no task')"),
    ],
)
def test_a_reason_that_is_not_true_is_found(note, text):
    assert wrong_reason(Snippet("docs/page.md", 1, "sh", text, note, ""))


def test_a_page_is_taken_apart(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(
        "Save this as `dags/a.py` in your folder:\n\n"
        "<!-- snippet: file a.csv whatsApp -->\n```python\nimport os\n```\n\n"
        "Then:\n\n- in a list\n\n  ```sh\n  ls\n  ```\n\n```dockerfile\nRUN true\n```\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("tests.support.snippets.ROOT", tmp_path)

    first, second = snippets(page)

    assert (first.language, first.text, first.note) == ("python", "import os\n", "file a.csv whatsApp")
    assert (first.saved_as, first.line, first.is_run) == ("dags/a.py", 5, True)
    assert (second.language, second.text.strip(), second.note, second.saved_as) == ("sh", "ls", "", "")


def test_commands_of_several_lines_stay_whole():
    text = "# first\nexport A='{\n  1}'\ncat > f <<'CSV'\na,b\nCSV\nls \\\n  -l  # all\n"

    assert [*commands(text)] == ["export A='{\n  1}'", "cat > f <<'CSV'\na,b\nCSV", "ls \\\n  -l  # all"]


def test_output_is_compared_without_its_times():
    assert plain("1 call in 0.1 s;\n  ok") == plain("1 call in 12.5 s; ok") != plain("2 calls in 0.1 s; ok")
