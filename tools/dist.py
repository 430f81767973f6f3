"""Build what people install, and check it: ``make dist`` and ``make check-dist``.

``python -m tools.dist tag v0.1.0`` fails unless the tag is of this version and the change log has its section.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import airflow_provider_socialscrm

ROOT: Final = Path(__file__).parent.parent
DIST: Final = ROOT / "dist"
INSTALLED: Final = Path(__file__).parent / "check_installed.py"
"""Is run by the Python of an environment with the package alone."""

NO_COMMIT: Final = "1577836800"
"""Seconds since 1970 that files get outside a repository: 2020-01-01, which a zip file can hold."""


def main(arguments: list[str]) -> int:
    """Do what the first argument says; return 1 if it fails, and 2 if it says nothing known."""
    match arguments:
        case ["build"]:
            build(DIST)
        case ["check"]:
            check(DIST)
        case ["tag", tag]:
            if mistake := wrong_tag(tag, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")):
                say(mistake)
                return 1
        case _:
            say("Usage: python -m tools.dist build|check|tag TAG")
            return 2
    return 0


def build(folder: Path) -> None:
    """Build the sdist, and the wheel from it; the same commit gives the same bytes."""
    for old in archives(folder):
        old.unlink()
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], SOURCE_DATE_EPOCH=commit_time())
    say(f"Built {' and '.join(path.name for path in archives(folder))}.")


def archives(folder: Path) -> list[Path]:
    """Return the sdist and the wheel in a folder."""
    return [*folder.glob("*.tar.gz"), *folder.glob("*.whl")]


def commit_time() -> str:
    """Return the time of the last commit in seconds since 1970."""
    done = subprocess.run(
        ["git", "log", "-1", "--format=%ct"],  # noqa: S607 - the user's own git
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return os.environ.get("SOURCE_DATE_EPOCH") or done.stdout.strip() or NO_COMMIT


def check(folder: Path) -> None:
    """Check the archives in a folder: metadata, a second build, the sdist's tests, and both once installed."""
    run([sys.executable, "-m", "twine", "check", "--strict", *archives(folder)])
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        build(scratch / "again")
        if checksums(folder) != checksums(scratch / "again"):
            sys.exit("A second build gave other bytes.")
        check_tests(folder, scratch)
        check_installed(folder, make_environment(sys.executable, scratch / "clean"), ROOT / "constraints.txt")


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 sum of each archive in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in archives(folder)}


def check_tests(folder: Path, scratch: Path) -> None:
    """Check that the tests can be collected in the unpacked sdist, so whoever packages it can run them."""
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(scratch, filter="data")
    unpacked = scratch / sdist.name.removesuffix(".tar.gz")
    run([sys.executable, "-m", "pytest", "--collect-only", "--quiet"], cwd=unpacked, quiet=True)
    say("The tests can be collected in the unpacked sdist.")


def make_environment(python: str, folder: Path) -> str:
    """Create an empty environment and return its Python."""
    run([python, "-m", "venv", "--clear", folder])
    return str(folder / "bin" / "python")


def check_installed(folder: Path, python: str, versions: Path, *packages: str, extras: str = "") -> None:
    """Install the wheel and then the sdist into an environment, and check each.

    :param folder: where they are.
    :param python: of the environment.
    :param versions: exact versions of all other packages, also of those that the build needs.
    :param packages: more packages to install.
    :param extras: of the package, in brackets.
    """
    wheel, sdist = (next(folder.glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    # Compiling what no one imports takes most of the time.
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    run([*pip, "--constraint", versions, f"{wheel}{extras}", *packages])
    run([python, "-I", INSTALLED, "wheel"])
    run([*pip, "--force-reinstall", "--no-deps", sdist], PIP_CONSTRAINT=str(versions))
    run([python, "-I", INSTALLED, "sdist"])


def wrong_tag(tag: str, changes: str) -> str | None:
    """Return what forbids to publish under a tag, or ``None``.

    :param tag: the tag's name.
    :param changes: the text of the change log.
    """
    version = airflow_provider_socialscrm.__version__
    if tag != f"v{version}":
        return f"The tag is {tag}, and the version is {version}: name the tag v{version}."
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        return f"CHANGELOG.md has no section for {version} with a date."
    return None


def run(command: list[str | Path], *, cwd: Path = ROOT, quiet: bool = False, **environment: str) -> None:
    """Run a command; end this program with its code if it fails.

    :param command: program and arguments.
    :param cwd: the folder to run it in.
    :param quiet: show its output only if it fails.
    :param environment: more variables.
    """
    done = subprocess.run(
        list(map(str, command)),
        check=False,
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if done.returncode:
        sys.stdout.buffer.write(done.stdout or b"")
        sys.exit(f"Failed with {done.returncode}: {' '.join(map(str, command))}")


def say(line: str) -> None:
    """Print a line and flush it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
