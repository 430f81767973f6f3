"""The Chinese pages follow the English ones block by block, and are set as Chinese is."""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token  # noqa: TC002 - a test loads it anyway

ROOT = Path(__file__).parents[1]
PAGES: Final = {"README.md": "README.zh-CN.md", "docs/tutorial.md": "docs/zh/tutorial.md"}
"""English pages, and the Chinese page of each."""

HAN: Final = r"[\u3400-\u9fff]"
WIDE: Final = "，。；：？！、（）“”《》"

UNTRANSLATED: Final = (
    "Airflow Apache Provider DAG Connection Admin Connections XCom Dockerfile worker manifest Import report "
    "Browse imports PostgreSQL api-server triggerer "
    "SocialsCRM SocialEpoch WhatsApp CRM ApiKey id Base URL User name Tenant ID Auth scheme "
    "Python Arrow CSV DataFrame JSONL Parquet make pytest Ctrl-C LICENSE airflow-provider-socialscrm "
    "Wang Li Ana Silva Bob"
)
"""Words that Chinese engineers write in Latin letters, what a screen shows in English, and names."""

AVOIDED: Final = {
    "座席": "坐席",
    "[帐]号|账户": "账号",
    "租户": "公司 id",
    "顾客|用户号码": "客户",
    "沙盒": "沙箱",
    "您": "你",
    "没被": "未被",
}
"""Patterns, and what these pages write instead: the vendor's word where it has one."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page: a heading, a paragraph, a cell, a snippet, or where a list or a table begins and ends.

    :param line: where it begins; a cell has that of its row.
    :param kind: what it is, with the level of a heading or the language of a snippet.
    :param text: without Markdown; code is one grave accent, and a snippet stands as it is.
    :param marks: what a translation keeps: code, numbers, the targets of links, how much is bold.
    """

    line: int
    kind: str
    text: str = ""
    marks: tuple[str, ...] = ()


def target(page: str, link: str) -> str:
    """Return where a link of a page leads, the same for a page and its translation."""
    if re.match(r"https?://", link):
        return link
    path, _, anchor = link.partition("#")
    place = (ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT).as_posix() if path else page
    if place in PAGES or place in PAGES.values():
        return PAGES.get(place, place)  # headings are translated, so their anchors differ
    return f"{place}#{anchor}" if anchor else place


def inline(page: str, token: Token, line: int) -> Block:
    children = token.children or []
    text = "".join({"code_inline": "`", "softbreak": "\n"}.get(each.type, each.content) for each in children)
    links = [
        each.attrs.get("href") or each.attrs.get("src") for each in children if each.type in {"link_open", "image"}
    ]
    marks = [
        *sorted(f"`{each.content}`" for each in children if each.type == "code_inline"),
        *sorted(target(page, str(link)) for link in links),
        *sorted(re.findall(r"\d+(?:[.,]\d+)*", text)),
        *("bold" for each in children if each.type == "strong_open"),
    ]
    return Block(line, "text", text, tuple(marks))


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, without comments and without the line of its languages."""
    found, line = [], 0
    for token in MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map else line
        if token.type == "inline":
            found.append(inline(page, token, line))
        elif token.type == "fence":
            code = without_comments(token.info, token.content)
            found.append(Block(line, f"snippet {token.info}", token.content, (code,)))
        elif token.type != "html_block":
            found.append(Block(line, f"{token.type} {token.tag}"))
    return [each for each in found if not is_languages(each)]


def is_languages(block: Block) -> bool:
    return block.kind == "text" and block.text == "English · 简体中文"


def comments(language: str, code: str) -> list[str]:
    """Return the comments of a snippet, in order."""
    if language == "python":
        tokens = tokenize.generate_tokens(io.StringIO(code).readline)
        return [each.string for each in tokens if each.type == tokenize.COMMENT]
    if language == "sh":
        return [found[1] for line in code.splitlines() if (found := re.search(r"(?:^|\s)(# .*)$", line))]
    return []


def without_comments(language: str, code: str) -> str:
    for comment in comments(language, code):
        code = code.replace(comment, "#", 1)
    return code


def differences(english: str, chinese: str) -> list[str]:
    """Return where a Chinese page does not follow the English one: the first place, if its outline does not."""
    ours, theirs = blocks(english), blocks(chinese)
    for left, right in zip(ours, theirs, strict=False):
        if left.kind != right.kind:
            return [f"{english}:{left.line} has {left.kind} where {chinese}:{right.line} has {right.kind}"]
    if len(ours) != len(theirs):
        return [f"{english} has {len(ours)} blocks, and {chinese} {len(theirs)}"]
    return [
        f"{english}:{left.line} has {left.marks}, but {chinese}:{right.line} {right.marks}"
        for left, right in zip(ours, theirs, strict=True)
        if left.marks != right.marks
    ]


def prose(page: str) -> Iterator[tuple[int, str]]:
    """Yield what is written in Chinese on a page, the comments of its snippets included."""
    for block in blocks(page):
        language = block.kind.removeprefix("snippet ")
        if block.kind == "text":
            yield block.line, block.text
        for comment in comments(language, block.text):
            yield block.line, re.sub(r"`[^`]*`", "`", comment.removeprefix("# "))


def mistakes(text: str) -> list[str]:
    """Return what is not set as these pages set Chinese."""
    patterns = {
        rf"{HAN}[A-Za-z0-9`]|[A-Za-z0-9`]{HAN}": "a blank between Chinese and Latin letters, numbers or code",
        rf"{HAN}\s+{HAN}": "no blank between Chinese letters",
        rf"\s[{WIDE}]|[{WIDE}]\s": "no blank beside wide punctuation",
        rf"{HAN}\s?[,;:?!()\"']|[,;:?!()\"']\s?{HAN}|{HAN}\.": "wide punctuation in Chinese",
        r"\.\.\.|。。": "…… for what is left out",
        r"\*\*|(?<!`)\]\(": "Markdown that does not close",
        r"\n": "a paragraph on one line, as a browser makes a blank of a line break",
    }
    found = [f"{match[0]!r}: {rule}" for pattern, rule in patterns.items() for match in re.finditer(pattern, text)]
    found += [f"{match[0]!r}: {better}" for pattern, better in AVOIDED.items() for match in re.finditer(pattern, text)]
    words = re.findall(r"[A-Za-z]+(?:-[A-Za-z]+)*", re.sub(r"https?://\S+", "", text))
    return found + [f"{word!r}: a Chinese word" for word in words if word not in UNTRANSLATED.split()]


@pytest.mark.parametrize(("english", "chinese"), PAGES.items())
def test_the_chinese_page_follows_the_english_one(english, chinese):
    assert differences(english, chinese) == []


@pytest.mark.parametrize(("english", "chinese"), PAGES.items())
def test_the_pages_link_to_each_other_below_their_titles(english, chinese):
    there, back = ("zh/tutorial.md", "../tutorial.md") if "/" in english else (chinese, english)

    assert (ROOT / english).read_text(encoding="utf-8").splitlines()[2] == f"English · [简体中文]({there})"
    assert (ROOT / chinese).read_text(encoding="utf-8").splitlines()[2] == f"[English]({back}) · 简体中文"


@pytest.mark.parametrize("chinese", PAGES.values())
def test_chinese_is_set_as_chinese(chinese):
    found = [f"{chinese}:{line}: {each}" for line, text in prose(chinese) for each in mistakes(text)]

    assert found == []


def test_every_chinese_page_has_an_english_one():
    there = {*ROOT.glob("README.*.md"), *(ROOT / "docs" / "zh").rglob("*.md")}

    assert there == {ROOT / page for page in PAGES.values()}


def test_the_source_distribution_has_the_chinese_pages_and_the_package_index_the_english_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]

    assert [page for page in PAGES.values() if page.split("/")[0] not in included] == []
    assert project["project"]["readme"] == "README.md"


ENGLISH = """# Title

English · [简体中文](README.zh-CN.md)

Send **2** rows of `a.csv`, see [how](docs/howto/index.md).

| a | b |
|---|---|
| `x` | 1 |

<!-- snippet: make -->
```sh
make demo    # with comments
```

1. One
2. Two
"""
CHINESE = """# 标题

[English](README.md) · 简体中文

发送 `a.csv` 的 **2** 行，见[说明](docs/howto/index.md)。

| 甲 | 乙 |
|---|---|
| `x` | 1 |

```sh
make demo    # 有注释
```

1. 一
2. 二
"""


def compared(folder: Path, monkeypatch: pytest.MonkeyPatch, english: str, chinese: str) -> list[str]:
    monkeypatch.setattr(f"{__name__}.ROOT", folder)
    (folder / "README.md").write_text(english, encoding="utf-8")
    (folder / "README.zh-CN.md").write_text(chinese, encoding="utf-8")
    return differences("README.md", "README.zh-CN.md")


def test_a_translation_follows(tmp_path, monkeypatch):
    assert compared(tmp_path, monkeypatch, ENGLISH, CHINESE) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# Title", "## Title"),
        ("Send ", "## New\n\nSend "),
        ("**2**", "**3**"),
        ("**2**", "2"),
        ("`a.csv`", "`b.csv`"),
        ("howto/index.md", "howto/index.md#files"),
        ("index.md).", "index.md).\n\nA new paragraph."),
        ("| `x` | 1 |", "| `x` | 1 |\n| `y` | 2 |"),
        ("| `x` | 1 |", "| `y` | 1 |"),
        ("| a | b |\n|---|---|\n| `x` | 1 |", "| a | b | c |\n|---|---|---|\n| `x` | 1 | 2 |"),
        ("make demo ", "make test "),
        ("make demo    # with comments", "make demo    # with\n# comments"),
        ("```sh", "```bash"),
        ("2. Two\n", "2. Two\n3. Three\n"),
    ],
)
def test_a_change_of_the_english_page_is_found(tmp_path, monkeypatch, before, after):
    assert before in ENGLISH
    assert compared(tmp_path, monkeypatch, ENGLISH.replace(before, after), CHINESE)


@pytest.mark.parametrize(
    "text",
    [
        "用Python运行",
        "3行",
        "运行 , 完成",
        "运行. ",
        "（ 见日志）",
        "完成 。",
        "客 户",
        "有 row 未被接收",
        "座席账号",
        "换\n行",
        "**粗体。**后",
    ],
)
def test_a_mistake_in_chinese_is_found(text):
    assert mistakes(text)


@pytest.mark.parametrize(
    "text",
    [
        "1. 准备环境",
        "用 Python 3.11 运行 `，共 2,400 行（见日志）。",
        "教程 · 升级",
        "“管理 > 连接”（Admin > Connections）",
    ],
)
def test_good_chinese_is_not_found(text):
    assert mistakes(text) == []
