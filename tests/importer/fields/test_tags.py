"""Tags are the names they are, however several stand in one text; brackets and quotes never become part of one."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.cleaning import clean
from airflow_provider_socialscrm.importer.fields.tags import tags

BAD, COMMA, OTHER = "bad-tags", "comma-in-tag", "other-separator"
READABLE = st.characters(exclude_categories=["Cs"])
NAMES = st.lists(
    (st.text(READABLE) | st.text("aé 'x\"\\{}[]()1.nN/:=\n\u200b")).map(
        lambda name: clean(pa.array([name.replace(",", "")]))[0].as_py() or "x"
    ),
    min_size=1,
    max_size=4,
)
NEARLY_LISTS = st.text(READABLE) | st.text("[]{}()'\"\\,;a1.n N\n", max_size=12)


def outcomes(column):
    """Return each row's tags, or the code of what is wrong with them, and with a remark both."""
    column = clean(column if isinstance(column, pa.Array) else pa.array(column, pa.string()))
    checked = tags(column)
    found = checked.text.to_pylist()
    for reason, mask in checked.problems:
        found = [reason.code if bad else kept for kept, bad in zip(found, mask.to_pylist(), strict=True)]
    for reason, mask in checked.remarks:
        found = [(kept, reason.code) if so else kept for kept, so in zip(found, mask.to_pylist(), strict=True)]
    return found


def outcome(text):
    [found, beside_it] = outcomes([text, None])
    assert beside_it is None
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("VIP", "VIP"),
        ("VIP,New", "VIP,New"),
        (" VIP ,, New,", "VIP,New"),
        (",", None),
        ("big client", "big client"),
        ("(old)", "(old)"),
        ("(old), (new)", "(old),(new)"),
        ("VIP (old), New", "VIP (old),New"),
        ("[old] VIP, New", "[old] VIP,New"),
        ("{old} VIP", "{old} VIP"),
        ("[VIP], New", "[VIP],New"),
        ("VIP [2024]", "VIP [2024]"),
        ("('VIP')", "('VIP')"),
        ('5" pipe, "big"', '5" pipe,"big"'),
        ("【VIP】", "【VIP】"),
        (None, None),
    ],
)
def test_a_plain_text_is_names_with_commas_between(text, expected):
    assert outcome(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '["VIP","New"]', '["VIP", "New"]', '[ "VIP" ,\n "New" ]', '["VIP",null," New "]', r'["\u0056IP","New"]',
        "['VIP', 'New']", "['VIP','New',]", "['VIP', None, 'New', nan]", "['VIP', \"New\"]", r"['\x56IP', 'New']",
        "['', 'VIP', ' ', 'New']", "['VIP', <NA>, NaT, 'New']",
        "('VIP', 'New')", "('VIP','New',)", "{'VIP', 'New'}", '{"VIP", "New"}',
        "{VIP,New}", '{"VIP","New"}', '{VIP,"New"}', "{VIP,NULL,New}", '{"VIP",null,New}', '{VIP,"",New}',
        r'["VIP","\u0000New"]', r"['VIP\x0c', 'New']",
    ],
)  # fmt: skip
def test_a_list_in_a_known_notation_is_read_as_its_names(text):
    assert outcome(text) == "VIP,New"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", None), ("{}", None), ("()", None), ("[ ]", None), ("['']", None), ("[null]", None), ("{NULL}", None),
        ("['VIP']", "VIP"), ('["VIP"]', "VIP"), ("{VIP}", "VIP"), ("('VIP',)", "VIP"), ("{'VIP'}", "VIP"),
        ("[1, 2]", "1,2"), ("[1.0, 2.5, -3]", "1,2.5,-3"), ("[2024, 'VIP']", "2024,VIP"), ("{1,2}", "1,2"),
        ("(1, 2)", "1,2"), ("[12345678901234567890]", "12345678901234567890"),
        ("[true, false]", "true,false"), ("[True, False]", "true,false"),
        ("['None', 'null']", "None,null"), ('{"NULL"}', "NULL"),
        ("[\"O'Brien\", 'x']", "O'Brien,x"), (r"['O\'Brien', 'x']", "O'Brien,x"), ("{O'Brien,x}", "O'Brien,x"),
        ('{"big client","say \\"hi\\"","a\\\\b"}', 'big client,say "hi",a\\b'),
        ('{"{x}","y"}', "{x},y"), ("['[x]', '(y)']", "[x],(y)"),
        (r'["a\/b"]', "a/b"), (r'["a\tb"]', "a\tb"), ("['VIP;New', 'x|y']", "VIP;New,x|y"),
        (r'["\ud83d\ude00"]', "😀"), (r"['\U0001f600', '\u7537']", "😀,男"), (r'["e\u0301"]', "é"),
        ("{Großkunde,大客户}", "Großkunde,大客户"),
    ],
)  # fmt: skip
def test_a_list_has_the_names_it_says(text, expected):
    assert outcome(text) == expected


@pytest.mark.parametrize("kind", [np.array(["VIP", "New"]), np.array(["VIP", 1], dtype=object)])
def test_what_numpy_prints_is_refused_where_python_would_join_neighbours(kind):
    assert outcome(str(kind)) == BAD


@pytest.mark.parametrize(
    "text",
    [
        "['VIP' 'New']", "['VIP' 'New', 'Old']", "('VIP' 'New', 'Old')", "{'VIP' 'New'}", '["VIP" "New"]', "[1 2]",
        "[VIP]", "[VIP, New]", "[VIP], [New]", "{VIP, New}", "{VIP client,New}", "(VIP, New)", "[VIP}", "{VIP]",
        "['VIP', 'Ne", "['VIP', 'New'", "['VIP", "[VIP, New", "{VIP,New", '{"VIP","Ne', "('VIP', 'New'", "[1, 2",
        "['VIP', 'New'], Old", "Old, ['VIP', 'New']", "['VIP'] + ['New']", "['VIP', ['New']]", '[["VIP"]]', "[('a',)]",
        "['VIP', New]", "['VIP',, 'New']", "[,]", "{,}", "{VIP,,New}", "(,)", "['VIP'New']", "[‘VIP’, ‘New’]",
        '{"VIP": true}', "{'VIP': 1}", '[{"name": "VIP"}]', "{name=VIP}", "{name:VIP,x}", "{1: 'VIP'}", "{{VIP},{New}}",
        "[u'VIP']", "[b'VIP']", "[f'VIP']", "[r'VIP']", "['VIP'.lower()]", "[x for x in 'VIP']", "[1+1]", "[1j]",
        "[007]", "[1e999]", "[Infinity]", "[inf]", "[0x10]", "[1_000]", r"['\d']", r"['\N{BULLET}']", r"['\U00110000']",
        "array(['VIP', 'New'], dtype=object)", "frozenset({'VIP'})", "Index(['VIP'], dtype='object')",
        "[np.str_('VIP'), np.str_('New')]", r'"[\"VIP\",\"New\"]"', '[""VIP"",""New""]', "('VIP,New')",
        r'{"a\nb"}', "{None}", "{True,False}", "{1.0}", "{'VIP', New}",
    ],
)  # fmt: skip
def test_what_looks_like_a_list_and_is_none_or_reads_two_ways_is_refused(text):
    assert outcome(text) == BAD


@pytest.mark.parametrize("text", ["['a,b']", '["x","a, b"]', '{x,"a,b"}', "('a,', 'x')", r'["a\u002cb"]', "['x', ',']"])
def test_a_comma_within_a_listed_name_would_make_two_tags_of_it(text):
    assert outcome(text) == COMMA


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("VIP;New", "VIP;New"), ("VIP；New", "VIP；New"), ("VIP，New", "VIP，New"), ("VIP、New", "VIP、New"),
        ("VIP，New、Old;Big", "VIP，New、Old;Big"), ("VIP|New", "VIP|New"), ("VIP\nNew", "VIP\nNew"),
        ("VIP, New;Old", "VIP,New;Old"), ("VIP،New", "VIP،New"), ("(old);(new)", "(old);(new)"),
    ],
)  # fmt: skip
def test_a_tag_with_another_separator_is_sent_as_one_with_a_remark(text, sent):
    assert outcome(text) == (sent, OTHER)


@pytest.mark.parametrize("text", ["VIP/New", "VIP & New", "VIP.New", "VIP-New", "50%", "C#"])
def test_other_signs_are_part_of_a_name(text):
    assert outcome(text) == text


def as_postgres(names):
    """Return an array as PostgreSQL writes one, with all in quotes."""
    escaped = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in escaped) + "}"


@given(NAMES)
def test_each_list_of_names_comes_back_from_json_python_and_postgres(names):
    notations = [json.dumps(names), json.dumps(names, ensure_ascii=False), repr(names), repr((*names,))]
    assert outcomes(notations) == [",".join(names)] * len(notations)
    # An array of PostgreSQL and a set can be the same text, with escapes that they read differently.
    expected = ",".join(names)
    assert set(outcomes([as_postgres(names)])) <= {expected, BAD}
    assert "\\" in expected or outcome(as_postgres(names)) == expected


@given(st.lists(st.none() | NEARLY_LISTS | NAMES.map(repr)), st.integers(0, 2))
def test_a_row_reads_alike_whatever_stands_beside_it_also_in_a_slice(texts, start):
    alone = [outcome(text) for text in texts]
    assert outcomes(pa.array(texts, pa.string())[start:]) == alone[start:]


def test_a_text_of_many_blanks_is_refused_at_once():
    assert outcome("['a'" + " " * 200_000 + "x]") == BAD
