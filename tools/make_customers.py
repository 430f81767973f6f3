"""Write the demo's customers: `python -m tools.make_customers` makes dags/data/customers.csv, always the same bytes.

The people are composed at random and do not exist, but some of the numbers may be in use: import the file into the
sandbox, not into a real SocialsCRM. The columns bear the API's field names (vendor API 3.2) and two extension fields
(vendor API 3.3). The values are as untidy as in a warehouse, and `FAULTS` lists the only rows that cannot be imported.
"""

from __future__ import annotations

import argparse
import csv
import random
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tools.people import CUSTOMERS_OF, Country

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = dict[str, str]

OUTPUT = Path(__file__).parents[1] / "dags" / "data" / "customers.csv"
ROW_COUNT = 2400
SEED = 20261101
FIRST_BIRTHDAY, LAST_BIRTHDAY = date(1946, 1, 1), date(2008, 10, 31)
FIRST_ORDER, LAST_ORDER = date(2024, 1, 1), date(2026, 10, 31)

# Share of the rows in which a column is empty. The two columns that the API requires are never so by chance.
MISSING = {
    "friendName": 0.07,
    "sex": 0.15,
    "birthday": 0.20,
    "address": 0.12,
    "email": 0.18,
    "profession": 0.22,
    "income": 0.26,
    "desc": 0.26,
    "tabName": 0.24,
    "stage": 0.10,
    "source": 0.10,
    "languageTag": 0.08,
    "Loyalty Level": 0.20,
    "Last Order": 0.15,
}
COLUMNS = ("whatsApp", "agentAccount", *MISSING)

TAGS = ("VIP", "Newsletter", "Wholesale", "Returns", "Club", "Trade fair")
STAGES = ("New Customer", "Interested", "Negotiating", "Won")
SOURCES = ("System", "Website", "Event", "Referral")
LEVELS = ("Bronze", "Silver", "Gold")
EMOJI = ("🌸", "😎", "🐼", "⚽", "👩‍🍳", "✨")

# Texts that a template engine, a spreadsheet, a browser or a CSV reader might act upon: they must travel unharmed.
AWKWARD_NOTES = (
    "{{ not a template }}",
    "=SUM(A1)",
    "<b>bold</b>",
    'Said "call me", then hung up',
    "First line\nsecond line",
    "Wants:\n- a quote, in writing\n- a sample",
    "C:\\new\\table",
)

# How the country code and the groups of digits after it get written, and in how many rows out of a hundred.
PHONE_STYLES: dict[Callable[[str, str], str], int] = {
    lambda dial, rest: dial + rest.replace(" ", ""): 62,
    lambda dial, rest: f"+{dial} {rest}": 12,
    lambda dial, rest: f"+{dial}-{rest.replace(' ', '-')}": 7,
    lambda dial, rest: f"00{dial} {rest}": 6,
    lambda dial, rest: f"({dial}) {rest}": 5,
    lambda dial, rest: _full_width(dial + rest.replace(" ", "")): 4,
    lambda dial, rest: f"+{dial} {rest}".replace(" ", "\N{NO-BREAK SPACE}"): 4,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Name one value that makes a row impossible to import.

    :param position: 0-based number of the data row (the header is not counted).
    :param code: what the CRM answers (vendor API 4); ``None`` when the row is refused before it is sent.
    """

    position: int
    column: str
    value: str
    code: int | None = None


# Every row that must be refused, and no other: 14 before sending, 11 by the CRM. Only the named value is wrong in it.
FAULTS = (
    # nine rows without a number
    Fault(17, "whatsApp", ""),
    Fault(240, "whatsApp", ""),
    Fault(511, "whatsApp", "n/a"),
    Fault(802, "whatsApp", ""),
    Fault(803, "whatsApp", ""),
    Fault(1170, "whatsApp", ""),
    Fault(1624, "whatsApp", "n/a"),
    Fault(2011, "whatsApp", ""),
    Fault(2399, "whatsApp", ""),
    # three numbers with too few digits
    Fault(358, "whatsApp", "12345"),
    Fault(1333, "whatsApp", "+86 139"),
    Fault(2205, "whatsApp", "0034-61-2"),
    # five rows of an agent who has left
    Fault(64, "agentAccount", "agent_gone", 531),
    Fault(700, "agentAccount", "agent_gone", 531),
    Fault(1206, "agentAccount", "agent_gone", 531),
    Fault(1207, "agentAccount", "agent_gone", 531),
    Fault(1890, "agentAccount", "agent_gone", 531),
    # six extension fields of the wrong form: four dates in words, two levels that do not exist
    Fault(133, "Last Order", "last spring", 533),
    Fault(905, "Last Order", "before Easter", 533),
    Fault(1502, "Last Order", "last spring", 533),
    Fault(2118, "Last Order", "two weeks ago", 533),
    Fault(421, "Loyalty Level", "Platinum", 533),
    Fault(1751, "Loyalty Level", "Platinum", 533),
    # two birthdays that are no date
    Fault(608, "birthday", "31.12.1899?"),
    Fault(1999, "birthday", "31.12.1899?"),
)


def make_customers(seed: int = SEED) -> list[Row]:
    """Compose the customers, faults included: `ROW_COUNT` rows of `COLUMNS`; the same seed gives the same rows."""
    rng = random.Random(seed)  # noqa: S311 - made-up people need no secrecy
    taken: set[str] = set()
    rows = [_customer(rng, taken) for _ in range(ROW_COUNT)]
    for fault in FAULTS:
        rows[fault.position][fault.column] = fault.value
    return rows


def write_customers(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV: UTF-8 without byte order mark, LF, quotes where needed. Replaces the file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _customer(rng: random.Random, taken: set[str]) -> Row:
    agent = rng.choice(tuple(CUSTOMERS_OF))
    country = rng.choice(CUSTOMERS_OF[agent])
    sex = rng.choice(("female", "male"))
    given, given_latin = _pick_pair(rng, country.female if sex == "female" else country.male)
    families = (sex == "female" and country.families_female) or country.families
    family, family_latin = _pick_pair(rng, families)
    row = {
        "whatsApp": _number(rng, country, taken),
        "agentAccount": agent,
        "friendName": _untidy_name(rng, country.name.format(given=given, family=family), given),
        "sex": "unknown" if _happens(rng, 0.1) else sex,
        "birthday": _birthday(rng),
        "address": _address(rng, country),
        "email": _email(rng, given_latin, family_latin),
        "profession": _pick(rng, country.professions),
        "income": _pick(rng, country.incomes),
        "desc": rng.choice(AWKWARD_NOTES) if _happens(rng, 0.15) else _pick(rng, country.notes),
        "tabName": ",".join(rng.sample(TAGS, rng.randint(1, 3))),
        "stage": _leaning(rng, STAGES),
        "source": _leaning(rng, SOURCES),
        "languageTag": country.language if _happens(rng, 0.15) else "Auto",
        "Loyalty Level": _leaning(rng, LEVELS),
        "Last Order": _day(rng, FIRST_ORDER, LAST_ORDER).isoformat(),
    }
    return {column: "" if _happens(rng, MISSING.get(column, 0)) else value for column, value in row.items()}


def _number(rng: random.Random, country: Country, taken: set[str]) -> str:
    """Write a number that no earlier customer has, in one of the usual ways."""
    number = _fill(rng, _pick(rng, country.mobiles))
    digits = number.replace(" ", "")
    if digits in taken:
        return _number(rng, country, taken)
    taken.add(digits)
    dial, _, rest = number.partition(" ")
    (style,) = rng.choices(tuple(PHONE_STYLES), tuple(PHONE_STYLES.values()))
    return style(dial, rest)


def _untidy_name(rng: random.Random, name: str, given: str) -> str:
    if _happens(rng, 0.04):
        return f"{given} {rng.choice(EMOJI)}"
    if _happens(rng, 0.08):
        return rng.choice((" {}", "{} ", "  {}", " {}  ", "{}\N{NO-BREAK SPACE}")).format(name)
    return name


def _birthday(rng: random.Random) -> str:
    day = _day(rng, FIRST_BIRTHDAY, LAST_BIRTHDAY).isoformat()
    return day.replace("-", "/") if _happens(rng, 0.06) else day


def _address(rng: random.Random, country: Country) -> str:
    city, postcode = _pick_pair(rng, country.cities)
    place = {"city": city, "postcode": _fill(rng, postcode), "street": _pick(rng, country.streets)}
    text = country.address.format(number=rng.randint(1, 180), flat=rng.randint(1, 30), **place)
    return text.replace("|", "\n" if _happens(rng, 0.03) else country.joint)


def _email(rng: random.Random, given: str, family: str) -> str:
    domain = rng.choice(("example.com", "example.org", "example.net"))
    return f"{_ascii(given)}.{_ascii(family)}{rng.randint(1, 999)}@{domain}"


def _happens(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def _day(rng: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randint(0, (last - first).days))


def _leaning(rng: random.Random, values: Sequence[str]) -> str:
    """Take one of the values, an earlier one more often than a later one."""
    return rng.choices(values, range(len(values), 0, -1))[0]


def _pick(rng: random.Random, words: str) -> str:
    return rng.choice(words.split(", "))


def _pick_pair(rng: random.Random, words: str) -> tuple[str, str]:
    """Take one entry apart at its equals sign; an entry without one is its own second half."""
    word, _, second = _pick(rng, words).partition("=")
    return word, second or word


def _fill(rng: random.Random, pattern: str) -> str:
    return "".join(str(rng.randint(0, 9)) if sign == "#" else sign for sign in pattern)


def _ascii(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss"))
    return "".join(letter for letter in letters if "a" <= letter <= "z")


def _full_width(digits: str) -> str:
    return "".join(chr(ord("０") + int(digit)) for digit in digits)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file named on the command line; safe to repeat."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_customers", description="Write the demo's customers.")
    parser.add_argument("path", nargs="?", type=Path, default=OUTPUT, help="the CSV file (default: %(default)s)")
    write_customers(make_customers(), parser.parse_args(arguments).path)


if __name__ == "__main__":
    main()
