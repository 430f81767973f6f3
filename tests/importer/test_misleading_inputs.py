"""Inputs that mislead: after a whole import the CRM holds what the input says, row by row, and nothing else.

Each case stands for a kind of input that people have reported trouble with. A row is what the CRM holds of it, or the
reason for which it was not sent.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.sandbox import settings_of

READING = ("encoding", "delimiter")

FLOATS = ["6.59123456781e+12", "6.5912345679e+12", "6.59123456803e+12", "6.59123456814e+12", "6.59123456825e+12"]


class Case(NamedTuple):
    """An input, and what becomes of each of its rows.

    :param content: of the file; a callable makes other data.
    :param rows: for each row what the CRM holds, or the reason's code, or ``blank``, or ``duplicate``.
    :param arguments: of the import.
    :param left_out: columns that are not sent.
    :param remarks: codes, each with its rows.
    :param name: of the file.
    """

    content: Any
    rows: list
    arguments: dict = {}  # noqa: RUF012 - never written to
    left_out: tuple[str, ...] = ()
    remarks: dict = {}  # noqa: RUF012
    name: str = "a.csv"


def int96(path):
    """Write dates as older versions of Spark and Hive do."""
    table = pa.table({"whatsApp": ["6591234567", "6591234568"], "Since": [date(1789, 7, 14), date(9999, 12, 31)]})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    return path


def partitioned(path):
    """Write a table in folders that are named by a column's values."""
    for stage, number in (
        ("New%20Customer", "6591234567"),
        ("Old", "6591234568"),
        ("__HIVE_DEFAULT_PARTITION__", "6591234569"),
    ):
        folder = path.parent / f"stage={stage}" / "day=7"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"whatsApp": [number]}), folder / "part.parquet")
    return path.parent / "**" / "*.parquet"


def with_empty_parts(path):
    """Write a file of rows among those that a writer without rows left behind."""
    for name, content in (("a.jsonl", b""), ("b.jsonl", b'{"whatsApp": 6591234567}\n'), ("c.jsonl", b"\n")):
        (path.parent / name).write_bytes(content)
    return path.parent / "*.jsonl"


def with_index(path):
    """Return what pandas reads of a table that it has written with its index."""
    path.write_text(",whatsApp\n0,6591234567\n")
    return pd.read_csv(path)


def list_view(_):
    """Return lists as views, more than one batch has, of which the first are cut off."""
    numbers = [str(6591200000 + n) for n in range(10_051)]
    tags = pa.array([["VIP", "New"], []] * 5_026, pa.list_view(pa.string()))[:10_051]
    return pa.table({"whatsApp": numbers, "tabName": tags}).slice(10_049)


def sent(number, **fields):
    """Return a customer as the CRM holds it."""
    return {"whatsApp": number, **fields}


CASES = {
    "blanks around the names of columns": Case(
        "whatsApp, friendName,\ufeffwelcome \n6591234567, Ann, Hi!\n",
        [sent("6591234567", friendName="Ann", welcome="Hi!")],
    ),
    "an agent's column with a blank": Case(
        "whatsApp,agentAccount\u00a0\n6591234567,agent_novak\n", [sent("6591234567", agent="agent_novak")]
    ),
    "foreign mobiles without a plus among German numbers": Case(
        "whatsApp\n0151 23456789\n4915123456780\n43664123456\n420601123456\n905321234567\n+1 415 555 2671\n",
        [
            sent("4915123456789"),
            sent("4915123456780"),
            sent("43664123456"),
            sent("420601123456"),
            sent("905321234567"),
            sent("14155552671"),
        ],
        {"default_region": "DE"},
    ),
    "a number of two countries": Case(
        "whatsApp\n15045554467\n+15045554467\n",
        ["ambiguous-number", sent("15045554467")],
        {"default_region": "CN"},
    ),
    "a number of two countries, and an argument that decides": Case(
        "whatsApp\n15045554467\n",
        [sent("8615045554467")],
        {"default_region": "CN", "ambiguous_numbers": "national"},
        remarks={"ambiguous-number": 1},
    ),
    "numbers of twelve digits of thirteen": Case(
        "whatsApp,friendName\n" + "".join(f"{each},Ann\n" for each in FLOATS), ["rounded-number"] * 5
    ),
    "the same, after pandas has made floats of them": Case(
        lambda _: pd.DataFrame({"whatsApp": [float(each) for each in FLOATS]}), ["rounded-number"] * 5
    ),
    "scientific notation in full": Case(
        "whatsApp\n8.615266667781E12\n8.61526666778E12\n", [sent("8615266667781"), sent("8615266667780")]
    ),
    "dates of any year from Spark": Case(
        int96,
        [sent("6591234567", Since="1789/07/14"), sent("6591234568", Since="9999/12/31")],
        {"extension_fields": ["Since"]},
        name="a.parquet",
    ),
    "two numbers in one cell": Case(
        "whatsApp\n+65 9123 4567/68\n+65 9123 4567 / 9123 4568\n+65 9123 4567 (2)\n+65 9123 4567 ext 2\n",
        ["bad-number"] * 4,
    ),
    "trunk zeros": Case(
        "whatsApp\n(0)151 23456789\n+49 0151 23456789\n+33 (0)6 12 34 56 78\n8 (912) 345-67-89\n",
        ["national-number", sent("4915123456789"), sent("33612345678"), "number-not-in-use"],
    ),
    "words for missing values": Case(
        "whatsApp,friendName,birthday,sex\n6591234567,NULL,n/a,NaN\nNULL,Ann,,\n6591234568,\\N,1990/03/08,f\n",
        [
            sent("6591234567", friendName="NULL"),
            "no-number",
            sent("6591234568", friendName="\\N", birthday="1990/03/08", sex="female"),
        ],
        remarks={"null-word": 2},  # of the name; the others are counted below
    ),
    "words for missing values that the user names": Case(
        "whatsApp,friendName\n6591234567,NULL\nNULL,NULL\n", [sent("6591234567"), "blank"], {"null_values": ["NULL"]}
    ),
    "lists as text": Case(
        'whatsApp,tabName\n6591234567,"[\'A\', \'B c\']"\n6591234568,"[""A"",""B""]"\n'
        "6591234569,\"['A' 'B']\"\n6591234560,[A]\n",
        [sent("6591234567", tabName="A,B c"), sent("6591234568", tabName="A,B"), "bad-tags", "bad-tags"],
    ),
    "Latin-1 that is Windows-1252": Case(
        b"whatsApp,desc\n6591234567,\x93caf\xe9\x94 \x80 5\x85\n",
        [sent("6591234567", desc="“café” € 5…")],
        {"encoding": "latin-1"},
    ),
    "the same, read by pandas": Case(
        lambda _: pd.DataFrame({"whatsApp": ["6591234567"], "desc": ["\x93caf\xe9\x94 \x80 5\x85"]}),
        [sent("6591234567", desc="“café” € 5…")],
    ),
    "years of other calendars": Case(
        "whatsApp,birthday\n6591234567,2533/03/08\n6591234568,1369-12-17\n6591234569,3000/01/01\n6591234560,19900308.0\n",
        ["birthday-out-of-range"] * 3 + [sent("6591234560", birthday="1990/03/08")],
    ),
    "a blank before a quote": Case(
        'whatsApp, friendName\n6591234567, "Lee, Ann"\n', [sent("6591234567", friendName="Lee, Ann")]
    ),
    "WhatsApp's own forms of numbers": Case(
        "whatsApp\n5215587654321\n553199887766\n",
        [sent("5215587654321"), sent("553199887766")],
        {"default_region": "MX"},
    ),
    "both forms of a number": Case(
        "whatsApp\n5215587654321\n525587654321\n6591234567\n",
        [sent("5215587654321"), sent("525587654321"), sent("6591234567")],
        remarks={"two-forms": 2},
    ),
    "NaN in JSON": Case(
        '{"whatsApp":"6591234567","income":NaN}\n{"whatsApp":"6591234568","income":7}\n',
        [sent("6591234567"), sent("6591234568", income="7")],
        name="a.jsonl",
    ),
    "half characters in JSON": Case(
        '{"whatsApp":"6591234567","friendName":"Ann\\ude00"}\n', [sent("6591234567", friendName="Ann")], name="a.jsonl"
    ),
    "scientific notation in JSON": Case(
        '{"whatsApp":6.59123E+9,"income":1}\n{"whatsApp":6591234567,"income":1.0E7}\n{"whatsApp":6591234568,"income":1.10}\n',
        ["rounded-number", sent("6591234567", income="10000000"), sent("6591234568", income="1.10")],
        name="a.jsonl",
    ),
    "scientific notation of decimals": Case(
        lambda _: [{"whatsApp": Decimal("6.59123E+9")}, {"whatsApp": Decimal(6591234567)}],
        ["rounded-number", sent("6591234567")],
    ),
    "a key that stands twice in JSON": Case(
        '{"whatsApp":"6591234567","whatsApp":"6591234568"}\n{"whatsApp":"6591234569"}\n',
        ["unreadable", sent("6591234569")],
        name="a.jsonl",
    ),
    "columns without a name": Case(
        ",whatsApp,friendName,,\n0,6591234567,Ann,x,\n",
        [sent("6591234567", friendName="Ann")],
        left_out=("Unnamed: 0", "Unnamed: 3", "Unnamed: 4"),
    ),
    "an index that pandas reads": Case(with_index, [sent("6591234567")], left_out=("Unnamed: 0",)),
    "a spreadsheet's separator line": Case(
        "sep=;\nwhatsApp;friendName\n6591234567;Ann\n", [sent("6591234567", friendName="Ann")]
    ),
    "gzip": Case(gzip.compress(b"whatsApp\n6591234567\n"), [sent("6591234567")], name="a.csv.gz"),
    "bzip2 under another name": Case(bz2.compress(b"whatsApp\n6591234567\n"), [sent("6591234567")]),
    "xz": Case(lzma.compress(b'{"whatsApp":"6591234567"}\n'), [sent("6591234567")], name="a.jsonl.xz"),
    "tabs": Case(
        "whatsApp\tfriendName\n6591234567\tLee, Ann\n", [sent("6591234567", friendName="Lee, Ann")], name="a.tsv"
    ),
    "what programs write around a number": Case(
        'whatsApp\n\'+6591234560\n"=""6591234561"""\np:+6591234562\ntel:+65-9123-4563\nwhatsapp:+6591234564\n'
        "https://wa.me/6591234565\n6591234566@s.whatsapp.net\n6591234567@c.us\n1203631@g.us\n99@lid\n",
        [sent(f"659123456{n}") for n in range(8)] + ["no-person"] * 2,
    ),
    "rows of commas": Case(
        "whatsApp,friendName\n6591234567,Ann\n,\n \t, \n,Bo\n",
        [sent("6591234567", friendName="Ann"), "blank", "blank", "no-number"],
    ),
    "empty parts": Case(with_empty_parts, [sent("6591234567")], name="a.jsonl"),
    "folders named by values": Case(
        partitioned,
        [sent("6591234567", stage="New Customer"), sent("6591234568", stage="Old"), sent("6591234569")],
        left_out=("day",),
        name="a.parquet",
    ),
    "a warehouse's spelling": Case(
        lambda _: pa.table({"WHATSAPP": ["6591234567"], "Friend_Name": ["Ann"], "PASSWORD_HASH": ["x"]}),
        [sent("6591234567", friendName="Ann")],
        left_out=("PASSWORD_HASH",),
    ),
    "32-bit floats among objects": Case(
        lambda _: pd.DataFrame({"whatsApp": pd.Series([np.float32(6591234567), "6591234568"], dtype=object)}),
        ["rounded-number", sent("6591234568")],
    ),
    "32-bit floats among records": Case(lambda _: [{"whatsApp": np.float32(6591234567)}], ["rounded-number"]),
    "sparse 32-bit floats": Case(
        lambda _: pd.DataFrame({"whatsApp": pd.Series([6591234567.0]).astype("float32").astype("Sparse[float32]")}),
        ["rounded-number"],
    ),
    "a large float": Case(
        lambda _: pd.DataFrame({"whatsApp": ["6591234567"], "income": [9.87e16]}),
        [sent("6591234567", income="9.87e+16")],
        remarks={"inexact-number": 1},
    ),
    "views of lists": Case(list_view, [sent("6591210049"), sent("6591210050", tabName="VIP,New")]),
    "a vertical tab between words": Case(
        lambda _: pd.DataFrame({"whatsApp": ["6591234567"], "desc": ["two\x0bwords"]}),
        [sent("6591234567", desc="two words")],
    ),
    "lists that are lists": Case(
        lambda _: pd.DataFrame({"whatsApp": ["6591234567"], "tabName": [["[VIP]", "a;b"]]}),
        [sent("6591234567", tabName="[VIP],a;b")],
    ),
    "one bad value of a customer": Case(
        "whatsApp,birthday,stage\n6591234567,soon,New\n6591234568,1990/03/08,New\n",
        [sent("6591234567", stage="New"), sent("6591234568", birthday="1990/03/08", stage="New")],
        {"bad_values": "omit"},
        remarks={"bad-birthday": 1},
    ),
    "a table's own words": Case(
        "whatsApp,sex,Last Order\n6591234567,1,31.12.2025\n6591234568,2,\n",
        [sent("6591234567", sex="male", **{"Last Order": "2025/12/31"}), sent("6591234568", sex="female")],
        {
            "values": {"sex": {1: "male", "2": "female"}},
            "extension_fields": ["Last Order"],
            "date_fields": ["Last Order"],
        },
    ),
    "words for sex": Case(
        "whatsApp,sex\n6591234567,m\n6591234568,F\n6591234569,男\n6591234560,女\n",
        [
            sent("6591234567", sex="male"),
            sent("6591234568", sex="female"),
            sent("6591234569", sex="male"),
            sent("6591234560", sex="female"),
        ],
    ),
    "the first possible birthday": Case(
        lambda _: pd.DataFrame({"whatsApp": ["6591234567"], "birthday": [date(1900, 1, 1)]}),
        [sent("6591234567", birthday="1900/01/01")],
    ),
}


@pytest.fixture
def crm(crm: Sandbox) -> Sandbox:
    crm.configure(extension_fields={"Since": "date", "Last Order": "date"})
    return crm


def imported(crm: Sandbox, data: Any, rejects_path: Path, arguments: dict) -> dict:
    reading = {name: value for name, value in arguments.items() if name in READING}
    rules = Rules(**{name: value for name, value in arguments.items() if name not in READING})
    client = Client(settings_of(crm, "body"), connections=1)
    try:
        options = Options(max_rejected=None, rules=rules, concurrency=1)  # so that rows arrive in their order
        run = Import(open_source(data, **reading), client, options, rejects_path)
        run.run()
    finally:
        client.close()
    return run.manifest()


def data_of(case: Case, folder: Path) -> Any:
    path = folder / case.name
    if callable(case.content):
        return case.content(path)
    path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    return path


def customer(held: dict) -> dict:
    """Return what the CRM holds of a customer as the cases write it."""
    agent = {} if held["agent"] == "agent_wang" else {"agent": held["agent"]}
    return {"whatsApp": held["whatsApp"], **held["fields"], **agent}


@pytest.mark.parametrize("name", CASES)
def test_the_crm_holds_what_the_input_says_row_by_row(name, crm, tmp_path):
    case = CASES[name]
    data = data_of(case, tmp_path)
    rejects = tmp_path / "out" / "rejects.jsonl"
    manifest = imported(crm, data, rejects, case.arguments)
    refused = {
        int(row["socialscrm_position"]): row["socialscrm_code"]
        for row in map(msgspec.json.decode, rejects.read_bytes().splitlines())
    }
    assert refused == {at: row for at, row in enumerate(case.rows) if isinstance(row, str) and row != "blank"}
    assert [customer(held) for held in crm.customers()] == [row for row in case.rows if isinstance(row, dict)]
    assert manifest["rows"]["blank"] == case.rows.count("blank")
    assert tuple(manifest["left_out"]) == case.left_out
    found = {
        remark["code"]: remark["rows"] for remark in manifest["remarks"] if "treated as a missing" not in remark["hint"]
    }
    assert found == case.remarks


@pytest.mark.parametrize(
    ("encoding", "text", "told_apart"),
    [
        ("cp1250", "6591234567,Łukasz Żółw\n6591234568,Święta\n", "'cp1250' ("),
        ("cp1254", "6591234567,Ayşe Yılmaz\n6591234568,İğde Şen\n", "'cp1254'"),
        ("cp850", "6591234567,José Núñez\n6591234568,Málaga\n", "'cp850'"),
        ("cp949", "6591234567,박지민\n6591234568,최유리\n6591234569,정하늘\n", "'cp949' ("),
        ("shift_jis", "6591234567,佐藤さん\n6591234568,すずき\n", "'shift_jis'"),
        ("cp1251", "6591234567,Дмитрий Павлов\n6591234568,Ольга\n", "'cp1251'"),
        ("gb18030", "6591234567,王小明\n6591234568,李思思\n6591234569,张伟\n", "'gb18030'"),
    ],
)
def test_text_in_another_encoding_is_refused_with_those_it_may_be_and_no_name(encoding, text, told_apart, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(("whatsApp,friendName\n" + text).encode(encoding))
    with pytest.raises(InputError) as caught:
        list(open_source(path).batches())
    message = str(caught.value)
    assert "Set encoding to the one that shows these letters correctly" in message
    assert told_apart in message
    names = [line.split(",")[1] for line in text.splitlines()]
    assert [name for name in names if name in message] == []


@pytest.mark.parametrize("data", ["elsewhere://example.com/customers.csv", "nowhere://bucket/customers.csv"])
def test_a_path_that_no_file_system_reads_is_refused_in_one_sentence(data):
    from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
    from airflow_provider_socialscrm.runtime.paths import openable

    with pytest.raises(InputError) as caught:
        check_file_systems(openable(data))
    assert data.split(":")[0] in str(caught.value)
    assert "\n" not in str(caught.value)
