"""``ledger`` from end to end: show, verify, compact and forget, their exit codes, and what must not show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from airflow_provider_socialscrm.__main__ import main
from airflow_provider_socialscrm.commands import ledger_options
from airflow_provider_socialscrm.importer.changes import generation
from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.entries import Outcome
from airflow_provider_socialscrm.importer.changes.generation import File
from airflow_provider_socialscrm.importer.changes.keys import KeyKind
from airflow_provider_socialscrm.importer.changes.table import Table
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import START, World

ANN, BEN, EVE = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678
FOLDER = Path("the ledger")


@pytest.fixture
def world() -> World:
    """Return a ledger with a base, logs, and a log that no generation names."""
    world = World(FOLDER)
    world.record(Sent(ANN, 1, once=1), Sent(BEN, 2), *(Sent(EVE + each, 2) for each in range(20)))
    world.record(Sent(BEN, 3), outcome=Outcome.REJECTED, code="508")
    writer = world.writer()
    writer.claim([Sent(ANN + 1, 1, once=1)])
    return world


@pytest.fixture
def ledger(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(["ledger", *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return (code, *capsys.readouterr())

    return run


def test_show_has_the_ledger_in_numbers(world, ledger):
    code, out, _ = ledger("show", str(FOLDER))

    lines = {line[:16].strip(): line[16:].strip() for line in out.splitlines()}
    assert code == 0
    assert lines["about"] == "https://crm.example, tenant 1, auth scheme body"
    assert (lines["customers"], lines["accepted"], lines["rejected"], lines["claimed"]) == ("23", "21", "1", "1")
    assert lines["had welcome"] == "2"
    assert lines["unread logs"].startswith("1 file, 1 row, ")
    assert str(ANN) not in out


def test_show_as_json(world, ledger):
    found = json.loads(ledger("show", str(FOLDER), "--json")[1])

    assert found["outcomes"] == {"accepted": 21, "rejected": 1, "claimed": 1}
    assert found["generation"] == world.store().newest().number
    assert found["unread_logs"]["rows"] == 1
    assert found["run"] == "run 2"


def test_show_of_an_empty_ledger(ledger):
    World(FOLDER).store().make()

    assert "none yet" in ledger("show", str(FOLDER))[1]
    assert ledger("verify", str(FOLDER))[0] == 0
    assert ledger("compact", str(FOLDER))[0] == 0


def test_verify_of_a_ledger_whose_files_agree(world, ledger):
    assert ledger("verify", str(FOLDER)) == (0, "All files of the ledger agree.\n", "")
    assert json.loads(ledger("verify", str(FOLDER), "--json")[1]) == {"agrees": True, "disagreements": []}


def newest_base(world: World) -> Path:
    return FOLDER / world.store().newest().base[0].name


def damage_base(world: World) -> None:
    path = newest_base(world)
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def shorten_base(world: World) -> None:
    path = newest_base(world)
    path.write_bytes(path.read_bytes()[:-1])


def miss_log(world: World) -> None:
    (FOLDER / world.store().newest().logs[0].name).unlink()


def damage_unread_log(world: World) -> None:
    (FOLDER / world.store().snapshot().unnamed[0].name).write_bytes(b"?")


def damage_old_generation(world: World) -> None:
    (FOLDER / "generations/0000001.json").write_bytes(b"{}")


def miss_generation(world: World) -> None:
    (FOLDER / "generations/0000002.json").unlink()


def add_foreign_files(world: World) -> None:
    (FOLDER / "generations/readme.txt").write_text("hello")


def replaced_base(world: World, change: Callable[[Table], Table], *, bucket: int = 0, buckets: int = 1) -> None:
    """Publish a generation whose base was changed, with sizes and checksums that agree."""
    store = world.store()
    newest = store.newest()
    codec = store.codec(world.layout)
    entries = change(store.base(newest, 0, codec))
    file = store.write(generation.base_name(bucket, START, newest.number + 1, "0a0b0c0d"), entries, codec)
    assert store.publish(store.replaced(newest, "a test", base=(file,), buckets=buckets))


def reverse_base(world: World) -> None:
    replaced_base(world, lambda entries: entries.take(np.arange(len(entries))[::-1]))


def repeat_key(world: World) -> None:
    replaced_base(world, lambda entries: entries.take(np.array([0, 0, 1])))


def mix_buckets(world: World) -> None:
    replaced_base(world, lambda entries: entries, buckets=2)


def count_wrongly(world: World) -> None:
    store = world.store()
    newest = store.newest()
    (base,) = newest.base
    wrong = File(base.name, base.size, base.crc, base.rows + 1)
    assert store.publish(store.replaced(newest, "a test", base=(wrong,)))


@pytest.mark.parametrize(
    ("spoil", "sentence", "advice"),
    [
        (damage_base, "is not what was written", "restore"),
        (shorten_base, "bytes instead of", "restore"),
        (miss_log, "is missing", "restore"),
        (damage_unread_log, "is damaged and has a claim", "restore it"),
        (damage_old_generation, "no run reads it", "delete it"),
        (miss_generation, "The ledger has generations 1 and 3 without generation 2 between them", "restore"),
        (add_foreign_files, "is not a generation of the ledger", "move it elsewhere"),
        (reverse_base, "is not in the order of its keys", "restore"),
        (repeat_key, "or has one twice", "restore"),
        (mix_buckets, "rows of other buckets", "restore"),
        (count_wrongly, "is not the Parquet file of", "restore"),
    ],
)
def test_verify_finds_each_disagreement_in_one_sentence_with_what_to_do(world, ledger, spoil, sentence, advice):
    spoil(world)

    code, out, err = ledger("verify", str(FOLDER))

    assert (code, err) == (1, "")
    assert len(out.splitlines()) == 1
    assert sentence in out
    assert advice in out
    assert str(ANN) not in out


def test_compact_makes_a_ledger_smaller_and_keeps_all_of_it(world, ledger):
    before = {key: entry["payload"] for key, entry in world.entries().items()}

    code, out, _ = ledger("compact", str(FOLDER))

    assert code == 0
    assert " had " in out
    assert {key: entry["payload"] for key, entry in world.entries().items()} == before
    snapshot = world.store().snapshot()
    assert snapshot.logs == ()
    generation = snapshot.generation.number
    assert ledger("compact", str(FOLDER))[0] == 0
    assert world.store().newest().number == generation


@pytest.mark.parametrize(
    "spelling", [str(ANN), f"+{ANN}", "+86 152-6666-7780", "0086 152 6666 7780", f"{ANN}@c.us", f"whatsapp:+{ANN}"]
)
def test_a_number_is_forgotten_in_any_spelling(world, ledger, spelling):
    code, out, _ = ledger("forget", str(FOLDER), spelling)

    assert (code, out) == (0, "1 number forgotten: the ledger had 1 customer of it.\n")
    assert ANN not in world.entries()
    assert world.changes([Sent(BEN, 3)]) == [Change.KNOWN_BAD]
    assert ledger("verify", str(FOLDER))[0] == 0


@pytest.mark.parametrize(
    "text",
    [
        f"{ANN}\n{BEN}\n",
        f"whatsApp\n{ANN}\n\n+49 1511 2345678\n",
        f'\ufeff"{ANN}"\r\n"{BEN}"\r\n',
        f"{ANN},\n{BEN},",
    ],
)
def test_numbers_are_forgotten_from_a_file(world, ledger, text):
    Path("numbers.csv").write_text(text, encoding="utf-8", newline="")

    assert ledger("forget", str(FOLDER), "--file", "numbers.csv")[0] == 0

    assert {ANN, BEN}.isdisjoint(world.entries())
    assert len(world.entries()) == 21


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["0171 8024686"], "The number cannot be used, so nothing was forgotten"),
        (["12ab"], "The number cannot be used, so nothing was forgotten"),
        ([], "Give a number, or a file of numbers with --file."),
        (["8615266667780", "--file", "bad.txt"], "Give a number, or a file of numbers with --file."),
        (["--file", "bad.txt"], "Nothing was forgotten, because of line 2 ("),
        (["--file", "empty.txt"], "The file has no numbers."),
        (["--file", "nowhere.txt"], "The file of numbers cannot be read: No such file or directory."),
        (["--file", "latin.txt"], "The file of numbers is not UTF-8 text."),
        (["171 8024686", "--default-region", "XX"], "default_region is 'XX'"),
    ],
)
def test_what_cannot_be_read_without_doubt_is_refused_in_one_sentence(world, ledger, arguments, sentence):
    Path("bad.txt").write_text(f"{BEN}\n12ab\n{ANN}", encoding="utf-8")
    Path("empty.txt").write_text("number\n\n", encoding="utf-8")
    Path("latin.txt").write_bytes(b"\xff\xe9")

    code, out, err = ledger("forget", str(FOLDER), *arguments)

    assert (code, out) == (2, "")
    assert err.startswith(sentence)
    assert len(err.splitlines()) == 1
    assert "12ab" not in err
    assert str(BEN) not in err
    assert len(world.entries()) == 23


def test_forgetting_of_hashes_needs_their_secret_from_the_environment_or_a_connection(ledger, monkeypatch):
    world = World(FOLDER, kind=KeyKind.HMAC, secret="the secret")
    store = world.store()
    keys = store.keyring.keys(np.array([ANN, BEN])).tolist()
    writer = world.writer(store=store)
    writer.record(Outcome.ACCEPTED, [Sent(key, 1) for key in keys])
    writer.commit()

    for command in ("show", "verify", "compact"):
        assert ledger(command, str(FOLDER))[0] == 0
    code, _, err = ledger("forget", str(FOLDER), str(ANN))
    assert (code, "their secret is needed" in err) == (2, True)
    monkeypatch.setenv(ledger_options.SECRET, "another")
    assert ledger("forget", str(FOLDER), str(ANN))[2].startswith("The ledger was made with another ledger_secret")
    monkeypatch.setenv(
        "AIRFLOW_CONN_CRM", json.dumps({"conn_type": "socialscrm", "extra": {"ledger_secret": "the secret"}})
    )
    assert ledger("forget", str(FOLDER), str(ANN), "--conn-id", "crm")[:2] == (
        0,
        "1 number forgotten: the ledger had 1 customer of it.\n",
    )
    monkeypatch.setenv(ledger_options.SECRET, "the secret")
    assert ledger("forget", str(FOLDER), str(BEN))[0] == 0
    assert world.entries() == {}


def test_a_connection_without_the_secret_is_named_in_one_sentence(world, ledger, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CRM", json.dumps({"conn_type": "socialscrm", "password": "the ApiKey"}))

    for conn_id, sentence in (
        ("crm", "The connection 'crm' has no extra"),
        ("nobody", "The connection 'nobody' cannot"),
    ):
        code, _, err = ledger("forget", str(FOLDER), str(ANN), "--conn-id", conn_id)
        assert (code, len(err.splitlines())) == (2, 1)
        assert err.startswith(sentence)
        assert "the ApiKey" not in err


def test_a_file_that_is_being_written_asks_for_the_command_again(world, ledger):
    path = FOLDER / "log/1.parquet.0a0b0c0d.unfinished"
    path.write_bytes(b"hal")

    code, _, err = ledger("forget", str(FOLDER), str(ANN))
    assert (code, "run the command again in a minute" in err) == (1, True)
    os.utime(path, (0, 0))
    assert ledger("forget", str(FOLDER), str(ANN))[0] == 0
    assert not path.exists()


@pytest.mark.parametrize("command", ["show", "verify", "compact", "forget"])
def test_a_folder_without_a_ledger_is_refused_in_one_sentence(ledger, command):
    number = [str(ANN)] if command == "forget" else []

    assert ledger(command, "nowhere", *number) == (2, "", "There is no ledger here: ledger.json is missing.\n")
    assert not Path("nowhere").exists()


def test_commands_work_while_an_import_runs(world, ledger):
    writer = world.writer("running")
    writer.record(Outcome.ACCEPTED, [Sent(EVE + 100, 1)])
    writer.flush()
    for command in (["compact"], ["forget"], ["compact"]):
        writer.record(Outcome.ACCEPTED, [Sent(EVE + 101 + len(writer._files), 1)])
        assert ledger(command[0], str(FOLDER), *([str(ANN)] if command[0] == "forget" else []))[0] == 0
        writer.flush()
    writer.commit()
    compact(world.store(), "later")

    assert world.changes([Sent(EVE + 100 + each, 1) for each in range(1)]) == [Change.UNCHANGED]
    assert len([key for key in world.entries() if key >= EVE + 100]) >= 4


def test_help_names_the_variable_and_loads_nothing_heavy(command):
    script = (
        "import sys, airflow_provider_socialscrm.__main__ as main; main.command_parser(); "
        "print([name for name in ('numpy', 'pyarrow', 'rich', 'airflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "[]\n"
    assert "SOCIALSCRM_LEDGER_SECRET" in command("ledger", "forget", "--help").out
