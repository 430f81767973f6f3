from __future__ import annotations

import html
import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.disguises import folded
from airflow_provider_socialscrm.api.redaction import HIDDEN, LONGEST_TEXT, redact
from airflow_provider_socialscrm.api.vendor_words import VENDOR_WORDS


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("customer 8615266667779 exists", "customer [hidden] exists"),
        ("customer +86 152-6666 (77) 79 exists", "customer [hidden] exists"),
        ("customer 152.666.677.79 exists", "customer [hidden] exists"),
        ("Kunde ٠١٢٣٤٥٦ da", "Kunde [hidden] da"),
        ("line 1234 of 20", "line 1234 of 20"),
        ("mail to ana@example.com failed", "mail to [hidden] failed"),
        ("bad token d5b3aedbd8fad73eb71016d2dc5450eb here", "bad token [hidden] here"),
        ("bad token D5B3AEDBD8FAD73EB71016D2DC5450EB", "bad token [hidden]"),
        ("Success ", "Success"),
        ("two\nlines\tand  gaps", "two lines and gaps"),
        ("", ""),
    ],
)
def test_numbers_mail_addresses_and_tokens_are_taken_out(said, shown):
    assert redact(said) == shown


@pytest.mark.parametrize(
    ("said", "values", "shown"),
    [
        ("name Ana Silva is taken", ["Ana Silva"], "name [hidden] is taken"),
        ("name ANA SILVA is taken", ["Ana Silva"], "name [hidden] is taken"),
        ("name Ana\n  Silva is taken", ["Ana Silva"], "name [hidden] is taken"),
        ("name Ana Silva is taken", ["Ana  Silva "], "name [hidden] is taken"),
        ("客户 李雷 已存在", ["李雷"], "客户 [hidden] 已存在"),
        ("Ana Silva and Ana", ["Ana", "Ana Silva"], "[hidden] and [hidden]"),
        ("level a.b is odd", ["a.b"], "level [hidden] is odd"),
        ("level axb is odd", ["a.b"], "level axb is odd"),
        ("is it hidden?", ["id", "is", "hidden"], "[hidden] it [hidden]?"),
        ("a b c", ["a", "b", "", " "], "a b c"),
    ],
)
def test_values_that_were_sent_are_taken_out_in_any_case_and_spacing(said, values, shown):
    assert redact(said, values) == shown


@given(st.text(), st.lists(st.text()))
@example("x12345y", ["2"])
@example("12 345", ["\x00"])
@example("ab", ["a\x00b"])
def test_no_long_number_and_no_value_survives(text, values):
    shown = redact(text, values)
    said = shown.removesuffix("...").replace(HIDDEN, "\0")
    assert not re.search(r"\d{5}", shown)
    for value in values:
        assert len(value) < 2 or "\0" in value or value not in said


@given(st.text(min_size=LONGEST_TEXT))
def test_a_text_stays_one_short_line(text):
    shown = redact(text)
    assert len(shown) <= LONGEST_TEXT
    assert shown.splitlines() in ([], [shown])


def test_a_page_is_cut_and_says_so():
    assert redact("word " * 100) == ("word " * 100)[: LONGEST_TEXT - 3] + "..."


KEY = "a1b2-C3D4-e5f6g7h8"
ROW = [
    "8615266667779",
    "Ana-Maria Silva",
    "Rua Augusta 1412, São Paulo",
    "ana.silva@example.com",
    "李雷",
    "1990/12/31",
    KEY,
]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        # words, in any order, case and form
        ("name Silva Ana is taken", "name [hidden] [hidden] is taken"),
        ("SILVA, ANA", "[hidden], [hidden]"),
        ("silva_ana", "[hidden]_[hidden]"),
        ("customerSilva", "[hidden]"),
        ("SilvaAna", "[hidden]"),
        ("anamaria", "[hidden]"),
        ("Sao Paulo", "[hidden] [hidden]"),
        ("SÃO", "[hidden]"),
        ("Sa\u0303o", "[hidden]"),
        ("Ｓｉｌｖａ", "[hidden]"),
        ("Si\u200blva", "[hidden]"),
        ("S\u0336i\u0336l\u0336v\u0336a\u0336", "[hidden]"),
        ("𝓢𝓲𝓵𝓿𝓪", "[hidden]"),
        ("AugSilva", "[hidden]"),
        # cut and masked
        ("customer August... exists", "customer [hidden] exists"),
        ("...gusta", "[hidden]"),
        ("customer A***a exists", "customer [hidden] exists"),
        ("Sil***", "[hidden]"),
        ("S*lv*", "[hidden]"),
        ("phone 138****8000 exists", "phone [hidden] exists"),
        ("phone 86*******79", "phone [hidden]"),
        ("phone 86 **** 79", "phone [hidden]"),
        ("phone 86xxxx79", "phone [hidden]"),
        ("phone 86......79", "phone [hidden]"),
        ("phone 86••••79", "phone [hidden]"),
        ("phone 86＊＊79", "phone [hidden]"),
        ("S?o Paulo", "[hidden] [hidden]"),
        ("S\ufffdo Paulo", "[hidden] [hidden]"),
        # digits
        ("number ends with 7779", "number ends with [hidden]"),
        ("number ends with 7778", "number ends with 7778"),
        ("no. 1412", "no. [hidden]"),
        ("born 1990", "born [hidden]"),
        ("born 31.12.1990", "born [hidden]"),
        ("77-79", "[hidden]"),
        # escapes
        ("%53ilva", "[hidden]"),
        ("%2553ilva", "[hidden]"),
        ("%E6%9D%8E%E9%9B%B7", "[hidden]"),
        ("%25E6%259D%258E", "[hidden]"),
        ("%E6%9D", "[hidden]"),
        ("&#26446;&#x96F7;", "[hidden]"),
        ("&amp;#26446;", "[hidden]"),
        ("\\u674e\\u96f7", "[hidden]"),
        ("\\\\u674e", "[hidden]"),
        ("%u674E", "[hidden]"),
        ("U+674E", "[hidden]"),
        ("\\xe6\\x9d\\x8e", "[hidden]"),
        ("\\346\\235\\216", "[hidden]"),
        ("=E6=9D=8E", "[hidden]"),
        ("\\u0053ilva", "[hidden]"),
        ("S&atilde;o", "[hidden]"),
        ("Silva%", "[hidden]%"),
        # names without blanks
        ("客户雷李不存在", "客户[hidden]不存在"),
        ("李*", "[hidden]"),
        ("*雷", "[hidden]"),
        ("李先生", "[hidden]先生"),
        # keys, whole and cut
        ("key a1b2 is wrong", "key [hidden] is wrong"),
        ("key A1B2C3D4E5F6G7H8", "key [hidden]"),
        ("key b2-c3-d4", "key b2-c3-d4"),
        ("key ...f6g7h8", "key [hidden]"),
        # the vendor's own words
        ("Admin Cannot import data", "Admin Cannot import data"),
        ("extended field format error", "extended field format error"),
        ("friendName is not a string", "friendName is not a string"),
        ("Data truncated for column 'address' at row 12", "Data truncated for column 'address' at row 12"),
        ("客户不存在", "客户不存在"),
    ],
)
def test_no_part_of_what_was_sent_is_shown_in_any_disguise(said, shown):
    assert redact(said, ROW) == shown


def test_escapes_that_never_end_hide_the_whole_text():
    said = "%25" + "25" * 50 + "41"
    assert redact(said, ["secret"]) == HIDDEN


@pytest.mark.parametrize("value", ["unknown", "male", "Female", "Auto"])
def test_values_that_the_vendor_defines_do_not_hide_its_words(value):
    assert redact("unknown sex: male or female, Auto", [value]) == "unknown sex: male or female, Auto"


@pytest.mark.parametrize("said", ["system upgrade", "bad facade", "a cafe is added, fed and faded"])
def test_letters_in_a_signature_are_words_only_by_chance_and_hide_none(said):
    signature = "01ade7bad9face3cafe5added7fed2faded"
    assert redact(said, [signature]) == said
    assert redact(f"{said} {signature[:7]}, {signature.upper()}", [signature]) == f"{said} [hidden], [hidden]"


def test_a_customer_with_the_name_of_a_vendors_word_is_hidden():
    assert redact("customer Error exists", ["Error"]) == "customer [hidden] exists"
    assert redact("time is wrong in Time Square", ["Time Square"]) == "time is wrong in [hidden]"


def test_a_long_remark_hides_pairs_of_its_characters_and_not_each_of_them():
    remark = "他上个月在上海买了一台新的机器"
    assert redact("上海没有货", [remark]) == "[hidden]没有货"
    assert redact("买家不在", [remark]) == "买家不在"


def test_a_megabyte_of_values_is_looked_through_in_a_second():
    values = [f"Customer {number} of Łódź, ulica Piękna {number * 7}, 李雷 {number}" for number in range(20_000)]
    started = time.process_time()
    redact("Duplicate entry 'Customer 17 of Lodz' for key 'name' " * 40, values)
    assert time.process_time() - started < 1.0


def test_what_is_left_beside_a_hidden_value_is_looked_through_again():
    assert redact("abbaa", ["abbb", "aa"]) == HIDDEN


words = st.text(st.sampled_from("abcdeghilmnorstuvwzÀéßøłİжиіاب"), min_size=1, max_size=9)
names = st.text(st.sampled_from("李雷王小明张伟김철수タナカ"), min_size=2, max_size=4)
digits = st.text("0123456789", min_size=1, max_size=13)
rows = st.lists(st.lists(words | names | digits, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=5)


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


DISGUISES = [
    str,
    str.upper,
    str.title,
    percent,
    lambda piece: percent(percent(piece)),
    lambda piece: "".join(f"&#{ord(character)};" for character in piece),
    lambda piece: "".join(f"\\u{ord(character):04x}" for character in piece),
    lambda piece: html.escape("".join(f"&#x{ord(character):x};" for character in piece)),
    lambda piece: unicodedata.normalize("NFD", piece),
    "\u200b".join,
    lambda piece: piece[: max(3, len(piece) - 2)],
    lambda piece: piece[-max(3, len(piece) - 2) :],
    lambda piece: f"{piece[:3]}****{piece[-4:]}",
]


@given(rows, st.data())
def test_no_word_and_no_number_of_a_value_survives_in_any_order_and_disguise(values, draw):
    pieces = [piece for value in values for piece in value.split()]
    drawn = draw.draw(st.lists(st.tuples(st.sampled_from(pieces), st.sampled_from(DISGUISES)), max_size=6))
    said = draw.draw(st.sampled_from([" ", "", ", ", "_", "/", " error ", "x"])).join(
        how(piece) for piece, how in drawn
    )

    shown = folded(redact(said, values).replace(HIDDEN, "\0"))

    sent = folded("\n".join(values))
    survivors = {word for word in re.findall(r"[^\W\d_]{3,}", shown) if word in sent} - VENDOR_WORDS
    survivors |= {word for word in re.findall(r"[^\W\d_]{3,}", sent) if word in shown} - VENDOR_WORDS
    survivors |= {number for number in re.findall(r"\d{4,}", shown) if number in sent}
    survivors |= {character for character in sent if character in "李雷王小明张伟김철수タナカ" and character in shown}
    assert survivors == set(), (said, shown)
