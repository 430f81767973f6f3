"""Run the tests on the versions people have: ``make test-matrix``, or ``python -m tools.matrix 3.1`` for some.

Together the cells put each Airflow beside each pandas, and each Python beside both; one has the oldest of all that
``pyproject.toml`` allows. Each has an environment of its own in ``.matrix/``, made once, with the other packages as
they were when that Airflow came out, as those have them who install it with its constraints.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / ".matrix"
VERSIONS: Final = Path(__file__).parent / "versions"

PACKAGES: Final = (
    *(
        "apache-airflow",
        "charset-normalizer",
        "msgspec",
        "numpy",
        "phonenumbers",
        "pyarrow",
        "redis",
        "requests",
        "rich",
    ),
    *("duckdb", "faker", "hypothesis", "jsonschema", "polars", "pytest", "pytest-xdist"),
)
"""What the package needs beside pandas, and what its tests do."""

OLD_PATHS: Final = "ignore:in a future version of UPath:PendingDeprecationWarning"
"""universal-pathlib 0.2, which Airflow 3.1 needs, warns of what Python's own glob does with its paths."""

ENTRY_POINTS: Final = "ignore:SelectableGroups dict interface is deprecated:DeprecationWarning"
"""opentelemetry-api, as it was when Airflow 3.2 came out, looks up entry points in an old way on Python 3.11."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of versions.

    :param airflow: major and minor version of Airflow, for its name.
    :param python: of Python.
    :param pandas: as pip has it, of the same time as Airflow.
    :param versions: file with the exact versions of all other packages, Airflow among them.
    :param ignored: warnings of other packages that are no error here.
    :param browser: whether the pages are looked at, too; they are the same for all cells of one Airflow.
    """

    airflow: str
    python: str
    pandas: str
    versions: Path
    ignored: tuple[str, ...] = ()
    browser: bool = False

    @property
    def name(self) -> str:
        """What the cell is called, and its folder."""
        return f"airflow-{self.airflow}-python-{self.python}-pandas-{self.pandas.removesuffix('.*')}"

    @property
    def folder(self) -> Path:
        """Where its environment is."""
        return FOLDER / self.name

    def packages(self) -> list[str]:
        """Return what to install."""
        return [f"pandas=={self.pandas}", *PACKAGES, *(["selenium"] if self.browser else [])]

    def test_runs(self) -> list[list[str]]:
        """Return the arguments of each run of pytest."""
        warnings = [argument for warning in self.ignored for argument in ("-W", warning)]
        runs = [["-n", "auto", "--dist", "loadfile", "--ignore", "tests/browser"]]
        if self.browser:
            runs.append(["tests/browser"])
        return [["-q", *warnings, *arguments] for arguments in runs]


CELLS: Final = (
    Cell("3.1", "3.12", "2.*", VERSIONS / "airflow-3.1.txt", (OLD_PATHS,), browser=True),
    Cell("3.1", "3.13", "3.0.*", VERSIONS / "airflow-3.1.txt", (OLD_PATHS,)),
    Cell("3.2", "3.11", "2.*", VERSIONS / "airflow-3.2.txt", (ENTRY_POINTS,), browser=True),
    Cell("3.2", "3.12", "3.0.*", VERSIONS / "airflow-3.2.txt"),
    Cell("3.3", "3.13", "2.*", ROOT / "constraints.txt", browser=True),
    Cell("3.3", "3.11", "3.*", ROOT / "constraints.txt"),
    Cell("3.1.0", "3.11", "2.1.2", VERSIONS / "lowest.txt", (OLD_PATHS,)),
)


def main() -> int:
    """Run the cells whose names have the text given, all without one; return 1 when any of them failed."""
    wanted = [cell for cell in CELLS if not sys.argv[1:] or sys.argv[1] in cell.name]
    if not wanted:
        say(f"No cell has {sys.argv[1]} in its name; there are: {', '.join(cell.name for cell in CELLS)}")
        return 2
    outcomes = {cell.name: run(cell) for cell in wanted}
    for name, outcome in outcomes.items():
        say(f"{name:<40} {outcome}")
    return int("failed" in outcomes.values())


def run(cell: Cell) -> str:
    """Make a cell's environment, where there is none yet, and run the tests in it."""
    python = find_python(cell.python)
    if python is None:
        return f"skipped: no python{cell.python} here"
    say(f"== {cell.name} ==")
    made = cell.folder / "made"
    if not made.exists() or made.stat().st_mtime < cell.versions.stat().st_mtime:
        make(cell, python)
        made.touch()
    program = str(cell.folder / "bin" / "python")
    codes = [
        subprocess.run([program, "-m", "pytest", *arguments], check=False, cwd=ROOT).returncode
        for arguments in cell.test_runs()
    ]
    return "failed" if any(codes) else "passed"


def make(cell: Cell, python: str) -> None:
    """Make a cell's environment anew."""
    shutil.rmtree(cell.folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", cell.folder], check=True)
    fixed = cell.folder / "constraints.txt"
    fixed.write_text("".join(without_pandas(cell.versions.read_text(encoding="utf-8"))), encoding="utf-8")
    pip = [str(cell.folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--constraint", fixed, *cell.packages()], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", ROOT], check=True)


def without_pandas(constraints: str) -> Iterable[str]:
    """Yield the lines that fix anything but pandas, which the cell says itself."""
    return (line for line in constraints.splitlines(keepends=True) if not line.startswith("pandas=="))


def find_python(version: str) -> str | None:
    """Return a Python of this version that can run, if there is one: also where pyenv keeps them without a shim."""
    kept = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, kept)):
        if candidate and subprocess.run([candidate, "-c", ""], check=False, capture_output=True).returncode == 0:
            return candidate
    return None


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
