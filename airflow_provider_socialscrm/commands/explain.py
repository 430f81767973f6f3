"""What the runbook says about an error, for a machine without the documentation: its pages come with the package."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.api.codes import TABLES, Family, look_up
from airflow_provider_socialscrm.commands import OK, REJECTED

if TYPE_CHECKING:
    from argparse import _SubParsersAction

PACKAGED: Final = Path(__file__).parents[1] / "runbook"
"""Where a wheel has the pages of ``docs/operations``."""

IN_REPOSITORY: Final = Path(__file__).parents[2] / "docs" / "operations"

DESCRIPTION: Final = "Print the sections of the runbook about an error: what it means, and what to do."

NOTHING: Final = (
    "The runbook has nothing about this. Give a code, such as 522, the name of an error, such as LedgerError, or some "
    "words of its sentence as they are.\n"
)

_ROW: Final = re.compile(r"^\| (`.+) \| \[.+\]\((\S+)\) \|$", re.MULTILINE)
_PAGES: Final = ("rows", "settings", "data", "unavailable", "storage", "ended")


def add_explain(commands: _SubParsersAction[Any]) -> ArgumentParser:
    """Add the command ``explain``, and return its parser."""
    parser: ArgumentParser = commands.add_parser(
        "explain", help="say what an error means and what to do, by its code or words", description=DESCRIPTION
    )
    parser.add_argument("words", nargs="+", metavar="WORDS", help="a code, an error's name, or words of its sentence")
    return parser


def run(given: Namespace) -> int:
    """Print what the runbook says about a code or some words, and return the exit code."""
    words = " ".join(" ".join(given.words).split())
    found = [*_code(words), *sections_about(words)]
    sys.stdout.write("\n\n".join(found) + "\n" if found else "")
    sys.stderr.write("" if found else NOTHING)
    return OK if found else REJECTED


def sections_about(words: str, folder: Path | None = None) -> list[str]:
    """Return the sections of the runbook about an error, as text, or the pages that have them.

    :param words: a code, the name of an error, or words of its sentence.
    :param folder: of the pages.
    """
    folder = folder or (PACKAGED if PACKAGED.exists() else IN_REPOSITORY)
    index = (folder / "index.md").read_text(encoding="utf-8")
    targets = [target for phrases, target in _ROW.findall(index) if _names(phrases, words)]
    if targets:
        return [_section(folder, target) for target in dict.fromkeys(targets)]
    sections = (text for page in _PAGES for text in _sections(folder / f"{page}.md").values())
    return [text for text in sections if _has(text, words)]


def _code(words: str) -> Iterator[str]:
    """Yield what a code means in an import, if the words are one."""
    number = int(words) if re.fullmatch(r"-?\d{1,4}", words) else None
    if number is not None and any(code.number == number for code in TABLES[Family.IMPORT]):
        code = next(each for each in TABLES[Family.IMPORT] if each.number == number)
        known = look_up(number, code.text, family=Family.IMPORT)
        yield f"{number} ({known.text}): {known.meaning} {known.hint}"


def _names(phrases: str, words: str) -> bool:
    """Return whether a row of the index, which has phrases in backticks, is about some words."""
    return any(
        _has(phrase, words) or all(part.strip().casefold() in words.casefold() for part in phrase.split("..."))
        for phrase in re.findall(r"`([^`]+)`", phrases)
    )


def _has(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", " ".join(text.split()), re.IGNORECASE) is not None


def _section(folder: Path, target: str) -> str:
    page, _, anchor = target.partition("#")
    if page.startswith(".."):
        return f"See the page docs/{page.removeprefix('../')}, section {anchor}."
    return _sections(folder / page)[anchor]


def _sections(page: Path) -> dict[str, str]:
    """Return the sections of a page by what their headings are called in links."""
    parts = re.split(r"^(?=## )", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {_anchor(part.splitlines()[0]): part.strip() for part in parts}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.removeprefix("## ").lower()).replace(" ", "-")
