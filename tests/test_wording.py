"""Numbers in messages: the singular for 1, the plural for all others, in each message that counts something."""

from __future__ import annotations

import ast
import logging
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from airflow_provider_socialscrm.api.envelopes import _unreadable
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.importer.changes.difference import Change, Counts
from airflow_provider_socialscrm.importer.changes.guards import check_guards
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.errors import AccountingError, RejectedRowsError
from airflow_provider_socialscrm.importer.reasons import DUPLICATE, Bucket, Reason
from airflow_provider_socialscrm.importer.results.progress import ReadProgress
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.results.threshold import check_refusals, written_to
from airflow_provider_socialscrm.importer.sending.failure_reasons import isolation_exhausted
from airflow_provider_socialscrm.importer.sending.welcome import WelcomeCount
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.runtime.hidden_tables import shape_of
from airflow_provider_socialscrm.runtime.reporting import log_outcome
from airflow_provider_socialscrm.screening.numbers import _not_numbers
from airflow_provider_socialscrm.wording import counted, out_of, with_article, worded

PACKAGE = Path(__file__).parents[1] / "airflow_provider_socialscrm"

NOUNS = (
    *("rows", "calls", "files", "customers", "numbers", "columns", "lines", "messages", "pages", "links", "agents"),
    *("bytes", "characters", "changes", "tables", "tasks", "values", "warnings", "mass sends", "group links", "lists"),
)
ONE_OF_MANY = re.compile(rf"(?<![\d,.])1 (?:{'|'.join(NOUNS)})\b")
MANY_OF_ONE = re.compile(rf"(?<![\d,.])(?:0|2|1,000) (?:{'|'.join(noun[:-1] for noun in NOUNS)})\b")
WRONG_VERB = re.compile(r"\b1 \w+ (?:were|are|have)\b|\b(?:0|2) \w+s (?:was|is|has)\b")


def report_of(refused: int, accepted: int = 0) -> Report:
    report = Report()
    report.count(Bucket.INVALID, range(refused), Reason("bad-number", "Not a number.", "Fix it."))
    report.count(Bucket.ACCEPTED, range(refused, refused + accepted))
    return report


def message_of(failure: type[Exception], call) -> str:
    try:
        call()
    except failure as caught:
        return str(caught)
    return ""


def outcome_lines(number: int, caplog) -> str:
    report = report_of(number)
    report.count_calls(sent=number)
    with caplog.at_level(logging.INFO):
        log_outcome(
            report.manifest() | {"rejects_path": "/r.csv", "ambiguous_numbers": {}, "countries": {}, "changes": None}
        )
    return caplog.text


BUILDERS = {
    "summary": lambda n: report_of(n).summary(),
    "summary of more": lambda n: report_of(n, 1000).summary(),
    "threshold": lambda n: message_of(RejectedRowsError, lambda: check_refusals(report_of(n, 3), 0, "/rejects.csv")),
    "accounting": lambda n: message_of(AccountingError, lambda: report_of(n).check(n + 1)),
    "accounting of one": lambda n: message_of(AccountingError, lambda: report_of(n + 5).check(n)),
    "reading": lambda n: str(ReadProgress(n, n)),
    "welcome": lambda n: WelcomeCount(n, n).sentence(45, together=False),
    "frame": lambda n: open_source(pd.DataFrame({"whatsApp": ["1"] * n})).describe,
    "wide frame": lambda n: open_source(pd.DataFrame({f"c{place}": [] for place in range(n)})).describe,
    "arrow": lambda n: open_source(pa.table({"whatsApp": ["1"] * n})).describe,
    "records": lambda n: open_source([{"whatsApp": "1"}] * max(n, 1)).describe,
    "several": lambda n: open_source([pa.table({"whatsApp": ["1"]})] * max(n, 1)).describe,
    "text": lambda n: shape_of("x" * n),
    "bytes": lambda n: shape_of(b"x" * n),
    "frame in words": lambda n: shape_of(pd.DataFrame({"a": [1] * n})),
    "json": lambda n: _unreadable(b"{" + b"x" * (n - 1)) if n else "",
    "isolation": lambda n: str(isolation_exhausted(SocialSCRMError("It failed."), n)),
    "screening": lambda n: str(_not_numbers(list(range(n)), n + 4, "mobile")),
    "written": lambda n: written_to("/r.csv", n),
}


@pytest.mark.parametrize("number", [0, 1, 2, 1000])
@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_a_message_has_its_number_in_the_singular_or_plural(build, number):
    text = build(number)

    assert ONE_OF_MANY.findall(text) == []
    assert MANY_OF_ONE.findall(text) == []
    assert WRONG_VERB.findall(text) == []


@pytest.mark.parametrize("number", [0, 1, 2, 1000])
def test_the_log_has_its_numbers_in_the_singular_or_plural(caplog, number):
    text = outcome_lines(number, caplog)

    assert ONE_OF_MANY.findall(text) == []
    assert MANY_OF_ONE.findall(text) == []
    assert ("accepted" in text and "/r.csv" in text) == (number > 0)
    assert ("The row that was not accepted is in /r.csv" in text) == (number == 1)


def test_where_rejected_rows_are_is_said_only_if_there_are_some_and_the_file_was_written(caplog):
    base = {"ambiguous_numbers": {}, "countries": {}, "changes": None, "rejects_path": "/r.csv"}
    with caplog.at_level(logging.INFO):
        log_outcome(report_of(3).manifest() | base | {"rejects_written": False})
        log_outcome(report_of(0, 3).manifest() | base | {"rejects_written": True})

    assert "/r.csv" not in caplog.text
    assert "Set rejects_path" not in caplog.text
    assert (written_to("/r.csv", 0), written_to(None, 3)) == ("", "")


@pytest.mark.parametrize(("bucket", "level"), [(Bucket.DUPLICATE, "INFO"), (Bucket.REJECTED, "WARNING")])
def test_rejects_path_is_only_a_warning_if_somebody_has_to_look_at_the_rows(caplog, bucket, level):
    report = Report()
    report.count(bucket, [1], DUPLICATE, for_good=True)
    base = {"ambiguous_numbers": {}, "countries": {}, "changes": None, "rejects_path": None}
    with caplog.at_level(logging.INFO):
        log_outcome(report.manifest() | base)

    assert [record.levelname for record in caplog.records if "Set rejects_path" in record.getMessage()] == [level]


def test_guards_count_rows_and_changes():
    counts = Counts(Counter({Change.CHANGED: 1}), newly_gone=1, ledger=1)
    few, many = Ledger("ledger", min_rows=10), Ledger("ledger", max_changes=0)
    share, gone = Ledger("ledger", max_changes=0.5), Ledger("ledger", max_gone=0.5)

    texts = [
        message_of(ValueError, lambda each=each: check_guards(each, counts, "d", input_rows=1, is_first=False))
        for each in (few, many, share, gone)
    ]

    assert texts[0].startswith("The input has 1 row, and min_rows is 10, so no call was made.")
    assert texts[1].startswith("The input has 1 change (0 new, 1 changed, ")
    assert "max_changes is 0.5 of 1 customer, so" in texts[2]
    assert texts[3].startswith("The input lacks 1 customer that the last import had, and max_gone is 0.5 of 1 custom")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (counted(1, "row was", "rows were"), "1 row was"),
        (counted(0, "row was", "rows were"), "0 rows were"),
        (counted(2400, "row"), "2,400 rows"),
        (worded(1, "it", "them"), "it"),
        (worded(2, "order"), "orders"),
        (out_of(1, 5, "row", "was refused", "were refused"), "1 of 5 rows was refused"),
        (out_of(2, 5, "row", "was refused", "were refused"), "2 of 5 rows were refused"),
        (out_of(1, 1, "row", "was refused", "were refused"), "1 of 1 row was refused"),
        (out_of(0, 1, "row", "was refused", "were refused"), "0 of 1 row were refused"),
    ],
)
def test_words_agree_with_their_number(made, text):
    assert made == text


UNCOUNTED = re.compile(rf"^ (?:{'|'.join(NOUNS)})\b")
BY_PERCENT = re.compile(rf"%s (?:{'|'.join(NOUNS)})\b")

NEVER_ONE = {
    "api/contents.py": "More than a limit.",
    "api/screening.py": "An order takes 500 numbers at least.",
    "api/shared_pacing.py": "Several tasks at once.",
    "api/owners.py": "The most that a call takes.",
    "commands/check_page.py": "More than one file; a rate.",
    "importer/options.py": "More than one row.",
    "importer/reasons.py": "Digits.",
    "importer/changes/options.py": "Characters and fields above a limit.",
    "importer/changes/inspection.py": "More than one file.",
    "importer/fields/agent_check.py": "More than a limit.",
    "importer/results/progress.py": "More than one file.",
    "importer/sending/failure_reasons.py": "A limit.",
    "importer/sending/welcome.py": "A rate.",
    "importer/sources/csv_files.py": "Limits.",
    "importer/sources/text_lines.py": "A limit.",
    "operators/sends.py": "A branch for 1.",
    "operators/mass_send_arguments.py": "More than a limit.",
    "runtime/hidden_tables.py": "More than a limit.",
}
"""Modules with numbers that are never 1 before a plural, and why."""


def uncounted(path: Path) -> list[str]:
    """Return the texts in which a number has a plural after it, whatever the number is."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            pairs = zip(node.values, node.values[1:], strict=False)
            found += [
                after.value
                for before, after in pairs
                if isinstance(before, ast.FormattedValue)
                and isinstance(after, ast.Constant)
                and UNCOUNTED.match(after.value)
            ]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += BY_PERCENT.findall(node.value)
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_message_has_a_plural_after_any_number(path):
    if path.relative_to(PACKAGE).as_posix() in NEVER_ONE:
        return
    assert uncounted(path) == []


@pytest.mark.parametrize(
    ("noun", "whole"),
    [("int", "an int"), ("DataFrame", "a DataFrame"), ("2 tables", "2 tables"), ("Outputs", "an Outputs")],
)
def test_a_noun_has_its_article_and_a_number_has_none(noun, whole):
    assert with_article(noun) == whole


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/x/rejects.csv", "They are in /x/rejects.csv. Fix that file and import it, or raise max_rejected."),
        (None, "The log has their reasons and positions: fix the input, or raise max_rejected."),
    ],
)
def test_too_many_refused_rows_say_what_to_do(path, advice):
    with pytest.raises(RejectedRowsError) as caught:
        check_refusals(report_of(2), 0, path)
    assert str(caught.value).endswith(f"max_rejected allows 0. {advice}")
