"""What is released, how it is checked, and the workflow that publishes it."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import airflow_provider_socialscrm
from tools import dist, lowest
from tools.dist import ROOT, wrong_tag

VERSION = airflow_provider_socialscrm.__version__
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
RUN = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8"))
STEPS = {name: job["steps"] for name, job in WORKFLOW["jobs"].items()}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def commands() -> Iterator[str]:
    """Yield each command of the workflow."""
    for steps in STEPS.values():
        for step in steps:
            yield from step.get("run", "").splitlines()


def test_the_workflow_runs_commands_that_exist():
    found = [re.fullmatch(r'make ([a-z-]+)( TAG="\$GITHUB_REF_NAME")?', command) for command in commands()]

    assert [match and match[1] for match in found] == ["check-tag", "check-dist", "test-lowest"]
    assert {match[1] for match in found if match} <= targets()


def test_the_workflow_publishes_a_tag_only_after_all_checks_and_with_the_least_rights():
    trigger = WORKFLOW[True]  # YAML 1.1 reads the key `on` so
    assert trigger == {"push": {"tags": ["v*"]}}
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()} == {
        "build": {"contents": "read"},
        "publish": {"id-token": "write"},
    }
    publish = WORKFLOW["jobs"]["publish"]
    assert (publish["needs"], publish["environment"]) == ("build", "pypi")
    assert [step for step in publish["steps"] if "run" in step] == []
    assert "secrets" not in str(WORKFLOW)


def test_each_action_is_pinned_to_a_commit_and_names_its_version():
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (.+)", text)

    assert len(used) == sum("uses" in step for steps in STEPS.values() for step in steps) > 0
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_the_archives_that_are_built_are_those_that_are_published():
    (upload,) = [step for step in STEPS["build"] if "upload-artifact" in step.get("uses", "")]
    (download,) = [step for step in STEPS["publish"] if "download-artifact" in step.get("uses", "")]

    assert (upload["with"]["name"], upload["with"]["path"]) == (download["with"]["name"], download["with"]["path"])
    assert Path(upload["with"]["path"]) == dist.DIST.relative_to(ROOT)


def test_all_that_ci_runs_are_commands_of_make():
    run = " ".join(re.findall(r"^(?:make|together) ([\w -]+)$", RUN, re.MULTILINE)).split()

    assert set(run) <= targets()
    assert {"check-dist", "test-lowest"} <= set(run)


CHANGES = f"# Changelog\n\n## [Unreleased]\n\n## [{VERSION}] - 2026-11-26\n"
NAME_IT = f"and the version is {VERSION}: name the tag v{VERSION}."


@pytest.mark.parametrize(
    ("tag", "changes", "mistake"),
    [
        (f"v{VERSION}", CHANGES, None),
        (VERSION, CHANGES, f"The tag is {VERSION}, {NAME_IT}"),
        ("v9.9.9", CHANGES, f"The tag is v9.9.9, {NAME_IT}"),
        (
            f"v{VERSION}rc1",
            CHANGES,
            f"The tag is v{VERSION}rc1, {NAME_IT}",
        ),
        ("", CHANGES, f"The tag is , {NAME_IT}"),
        (f"v{VERSION}", "## [Unreleased]\n", f"CHANGELOG.md has no section for {VERSION} with a date."),
        (f"v{VERSION}", f"## [{VERSION}]\n", f"CHANGELOG.md has no section for {VERSION} with a date."),
        (f"v{VERSION}", f"## [{VERSION}0] - 2026-11-26\n", f"CHANGELOG.md has no section for {VERSION} with a date."),
    ],
)
def test_a_tag_must_be_of_the_version_which_the_change_log_describes(tag, changes, mistake):
    assert wrong_tag(tag, changes) == mistake


def test_an_unknown_argument_shows_how_to_call_it(capsys):
    assert dist.main(["publish"]) == 2
    assert capsys.readouterr().out == "Usage: python -m tools.dist build|check|tag TAG\n"


def test_a_command_that_fails_ends_the_build_and_shows_why(capfdbinary):
    with pytest.raises(SystemExit, match=r"^Failed with 3: "):
        dist.run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], quiet=True)

    assert b"why" in capfdbinary.readouterr().out


def test_what_is_in_the_repository_is_in_the_sdist():
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    # The build adds these itself.
    added = {"LICENSE", "README.md", "pyproject.toml", ".gitignore"}
    done = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S607
    if done.returncode:
        pytest.skip("this is not a git repository")

    beginnings = {name.partition("/")[0] for name in done.stdout.splitlines()}
    assert beginnings - added - {each.strip("/") for each in included} == set()


def test_equal_archives_are_equal_and_others_are_not(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).mkdir()
        for ending in ("whl", "tar.gz", "txt"):
            (tmp_path / name / f"x.{ending}").write_bytes(content)

    sums = [dist.checksums(tmp_path / name) for name in "abc"]
    assert sums[0] == sums[1] != sums[2]
    assert sorted(sums[0]) == ["x.tar.gz", "x.whl"]


def test_tests_that_cannot_be_collected_in_the_sdist_are_an_error(tmp_path, capfd):
    (tmp_path / "x-1").mkdir()
    (tmp_path / "x-1" / "test_x.py").write_text("import not_in_the_sdist\n", encoding="utf-8")
    with tarfile.open(tmp_path / "x-1.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "x-1", "x-1")

    with pytest.raises(SystemExit):
        dist.check_tests(tmp_path, tmp_path / "scratch")
    assert "not_in_the_sdist" in capfd.readouterr().out


@pytest.mark.parametrize("name", [*lowest.TESTS, lowest.DAG_RUN])
def test_the_quick_tests_of_the_oldest_versions_exist(name):
    path, _, test = name.partition("::")
    assert (ROOT / path).exists()
    assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8")


def pinned() -> dict[str, list[Version]]:
    """Return the versions of each package with which the tests are run."""
    found: dict[str, list[Version]] = {}
    for path in (ROOT / "constraints.txt", *(ROOT / "tools" / "versions").iterdir()):
        for name, version in re.findall(r"^([\w.-]+)==(\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), []).append(Version(version))
    return found


def test_each_development_package_has_an_exact_version_that_its_bound_allows():
    versions = pinned()
    requirements = map(Requirement, PROJECT["project"]["optional-dependencies"]["dev"])

    wrong = [
        str(each)
        for each in requirements
        if each.name != "airflow-provider-socialscrm"
        and not (each.name in versions and all(map(each.specifier.contains, map(str, versions[each.name]))))
    ]
    assert wrong == []


def test_the_build_needs_the_oldest_version_that_is_tested():
    (build,) = map(Requirement, PROJECT["build-system"]["requires"])

    oldest = ".".join(map(str, min(pinned()["hatchling"]).release[:2]))
    assert str(build.specifier) == f">={oldest}"


@pytest.mark.parametrize("page", ["SECURITY.md", "CONTRIBUTING.md"])
def test_each_link_and_command_of_the_projects_pages_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    paths = re.findall(r"(?<![\w/])(?:tests|tools|docs)/[\w/]+\.(?:py|md|txt)", text)

    assert [each for each in [*links, *paths] if not (ROOT / each).exists()] == []
    assert set(re.findall(r"make ([a-z][a-z-]+)", text)) <= targets()
    assert not re.search(r"\w@\w", text), "no address of a person"
