"""The package, its examples and the pages for users are written in plain English, without the turns of phrase below."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.sources import nodes_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "airflow_provider_socialscrm"
SOURCES = [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "dags").glob("*.py"))]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
SCREENS = sorted(path for suffix in ("html", "js") for path in PACKAGE.rglob(f"*.{suffix}"))

AVOIDED: Final = {
    r"mend(?:s|ed|ing)?": "fix",
    r"ill": "unavailable, failing",
    r"told|tells?|telling": "report, show, say, ask, distinguish",
    r"what is settled|what was settled": "the checkpoint",
    r"(?:go|goes|going|went|gone) in(?!-)": "sent, imported, accepted",
    r"stands? for|stood for": "mean, represent",
    r"in vain": "without success",
    r"odd(?:ly)?(?!-sex)": "unusual, suspicious",  # odd-sex is the code of a remark, which users may rely on
    r"troubles?": "problem, error",
    r"triage|intake|condemned|judg(?:e|es|ed|ing)": "decide, check, read, reject",
    r"anew": "again",
    r"(?<!there )(?:is|are|was|were|be) no (?!longer|more|less|doubt)\w+": "is not a ...",
}
"""Patterns, and what to write instead. Whole words, in any case."""

ANY_AVOIDED: Final = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in AVOIDED), re.IGNORECASE)

BEGINNINGS: Final = r"(?:What|Say|Tell|Refuse)\b"
"""First words of a docstring that does not say what the function does or returns."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the comments and string literals of a module, or the paragraphs of a page, with their line numbers."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        for paragraph in re.finditer(r"(?:.+\n?)+", source):
            yield source.count("\n", 0, paragraph.start()) + 1, paragraph[0]
        return
    for node in nodes_of(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def avoided(text: str) -> list[str]:
    """Return what is to be avoided in a text, with what to write instead."""
    plain = " ".join(text.split())
    if not ANY_AVOIDED.search(plain):
        return []
    return [
        f"'{match[0]}': {better}"
        for pattern, better in AVOIDED.items()
        for match in re.finditer(rf"\b(?:{pattern})\b", plain, re.IGNORECASE)
    ]


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, ast.get_docstring(node) or ""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("paths", [SOURCES, SCREENS, PAGES], ids=["sources", "screens", "pages"])
def test_no_text_has_a_turn_of_phrase_to_avoid(paths):
    found = [
        f"{name_of(path)}:{line}: {each}" for path in paths for line, text in texts(path) for each in avoided(text)
    ]

    assert found == []


def test_docstrings_say_what_something_does_or_is():
    found = [
        f"{name_of(path)}:{line}: {text[:60]}"
        for path in SOURCES
        for line, text in docstrings(path)
        if re.match(BEGINNINGS, text)
    ]

    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "The CRM was ill.",
        "Mend it in Airflow.",
        "Rows that did not\n    go in",
        "A plan that is no number",
        "an ODD value",
        "The file is written anew.",
    ],
)
def test_a_turn_of_phrase_to_avoid_is_found(text):
    assert avoided(text)


@pytest.mark.parametrize(
    "text",
    [
        "There is no file, and there was no call.",
        "It is no longer sent, and no more than ten are.",
        "We recommend amending it until it is filled.",
        "The remark odd-sex, which goes into the manifest.",
        "I'll go into it.",
    ],
)
def test_good_english_is_not_found(text):
    assert avoided(text) == []
