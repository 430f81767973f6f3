"""``make sandbox`` as a new user has it: its last three lines, in another terminal, run the first DAG."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tools import try_sandbox

INTRODUCTION = "These three lines, in another terminal, run the first DAG against it:\n"


@pytest.fixture
def clone(tmp_path) -> Path:
    """What the lines need of a clone after ``make install``, in a folder whose name a shell has to quote."""
    folder = tmp_path / "it's a clone"
    for name in ("dags", "tools"):
        shutil.copytree(try_sandbox.ROOT / name, folder / name)
    shutil.copy(try_sandbox.ROOT / "Makefile", folder)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.mark.thorough
def test_the_last_three_lines_run_the_first_dag_as_they_stand(clone):
    of_others = ("AIRFLOW", "SOCIALSCRM", "MAKE")  # make says more where another one calls it
    environment = {name: value for name, value in os.environ.items() if not name.startswith(of_others)}
    environment["PYTHONPATH"] = str(try_sandbox.ROOT)  # a clone has the package installed
    is_installed = ("--old-file=install", "--old-file=.venv/installed-demo")
    make = ["make", *is_installed, "sandbox", "OPTIONS=--port 0"]
    with subprocess.Popen(make, cwd=clone, env=environment, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            url = re.search(r"http://\S+:\d+", sandbox.stdout.readline()).group()
            while sandbox.stdout.readline() != INTRODUCTION:
                assert sandbox.poll() is None
            assert sandbox.stdout.readline() == "\n"
            lines = [sandbox.stdout.readline() for _ in range(3)]
            run = ["/bin/bash", "-e", "-c", "".join(lines)]
            done = subprocess.run(
                run, env=environment, cwd="/", capture_output=True, text=True, timeout=300, check=False
            )
            customers = requests.get(f"{url}/_sandbox/stats", timeout=10).json()["customers"]
        finally:
            sandbox.terminate()

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert customers == 2375
    assert lines[1:] == [".venv/bin/airflow db migrate\n", ".venv/bin/airflow dags test first_import\n"]
    assert len(list((clone / ".demo" / "rejects").rglob("rejects.csv"))) == 1
    assert (clone / ".demo" / "airflow").is_dir()
