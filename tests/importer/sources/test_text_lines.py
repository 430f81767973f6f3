"""A text file's lines come as they are, numbered, in any encoding, in little memory."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.text_lines import Row, TextForm, batches_of, lines_of

CHOOSE = "Set encoding to the one that shows these letters correctly"
UNICODE_TEXT = 'as "Unicode text" from a spreadsheet is'
ENCODINGS = ["utf-8", "utf-16", "utf-16-be", "utf-32", "gb18030", "utf-7", "utf-8-sig"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("\r\n,a\x85\u2028"))


def read(content, encoding="utf-8", **sizes):
    return list(lines_of(io.BytesIO(content), "x.csv", encoding, **sizes))


def refusal(content, encoding="utf-8", **sizes):
    """Return the error's text and the lines before it."""
    seen = []
    with pytest.raises(InputError) as caught:
        seen.extend(lines_of(io.BytesIO(content), "x.csv", encoding, **sizes))
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@given(TEXTS.filter(lambda text: not text.startswith("\ufeff")), st.sampled_from(ENCODINGS), st.integers(1, 9))
def test_any_text_comes_back_line_by_line_wherever_its_blocks_end(text, encoding, block):
    lines = io.StringIO(text, newline="").readlines() or [""]
    assert read(text.encode(encoding), encoding, read_bytes=block) == lines


@given(TEXTS, st.sampled_from(["utf-8", "ascii", "utf-16-le"]), TEXTS, st.integers(1, 9))
def test_the_line_that_cannot_be_decoded_is_named_wherever_its_blocks_end(before, encoding, after, block):
    damage = b"\x00\xdc" if encoding == "utf-16-le" else b"\xff"  # half a character outside the basic plane
    written = before.encode(encoding, "ignore"), after.encode(encoding, "ignore")
    line = len(io.StringIO(written[0].decode(encoding) + "x", newline="").readlines())
    message = refusal(damage.join(written), encoding, read_bytes=block)
    assert f"x.csv, line {line}: not {encoding.upper()} text. " in message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "gb18030"])
def test_a_byte_order_mark_is_no_text(encoding):
    assert read("\ufeffa,b\n\ufeff1\n".encode(encoding), encoding) == ["a,b\n", "\ufeff1\n"]


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (
            "whatsApp,备注\n1,王伟\n".encode("gb18030"),
            "utf-8",
            f"x.csv, line 1: not UTF-8 text. {CHOOSE}: 'gb18030' (伟 备 注 王), ",
        ),
        (
            b"a\n" * 16 + "1,Müller\n".encode("cp1252"),
            "utf-8",
            f"x.csv, line 17: not UTF-8 text. {CHOOSE}: 'cp1252' or 'cp1250' or 'cp1254' (ü), ",
        ),
        (
            "whatsApp,b\n".encode("utf-16"),
            "utf-8",
            f"x.csv, line 1: not UTF-8 text. It looks like UTF-16, {UNICODE_TEXT}: set encoding='utf-16'.",
        ),
        (
            "whatsApp,b\n王伟,2\n".encode("utf-16-le"),
            "utf-8",
            "x.csv, line 1: not UTF-8 text. It looks like UTF-16 without a byte order mark: set encoding='utf-16-le'.",
        ),
        (
            "whatsApp,b\n".encode("utf-16-be"),
            "cp1252",
            "x.csv, line 1: not CP1252 text. It looks like UTF-16 without a byte order mark: set encoding='utf-16-be'.",
        ),
        (
            "a\n王,2\n".encode(),
            "gb18030",
            "x.csv, line 2: not GB18030 text. It looks like UTF-8: set encoding='utf-8'.",
        ),
        (
            "a\nИванов\n".encode("cp1251"),
            "utf-8",
            f"x.csv, line 2: not UTF-8 text. {CHOOSE}: 'cp1251' (И а в н о), ",
        ),
        (
            "a\n1".encode("utf-16")[:-1],
            "utf-16",
            "x.csv, line 2: not UTF-16 text. Set encoding to the one it was written in, or write it as UTF-8.",
        ),
    ],
)
def test_a_text_in_another_encoding_is_refused_with_what_to_set(content, encoding, message):
    assert refusal(content, encoding).startswith(message)


@pytest.mark.parametrize("alias", ["latin-1", "latin_1", "iso-8859-1", "L1", "8859"])
@pytest.mark.parametrize("block", [1, 1000])
def test_latin_1_is_read_as_browsers_read_it(alias, block):
    text = "Zoë’s “Œuvre” – 7 €…\n‰ Š\n"
    assert "".join(read(text.encode("cp1252"), alias, read_bytes=block)) == text


def test_bytes_without_a_character_in_windows_1252_do_not_end_the_reading_of_latin_1():
    assert read(b"a\x81\x8d\x8f\x90\x9d\x80\n\xe9\0\x93", "latin-1") == ["a\x81\x8d\x8f\x90\x9d€\n", "é\0“"]
    assert read(b"\x93\0\n", "latin-1") == ["“\0\n"]


@pytest.mark.parametrize("encoding", ["iso-8859-2", "iso-8859-15"])
def test_other_encodings_of_that_family_keep_their_characters(encoding):
    assert read(b"\x93a\n", encoding) == ["\x93a\n"]


def test_lines_before_one_that_cannot_be_decoded_are_handed_over():
    lines = lines_of(io.BytesIO(b"a\r\n1\n\xff"), "x.csv", "utf-8")
    assert next(lines) == "a\r\n"
    with pytest.raises(InputError, match="line 3"):
        next(lines)


def test_zeros_in_a_first_line_that_is_not_utf_16_are_text():
    assert read(b"a\0,b\n1\0,2\n") == ["a\0,b\n", "1\0,2\n"]


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory():
    file = io.BytesIO(b"a\n" + b"x" * 1000)

    with pytest.raises(InputError) as caught:
        list(lines_of(file, "x.csv", "utf-8", read_bytes=10, longest_line=100))

    assert str(caught.value) == "x.csv, line 2 does not end within 100 characters: write each row on a line of its own."
    assert file.tell() < 200


def test_a_file_is_read_no_further_than_its_lines_are_taken():
    file = io.BytesIO(b"abc\n" * 100)
    lines = lines_of(file, "x.csv", "utf-8", read_bytes=10)
    assert [next(lines) for _ in range(10)] == ["abc\n"] * 10
    assert file.tell() <= 60


@pytest.mark.parametrize("encoding", ["utf-9", "", "hex", "rot13", "a\0b", None, 8])
def test_an_encoding_that_python_does_not_know_is_refused(encoding):
    with pytest.raises(InputError) as caught:
        TextForm(encoding=encoding)
    message = f"encoding={encoding!r} is not known to Python: give a known one, such as 'utf-8' or 'gb18030'."
    assert str(caught.value) == message


@pytest.mark.parametrize("delimiter", ["", ";;", "\\t", '"', "\n", "\r", "\0", None, 59, b";"])
def test_a_delimiter_that_is_not_one_character_is_refused(delimiter):
    with pytest.raises(InputError) as caught:
        TextForm(delimiter=delimiter)
    message = f"delimiter={delimiter!r} cannot separate values: give one character, such as ';' or '\\t'."
    assert str(caught.value) == message


@pytest.mark.parametrize("encoding", [*ENCODINGS, "GBK", "latin_1", "cp1252", "shift-jis"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", "，"])
def test_known_settings_are_taken(encoding, delimiter):
    assert TextForm(encoding, delimiter) == TextForm(encoding=encoding, delimiter=delimiter)


def test_rows_come_in_pieces_with_the_trouble_of_each_by_its_place():
    rows = [Row(line, line, "it is odd" if line % 2 else "") for line in range(2, 10)]

    pieces = list(batches_of(iter(rows), "x.csv", lambda contents: pa.record_batch({"n": contents}), 3))

    assert [piece.records["n"].to_pylist() for piece in pieces] == [[2, 3, 4], [5, 6, 7], [8, 9]]
    assert {piece.file for piece in pieces} == {"x.csv"}
    assert [{place: reason.meaning for place, reason in piece.unreadable.items()} for piece in pieces] == [
        {1: "x.csv, line 3: it is odd"},
        {0: "x.csv, line 5: it is odd", 2: "x.csv, line 7: it is odd"},
        {1: "x.csv, line 9: it is odd"},
    ]
    assert {reason.code for piece in pieces for reason in piece.unreadable.values()} == {"unreadable"}
