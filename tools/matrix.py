"""Run the tests on the supported versions: ``make test-matrix``, or ``python -m tools.matrix 3.1`` for some cells.

The cells combine each Airflow with each pandas, and each Python with each pandas; one cell has the oldest versions that
``pyproject.toml`` allows. Each cell has an environment in ``.matrix/``, made once, with the other packages as of that
Airflow's release, like an installation with Airflow's constraints.

One cell of each Airflow runs all tests, those in the browser too. The others run what depends on Python and pandas:
neither the tests that start Airflow, nor those marked ``thorough``.

Further arguments go to pytest in place of these choices: ``python -m tools.matrix 3.2 tests/airflow -k drained``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / ".matrix"
VERSIONS: Final = Path(__file__).parent / "versions"

NOT_FOR_TESTS: Final = frozenset({"build", "hatchling", "mypy", "pandas-stubs", "ruff", "twine", "types-requests"})
"""What the extra ``dev`` has for other commands than those that run tests."""

WORKERS: Final = str((os.cpu_count() or 1) * 3 // 2)
"""Half as many again as there are cores, since many tests wait for time-outs; as in the Makefile."""

SITE: Final = "tests/browser/test_site.py"
"""The documentation's pages are the same in each cell."""

PARALLEL: Final = ("--numprocesses", WORKERS, "--dist", "worksteal")

OLD_PATHS: Final = "ignore:in a future version of UPath:PendingDeprecationWarning"
"""universal-pathlib 0.2, which Airflow 3.1 needs, warns when Python's glob uses its paths."""

ENTRY_POINTS: Final = "ignore:SelectableGroups dict interface is deprecated:DeprecationWarning"
"""The opentelemetry-api of Airflow 3.2's release looks up entry points in an old way on Python 3.11."""

TEST_CLIENT: Final = "ignore:Using `httpx` with"
"""The starlette of Airflow 3.2's release asks tests of web servers for httpx2, which Airflow does not have yet."""

BORROWED: Final = "ignore:It looks like `register_random` was passed an object"
"""Python 3.14 counts fewer references than hypothesis 6 expects of an object that it holds itself."""

NEED_NEWER: Final = frozenset({"apache-airflow-providers-openlineage", "selenium"})
"""Packages of tests that need a newer requests, or what it brings, than the oldest that is allowed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of versions.

    :param airflow: Airflow's major and minor version, for the cell's name.
    :param python: Python's major and minor version.
    :param pandas: version of pandas for pip, as of Airflow's release.
    :param versions: file with the exact versions of all other packages, including Airflow.
    :param ignored: warnings of other packages that are not errors here.
    :param whole: whether to run all tests; once per Airflow, as most of their time goes to Airflow.
    :param left_out: packages of tests that do not work with these versions; the tests are skipped.
    """

    airflow: str
    python: str
    pandas: str
    versions: Path
    ignored: tuple[str, ...] = ()
    whole: bool = False
    left_out: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of the cell and of its folder."""
        return f"airflow-{self.airflow}-python-{self.python}-pandas-{self.pandas.removesuffix('.*')}"

    @property
    def folder(self) -> Path:
        """Folder of the cell's environment."""
        return FOLDER / self.name

    def packages(self) -> list[str]:
        """Return the packages to install."""
        return [f"pandas=={self.pandas}", *needed_packages(self.left_out)]

    def test_runs(self, chosen: Sequence[str] = ()) -> list[list[str]]:
        """Return the arguments of each run of pytest.

        :param chosen: arguments in place of those with which the cell runs its tests.
        """
        if chosen:
            runs = [[*chosen]]
        elif self.whole:
            runs = [[*PARALLEL, "--ignore", "tests/browser"], ["tests/browser", "--ignore", SITE]]
        else:
            runs = [[*PARALLEL, "--ignore", "tests/browser", "--ignore", "tests/airflow", "-m", "not thorough"]]
        warnings = [argument for warning in self.ignored for argument in ("-W", warning)]
        return [["-q", *warnings, *arguments] for arguments in runs]


CELLS: Final = (
    Cell("3.1", "3.12", "2.*", VERSIONS / "airflow-3.1.txt", (OLD_PATHS,), whole=True),
    Cell("3.1", "3.13", "3.0.*", VERSIONS / "airflow-3.1.txt", (OLD_PATHS,)),
    Cell("3.2", "3.11", "2.*", VERSIONS / "airflow-3.2.txt", (ENTRY_POINTS, TEST_CLIENT), whole=True),
    Cell("3.2", "3.12", "3.0.*", VERSIONS / "airflow-3.2.txt", (TEST_CLIENT,)),
    Cell("3.2", "3.14", "2.*", VERSIONS / "airflow-3.2.txt", (TEST_CLIENT, BORROWED)),
    Cell("3.3", "3.13", "2.*", ROOT / "constraints.txt", whole=True),
    Cell("3.3", "3.11", "3.*", ROOT / "constraints.txt"),
    Cell("3.3", "3.14", "3.*", ROOT / "constraints.txt", (BORROWED,)),
    Cell("3.1.0", "3.11", "2.1.2", VERSIONS / "lowest.txt", (OLD_PATHS,), left_out=NEED_NEWER),
)


def main() -> int:
    """Run the cells that the first argument names, or all; return 1 if one failed."""
    name, *chosen = sys.argv[1:] or [""]
    wanted = [cell for cell in CELLS if is_named(cell, name)]
    if not wanted:
        say(f"No cell has {name} in its name. The cells are: {', '.join(cell.name for cell in CELLS)}")
        return 2
    outcomes = {cell.name: run(cell, chosen) for cell in wanted}
    for cell, outcome in outcomes.items():
        say(f"{cell:<40} {outcome}")
    return int("failed" in outcomes.values())


def is_named(cell: Cell, name: str) -> bool:
    """Return whether a cell's name has this name between hyphens: 3.1 names neither Python 3.11 nor Airflow 3.1.0."""
    return not name or re.search(rf"(^|-){re.escape(name)}(-|$)", cell.name) is not None


def needed_packages(left_out: Collection[str] = ()) -> list[str]:
    """Return what this package and its tests need, from ``pyproject.toml``, without pandas and what is left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    (own,) = (line for line in map(Requirement, extras["dev"]) if line.name == project["name"])
    named = [line for extra in sorted(own.extras) for line in extras[extra]]
    lines = [*project["dependencies"], *named, *extras["dev"]]
    unwanted = {"pandas", project["name"], *NOT_FOR_TESTS, *left_out}
    return [line for line in lines if Requirement(line).name not in unwanted]


def run(cell: Cell, chosen: Sequence[str] = ()) -> str:
    """Run the tests, or those chosen, in a cell's environment, which is created or renewed first if necessary."""
    python = find_python(cell.python)
    if python is None:
        return f"skipped: python{cell.python} is not installed"
    say(f"== {cell.name} ==")
    made, content = cell.folder / "made", "\n".join([*cell.packages(), cell.versions.read_text(encoding="utf-8")])
    if not made.exists() or made.read_text(encoding="utf-8") != content:
        make(cell, python)
        made.write_text(content, encoding="utf-8")
    program = str(cell.folder / "bin" / "python")
    codes = [
        subprocess.run([program, "-m", "pytest", *arguments], check=False, cwd=ROOT).returncode
        for arguments in cell.test_runs(chosen)
    ]
    return "failed" if any(codes) else "passed"


def make(cell: Cell, python: str) -> None:
    """Create a cell's environment from scratch."""
    shutil.rmtree(cell.folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", cell.folder], check=True)
    fixed = cell.folder / "constraints.txt"
    fixed.write_text("".join(without_pandas(cell.versions.read_text(encoding="utf-8"))), encoding="utf-8")
    pip = [str(cell.folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--quiet"]
    subprocess.run([*pip, "--constraint", fixed, *cell.packages()], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", ROOT], check=True)


def without_pandas(constraints: str) -> Iterable[str]:
    """Yield all lines but the one for pandas, whose version is the cell's."""
    return (line for line in constraints.splitlines(keepends=True) if not line.startswith("pandas=="))


def find_python(version: str) -> str | None:
    """Return a working Python of this version, if there is one; also look in pyenv's folder."""
    kept = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, kept)):
        if candidate and subprocess.run([candidate, "-c", ""], check=False, capture_output=True).returncode == 0:
            return candidate
    return None


def say(line: str) -> None:
    """Print a line and flush it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
