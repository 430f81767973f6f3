"""What the runbook says about an error, for a machine without the documentation: its pages come with the package."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.api.codes import TABLES, Blame, Family, look_up
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

FOR_ROWS: Final = "If it is the code of rows, correct their agentAccount, or create the agent in the CRM."
"""What to do where not the connection's user signs, but the agent of rows."""

FEWEST_WORDS: Final = 4
"""Words of a sentence in a row that the runbook must have, if it does not have all of them: fewer are in any text."""

ANOTHER: Final = "another number"
"""How the row of the runbook begins that is about the codes which the vendor does not document."""

_NUMBER: Final = re.compile(r"-?\d{1,4}")
_ROW: Final = re.compile(r"^\| (`.+) \| \[.+\]\((\S+)\) \|$", re.MULTILINE)
_CELLS: Final = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)
_LINK: Final = re.compile(r"\[([^\[\]]+)\]\(([^()\s]+)\)")
_PAGES: Final = ("rows", "settings", "data", "unavailable", "storage", "ended", "routine")


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

    The row of a table that is about a code comes first.

    :param words: a code, the name of an error, a sentence or words of it, or what a link of the runbook says.
    :param folder: of the pages.
    """
    folder = folder or (PACKAGED if PACKAGED.exists() else IN_REPOSITORY)
    sections = [text for page in _PAGES for text in _sections(folder / f"{page}.md").values()]
    found = (
        [text for text in sections if words.casefold() in _anchors(text)]
        or list(_of_page(folder, words))
        or _of_index(folder, words)
        or [text for text in sections if _has(text, words)]
        or _of_longest_run(sections, words)
    )
    return [_as_text(text) for text in (*_table_rows(sections, words), *found)]


def _code(words: str) -> Iterator[str]:
    """Yield what a code means in an import, if the words are one."""
    number = int(words) if _NUMBER.fullmatch(words) else None
    if number is not None and any(code.number == number for code in TABLES[Family.IMPORT]):
        code = next(each for each in TABLES[Family.IMPORT] if each.number == number)
        known = look_up(number, code.text, family=Family.IMPORT)
        rows = f" {FOR_ROWS}" if known.blame is Blame.SIGNER else ""
        yield f"{number} ({known.text}): {known.meaning} {known.hint}{rows}"


def _table_rows(sections: Sequence[str], words: str) -> list[str]:
    """Return the rows of the tables of codes that are about a code; for a number that has none, the row for others."""
    rows = [cells for text in sections for cells in _CELLS.findall(text)]
    code = r"-?\d+" if _NUMBER.fullmatch(words) else r"`([\w-]+)`"
    named = [meaning for cell, meaning in rows if words in re.findall(code, cell)]
    if _NUMBER.fullmatch(words) and not named:
        named = [meaning for cell, meaning in rows if cell.startswith(ANOTHER)]
    return [f"{words}: {meaning}" for meaning in named]


def _of_page(folder: Path, words: str) -> Iterator[str]:
    if words in _PAGES:
        yield (folder / f"{words}.md").read_text(encoding="utf-8").strip()


def _of_index(folder: Path, words: str) -> list[str]:
    """Return the sections to which the index leads, that of the longest phrase first."""
    index = (folder / "index.md").read_text(encoding="utf-8")
    matched = [(_longest(phrases, words), target) for phrases, target in _ROW.findall(index)]
    best_first = sorted((each for each in matched if each[0]), key=lambda each: -each[0])
    return [_section(folder, target) for target in dict.fromkeys(target for _, target in best_first)]


def _longest(phrases: str, words: str) -> int:
    """Return the length of the longest phrase, of those in backticks, that words are about; 0 if there is none."""
    return max(
        (
            len(phrase)
            for phrase in re.findall(r"`([^`]+)`", phrases)
            if _has(phrase, words) or all(part.strip().casefold() in words.casefold() for part in phrase.split("..."))
        ),
        default=0,
    )


def _of_longest_run(sections: Sequence[str], words: str) -> list[str]:
    """Return the sections that have the most words of a sentence in a row."""
    given = _plain(words).split()
    texts = {text: f" {_plain(text)} " for text in sections}
    for length in range(len(given), FEWEST_WORDS - 1, -1):
        runs = [f" {' '.join(given[start : start + length])} " for start in range(len(given) - length + 1)]
        if found := [text for text, plain in texts.items() if any(run in plain for run in runs)]:
            return found
    return []


def _plain(text: str) -> str:
    """Return the words of a text, without what is around them."""
    return " ".join(re.findall(r"[\w'-]+", _LINK.sub(r"\1", text).casefold()))


def _has(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", " ".join(text.split()), re.IGNORECASE) is not None


def _as_text(section: str) -> str:
    """Return a section with each link as its text and where to read on."""
    return _LINK.sub(lambda link: f"{link[1]} ({_where(link[2])})", section)


def _where(target: str) -> str:
    """Return where the target of a link is: this command for a page of the runbook, or a page of the repository."""
    page, _, anchor = target.partition("#")
    if "://" in target:
        return target
    if page.startswith("../"):
        return f"docs/{page.removeprefix('../')} in the repository"
    name = page.removesuffix(".md")
    if name == "index":
        return "docs/operations/index.md in the repository"
    return f"explain {anchor or name}"


def _section(folder: Path, target: str) -> str:
    page, _, anchor = target.partition("#")
    if page.startswith(".."):
        return f"See the page docs/{page.removeprefix('../')}{f', section {anchor}' if anchor else ''}."
    return _sections(folder / page)[anchor]


def _sections(page: Path) -> dict[str, str]:
    """Return the sections of a page by what their headings are called in links."""
    parts = re.split(r"^(?=## )", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {_anchor(part.splitlines()[0]): part.strip() for part in parts}


def _anchors(section: str) -> set[str]:
    """Return what links call the headings of a section, and the headings as they are, in small letters."""
    headings = re.findall(r"^#{2,} .+$", section, re.MULTILINE)
    return {name for each in headings for name in (_anchor(each), each.lstrip("# ").casefold())}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")
