"""CSV files are read as they were written; a damaged line costs its own row and no other."""

from __future__ import annotations

import csv
import io
import re
from itertools import product

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources import csv_files
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS
from airflow_provider_socialscrm.importer.sources.csv_files import MOST_QUOTE_ERRORS, RecordLines
from airflow_provider_socialscrm.importer.sources.text_lines import TextForm

SECRETS = ("8615266667780", "Nov\u00e1k", "Secret")
NOT_CLOSED = "a quote is not closed"
TOO_LONG = "a quote is not closed, or a value has more than 131,072 characters"
FOLLOWS = "text follows a closing quote"
DELIMITERS = [",", ";", "\t", "|"]


def pieces_of(content, *, batch_rows=BATCH_ROWS, **form):
    """Return columns and pieces of a file."""
    content = content if isinstance(content, bytes) else content.encode(form.get("encoding", "utf-8"))
    text_form = TextForm(**form)
    names = csv_files.columns(io.BytesIO(content), "x.csv", text_form)
    return names, list(csv_files.batches(io.BytesIO(content), "x.csv", text_form, names, batch_rows))


def rows_of(content, **form):
    """Return all rows as lists."""
    names, pieces = pieces_of(content, **form)
    assert [piece.records.schema.names for piece in pieces] == [names] * len(pieces)
    return [list(row) for piece in pieces for row in zip(*map(pa.Array.to_pylist, piece.records.columns), strict=True)]


def troubles_of(content, **form):
    """Return position and text of each row that could not be read."""
    _, pieces = pieces_of(content, **form)
    starts = [sum(piece.records.num_rows for piece in pieces[:number]) for number in range(len(pieces))]
    return [
        (start + place, reason.meaning)
        for start, piece in zip(starts, pieces, strict=True)
        for place, reason in piece.unreadable.items()
    ]


def refusal(content, **form):
    with pytest.raises(InputError) as caught:
        pieces_of(content, **form)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert [secret for secret in SECRETS if secret in message] == []
    return message


def written(rows, **style):
    """Return rows as the standard library writes them."""
    text = io.StringIO(newline="")
    csv.writer(text, **style).writerows(rows)
    return text.getvalue()


def test_values_stay_the_text_they_are_and_blank_ones_are_missing():
    content = 'whatsApp,b\n0086,1.10\n,NA\n1e5,null\nTRUE,2020-01-01\n"",""\n"  n ",n n \n'
    assert rows_of(content) == [
        ["0086", "1.10"],
        [None, "NA"],
        ["1e5", "null"],
        ["TRUE", "2020-01-01"],
        [None, None],
        ["  n ", "n n "],
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_may_end_as_on_any_system(end, last):
    assert rows_of(end.join(["a,b", "1,2", "", '3,"4\n"', *[""] * last])) == [["1", "2"], ["3", "4\n"]]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [*product(["utf-8", "utf-16", "utf-16-le", "gb18030"], ["", "\ufeff"]), ("gbk", ""), ("hz", "")],
)
def test_any_encoding_is_read_with_a_byte_order_mark_or_without(encoding, mark):
    assert pieces_of(mark + "whatsApp,备注\n1,王伟\n", encoding=encoding)[0] == ["whatsApp", "备注"]
    assert rows_of(mark + '"whatsApp",备注\n1,王伟\n', encoding=encoding) == [["1", "王伟"]]


@pytest.mark.parametrize("first_lines", ["", "\n", "\n\r\n", "  \n\n"])
def test_a_header_may_span_lines_and_come_after_blank_ones(first_lines):
    content = first_lines + '"whatsApp","a ""b"",\n\nc"\n0086,007\n'
    assert pieces_of(content)[0] == ["whatsApp", 'a "b",\n\nc']
    assert rows_of(content) == [["0086", "007"]]


def test_blank_lines_are_no_rows():
    assert rows_of("a,b\n\n1,2\n  \n\t\n\n3,4\n\n") == [["1", "2"], ["3", "4"]]


def test_a_row_without_a_value_is_a_row():
    assert rows_of("a,b\n,\n") == [[None, None]]
    assert rows_of("a,b\n , \n,,,\n1,2\n") == [[None, None]] * 2 + [["1", "2"]]
    assert troubles_of("a,b\n , \n,,,\n1,2\n") == []
    assert troubles_of("a,b,c\n1,2\n,\n") == [(0, "x.csv, line 2: it has 2 values, but the header names 3")]
    assert rows_of('a\n""\n1\n\n') == [[None], ["1"]]


def test_zeros_are_text():
    assert rows_of(b"a\0,b\n1\0,\0\n") == [["1\0", "\0"]]


def test_a_file_with_a_header_alone_has_no_rows():
    assert pieces_of("a,b") == (["a", "b"], [])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('1, "Doe, Xan"', ["1", "Doe, Xan"]),
        ('  1 ,  "a ""b"" "', ["1 ", 'a "b" ']),
        ('"1" ,"x"  ', ["1", "x"]),
        ('"1"   , "Doe, Xan" ', ["1", "Doe, Xan"]),
        ('"1" ,', ["1", None]),
        ('"1" ,x y', ["1", "x y"]),
        ('"1\n2" ,3', ["1\n2", "3"]),
        ('" 1" ,""', [" 1", None]),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "^", "]"])
def test_blanks_around_a_quoted_value_are_not_part_of_it(line, values, delimiter):
    content = f"a,b\n{line}\n2,3\n".replace(",", delimiter)
    assert rows_of(content, delimiter=delimiter) == [
        [value and value.replace(",", delimiter) for value in values],
        ["2", "3"],
    ]
    assert troubles_of(content, delimiter=delimiter) == []


def test_a_header_may_have_blanks_around_its_quotes():
    assert pieces_of('"whatsApp" , "the name"\n1,2\n')[0] == ["whatsApp", "the name"]


def test_blanks_that_are_delimiters_separate_values():
    assert rows_of('a b c\n1  "x y"\n', delimiter=" ") == [["1", None, "x y"]]


def test_a_blank_after_a_quote_hides_no_other_damage():
    content = 'a,b\n1,"x" y\n1,"x" ,"y\n2,"3" "4"\n5,6\n'
    assert rows_of(content) == [[None, None]] * 3 + [["5", "6"]]
    assert [place for place, _ in troubles_of(content)] == [0, 1, 2]


def test_an_open_quote_swallows_no_line_that_seems_to_close_it():
    assert rows_of('a,b\n1,"x\n2," ,b"\n') == [[None, None], ["2", " ,b"]]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (",a", ["Unnamed: 0", "a"]),
        ("a,b,,", ["a", "b", "Unnamed: 2", "Unnamed: 3"]),
        (",Unnamed: 0,a", ["Unnamed: 0.1", "Unnamed: 0", "a"]),
        (",Unnamed: 0,Unnamed: 0.1", ["Unnamed: 0.2", "Unnamed: 0", "Unnamed: 0.1"]),
        ('a,"",  ,\u200b,\xa0', ["a", "Unnamed: 1", "Unnamed: 2", "Unnamed: 3", "Unnamed: 4"]),
        (",,\n\n , ,\na,,b", ["a", "Unnamed: 1", "b"]),
    ],
)
def test_columns_without_a_name_are_called_as_pandas_calls_them(header, names):
    values = ",".join(map(str, range(len(names))))
    assert pieces_of(f"{header}\n{values}\n")[0] == names
    assert rows_of(f"{header}\n{values}\n") == [list(map(str, range(len(names))))]


@pytest.mark.parametrize("header", [",a", "a,b,,", ",Unnamed: 0,a", ",Unnamed: 0,Unnamed: 0.1"])
def test_columns_without_a_name_have_the_very_names_that_pandas_gives_them(header):
    assert pieces_of(f"{header}\n")[0] == pd.read_csv(io.StringIO(f"{header}\n")).columns.tolist()


@pytest.mark.parametrize(
    "line", ["sep=;", "SEP=;", '"sep=;"', '"Sep=;"', "sep=;;;", "sep=; ", '"sep=;";;', "\ufeffsep=;"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_first_line_that_sets_the_delimiter_is_not_the_header(line, end, caplog):
    content = end.join([line, "whatsApp;a,b", "1;2,3", "4;5;6", ""])
    with caplog.at_level("INFO"):
        assert pieces_of(content)[0] == ["whatsApp", "a,b"]
    assert rows_of(content) == [["1", "2,3"], [None, None]]
    assert troubles_of(content) == [(1, "x.csv, line 4: it has 3 values, but the header names 2")]
    assert set(caplog.messages) == {"x.csv: its first line sets the delimiter to ';'"}


@pytest.mark.parametrize("delimiter", [",", "\t", "|", " ", "^", "，"])
@pytest.mark.parametrize("given", [",", ";"])
def test_the_delimiter_in_the_file_is_the_one_it_is_read_with(delimiter, given):
    assert rows_of(f"sep={delimiter}\na{delimiter}b\n1{delimiter}2\n", delimiter=given) == [["1", "2"]]


def test_only_a_first_line_sets_the_delimiter():
    assert rows_of("a\nsep=;\n") == [["sep=;"]]
    assert pieces_of("sep=ab,b\n1,2\n")[0] == ["sep=ab", "b"]


@pytest.mark.parametrize("delimiter", [*DELIMITERS, " ", "，"])
def test_any_delimiter_is_taken(delimiter):
    content = f'a{delimiter}b\n"1{delimiter}"{delimiter}2\n'
    assert rows_of(content, delimiter=delimiter) == [[f"1{delimiter}", "2"]]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(lambda name: name[:1] != "\ufeff")
VALUES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(',;"\r\n '), max_size=8)
STYLES = st.fixed_dictionaries(
    {
        "quoting": st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
        "delimiter": st.sampled_from(DELIMITERS),
        "lineterminator": st.sampled_from(["\r\n", "\n", "\r"]),
    }
)


def is_quoted(text, delimiter):
    return written([[text, ""]], delimiter=delimiter, quoting=csv.QUOTE_MINIMAL).startswith('"')


@given(st.data(), st.lists(NAMES, min_size=1, max_size=4), STYLES, st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_any_table_that_python_writes_reads_back_equal(data, names, style, encoding):
    assume(len(names) > 1 or not set(names[0]) & set(DELIMITERS))
    assume(all(re.search(r"[^\s\0\u200b\u2060\ufeff]", name) for name in names) and "\0" not in "".join(names))
    if style["quoting"] == csv.QUOTE_MINIMAL:  # older Pythons do not quote the line end that is not the file's
        style["lineterminator"] = "\r\n"
    rows = data.draw(st.lists(st.lists(VALUES, min_size=len(names), max_size=len(names)), max_size=9))
    form = {"encoding": encoding, "delimiter": style["delimiter"], "batch_rows": 3}
    # Not quoted, a blank after a delimiter is not part of the value.
    begun = (
        str
        if style["quoting"] != csv.QUOTE_MINIMAL
        else lambda text: text if is_quoted(text, style["delimiter"]) else text.lstrip(" ")
    )
    content = written([names, *rows], **style)

    assert pieces_of(content, **form)[0] == [begun(name) for name in names]
    assert rows_of(content, **form) == [[begun(value) or None for value in row] for row in rows]
    assert troubles_of(content, **form) == []
    sizes = [piece.records.num_rows for piece in pieces_of(content, **form)[1]]
    assert sizes == [3] * (len(rows) // 3) + [len(rows) % 3] * bool(len(rows) % 3)


@pytest.mark.parametrize(
    ("lines", "rows", "troubles"),
    [
        pytest.param(["1,2,3"], [None], [(2, "it has 3 values, but the header names 2")], id="too many values"),
        pytest.param(["1"], [None], [(2, "it has 1 value, but the header names 2")], id="too few values"),
        pytest.param(['""'], [], [], id="nothing but a quoted blank"),
        pytest.param(['1,"Secret" x'], [None], [(2, FOLLOWS)], id="text behind a quote"),
        pytest.param(['1,"Secret " x",2'], [None], [(2, FOLLOWS)], id="quote in a quoted value"),
        pytest.param(['1,"Secret'], [None], [(2, NOT_CLOSED)], id="open quote"),
        pytest.param(['"1,Secret'], [None], [(2, NOT_CLOSED)], id="open quote at the start"),
        pytest.param(['1,"Secret""'], [None], [(2, NOT_CLOSED)], id="doubled quote at the end"),
        pytest.param(['1,"a', '"b",2'], [None, ["b", "2"]], [(2, FOLLOWS)], id="open quote before a quoted value"),
        pytest.param(['1,"a', '2,"b'], [None, None], [(2, FOLLOWS), (3, NOT_CLOSED)], id="two open quotes"),
        pytest.param(['1,"a', '2,"b', "3,c"], [None, None, ["3", "c"]], [(2, FOLLOWS), (3, NOT_CLOSED)], id="and on"),
        pytest.param(['1,"a', "", '2,"b\n"'], [None, ["2", "b\n"]], [(2, FOLLOWS)], id="open quote before a blank"),
        pytest.param(['1,"a\nb",c'], [None], [(2, "it has 3 values, but the header names 2")], id="ragged over lines"),
        pytest.param([f"1,{'x' * 131_073}"], [None], [(2, TOO_LONG)], id="too long a value"),
        pytest.param(['1,a"Secret"'], [["1", 'a"Secret"']], [], id="quotes within a value are text"),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_a_damaged_line_costs_its_own_row(lines, rows, troubles, last):
    after = [] if last else [["8615266667780", "Nov\u00e1k"]]
    content = "\n".join(["a,b", *lines, *map(",".join, after), ""])

    assert rows_of(content) == [row or [None, None] for row in rows] + after
    places = [place for place, row in enumerate(rows) if row is None]
    assert troubles_of(content) == [
        (place, f"x.csv, line {line}: {what}") for place, (line, what) in zip(places, troubles, strict=True)
    ]


def test_an_open_quote_swallows_no_row_however_many_follow():
    rows = [[f"86152{n:08}", "x" * 90] for n in range(5_000)]
    content = written([["a", "b"], *rows[:7]]) + '1,"Secret\r\n' + written(rows[7:])

    assert troubles_of(content) == [(7, f"x.csv, line 9: {TOO_LONG}")]
    assert rows_of(content) == [*rows[:7], [None, None], *rows[7:]]


DAMAGE = {
    "more": "vd,vd,vd,vd",
    "fewer": "vd",
    "text behind a quote": 'vd,"vd"vd,vd',
    "open quote": '"vd,vd,vd',
    "open quote at the end": 'vd,vd,"vd',
    "doubled": '"vd""",""vd",vd',
}
# A quoted value begins with a letter: one that begins with a comma may close what was open, and nobody could tell.
UNDAMAGED = st.just("") | st.text('ab\n\r" ', max_size=5).map("v".__add__)


@given(
    st.lists(st.tuples(UNDAMAGED, UNDAMAGED, UNDAMAGED).map(list), max_size=8),
    st.lists(st.tuples(UNDAMAGED, UNDAMAGED, UNDAMAGED).map(list), max_size=8),
    st.sampled_from(sorted(DAMAGE)),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_any_file_with_one_damaged_line_yields_all_other_rows_once_and_in_order(before, after, damage, quoting):
    head = written([["a", "b", "c"], *before], quoting=quoting)
    content = head + DAMAGE[damage] + "\r\n" + written(after, quoting=quoting)
    line = len(io.StringIO(head, newline="").readlines()) + 1

    rows, troubles = rows_of(content, batch_rows=3), troubles_of(content, batch_rows=3)

    assert rows == [[value or None for value in row] for row in [*before, [""] * 3, *after]]
    assert [place for place, _ in troubles] == [len(before)]
    assert troubles[0][1].startswith(f"x.csv, line {line}: ")


def test_a_file_whose_quoting_is_wrong_throughout_is_refused():
    content = "a,b\n" + '"1" Secret,2\n' * MOST_QUOTE_ERRORS
    assert len(troubles_of(content)) == MOST_QUOTE_ERRORS
    assert refusal(content + '8615266667780,"\n') == (
        "x.csv, line 102: a quote is not closed, like 100 lines before it. Write the file again, with each quote "
        "inside a quoted value doubled."
    )


def test_any_number_of_lines_may_have_the_wrong_number_of_values():
    assert len(troubles_of("a,b\n" + "1\n" * 1000)) == 1000


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        (",,,\n , \n", {}, "x.csv has only blank lines: its first line must name the columns."),
        ("\n\r\n  \n", {}, "x.csv has only blank lines: its first line must name the columns."),
        (
            '\n"a,b\n1,2\n',
            {},
            "x.csv, line 2: a quote is not closed, so the columns have no names. Correct the header.",
        ),
        (
            "a;b\n8615266667780;Nov\u00e1k\n",
            {},
            "x.csv has one column, but its values seem to be separated by ';': set delimiter=';'.",
        ),
        ("a\tb|c\td\n", {}, "x.csv has one column, but its values seem to be separated by '\\t': set delimiter='\\t'."),
        ("a|b\n", {}, "x.csv has one column, but its values seem to be separated by '|': set delimiter='|'."),
        (
            "a,b\n",
            {"delimiter": ";"},
            "x.csv has one column, but its values seem to be separated by ',': set delimiter=','.",
        ),
        (
            '"a","b"\n"1","2"\n',
            {"delimiter": ";"},
            "x.csv seems to be separated by ',', not by ';': set delimiter=','.",
        ),
        (
            '"a";"b, c"\n"1";"2"\n',
            {},
            "x.csv seems to be separated by ';', not by ',': set delimiter=';'.",
        ),
        (
            'sep=;\n"a","b"\n',
            {},
            (
                "x.csv seems to be separated by ',', not by ';': correct or remove its first line, which sets the "
                "delimiter to ';'."
            ),
        ),
        (
            '"a" x,b\n',
            {},
            "x.csv, line 1: text follows a closing quote, so the columns have no names. Correct the header.",
        ),
        (
            'x,"a"b;c\n',
            {},
            "x.csv, line 1: text follows a closing quote, so the columns have no names. Correct the header.",
        ),
    ],
)
def test_a_header_that_names_no_columns_is_refused(content, form, message):
    assert refusal(content, **form) == message


def test_a_text_in_another_encoding_is_refused_as_a_whole():
    content = "whatsApp,b\n1,2\n8615266667780,Nov\u00e1k\n".encode("latin-1")
    assert "x.csv, line 3: not UTF-8 text. Set encoding to the one that shows these letters correctly: " in refusal(
        content
    )


def test_a_record_that_is_cut_leaves_its_other_lines_to_be_read_again():
    lines = RecordLines(iter("abcdef"))
    assert [next(lines), next(lines), next(lines)] == ["a", "b", "c"]
    lines.cut_record()
    lines.begin_record()
    assert lines.first == 2
    assert [next(lines), next(lines), next(lines)] == ["b", "c", "d"]
    lines.cut_record()
    lines.begin_record()
    assert lines.first == 3
    assert list(lines) == ["c", "d", "e", "f"]


def test_a_first_line_that_sets_another_delimiter_is_to_be_corrected():
    with pytest.raises(InputError) as caught:
        pieces_of("sep=;\na,b\n1,2\n")
    assert str(caught.value) == (
        "x.csv has one column, but its values seem to be separated by ',': correct or remove its first line, which "
        "sets the delimiter to ';'."
    )
