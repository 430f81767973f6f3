"""Files of any kind, one or many, become one source of rows; what cannot be read is named with what to do."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import lzma
import re
import time
import tracemalloc
import zipfile
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from airflow.sdk import ObjectStoragePath
from upath import UPath

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.compressed import HEAD_BYTES, decompressed
from airflow_provider_socialscrm.importer.sources.files import checked_names, files_source
from airflow_provider_socialscrm.importer.sources.partitions import partitions_of

SECRETS = ("8615266667780", "Nov\u00e1k", "Secret")
NUMBERS = [f"86{n:09}" for n in range(8)]
TABLE = pa.table({"whatsApp": NUMBERS, "n": range(8)})


class PathTo:
    """A path to a file in memory, or to storage that fails when it is opened or read."""

    name, parent = "x", None

    def __init__(self, content=b"", suffix=".csv", at_open=None, at_read=None):
        self.suffix, self.content, self.at_open, self.at_read = suffix, content, at_open, at_read
        self.opened = []

    def exists(self):
        return True

    def is_dir(self):
        return False

    def open(self, mode, **options):
        assert (mode, list(options)) == ("rb", ["buffering"])
        if self.at_open:
            raise self.at_open
        self.opened.append(FailingFile(self.content, self.at_read))
        return self.opened[-1]


class FailingFile(io.BytesIO):
    """A file of which only the first bytes can be read, if it has a failure."""

    def __init__(self, content, failure):
        super().__init__(content)
        self._failure = failure

    def read(self, *size):
        if self._failure and size != (HEAD_BYTES,):
            raise self._failure
        return super().read(*size)


def in_threes(path):
    """Return files as a source with three rows in a batch."""
    return replace(files_source(path), batch_rows=3)


def bytes_of(table, suffix):
    """Return a table as a file of a kind."""
    if suffix == ".parquet":
        pq.write_table(table, file := io.BytesIO(), row_group_size=5)
        return file.getvalue()
    if suffix == ".csv":
        pa.csv.write_csv(table, file := io.BytesIO())
        return file.getvalue()
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()


def written(folder, name, content):
    """Return the path of a new file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = bytes_of(content, path.suffix.lower()) if isinstance(content, pa.Table) else content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts_of(source, column):
    """Return a column as text over all batches that have it."""
    records = [batch.records for batch in source.batches() if column in batch.records.schema.names]
    return [text for part in records for text in as_text(part[column]).to_pylist()]


def refusal(data, **form):
    """Return why a file is not taken, whether that shows at once or while it is read."""
    with pytest.raises(InputError) as caught:
        for _ in files_source(data, **form).batches():
            pass
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert [secret for secret in SECRETS if secret in message] == []
    return message


KINDS = ["a.parquet", "a.csv", "A.CSV", "a.jsonl", "a.ndjson"]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_yields_the_rows_in_order_in_equal_pieces(name, tmp_path):
    path = written(tmp_path, name, TABLE)
    source = in_threes(path)
    found = list(source.batches())

    assert source.columns == ("whatsApp", "n")
    assert [(batch.start, batch.records.num_rows, batch.file) for batch in found] == [
        (0, 3, str(path)),
        (3, 3, str(path)),
        (6, 2, str(path)),
    ]
    assert texts_of(source, "whatsApp") == NUMBERS
    assert texts_of(source, "n") == list("01234567")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_be_read_from_the_start_again_even_at_the_same_time(name, tmp_path):
    source = in_threes(written(tmp_path, name, TABLE))
    first, second = ([batch.records.to_pylist() for batch in source.batches()] for _ in range(2))
    one, two = source.batches(), source.batches()
    interleaved = [(next(one).records.to_pylist(), next(two).records.to_pylist()) for _ in range(3)]

    assert first == second != []
    assert interleaved == [(rows, rows) for rows in first]


@pytest.mark.parametrize("name", KINDS)
def test_every_file_that_was_opened_is_closed(name):
    path = PathTo(bytes_of(TABLE, Path(name).suffix.lower()), Path(name).suffix)
    source = files_source(path)
    assert len(list(source.batches())) == 1
    next(source.batches()).records.validate()
    assert [file.closed for file in path.opened] == [True] * 3


@pytest.mark.parametrize("name", KINDS)
def test_a_description_says_the_kind_and_no_value(name, tmp_path):
    path = written(tmp_path, name, TABLE)
    source = files_source(path)
    assert source.describe == f"file {path} of 2 columns"
    assert [number for number in NUMBERS if number in f"{source!r} {next(source.batches())!r}"] == []


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_with_columns_and_no_rows_is_a_table_without_rows(tmp_path, suffix):
    source = files_source(written(tmp_path, f"none{suffix}", TABLE.slice(0, 0)))
    assert source.columns == ("whatsApp", "n")
    assert list(source.batches()) == []


def test_settings_apply_to_every_text_file(tmp_path):
    written(tmp_path, "a.csv", "whatsApp;备注\n1;王伟\n".encode("gb18030"))
    written(tmp_path, "b.jsonl", '{"whatsApp":"2","备注":"李娜"}\n'.encode("gb18030"))
    written(tmp_path, "c.parquet", pa.table({"whatsApp": ["3"], "备注": ["张三"]}))
    source = files_source(tmp_path / "*", encoding="gb18030", delimiter=";")
    assert texts_of(source, "whatsApp") == ["1", "2", "3"]
    assert texts_of(source, "备注") == ["王伟", "李娜", "张三"]


@pytest.fixture(params=["pathlib", "universal file", "universal memory", "Airflow"])
def folder(request, tmp_path):
    """Return a new folder as each kind of path that a DAG may use."""
    if request.param == "universal memory":
        memory = UPath(f"memory:/{tmp_path}")
        memory.mkdir(parents=True)
        return memory
    kinds = {"pathlib": Path, "universal file": UPath, "Airflow": ObjectStoragePath}
    return kinds[request.param](f"file://{tmp_path}" if request.param != "pathlib" else tmp_path)


def put(folder, name, content):
    """Write a file below a folder of any kind."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
    return path


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", "B a c"),
        ("?.csv", "B a c"),
        ("[ab].csv", "a"),
        ("*", "B a c"),
        ("**/*.csv", "B a c x y"),
        ("s*/*.csv", "x y"),
        ("s*/b/../[x-z].csv", None),
        ("s*/y.csv", "y"),
        ("**/y.csv", "y"),
    ],
)
def test_a_pattern_is_all_files_it_matches_in_the_order_of_their_names(folder, pattern, expected):
    for place in ("c", "a", "B", "sub/y", "sub/x"):
        put(folder, f"{place}.csv", f"whatsApp,n\n{place[-1]},1\n".encode())
    if expected is None:
        assert "matches no file" in refusal(folder / pattern)
        return

    source = files_source(folder / pattern)

    assert texts_of(source, "whatsApp") == expected.split()
    count = len(expected.split())
    assert source.describe == f"{count} file{'s' * (count > 1)} of 2 columns matching {folder / pattern}"
    assert [Path(batch.file).name for batch in source.batches()] == [f"{name}.csv" for name in expected.split()]
    assert [batch.start for batch in source.batches()] == list(range(count))


def test_a_file_whose_name_has_a_wildcard_is_that_file(folder):
    put(folder, "a1.csv", b"whatsApp,n\nother,1\n")
    path = put(folder, "a[1].csv", b"whatsApp,n\nthis,1\n")
    source = files_source(path)
    assert source.describe == f"file {path} of 2 columns"
    assert texts_of(source, "whatsApp") == ["this"]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_is_read_by_every_kind_of_path(folder, name):
    source = files_source(put(folder, name, bytes_of(TABLE, Path(name).suffix.lower())))
    assert texts_of(source, "whatsApp") == NUMBERS


def test_a_pattern_without_a_folder_is_looked_for_where_the_process_runs(tmp_path, monkeypatch):
    written(tmp_path, "a.csv", "whatsApp,n\n1,2\n")
    monkeypatch.chdir(tmp_path)
    source = files_source(Path("*.csv"))
    assert [batch.file for batch in source.batches()] == ["a.csv"]


def test_folders_that_a_pattern_matches_are_passed_over(tmp_path):
    (tmp_path / "b.csv").mkdir()
    written(tmp_path, "a.csv", "whatsApp,n\n1,2\n")
    assert texts_of(files_source(tmp_path / "*"), "whatsApp") == ["1"]


def test_files_may_be_of_several_kinds_and_lack_columns_that_others_have(tmp_path):
    written(tmp_path, "1.csv", "whatsApp,a\n1,x\n2,y\n3,z\n4,\n")
    written(tmp_path, "2.jsonl", '{"b":1}\n{"whatsApp":"5"}\n')
    written(tmp_path, "3.parquet", pa.table({"c": [True], "a": ["w"]}))
    written(tmp_path, "4.csv", "a,whatsApp\n")

    source = in_threes(tmp_path / "*")

    assert source.columns == ("whatsApp", "a", "b", "c")
    assert [(Path(batch.file).name, batch.start, batch.records.to_pylist()) for batch in source.batches()] == [
        (
            "1.csv",
            0,
            [{"whatsApp": "1", "a": "x"}, {"whatsApp": "2", "a": "y"}, {"whatsApp": "3", "a": "z"}],
        ),
        ("1.csv", 3, [{"whatsApp": "4", "a": None}]),
        ("2.jsonl", 4, [{"b": 1, "whatsApp": None}, {"b": None, "whatsApp": "5"}]),
        ("3.parquet", 6, [{"c": True, "a": "w"}]),
    ]


def test_rows_that_cannot_be_read_keep_their_place_in_the_input(tmp_path):
    path = written(tmp_path, "1.csv", 'a,b\n1,2\n\n3\n4,5\n6,"\n7,8\n')
    other = written(tmp_path, "2.jsonl", '{"a":1,"b":2}\nSecret\n')
    found = [
        (batch.start + place, batch.records.slice(place, 1).to_pylist(), reason.meaning)
        for batch in in_threes(tmp_path / "*").batches()
        for place, reason in batch.unreadable.items()
    ]
    nothing = [{"a": None, "b": None}]
    assert found == [
        (1, nothing, f"{path}, line 4: it has 1 value, but the header names 2"),
        (3, nothing, f"{path}, line 6: a quote is not closed"),
        (6, nothing, f"{other}, line 2: it is not JSON"),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.csv", "{path} does not exist: check the path in data, and that the worker can reach it."),
        ("gone", "{path} does not exist: check the path in data, and that the worker can reach it."),
        (
            "gone/*.csv",
            "{path} matches no file: check the pattern in data, and that the worker can reach its files.",
        ),
        ("**", "{path} matches no file: check the pattern in data, and that the worker can reach its files."),
        ("folder.csv", "{path} is a folder: give a file in it, or a pattern such as {path}/*.csv."),
        ("folder", "{path} is a folder: give a file in it, or a pattern such as {path}/*.csv."),
    ],
)
def test_a_path_that_leads_to_no_file_is_refused(tmp_path, name, message):
    for folder in ("folder", "folder.csv"):
        (tmp_path / folder).mkdir()
    if name == "**" and [path for path in tmp_path.glob("**") if path.is_file()]:
        pytest.skip("newer Pythons match files by this, too")
    assert refusal(tmp_path / name) == message.format(path=tmp_path / name)


def test_a_pattern_that_cannot_be_is_refused(tmp_path):
    path = tmp_path / "**x.csv"  # newer Pythons take it for one asterisk
    assert re.match(f"{re.escape(str(path))} (is not a pattern: Invalid|matches no file: )", refusal(path))


@pytest.mark.parametrize("name", ["a.xlsx", "a.json", "customers", "a.gz", "a.xlsx.gz", ".csv", "a.csv.gz.old"])
@pytest.mark.parametrize("pattern", [None, "*"])
def test_a_file_of_another_kind_is_refused_with_the_kinds_there_are(tmp_path, name, pattern):
    path = written(tmp_path, name, "x")
    assert refusal(tmp_path / pattern if pattern else path) == (
        f"{path} is not a file that this import reads: give it a name that ends in .parquet, .csv, .tsv, .tab, .jsonl, "
        ".ndjson. A compressed text file ends in .gz, .bz2, .xz, .zst after that."
    )


@pytest.mark.parametrize("name", [*KINDS, "a.csv.gz"])
def test_an_empty_file_alone_is_refused(tmp_path, name):
    path = written(tmp_path, name, gzip.compress(b"") if name.endswith(".gz") else b"")
    assert refusal(path) == f"{path} is empty: check the task that wrote it."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((name, b"") for name in KINDS),
        ("a.csv.gz", gzip.compress(b"")),
        ("a.jsonl", b"\n \r\n\t\n"),
        ("a.csv", b"\n \r\n"),
        ("a.csv", b"\xef\xbb\xbf\n"),
        ("a.tsv", b"\t\t\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_empty_file_among_others_is_no_rows_and_the_log_names_it(tmp_path, name, content, caplog):
    path = written(tmp_path, name, content)
    written(tmp_path, "b.jsonl", '{"whatsApp":"1"}\n')
    source = files_source(tmp_path / "*")
    assert source.columns == ("whatsApp",)
    assert texts_of(source, "whatsApp") == ["1"]
    assert caplog.messages == [f"Empty files, which have no rows: {path}"]


def test_files_that_are_all_empty_are_an_empty_table(tmp_path, caplog):
    for number in range(12):
        written(tmp_path, f"{number:02}.jsonl", b"\n" * (number % 2))
    source = files_source(tmp_path / "*")
    assert source.columns == ()
    assert list(source.batches()) == []
    assert source.describe == f"12 files of 0 columns matching {tmp_path}/*"
    assert caplog.messages[0].endswith("09.jsonl, and 2 more")
    assert caplog.messages[0].count(".jsonl") == 10


def test_a_file_whose_rows_have_no_columns_is_refused_among_others_too(tmp_path):
    written(tmp_path, "a.jsonl", "{}\n")
    written(tmp_path, "b.jsonl", '{"whatsApp":"1"}\n')
    assert "a.jsonl has no line that can be used" in refusal(tmp_path / "*")


def zstd(content):
    return pa.compress(content, "zstd", asbytes=True)


COMPRESSORS = {
    ".gz": partial(gzip.compress, compresslevel=1),
    ".bz2": bz2.compress,
    ".xz": partial(lzma.compress, preset=0),
    ".zst": zstd,
}
"""The quickest way to each format."""

ROWS_OF_SEVERAL_READS = 300_000
"""Three times as much text as is read at a time."""


@cache
def compressed_rows(compressor, kind, count):
    """Return a file of numbers, which do not get much smaller."""
    return COMPRESSORS[compressor](
        bytes_of(pa.table({"whatsApp": [f"86{n * 7919 % 10**9:09}" for n in range(count)]}), kind)
    )


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".ndjson", ".tsv"])
@pytest.mark.parametrize("named", ["by its format", "as if it were not compressed", "by another format"])
def test_compressed_text_is_read_whatever_its_name(folder, compressor, kind, named):
    content = bytes_of(TABLE, ".csv" if kind == ".tsv" else kind)
    content = content.replace(b",", b"\t") if kind == ".tsv" else content
    ends = {"by its format": compressor, "as if it were not compressed": "", "by another format": ".GZ"}
    source = in_threes(put(folder, f"a{kind}{ends[named]}", COMPRESSORS[compressor](content)))
    assert source.columns == ("whatsApp", "n")
    assert texts_of(source, "whatsApp") == texts_of(source, "whatsApp") == NUMBERS


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_compressed_parts_that_follow_each_other_are_all_read(tmp_path, compressor):
    parts = [COMPRESSORS[compressor](part) for part in (b"whatsApp,n\n1,2\n", b"3,4\n")]
    assert texts_of(files_source(written(tmp_path, "a.csv", b"".join(parts))), "whatsApp") == ["1", "3"]


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("between", [b"\0", b"\0" * 5, b"garbage"])
@pytest.mark.parametrize("follows", ["a part", "its end", "nothing"])
def test_a_part_that_is_damaged_does_not_end_a_compressed_file(tmp_path, compressor, between, follows):
    first, second = (COMPRESSORS[compressor](part) for part in (b"whatsApp,n\n1,2\n", b"3,4\n"))
    rest = {"a part": between + second, "its end": between + second[len(between) :], "nothing": between}[follows]
    if compressor == ".gz" and not between.strip(b"\0"):
        pytest.skip("zeros may stand between parts")
    path = written(tmp_path, "a.csv", first + rest)
    assert refusal(path).startswith(f"{path} cannot be read: ")


@pytest.mark.parametrize("zeros", [4, 8, 200_000])
def test_xz_parts_may_be_filled_up_with_zeros(tmp_path, zeros):
    parts = [lzma.compress(part) + b"\0" * zeros for part in (b"whatsApp,n\n1,2\n", b"3,4\n")]
    assert texts_of(files_source(written(tmp_path, "a.csv", b"".join(parts))), "whatsApp") == ["1", "3"]


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress], ids=[".bz2", ".xz"])
def test_a_compressed_file_does_not_fill_the_memory(compress):
    source = io.BytesIO(compress(b"\0" * 50_000_000))
    tracemalloc.start()
    try:
        file = decompressed(source, "a.csv", is_text=True)
        assert sum(map(len, iter(partial(file.read, 1_000_000), b""))) == 50_000_000
        assert tracemalloc.get_traced_memory()[1] < 20_000_000  # the dictionary of an .xz file has 8 MiB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("outer", COMPRESSORS)
@pytest.mark.parametrize("inner", COMPRESSORS)
def test_text_that_is_compressed_twice_is_read(tmp_path, outer, inner):
    content = COMPRESSORS[outer](COMPRESSORS[inner](b"whatsApp,n\n1,2\n"))
    path = written(tmp_path, f"a.csv{outer}", content)
    assert texts_of(files_source(path), "whatsApp") == ["1"]


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("damage", ["cut within", "cut at the end", "cut at the start", "overwritten"])
@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_a_damaged_compressed_file_is_named(tmp_path, compressor, damage, kind):
    content = compressed_rows(compressor, kind, 20_000)
    middle = len(content) // 2
    cut = {
        "cut within": content[:middle],
        "cut at the end": content[:-1],
        "cut at the start": content[:11],
        "overwritten": content[:middle] + b"\xff" * middle,
    }
    path = written(tmp_path, f"a{kind}", cut[damage])
    assert refusal(path).startswith(f"{path} cannot be read: ")


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_a_compressed_file_is_read_no_further_than_its_rows_are_taken(compressor):
    path = PathTo(compressed_rows(compressor, ".csv", ROWS_OF_SEVERAL_READS))
    source = files_source(path)
    next(batches_of := source.batches())
    assert path.opened[-1].tell() < len(path.content) * 0.7
    batches_of.close()


@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_a_network_that_breaks_within_a_compressed_file_keeps_its_own_error(compressor):
    path = PathTo(COMPRESSORS[compressor](bytes_of(TABLE, ".csv")))
    source = files_source(path)
    path.at_read = failure = ConnectionResetError(104, "reset")
    with pytest.raises(ConnectionResetError) as caught:
        next(source.batches())
    assert caught.value is failure


def zipped():
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("a.csv", "whatsApp\n1\n")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", zipped(), "a ZIP archive, as workbooks (.xlsx) are: save the sheet as CSV, or unpack the archive."),
        ("a.jsonl", b"PK\5\6" + b"\0" * 18, "a ZIP archive, as workbooks"),
        ("a.parquet", zipped(), "a ZIP archive, as workbooks"),
        ("a.csv.gz", gzip.compress(zipped()), "a ZIP archive, as workbooks"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "a workbook (.xls): save the sheet as CSV."),
        ("a.csv", bytes_of(TABLE, ".parquet"), "a Parquet file: give it a name that ends in .parquet."),
        (
            "a.parquet",
            gzip.compress(bytes_of(TABLE, ".parquet")),
            "a Parquet file that was compressed as a whole: decompress it.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # compressed bytes hold the time
)
def test_a_file_of_another_format_is_named_by_its_first_bytes(tmp_path, name, content, what):
    path = written(tmp_path, name, content)
    assert refusal(path).startswith(f"{path} is {what}")


@pytest.mark.parametrize("header", ["PK,n", "BZh9,n", "PAR1,n", "(x,n"])
def test_a_text_that_begins_like_a_mark_is_text(tmp_path, header):
    source = files_source(written(tmp_path, "a.csv", f"{header}\n1,2\n"))
    assert source.columns == tuple(header.split(","))


@pytest.mark.parametrize("name", ["a.tsv", "A.TAB", "a.tsv.gz"])
def test_a_file_of_tabs_needs_no_delimiter(tmp_path, name):
    path = written(tmp_path, name, "whatsApp\tn, m\n1\t2;3\n")
    assert files_source(path).columns == ("whatsApp", "n, m")
    assert texts_of(files_source(path), "n, m") == ["2;3"]


def test_a_delimiter_that_was_set_holds_for_every_kind(tmp_path):
    path = written(tmp_path, "a.tsv", "whatsApp;n\tm\n1;2\n")
    assert files_source(path, delimiter=";").columns == ("whatsApp", "n\tm")
    written(tmp_path, "b.csv", "whatsApp;n\n1;2\n")
    assert texts_of(files_source(tmp_path / "*", delimiter=";"), "whatsApp") == ["1", "1"]


@pytest.mark.parametrize(
    ("name", "advice"),
    [("a.tsv", "give it a name that ends in .csv"), ("a.tab.gz", "give it a name that ends in .csv")],
)
def test_commas_in_a_file_of_tabs_get_advice_that_can_be_followed(tmp_path, name, advice):
    path = written(tmp_path, name, "whatsApp,n\n1,2\n")
    assert refusal(path) == f"{path} has one column, but its values seem to be separated by ',': {advice}."


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("pattern", ["**/a*", "stage=*/*/a*", "stage=New%2FOld/day=2024-03-08/a*", None])
def test_folders_that_name_columns_are_columns(folder, kind, pattern, caplog):
    content = bytes_of(pa.table({"whatsApp": ["1", "2"]}), kind)
    path = put(folder, f"stage=New%2FOld/day=2024-03-08/a{kind}", content)
    source = files_source(folder / pattern if pattern else path)
    assert source.columns == ("whatsApp", "stage", "day")
    assert texts_of(source, "stage") == ["New/Old"] * 2
    assert texts_of(source, "day") == ["2024-03-08"] * 2
    assert caplog.messages == []


def test_each_file_has_the_values_of_its_own_folders(folder):
    for place, stage in enumerate(["stage=New", "stage=__HIVE_DEFAULT_PARTITION__", "stage=", "=x", "stage", "z=1"]):
        put(folder, f"{stage}/{place}.csv", f"whatsApp,n\n{place},1\n".encode())
    found = {}
    for batch in files_source(folder / "**/*.csv").batches():
        [row] = batch.records.to_pylist()
        found[row.pop("whatsApp")] = row
    assert found == {
        "0": {"n": "1", "stage": "New"},
        "1": {"n": "1", "stage": None},
        "2": {"n": "1", "stage": None},
        "3": {"n": "1"},
        "4": {"n": "1"},
        "5": {"n": "1", "z": "1"},
    }


def test_a_column_of_the_file_goes_before_that_of_its_folder_and_the_log_says_so(tmp_path, caplog):
    path = written(tmp_path, "stage=New/a.csv", "whatsApp,stage\n1,Old\n")
    source = files_source(tmp_path / "*/*.csv")
    assert source.columns == ("whatsApp", "stage")
    assert texts_of(source, "stage") == ["Old"]
    assert caplog.messages == [f"{path} has a column stage, and so does its path: the values in the file are used"]


def test_rows_without_a_value_get_none_from_a_folder(tmp_path):
    written(tmp_path, "stage=New/a.csv", "whatsApp,n\n1,2\n , \n3\n")
    assert texts_of(files_source(tmp_path / "*/*"), "stage") == ["New", None, None]


def test_folders_that_contradict_each_other_are_refused(tmp_path):
    path = written(tmp_path, "stage=New/stage=Old/a.csv", "whatsApp,n\n1,2\n")
    assert refusal(path) == f"{path} is in two folders called stage= with different values: rename one of them."


@pytest.mark.parametrize("place", ["https://x.invalid/stage=New/a.csv", "s3://a=b@x/stage=New/a.csv"])
def test_a_bucket_names_no_column(place):
    assert partitions_of(place) == {"stage": "New"}


def test_a_file_system_that_is_not_installed_is_named_with_what_to_do():
    path = PathTo()
    path.is_dir = lambda: (_ for _ in ()).throw(ImportError("Install s3fs to access S3"))
    assert refusal(path) == (
        f"{path} cannot be reached, because its file system is not installed: Install s3fs to access S3. Install it, "
        "or download the file in an upstream task and give the path of the copy."
    )


@pytest.mark.parametrize("settings", [{"encoding": "utf-9"}, {"delimiter": ";;"}])
def test_a_setting_that_cannot_be_is_named_before_any_file_is_looked_for(tmp_path, settings):
    assert refusal(tmp_path / "gone.csv", **settings).startswith("{}={!r} ".format(*next(iter(settings.items()))))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("twice.csv", "b,whatsApp,a,whatsApp\n8615266667780,1,2,3\n"),
        ("twice.parquet", pa.table([["1"]] * 4, names=["b", "whatsApp", "a", "whatsApp"])),
    ],
)
def test_columns_that_cannot_be_told_apart_are_refused(tmp_path, name, content):
    path = written(tmp_path, name, content)
    assert refusal(path) == f"These columns of {path} occur more than once: whatsApp. Rename or drop all but one."


def test_names_are_texts_each_once():
    assert checked_names(["b", 5, "a"]) == ("b", "5", "a")
    assert checked_names([]) == ()


@pytest.mark.parametrize(
    ("names", "named"), [(["b", "a", "b"], "b"), ([1, "1"], "1"), (["b", "", "a", "", "b"], "'', b")]
)
def test_names_that_cannot_be_told_apart_are_named(names, named):
    with pytest.raises(InputError) as caught:
        checked_names(names)
    assert str(caught.value) == f"These columns occur more than once: {named}. Rename or drop all but one."


def test_names_that_are_a_customers_are_named_by_their_places():
    with pytest.raises(InputError) as caught:
        checked_names(["8615266667780", "Xanthippe", "Xanthippe"], "a.csv")
    assert str(caught.value) == (
        "The columns 2, 3 of a.csv have repeated names, and some names look like a customer's number or address: make "
        "sure that the first line names the columns."
    )


def parquet_bytes():
    """Return a file of two columns without compression."""
    table = pa.table({"whatsApp": ["8615266667780"] * 5000, "friendName": [f"Nov\u00e1k {n}" for n in range(5000)]})
    pq.write_table(table, file := io.BytesIO(), compression="none", use_dictionary=False)
    return file.getvalue()


BROKEN = {
    "other encoding.csv": (
        "whatsApp,b\n8615266667780,Nov\u00e1k\n".encode("latin-1"),
        ", line 2: not UTF-8 text. Set encoding to the one that shows these letters correctly: ",
    ),
    "header in other encoding.csv": (
        "whatsApp,Nov\u00e1k\n1,2\n".encode("latin-1"),
        ", line 1: not UTF-8 text. Set encoding to the one that shows these letters correctly: ",
    ),
    "utf-16.csv": (
        "whatsApp,b\n8615266667780,Nov\u00e1k\n".encode("utf-16"),
        ", line 1: not UTF-8 text. It looks like",
    ),
    "open quote.csv": ('whatsApp,"b\n' + "8615266667780,Secret\n" * 20_000, ", line 1: a quote is not closed"),
    "other delimiter.csv": (
        "whatsApp;b\n8615266667780;Secret\n",
        " has one column, but its values seem to be separated by ';'",
    ),
    "blank.csv": ("\n\n", " has only blank lines"),
    "blank.jsonl": ("\n\n", " has no line that can be used"),
    "cut.jsonl": ('{"b":"Nov\u00e1k', " has no line that can be used"),
    "list.jsonl": ('[{"b":"Nov\u00e1k"}]', " has no line that can be used"),
    "scalar.jsonl": ("8615266667780\n", " has no line that can be used"),
    "other encoding.jsonl": ('{"b":1}\n{"b":"Nov\u00e1k"}\n'.encode("latin-1"), ", line 2: not UTF-8 text."),
    "text.parquet": ("whatsApp,8615266667780,Nov\u00e1k", " cannot be read: "),
    "cut.parquet": (parquet_bytes()[:1000], " cannot be read: "),
    "damaged.parquet": (parquet_bytes()[:4] + b"\0" * 1000 + parquet_bytes()[1004:], " cannot be read: "),
    "no metadata.parquet": (b"PAR1" + b"\0" * 100 + b"PAR1", " cannot be read: "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_what_is_wrong_and_no_customer(tmp_path, name):
    content, reason = BROKEN[name]
    path = written(tmp_path, name, content)
    assert refusal(path).startswith(f"{path}{reason}")


def test_a_csv_file_that_breaks_late_yields_what_is_before_and_then_says_so(tmp_path):
    good = b"".join(b"86152%08d,%s\n" % (n, b"x" * 90) for n in range(30_000))
    path = written(tmp_path, "late.csv", b"whatsApp,b\n" + good + "8615266667780,Nov\u00e1k\n".encode("latin-1"))
    seen = []

    with pytest.raises(InputError) as caught:
        seen.extend(batch.start for batch in files_source(path).batches())

    assert seen[:2] == [0, 10_000]
    assert str(caught.value).startswith(f"{path}, line 30002: not UTF-8 text.")


def test_a_text_that_no_column_can_hold_is_refused(tmp_path):
    path = written(tmp_path, "half.csv", "whatsApp,b\n1,+2AA-\n")  # in UTF-7, half a character
    assert refusal(path, encoding="utf-7").startswith(f"{path} cannot be read: ")


@pytest.mark.parametrize("failure", [PermissionError(13, "Permission denied"), IsADirectoryError(21, "Is a directory")])
def test_a_file_that_may_not_be_read_is_a_mistake_to_fix(failure):
    path = PathTo(at_open=failure)
    assert refusal(path) == (
        f"{path} cannot be read: {failure}. Check that it is complete, and that the worker may read it."
    )


NETWORK = [ConnectionResetError(104, "reset"), TimeoutError("slow"), OSError(errno.EIO, "I/O error")]


@pytest.mark.parametrize("failure", NETWORK)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("moment", ["at_open", "at_read"])
def test_a_network_that_breaks_keeps_its_own_error_so_that_a_retry_makes_sense(failure, suffix, moment):
    path = PathTo(bytes_of(TABLE, suffix), suffix, **{moment: failure})
    with pytest.raises(type(failure)) as caught:
        files_source(path)
    assert caught.value is failure


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_network_that_breaks_later_keeps_its_own_error_too(suffix):
    path = PathTo(bytes_of(TABLE, suffix), suffix)
    source = files_source(path)
    path.at_read = failure = ConnectionResetError(104, "reset")
    with pytest.raises(ConnectionResetError) as caught:
        next(source.batches())
    assert caught.value is failure


def test_the_names_of_very_many_columns_are_soon_checked():
    names = [str(number) for number in range(100_000)]
    start = time.monotonic()
    assert checked_names(names) == tuple(names)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("folder", ["dag_id=d/run_id=r/task_id=t", "dag_id=d/run_id=r/task_id=t/map_index=3"])
def test_folders_that_a_task_made_for_its_file_are_not_columns(tmp_path, folder):
    path = tmp_path / "day=1" / folder / "screened.csv"
    path.parent.mkdir(parents=True)
    path.write_text("whatsApp\n919876500001\n")

    assert files_source(path).columns == ("whatsApp", "day")


def test_single_folders_with_such_names_are(tmp_path):
    path = tmp_path / "run_id=r" / "map_index=3" / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_text("whatsApp\n919876500001\n")

    assert files_source(path).columns == ("whatsApp", "run_id", "map_index")
