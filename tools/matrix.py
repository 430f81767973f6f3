"""Run the tests on the supported versions: ``make test-matrix``, or ``python -m tools.matrix 3.1`` for some cells.

The cells combine each Airflow with each pandas, and each Python with each pandas; one cell has the oldest versions that
``pyproject.toml`` allows. Each cell has an environment in ``.matrix/``, made once, with the other packages as of that
Airflow's release, like an installation with Airflow's constraints.
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
    *("aiobotocore[boto3]", "flask", "flask-cors", "moto[s3]", "s3fs"),
)
"""Packages that this package and its tests need, without pandas.

The last are a server of S3's protocol and its client; ``aiobotocore[boto3]`` names the one boto3 that suits both, which
pip would look for by trying many.
"""

OLD_PATHS: Final = "ignore:in a future version of UPath:PendingDeprecationWarning"
"""universal-pathlib 0.2, which Airflow 3.1 needs, warns when Python's glob uses its paths."""

ENTRY_POINTS: Final = "ignore:SelectableGroups dict interface is deprecated:DeprecationWarning"
"""The opentelemetry-api of Airflow 3.2's release looks up entry points in an old way on Python 3.11."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of versions.

    :param airflow: Airflow's major and minor version, for the cell's name.
    :param python: Python's major and minor version.
    :param pandas: version of pandas for pip, as of Airflow's release.
    :param versions: file with the exact versions of all other packages, including Airflow.
    :param ignored: warnings of other packages that are not errors here.
    :param browser: whether to run the browser tests, too; once per Airflow, since the pages are the same.
    """

    airflow: str
    python: str
    pandas: str
    versions: Path
    ignored: tuple[str, ...] = ()
    browser: bool = False

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
    """Run the cells whose names contain the argument, or all; return 1 if one failed."""
    wanted = [cell for cell in CELLS if not sys.argv[1:] or sys.argv[1] in cell.name]
    if not wanted:
        say(f"No cell has {sys.argv[1]} in its name. The cells are: {', '.join(cell.name for cell in CELLS)}")
        return 2
    outcomes = {cell.name: run(cell) for cell in wanted}
    for name, outcome in outcomes.items():
        say(f"{name:<40} {outcome}")
    return int("failed" in outcomes.values())


def run(cell: Cell) -> str:
    """Run the tests in a cell's environment, which is created or renewed first if necessary."""
    python = find_python(cell.python)
    if python is None:
        return f"skipped: python{cell.python} is not installed"
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
    """Create a cell's environment from scratch."""
    shutil.rmtree(cell.folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", cell.folder], check=True)
    fixed = cell.folder / "constraints.txt"
    fixed.write_text("".join(without_pandas(cell.versions.read_text(encoding="utf-8"))), encoding="utf-8")
    pip = [str(cell.folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
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
