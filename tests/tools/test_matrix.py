"""The matrix covers every version that the project supports."""

from __future__ import annotations

import re
import tomllib
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tools import matrix
from tools.matrix import CELLS, ROOT, VERSIONS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINE = re.compile(r"([a-z0-9][a-z0-9-]*)==([^ ;]+)\n")


def versions(path: Path) -> list[tuple[str, Version]]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    matches = [LINE.fullmatch(line) for line in lines]
    assert [line for line, match in zip(lines, matches, strict=True) if not match] == []
    return [(match[1], Version(match[2])) for match in matches if match]


def test_each_airflow_meets_each_pandas_and_each_python_both():
    pairs = [(cell.airflow, cell.pandas[0]) for cell in CELLS if cell.pandas.endswith("*")]
    assert sorted(pairs) == list(product(["3.1", "3.2", "3.3"], "23"))

    named = {line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if "Python :: 3." in line}
    assert {(cell.python, cell.pandas[0]) for cell in CELLS} >= set(product(named, "23"))


@pytest.mark.parametrize("path", sorted(VERSIONS.iterdir()), ids=lambda path: path.name)
def test_versions_are_exact_each_once_and_sorted(path):
    names = [name for name, _ in versions(path)]

    assert names == sorted(set(names))
    assert [cell.name for cell in CELLS if cell.versions == path] != []


@pytest.mark.parametrize("airflow", ["3.1", "3.2", "3.3"])
def test_the_cells_of_an_airflow_have_that_airflow(airflow):
    paths = {cell.versions for cell in CELLS if cell.airflow == airflow}

    found = {str(version.release[0]) + "." + str(version.release[1]) for path in paths for version in airflows(path)}
    assert found == {airflow}


def airflows(path: Path) -> list[Version]:
    """Return the versions of Airflow that a file pins."""
    pinned = re.findall(r"^apache-airflow==(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [Version(version) for version in pinned]


def test_the_lowest_cell_has_the_oldest_allowed_versions():
    (lowest,) = [cell for cell in CELLS if cell.versions.name == "lowest.txt"]
    have = dict(versions(lowest.versions))
    wanted = {
        requirement.name: Version(min(bound.version for bound in requirement.specifier))
        for requirement in map(Requirement, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["redis"])
    }

    assert {name: have[name] for name in wanted} == wanted
    assert lowest.pandas == str(have["pandas"])
    assert lowest.python == PROJECT["requires-python"].removeprefix(">=")


def test_each_cell_installs_every_dependency():
    needed = {Requirement(line).name for line in PROJECT["dependencies"]}

    assert [cell.name for cell in CELLS if needed - {re.split("==", name)[0] for name in cell.packages()}] == []


def test_a_cell_without_its_python_is_skipped_with_a_line(monkeypatch, capsys):
    monkeypatch.setattr(matrix, "find_python", lambda _: None)
    monkeypatch.setattr("sys.argv", ["matrix", "3.2"])

    assert matrix.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "airflow-3.2-python-3.11-pandas-2         skipped: python3.11 is not installed",
        "airflow-3.2-python-3.12-pandas-3.0       skipped: python3.12 is not installed",
    ]


def test_an_unknown_name_is_answered_with_the_cells(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["matrix", "3.9"])

    assert matrix.main() == 2
    assert capsys.readouterr().out.startswith(
        "No cell has 3.9 in its name. The cells are: airflow-3.1-python-3.12-pandas-2"
    )
