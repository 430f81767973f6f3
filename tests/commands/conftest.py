"""A file with every kind of mistake, and ways to check it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pytest

from airflow_provider_socialscrm.__main__ import main

COMMAND = [sys.executable, "-W", "error", "-m", "airflow_provider_socialscrm"]

FINE = """\
whatsApp,friendName,city
8615266667780,Quillon,Tromsø
8615266667781,Zyphora,Kyzyl
"""

MISTAKES = """\
mobile,nickname,birthday,sex,freindName,Shoe [cm],remarks
+86 139 1234 5678, Quillon Ashdown ,1987-03-08,Male,Brixby,251,tallish
12ab,Zyphora Underhill,01/02/2020,female,,262,shortish
,Wendeline Marrow,Whitsun,female,,273,
86 139 1234 5678,Quillon Ashdown,1987/03/08,male,,284,tallish
+49 171 8024686,Jörg Schäfer,,robotic,,,quietish
Ottoline,Farthing
"Per"egrine,Vexley,,,,,
0171 8024686,Isolde Thackeray,,,,295,
"""

VALUES = [
    *("139 1234", "1234 5678", "8613912345678", "12ab", "8024686", "491718024686", "1987", "01/02/2020", "Whitsun"),
    *("Quillon", "Ashdown", "Zyphora", "Underhill", "Wendeline", "Marrow", "Jörg", "Schäfer", "Ottoline", "Farthing"),
    *("Peregrine", "Vexley", "Isolde", "Thackeray", "Brixby", "robotic", "tallish", "shortish", "quietish"),
    *("251", "262", "273", "284", "295"),
]
"""Customers' values in it, none of which may show."""


class Shown(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def section(self, title: str) -> list[str]:
        """Return the lines below a title."""
        below = self.lines[self.lines.index(title) + 1 :]
        return list(takewhile(lambda line: not line or line.startswith(" "), below))[:-1]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fine.csv").write_text(FINE, encoding="utf-8")
    Path("mistakes.csv").write_text(MISTAKES, encoding="utf-8")


@pytest.fixture
def values() -> list[str]:
    return VALUES


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    """Check a file in this process."""

    def run(*arguments: str) -> Shown:
        try:
            code = main(["check", *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return Shown(code, *capsys.readouterr())

    return run


@pytest.fixture
def command() -> Callable[..., Shown]:
    """Run a command as people do."""

    def run(*arguments: str) -> Shown:
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, encoding="utf-8", timeout=60, check=False)
        return Shown(done.returncode, done.stdout, done.stderr)

    return run
