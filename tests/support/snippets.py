"""The snippets of the README and of docs/, and how they are run: as they stand, in the order of the page.

What a snippet needs, or why it is not run, is in an HTML comment before it, ``<!-- snippet: ... -->``:

- ``file PATH COLUMNS [ROWS]``: a file with made-up customers below ``/tmp/crm``; ``{ds}`` is the day, ``;`` separates.
- ``in the clone``: the working directory is the repository, and not the page's folder.
- ``daily``: the DAG around the snippet has intervals of a day.
- ``built, whole in PATH``: the tasks are made and not run; the DAG file has the same tasks, and another test runs it.
- ``a server``: the command runs until it is stopped, so it is not run.
- ``make``, ``installs``, ``needs MODULE``, ``run by PATH``: not run. :func:`wrong_reason` checks the reason.

A snippet after "Save this as `PATH`:" is saved. A block of text after a shell snippet shows what that printed, with
gaps written ``...`` and times of its own. ``/tmp/crm`` is a folder of the page, and ``127.0.0.1:8765`` a sandbox of the
test, which has the name ``socialscrm_sandbox`` as in a test with the fixture.
"""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CHINESE: Final = ROOT / "docs" / "zh"
PAGES: Final = [
    ROOT / "README.md",
    ROOT / "docs" / "tutorial.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if CHINESE not in page.parents),
]
"""In a new user's order. tests/test_chinese.py proves that the Chinese pages have the snippets of the English ones."""

RUN: Final = ("python", "sh", "json", "sql", "text")
"""Languages of the snippets that are run or compared."""

FENCE: Final = re.compile(
    r"(?:<!-- snippet: (?P<note>[^>]+?) -->\n)?^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
BUILT: Final = "built, whole in "
SERVERS: Final = {"airflow standalone"}
"""Commands that run until they are stopped."""

NOT_RUN: Final = ("a server", "make", "installs", "needs ", "run by ")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A block of a page.

    :param page: its path in the repository.
    :param line: where it begins.
    :param language: as the page names it.
    :param text: as it stands.
    :param note: of the comment before it.
    :param saved_as: where the page says to save it.
    """

    page: str
    line: int
    language: str
    text: str
    note: str
    saved_as: str

    @property
    def is_run(self) -> bool:
        return not self.note.startswith(NOT_RUN)


def snippets(page: Path) -> Iterator[Snippet]:
    """Yield the snippets of a page in order."""
    source = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(source):
        if found["language"] in RUN:
            before = source[: found.start()].rstrip().rsplit("\n\n", 1)[-1]
            saved = re.search(r"Save this as `([^`]+)`[^`]*:$", before)
            yield Snippet(
                page.relative_to(ROOT).as_posix(),
                source.count("\n", 0, found.start("text")) + 1,
                found["language"],
                found["text"],
                found["note"] or "",
                saved[1] if saved else "",
            )


def all_pages() -> dict[str, list[Snippet]]:
    """Return the snippets of each page that has any, in a new user's order."""
    found = {page.relative_to(ROOT).as_posix(): [*snippets(page)] for page in PAGES}
    return {page: those for page, those in found.items() if those}


def wrong_reason(snippet: Snippet) -> str:
    """Return what is wrong with the reason why a snippet is not run, or nothing."""
    if snippet.note.startswith(BUILT):
        path = ROOT / snippet.note.removeprefix(BUILT)
        names = re.findall(r"\b(SocialSCRM\w+)\(", snippet.text)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return "" if names and all(f"{name}(" in text for name in names) else f"{path} has not all of {names}"
    kind, _, rest = snippet.note.partition(" ")
    lines = [line.partition("#")[0].strip() for line in snippet.text.splitlines() if line.strip()]
    if kind == "make":
        targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        known = {". .venv/bin/activate", *(f"make {target}" for target in targets)}
        return f"not commands of make: {sorted(set(lines) - known)}" if set(lines) - known else ""
    if kind == "installs":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        named = {extra for each in re.findall(r"\.\[([\w,]+)\]", snippet.text) for extra in each.split(",")}
        if unknown := named - project["optional-dependencies"].keys():
            return f"no extras: {sorted(unknown)}"
        return "" if all(line.startswith("pip install ") for line in lines) else "it does more than install"
    if kind == "needs":
        try:
            is_there = importlib.util.find_spec(rest) is not None
        except ModuleNotFoundError:
            is_there = False
        return f"{rest} is installed, so it can be run" if is_there else ""
    is_server = snippet.note == "a server" and SERVERS.issuperset(lines)
    path = ROOT / snippet.note.removeprefix("run by ")
    has_page = path.is_file() and Path(snippet.page).name in path.read_text(encoding="utf-8")
    return "" if is_server or has_page else f"{path} does not name {Path(snippet.page).name}"
