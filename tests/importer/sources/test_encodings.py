"""A text in another encoding is recognised where that is safe; elsewhere a person chooses by its letters."""

from __future__ import annotations

import codecs
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.sources import encodings
from airflow_provider_socialscrm.importer.sources.encodings import is_utf_16

CHINESE = "8615266667780,王伟,老客户\n"
GERMAN = "8615266667780,Müller,Größe\n"
HEADER = "whatsApp,agentAccount\n"


def encoding_advice(*given):
    return encodings.encoding_advice(*given).sentence


@pytest.mark.parametrize(
    ("sample", "attempt", "named"),
    [
        (CHINESE.encode("utf-16"), "utf-8", "utf-16"),
        (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-8", "utf-16"),
        (HEADER.encode("utf-16-le"), "utf-8", "utf-16-le"),
        (HEADER.encode("utf-16-be"), "cp1252", "utf-16-be"),
        ((HEADER + CHINESE * 99).encode("utf-16-le"), "utf-8", "utf-16-le"),
        (CHINESE.encode(), "gb18030", "utf-8"),
        (CHINESE.encode()[:-2], "gb18030", "utf-8"),  # ends within a character
        (CHINESE.encode(), "ascii", "utf-8"),
    ],
)
def test_an_encoding_that_leaves_no_doubt_is_named(sample, attempt, named):
    assert encoding_advice(sample, attempt).endswith(f": set encoding={named!r}.")
    assert encodings.encoding_advice(sample, attempt).encoding == named


TABLES = {
    "Polish": ("86,Grzegorz Święcicki,Łódź\n87,Żaneta Król,Gdańsk\n", "cp1250", "Ł ń Ś ź Ż"),
    "Czech": ("86,Jiří Dvořák,Plzeň\n87,Žaneta Šťastná,Zlín\n", "cp1250", "í ň ř Š ť Ž"),
    "Hungarian": ("86,Győző Kovács,Győr\n87,Erzsébet Szűcs,Pécs\n", "cp1250", "á é ő ű"),
    "Romanian": ("86,Ştefan Ţîru,Iaşi\n", "cp1250", "î Ş ş Ţ"),
    "Turkish": ("86,Gülşah Öztürk,Eskişehir\n87,Doğan Çelik,Muğla\n", "cp1254", "Ç Ö ü ğ ş"),
    "Baltic": ("86,Jānis Bērziņš,Rīga\n", "cp1257", "ā ē ī ņ š"),
    "Greek": ("86,Γιώργος Παπαδόπουλος,Αθήνα\n", "cp1253", "Α Γ Π"),
    "Russian": ("86,Иван Петров,Москва\n", "cp1251", "И а в е к н"),
    "Russian on Unix": ("86,Иван Петров,Москва\n", "koi8-r", "И М а в е к"),
    "Russian on DOS": ("86,Иван Петров,Москва\n", "cp866", "И М П"),
    "Hebrew": ("86,דוד כהן,תל אביב\n", "cp1255", "א ב ד"),
    "Arabic": ("86,محمد علي,القاهرة\n", "cp1256", "ا ة ح"),
    "Thai": ("86,สมชาย ใจดี,เชียงใหม่\n", "cp874", "จ ช"),
    "Japanese": ("86,鈴木イチロー,大阪府\n", "cp932", "イ チ ロ"),
    "Japanese on Unix": ("86,鈴木イチロー,大阪府\n", "euc_jp", "イ チ"),
    "Korean": ("86,정수빈,대구광역시 수성구\n87,박서연,전주시\n", "cp949", "광 구"),
    "Simplified Chinese": (CHINESE, "gb18030", "伟 客 户 王 老"),
    "Traditional Chinese": ("86,林志玲,臺中市西屯區\n", "big5", "中 林"),
    "French": ("86,Hélène L’Œuvre,5 € à Nîmes\n", "cp1252", "è é î Œ ’ €"),
    "French on DOS": ("86,André Lefèvre,Évry\n87,Noël Garçon,Nîmes\n", "cp850", "É ç è é ë î"),
    "Spanish on DOS": ("86,Begoña Muñoz,León\n", "cp850", "ñ ó"),
    "Polish on DOS": ("86,Łukasz Gołąb,Poznań\n", "cp852", "Ł ą ł ń"),
    "Spanish on a Mac": ("86,Begoña Muñoz,León\n", "mac-roman", "ñ ó"),
    "German": (GERMAN, "cp1252", "ß ö ü"),
    "a single letter": ("86,René\n", "cp1252", "é"),
}


def readings_of(advice):
    """Return the letters that an advice shows by the encodings it names for them."""
    start = "Set encoding to the one that shows these letters correctly: "
    assert advice.startswith(start)
    shown = re.findall(r"((?:'[\w-]+'(?: or )?)+) \(([^)]+)\)", advice.removeprefix(start))
    return {name: letters for names, letters in shown for name in re.findall(r"'([^']+)'", names)}


@pytest.mark.parametrize("language", TABLES)
def test_where_there_is_doubt_the_right_encoding_is_among_those_to_choose_from(language):
    text, encoding, letters = TABLES[language]
    block = (HEADER + text).encode(encoding)
    readings = readings_of(encoding_advice(text.encode(encoding), "utf-8", block))
    assert encoding in readings
    assert encodings.encoding_advice(text.encode(encoding), "utf-8", block).encoding in readings
    assert set(letters.split()) <= set(readings[encoding].split())
    assert len(set(readings.values())) <= 6


@pytest.mark.parametrize("language", TABLES)
def test_what_is_shown_of_a_text_is_single_letters_in_their_own_order(language):
    text, encoding, _ = TABLES[language]
    for letters in readings_of(encoding_advice(text.encode(encoding), "utf-8")).values():
        assert len(letters.split(" ")) <= 8
        assert letters.split(" ") == sorted(set(letters.split(" ")))
        assert {len(letter) for letter in letters.split(" ")} == {1}
        assert not letters.isascii()


def test_letters_that_tell_readings_apart_are_shown_first():
    text = "86,Çağla Öztürk,Zoë Núñez,André Château,Doğan Yıldız,Şahin Kış,Über Málaga,Lopèz\n"
    readings = readings_of(encoding_advice(text.encode("cp1254"), "utf-8"))
    assert {"ğ", "ı", "Ş"} <= set(readings["cp1254"].split())


def test_blanks_that_only_some_encodings_have_are_no_letters():
    readings = readings_of(encoding_advice("86,Zoë,1\xa0000\xa0€\n".encode("cp1252"), "utf-8"))
    assert readings["cp1252"] == "ë €"


def test_a_text_in_no_known_encoding_has_no_letters_to_show():
    advice = "Set encoding to the one it was written in, or write it as UTF-8."
    assert encoding_advice(b"8615266667780,\x81\x00\xff\xfe\n", "utf-8") == advice


def test_a_file_that_is_utf_8_but_for_one_line_is_not_read_in_another_encoding():
    block = (CHINESE * 9).encode() + GERMAN.encode("cp1252") + (CHINESE * 9).encode()
    advice = "Other lines are UTF-8, so the file mixes encodings: write it again as UTF-8."
    assert encoding_advice(block[block.index(b"M\xfc") :], "utf-8", block) == advice


def test_the_encoding_that_was_tried_is_not_named_again():
    text = "86,Łukasz\n".encode("cp1250") + b"\x81\n"
    assert "cp1250" not in encoding_advice(text, "windows-1250")
    assert "cp1252" not in readings_of(encoding_advice(GERMAN.encode("cp1252"), "windows-1252"))


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (HEADER.encode("utf-16"), True),
        (HEADER.encode("utf-16-le"), True),
        (HEADER.encode("utf-16-be"), True),
        ("whatsApp,备注".encode("utf-16-le"), True),
        (HEADER.encode(), False),
        (b"whatsApp\0,b\n", False),
        (b"\0\n", False),
        (b"\0" * 64, False),
        (b"", False),
    ],
)
def test_utf_16_is_told_from_a_text_with_zeros(sample, expected):
    assert is_utf_16(sample) is expected


@given(st.binary(), st.sampled_from(["utf-8", "gb18030", "utf-16", "cp1252"]))
def test_any_bytes_may_be_looked_at(sample, attempt):
    advice = encoding_advice(sample, attempt)
    assert advice.startswith(("It looks like ", "Set encoding to ", "Other lines are UTF-8"))
    assert advice.isprintable()


@pytest.mark.parametrize("mark", [codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE])
def test_utf_32_is_told_from_utf_16(mark):
    encoding = "utf-32-le" if mark == codecs.BOM_UTF32_LE else "utf-32-be"
    advice = encoding_advice(mark + "whatsApp,n\n1,2\n".encode(encoding), "utf-8")
    assert advice == "It looks like UTF-32: set encoding='utf-32'."
