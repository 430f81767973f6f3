"""No spreadsheet computes a cell of a dead letter, and each cell is read back as it was."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.spreadsheet_cells import (
    escaped,
    escaped_text,
    unescaped,
    unescaped_text,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("+8615266667780", "'+8615266667780"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\tx", "'\tx"),
        ("\r=1", "'\r=1"),
        ("\nx", "'\nx"),
        (" =1", "' =1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("'+1", "''+1"),
        ("''=1", "'''=1"),
        # A spreadsheet shows these as they are.
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ("''", "''"),
        ("8615266667780", "8615266667780"),
        ("a=b", "a=b"),
        ("x\n=1", "x\n=1"),
        (" x", " x"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_compute_gets_an_apostrophe(text, written):
    assert escaped_text(text) == written
    assert unescaped_text(written) == text


@pytest.mark.parametrize("corrected", ["+8615266667781", "Ann", "'t Hart", "", "=2+2"])
def test_a_cell_that_a_person_corrected_stays_as_it_is(corrected):
    assert unescaped_text(corrected) == corrected


readable = st.text(st.characters(exclude_categories=["Cs"]))
cells = st.none() | st.text(st.sampled_from("'=+-@\t\r\n \uff1d\u3000a1")) | readable


@given(st.lists(cells, max_size=8))
@example(["'", "''", "'=", "=", None, ""])
def test_any_cell_is_read_back_as_it_was_and_none_begins_like_a_formula(texts):
    column = pa.array(texts, pa.string())

    written = escaped(column)

    assert unescaped(written).to_pylist() == texts
    for shown in filter(None, written.to_pylist()):
        assert shown[0] not in "\t\r\n"
        assert shown.lstrip(" \t\r\n\u3000\u00a0")[:1] not in set("=+-@\uff1d")
