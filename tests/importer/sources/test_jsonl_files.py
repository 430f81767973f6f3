"""JSONL files: one object a line, of whatever keys; a line that is none costs its own row and no other."""

from __future__ import annotations

import io
import json

import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import rounded, unsendable
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources import jsonl_files
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS
from airflow_provider_socialscrm.importer.sources.text_lines import TextForm

SECRETS = ("8615266667780", "Nov\u00e1k", "Secret")
NOT_JSON = "it is not JSON"
NO_OBJECT = "it is JSON but not an object"


def pieces_of(content, encoding="utf-8", batch_rows=BATCH_ROWS):
    """Return columns and pieces of a file."""
    content = content if isinstance(content, bytes) else content.encode(encoding)
    names = jsonl_files.columns(io.BytesIO(content), "x.jsonl", TextForm(encoding))
    return names, list(jsonl_files.batches(io.BytesIO(content), "x.jsonl", TextForm(encoding), names, batch_rows))


def rows_of(content, encoding="utf-8"):
    """Return all rows as they came in."""
    return [row for piece in pieces_of(content, encoding)[1] for row in piece.records.to_pylist()]


def texts_of(content, column):
    """Return a column as text."""
    return [text for piece in pieces_of(content)[1] for text in as_text(piece.records[column]).to_pylist()]


def troubles_of(content, **sizes):
    """Return position and text of each row that could not be read."""
    pieces = pieces_of(content, **sizes)[1]
    starts = [sum(piece.records.num_rows for piece in pieces[:number]) for number in range(len(pieces))]
    return [
        (start + place, reason.meaning)
        for start, piece in zip(starts, pieces, strict=True)
        for place, reason in piece.unreadable.items()
    ]


def refusal(content):
    with pytest.raises(InputError) as caught:
        pieces_of(content)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert [secret for secret in SECRETS if secret in message] == []
    return message


@pytest.mark.parametrize(
    "text", ["2020-01-01", "2020-01-01 12:30:00", "2020-01-01T12:30:00Z", "0086", "1.0", "true", "null", "a\u2028\x85b"]
)
@pytest.mark.parametrize("listed", [False, True])
def test_texts_stay_the_text_they_are(text, listed):
    value = [text] if listed else text
    content = json.dumps({"x": value}, ensure_ascii=False) + "\n"
    assert texts_of(content, "x") == [text]


def test_rows_may_lack_keys_and_vary_in_type():
    rows = [{"whatsApp": 8615266667780, "n": 1}, {}, {"n": 2.5, "tags": ["a", "b"]}, {"late": None}, {"n": "x"}]
    content = "\n".join(map(json.dumps, rows))
    assert pieces_of(content)[0] == ("whatsApp", "n", "tags", "late")
    assert texts_of(content, "whatsApp") == ["8615266667780", None, None, None, None]
    assert texts_of(content, "n") == ["1", None, "2.5", None, "x"]
    assert texts_of(content, "tags") == [None, None, "a,b", None, None]
    assert texts_of(content, "late") == [None] * 5


def test_a_number_keeps_its_digits():
    content = '{"n":12345678901234567890123}\n{"n":8615266667780.0}\n{"n":1e3}\n'
    assert texts_of(content, "n") == ["12345678901234567890123", "8615266667780", "1000"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\n  \n\t\r\n"])
def test_blank_lines_are_no_rows_and_the_last_needs_no_end(end):
    assert rows_of(f'{end}{{"a":"1"}}{end}{{"a":"2"}}') == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_encoding_is_read_with_a_byte_order_mark_or_without(encoding, mark):
    content = mark + '{"a":"王伟"}\n{"a":"2"}\n'
    assert rows_of(content, encoding) == [{"a": "王伟"}, {"a": "2"}]


TROUBLES = {
    "cut": ('{"b":"Secret', NOT_JSON),
    "two objects": ('{"b":1} {"b":2}', NOT_JSON),
    "other quotes": ("{'b':'Nov\u00e1k'}", NOT_JSON),
    "no number": ('{"b":nan}', NOT_JSON),
    "leading zero": ('{"b":086}', NOT_JSON),
    "half an escape": ('{"b":"\\ud8"}', NOT_JSON),
    "control character": ('{"b":"\x01"}', NOT_JSON),
    "zero": ("\0", NOT_JSON),
    "CSV": ("8615266667780,Nov\u00e1k", NOT_JSON),
    "deep": ("[" * 100_000, NOT_JSON),
    "list": ('[{"b":"Nov\u00e1k"}]', NO_OBJECT),
    "number": ("8615266667780", NO_OBJECT),
    "text": ('"Secret"', NO_OBJECT),
    "null": ("null", NO_OBJECT),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_line_that_is_no_object_costs_its_own_row_and_is_not_quoted(name):
    line, what = TROUBLES[name]
    content = f'{{"b":"1"}}\n\n{line}\n{{"b":"2"}}\n'
    assert rows_of(content) == [{"b": "1"}, {"b": None}, {"b": "2"}]
    assert troubles_of(content) == [(1, f"x.jsonl, line 3: {what}")]


@pytest.mark.parametrize("missing", ["NaN", "null"])
def test_a_number_that_is_none_is_missing(missing):
    content = f'{{"n":{missing},"a":"x"}}\n{{"n":9007199254740993,"a":{missing}}}\n{{"n":[1,{missing}]}}\n'
    assert texts_of(content, "n") == [None, "9007199254740993", "1"]
    assert texts_of(content, "a") == ["x", None, None]
    assert troubles_of(content) == []


@pytest.mark.parametrize("infinite", ["Infinity", "-Infinity", "1e999", "[1,Infinity]"])
@pytest.mark.parametrize("other", ["5", '"x"', "null"])
def test_an_infinite_number_is_found_to_be_one(infinite, other):
    content = f'{{"n":{infinite}}}\n{{"n":{other}}}\n'
    [piece] = pieces_of(content)[1]
    [(reason, found), *others] = unsendable(piece.records["n"])
    assert (reason.code, pc.fill_null(found, False).to_pylist()) == ("infinite", [True, False])
    assert all(not pc.any(none).as_py() for _, none in others)
    assert troubles_of(content) == []


def test_half_characters_are_removed_and_whole_ones_stay():
    content = (
        '{"a":"Xan \\ud83d","b":["\\ude00x","\\uD83D\\uDE00"],"c\\ud83d":{"k\\ud83d":"v\\ude00"}}\n{"a":"\\\\ud83d"}\n'
    )
    assert pieces_of(content)[0] == ("a", "b", "c")
    assert texts_of(content, "a") == ["Xan", "\\ud83d"]
    assert texts_of(content, "b") == ["x,😀", None]
    assert texts_of(content, "c") == ['{"k":"v"}', None]
    assert troubles_of(content) == []


KEYS = st.text("ab", max_size=2)
OBJECTS = st.dictionaries(KEYS, st.none() | st.text(max_size=4), max_size=3)


@given(st.lists(OBJECTS, max_size=7), st.lists(OBJECTS, max_size=7), st.sampled_from(sorted(TROUBLES)))
def test_any_file_with_one_damaged_line_yields_all_other_rows_once_and_in_order(before, after, damage):
    lines = [json.dumps(row) for row in before], TROUBLES[damage][0], [json.dumps(row) for row in [*after, {"z": "z"}]]
    names = list(dict.fromkeys(name for row in [*before, *after, {"z": "z"}] for name in row))

    content = "\n".join([*lines[0], lines[1], *lines[2]])
    found, pieces = pieces_of(content, batch_rows=3)
    assert [place for place, _ in troubles_of(content, batch_rows=3)] == [len(before)]
    assert list(found) == names
    rows = [row for piece in pieces for row in piece.records.to_pylist()]
    assert rows == [{name: row.get(name) for name in names} for row in [*before, {}, *after, {"z": "z"}]]
    assert [piece.records.num_rows for piece in pieces[:-1]] == [3] * (len(pieces) - 1)


@pytest.mark.parametrize("content", ["\n \r\n", "{}\n{}\n", "whatsApp,b\n8615266667780,Nov\u00e1k\n", '["Secret"]'])
def test_a_file_without_an_object_is_refused(content):
    assert refusal(content) == (
        'x.jsonl has no line that can be used: write each as an object such as {"whatsApp": "86"}.'
    )


def test_a_text_in_another_encoding_is_refused_as_a_whole():
    content = '{"b":1}\n{"b":"Nov\u00e1k"}\n'.encode("latin-1")
    assert "x.jsonl, line 2: not UTF-8 text. Set encoding to the one that shows these letters correctly: " in refusal(
        content
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.10", "1.10"),
        ("1234567890123456.75", "1234567890123456.75"),
        ("-0.50", "-0.50"),
        ("5.0", "5"),
        ("5.00", "5"),
        ("8615266667780.0", "8615266667780"),
        ("1.0E7", "10000000"),
        ("1e-999999999", "0"),
        ("0e99999999999", "0"),
        ("[1.10,2]", "1.10,2"),
        ('{"k":1.10}', '{"k":"1.10"}'),
    ],
)
@pytest.mark.parametrize("other", ["null", "7", '"x"', "2.5", "true", "NaN", "3.0", "1E7"])
def test_a_number_has_the_digits_as_they_are_written(number, text, other):
    assert texts_of(f'{{"n":{number}}}\n{{"n":{other}}}\n', "n")[0] == text
    assert texts_of(f'{{"n":{other},"m":NaN}}\n{{"n":{number},"m":NaN}}\n', "n")[1] == text


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        (["8.61527E+12"], [True]),
        (["8.61527E+12", "8615266667781"], [True, False]),
        (["8.61526666778e+12"], [True]),
        (["8.61526666778e+12", '"x"', "null"], [True, False, False]),
        (["8.615266667781E12"], [False]),
        (["8.61526666778E12", "8.615266667781E12"], [False, False]),
        (["[8.61527E+12]"], [True]),
        (["8615266667780.0"], [False]),
    ],
)
def test_scientific_notation_says_that_digits_may_be_lost(numbers, lost):
    content = "".join(f'{{"whatsApp":{number}}}\n' for number in numbers)
    [piece] = pieces_of(content)[1]
    assert rounded(piece.records["whatsApp"]).to_pylist() == lost


@pytest.mark.parametrize(
    "line",
    [
        '{"b":"Secret","b":2}',
        '{"b":"1","\\u0062":"2"}',
        '{"b" : 1, "b" : 2}',
        '{"b":1,"b" :2}',
        '{"b":{"k":1,"k":2}}',
        '{"b":[{"k":1,"k":2}]}',
        '{"b":NaN,"b":1}',
        '{"b":"1","b\\ud83d":"2"}',
    ],
)
def test_a_line_in_which_a_key_stands_twice_is_not_read(line):
    content = f'{{"b":"1"}}\n{line}\n'
    assert rows_of(content) == [{"b": "1"}, {"b": None}]
    assert troubles_of(content) == [(1, "x.jsonl, line 2: a key occurs more than once")]


@pytest.mark.parametrize(
    "line",
    [
        '{"b":"k\\":1"}',
        '{"b":{"b":{"b":[{"b":1},{"b":2}]}}}',
        '{"b" : 1}',
        '{"b"\t:1}',
        '{"b":"\\":","c"\t:1}',
        '{"b":{"c" :1}, "c":2}',
    ],
)
def test_a_line_in_which_no_key_stands_twice_is_read(line):
    assert troubles_of(line) == []
