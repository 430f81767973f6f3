"""The matrix covers every version that the project supports."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tools import matrix
from tools.matrix import CELLS, NOT_FOR_TESTS, PARALLEL, ROOT, VERSIONS, WORKERS, Cell, is_named

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINE = re.compile(r"([a-z0-9][a-z0-9-]*)==([^ ;]+)\n")


def versions(path: Path) -> list[tuple[str, Version]]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    matches = [LINE.fullmatch(line) for line in lines]
    assert [line for line, match in zip(lines, matches, strict=True) if not match] == []
    return [(match[1], Version(match[2])) for match in matches if match]


def test_each_airflow_meets_each_pandas_and_each_python_both():
    pairs = [(cell.airflow, cell.pandas[0]) for cell in CELLS if cell.pandas.endswith("*")]
    assert set(pairs) == set(product(["3.1", "3.2", "3.3"], "23"))

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
    extras = PROJECT["optional-dependencies"]
    needed = {Requirement(line).name for line in [*PROJECT["dependencies"], *extras["demo"], *extras["redis"]]}

    assert [cell.name for cell in CELLS if needed - names(cell.packages())] == []


def names(packages: Iterable[str]) -> set[str]:
    return {Requirement(line).name for line in packages}


def test_each_cell_installs_what_the_tests_need_and_nothing_that_checks_the_code():
    dev = names(PROJECT["optional-dependencies"]["dev"]) - {PROJECT["name"]}

    assert dev > NOT_FOR_TESTS
    wanted = (dev | {"redis"}) - NOT_FOR_TESTS
    missing = {cell.airflow: wanted - names(cell.packages()) for cell in CELLS}
    assert [cell.name for cell in CELLS if cell.whole and cell.left_out] == []
    assert {airflow: some for airflow, some in missing.items() if some} == {
        "3.1.0": {"apache-airflow-providers-openlineage", "selenium"}
    }
    assert [cell.name for cell in CELLS if names(cell.packages()) & NOT_FOR_TESTS] == []


@pytest.mark.parametrize("airflow", ["3.1", "3.2", "3.3"])
def test_one_cell_of_each_airflow_runs_all_tests_and_the_others_start_no_airflow(airflow):
    runs = {cell.whole: cell.test_runs() for cell in CELLS if cell.airflow == airflow}

    everything, browser = runs[True]
    assert [everything[index + 1] for index, word in enumerate(everything) if word == "--ignore"] == ["tests/browser"]
    assert "-m" not in everything
    assert browser[-3:] == ["tests/browser", "--ignore", "tests/browser/test_site.py"]
    (part,) = runs[False]
    assert part[-6:] == ["--ignore", "tests/browser", "--ignore", "tests/airflow", "-m", "not thorough"]


def test_the_tests_run_side_by_side_as_in_make_test():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(
        r"^test: install.*\n.*pytest (--numprocesses .*) --ignore tests/browser", makefile, re.MULTILINE
    )

    assert options.replace("$(WORKERS)", WORKERS) == " ".join(PARALLEL)
    assert [cell.name for cell in CELLS if " ".join(PARALLEL) not in " ".join(cell.test_runs()[0])] == []


def test_further_arguments_go_to_pytest_with_what_a_cell_ignores():
    (cell,) = [cell for cell in CELLS if cell.name == "airflow-3.2-python-3.11-pandas-2"]
    warnings = [argument for warning in cell.ignored for argument in ("-W", warning)]

    assert warnings
    assert cell.test_runs(["tests/airflow", "-k", "drained"]) == [["-q", *warnings, "tests/airflow", "-k", "drained"]]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("", 9),
        ("3.1", 2),
        ("3.1.0", 1),
        ("3.12", 2),
        ("3.14", 2),
        ("3.0", 2),
        ("airflow-3.3", 3),
        ("airflow-3.2-python-3.11-pandas-2", 1),
        ("3", 2),
        ("1.0", 0),
        ("airflow", 9),
    ],
)
def test_cells_are_named_by_whole_parts_of_their_names(name, count):
    assert len([cell for cell in CELLS if is_named(cell, name)]) == count


@pytest.mark.parametrize("change", [None, "a package", "a version", "no mark"])
def test_an_environment_is_made_anew_when_what_is_in_it_changes(monkeypatch, tmp_path, change):
    made = []

    def make(cell: Cell, _: str) -> None:
        made.append(cell.name)
        cell.folder.mkdir(exist_ok=True)

    monkeypatch.setattr(matrix, "FOLDER", tmp_path)
    monkeypatch.setattr(matrix, "make", make)
    monkeypatch.setattr(matrix, "find_python", lambda _: "python")
    monkeypatch.setattr(matrix.subprocess, "run", lambda *_, **__: CompletedProcess([], 0))
    pins = tmp_path / "pins.txt"
    pins.write_text("faker==39.0.0\n", encoding="utf-8")
    cell = replace(CELLS[0], versions=pins)

    assert matrix.run(cell) == "passed"
    if change == "a package":
        monkeypatch.setattr(matrix, "needed_packages", lambda _: ["faker"])
    elif change == "a version":
        pins.write_text("faker==39.0.1\n", encoding="utf-8")
    elif change == "no mark":
        (cell.folder / "made").unlink()
    assert matrix.run(cell) == "passed"
    assert made == [cell.name] * (1 if change is None else 2)


def test_a_cell_without_its_python_is_skipped_with_a_line(monkeypatch, capsys):
    monkeypatch.setattr(matrix, "find_python", lambda _: None)
    monkeypatch.setattr("sys.argv", ["matrix", "3.2"])

    assert matrix.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "airflow-3.2-python-3.11-pandas-2         skipped: python3.11 is not installed",
        "airflow-3.2-python-3.12-pandas-3.0       skipped: python3.12 is not installed",
        "airflow-3.2-python-3.14-pandas-2         skipped: python3.14 is not installed",
    ]


def test_an_unknown_name_is_answered_with_the_cells(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["matrix", "3.9"])

    assert matrix.main() == 2
    assert capsys.readouterr().out.startswith(
        "No cell has 3.9 in its name. The cells are: airflow-3.1-python-3.12-pandas-2"
    )
