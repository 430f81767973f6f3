"""Write the tables of the reference from the code: ``python -m tools.reference``.

The pages are in ``docs/reference/``, so that they can be read without the site. A test fails if one is out of date.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm import operators, sensors
from airflow_provider_socialscrm.api.codes import TABLES, Code
from airflow_provider_socialscrm.assets.socialscrm import customers_asset
from airflow_provider_socialscrm.importer import reasons
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.reasons import BUCKETS, Reason
from airflow_provider_socialscrm.importer.results.report import OTHER
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.metrics import METRICS

FOLDER: Final = Path(__file__).parent.parent / "docs" / "reference"
HEAD_OF_CODES: Final = Path(__file__).with_name("codes_head.md")
"""What the page of the codes says before its tables. Its links are relative to the page."""

NOTE: Final = "<!-- Written by `python -m tools.reference` from the code: change the code, not this page. -->"


def main() -> int:
    """Write each page that is out of date, and return 0."""
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(FOLDER.parent.parent)} is new\n")
    return 0


def pages() -> dict[Path, str]:
    """Return the text of each page, by its path."""
    made: Mapping[str, Callable[[], Iterator[str]]] = {
        "operators": operators_page,
        "buckets": buckets_page,
        "reasons": reasons_page,
        "codes": codes_page,
        "metrics": metrics_page,
    }
    return {FOLDER / f"{name}.md": "\n\n".join([*page()]) + "\n" for name, page in made.items()}


def operators_page() -> Iterator[str]:
    """Yield the blocks of the page of the operators and what belongs to them."""
    yield "# Operators and their arguments"
    yield NOTE
    yield (
        "Every argument in bold is a template field: see [Template fields](templates.md) for the types of rendered "
        "text. All operators also take the arguments of Airflow's `BaseOperator`, such as `retries` and `pool`."
    )
    for each in operator_classes():
        yield from class_section(each)
        if each is SocialSCRMImportOperator:
            yield (
                "`@task.socialscrm_import` takes the same arguments, without `data`: it imports what the function "
                "returns. See [Import a DataFrame](../howto/import-a-dataframe.md#in-one-task)."
            )
            yield from class_section(Ledger)
    yield from function_section(customers_asset)


def operator_classes() -> list[type[BaseOperator]]:
    """Return the classes for tasks of this package, the import first."""
    found: dict[str, type[BaseOperator]] = {}
    for package in (operators, sensors):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and issubclass(value, BaseOperator) and value.__module__ == module.name:
                    found[value.__name__] = value
    others = [found[name] for name in sorted(found) if found[name] is not SocialSCRMImportOperator]
    return [SocialSCRMImportOperator, *others]


def class_section(each: type[Any]) -> Iterator[str]:
    """Yield the blocks about a class: its import, its description and its arguments."""
    text, described = documentation(each)
    parameters = inspect.signature(inspect.unwrap(each.__init__)).parameters
    templates = getattr(each, "template_fields", ())
    yield f"## {each.__name__}"
    yield f"```python\nfrom {each.__module__} import {each.__name__}\n```" if each is not Ledger else LEDGER_IMPORT
    yield text
    yield arguments_table(parameters, described, templates)


LEDGER_IMPORT: Final = "```python\nfrom airflow_provider_socialscrm.operators.socialscrm import Ledger\n```"


def function_section(each: Callable[..., Any]) -> Iterator[str]:
    """Yield the blocks about a function."""
    text, described = documentation(each)
    yield f"## {each.__name__}"
    yield f"```python\nfrom {each.__module__} import {each.__name__}\n```"
    yield text
    yield arguments_table(inspect.signature(each).parameters, described, ())


def documentation(each: Any) -> tuple[str, dict[str, str]]:
    """Return the description of a class or function as Markdown, and the descriptions of its parameters."""
    described: dict[str, str] = {}
    before, *fields = re.split(r"^:", inspect.getdoc(each) or "", flags=re.MULTILINE)
    for field in fields:
        name, _, text = field.partition(": ")
        if name.startswith("param "):
            described[name.removeprefix("param ").strip()] = " ".join(markdown(text).split())
    paragraphs = [" ".join(markdown(part).split()) for part in before.split("\n\n")]
    return "\n\n".join(part for part in paragraphs if part), described


def markdown(text: str) -> str:
    """Return reStructuredText of a docstring as Markdown: literals, and roles as literals."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def arguments_table(parameters: Mapping[str, inspect.Parameter], described: Mapping[str, str], templates: Any) -> str:
    """Return the table of the arguments, in the order of the signature."""
    rows = []
    for name, each in parameters.items():
        if name == "self" or each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL):
            continue
        shown = f"**`{name}`**" if name in templates else f"`{name}`"
        default = "required" if each.default is each.empty else f"`{each.default!r}`"
        rows.append((shown, default, described[name]))
    return table(("argument", "default", "meaning"), rows)


def buckets_page() -> Iterator[str]:
    """Yield the blocks of the page of the buckets."""
    yield "# Buckets"
    yield NOTE
    yield (
        "Each row of the input is in exactly one bucket, by its position. The task fails if the counts do not add up "
        "to the input."
    )
    yield table(("bucket", "the row"), [(f"`{bucket.value}`", text) for bucket, text in BUCKETS.items()])


def reasons_page() -> Iterator[str]:
    """Yield the blocks of the page of our own reasons."""
    yield "# Reasons"
    yield NOTE
    yield (
        "Why a row was not accepted, or what to know about a row that was sent, where the reason is ours and not a "
        "[code of the CRM](codes.md). A row lists all of its reasons, joined by `+`. "
        "[Rejected rows](../operations/rows.md) has more on what to do."
    )
    own = [each for each in (*vars(reasons).values(), OTHER) if isinstance(each, Reason)]
    rows = sorted({(f"`{each.code}`", each.meaning, each.hint) for each in own})
    yield table(("code", "meaning", "what to do"), rows)


def codes_page() -> Iterator[str]:
    """Yield the blocks of the page of the vendor's codes."""
    yield "# The vendor's codes"
    yield NOTE
    yield HEAD_OF_CODES.read_text(encoding="utf-8").strip()
    everywhere = [code for code in next(iter(TABLES.values())) if all(code in table for table in TABLES.values())]
    yield "## Codes of every call"
    yield codes_table([code for code in everywhere if code.number > 0])
    for family, codes in TABLES.items():
        if own := [code for code in codes if code not in everywhere]:
            yield f"## Codes of the family: {family}"
            yield codes_table(own)


def codes_table(codes: list[Code]) -> str:
    """Return the table of some codes."""
    head = ("code", "the vendor's text", "meaning", "what is done", "at fault")
    return table(head, [(str(c.number), c.text, c.meaning, str(c.recovery), str(c.blame)) for c in codes], escape=False)


def metrics_page() -> Iterator[str]:
    """Yield the blocks of the page of the metrics."""
    yield "# Metrics"
    yield NOTE
    yield (
        "If Airflow's [metrics](https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/"
        "logging-monitoring/metrics.html) are on, each try of a task emits these, with the tags `dag_id` and "
        "`task_id`. [Watch imports](../howto/watch.md#alerts) says when to be alerted."
    )
    yield table(("metric", "kind", "meaning"), [(f"`{name}`", *each) for name, each in METRICS.items()])


def table(head: tuple[str, ...], rows: list[Any], *, escape: bool = True) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    cells = (tuple(cell.replace("|", "\\|") if escape else cell for cell in line) for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" if line[0] != "---" else f"|{'|'.join(line)}|" for line in cells)


if __name__ == "__main__":
    sys.exit(main())
