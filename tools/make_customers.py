"""Write the demo's customers: `python -m tools.make_customers` makes dags/data/customers.csv.

The people do not exist. The numbers of the last five countries are reserved for fiction. The others are valid in form
and may be in use: import the file into the sandbox only. The values are as untidy as in a warehouse.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

from faker import Faker

OUTPUT = Path(__file__).parents[1] / "dags" / "data" / "customers.csv"
ROW_COUNT = 2400
SEED = 20261101
MISSING = 0.15  # the share of rows in which an optional column is empty

# The agent, the language and the numbers of a locale's customers; # is any digit, % any but 0.
COUNTRIES = {
    "zh_CN": ("agent_wang", "Chinese Simplified", "86 138 #### ####"),
    "ja_JP": ("agent_wang", "Japanese", "81 90 2### ####"),
    "ko_KR": ("agent_wang", "Korean", "82 10 2### ####"),
    "th_TH": ("agent_wang", "Thai", "66 81 ### ####"),
    "pt_BR": ("agent_silva", "Portuguese", "55 11 98### ####"),
    "es_ES": ("agent_silva", "Spanish", "34 612 ### ###"),
    "en_NG": ("agent_okafor", "English", "234 803 ### ####"),
    "ar_DZ": ("agent_okafor", "Arabic", "213 551 ## ## ##"),
    "he_IL": ("agent_okafor", "Hebrew", "972 50 2## ####"),
    "hi_IN": ("agent_okafor", "Hindi", "91 98### #####"),
    "cs_CZ": ("agent_novak", "Czech", "420 602 ### ###"),
    "el_GR": ("agent_novak", "Greek", "30 694 ### ####"),
    "uk_UA": ("agent_novak", "Ukrainian", "380 50 ### ####"),
    # Reserved for fiction by Ofcom, NANPA, ACMA, Arcep and the Bundesnetzagentur.
    "en_GB": ("agent_okafor", "English", "44 20 7946 0###"),
    "en_US": ("agent_silva", "English", "1 20% 555 01##"),
    "en_AU": ("agent_wang", "English", "61 2 5550 ####"),
    "fr_FR": ("agent_silva", "French", "33 1 99 00 ## ##"),
    "de_DE": ("agent_novak", "German", "49 30 23125 ###"),
}

# Texts on which a template engine, a spreadsheet, a browser or a CSV reader might act.
AWKWARD = ("{{ not a template }}", "=SUM(A1)", "<b>bold</b>", 'Said "call me", then hung up', "C:\\new", "Two\nlines")

# The only rows that cannot be imported, by position: the column and the value that are to blame.
INVALID = {
    **dict.fromkeys((17, 240, 802, 803, 1170, 2011, 2399), ("whatsApp", "")),
    **dict.fromkeys((511, 1624), ("whatsApp", "n/a")),
    358: ("whatsApp", "12345"),
    1333: ("whatsApp", "+86 139"),
    2205: ("whatsApp", "0034-61-2"),
    **dict.fromkeys((608, 1999), ("birthday", "31.12.1899?")),
}
REJECTED = {
    **dict.fromkeys((64, 700, 1206, 1207, 1890), ("agentAccount", "agent_gone")),  # code 530 or 531
    **dict.fromkeys((133, 905, 1502, 2118), ("Last Order", "last spring")),  # code 533
    **dict.fromkeys((421, 1751), ("Loyalty Level", "Platinum")),  # code 533
}


def make_customers() -> list[dict[str, str]]:
    """Return the customers, always the same with the same version of Faker."""
    Faker.seed(SEED)
    fakers = {locale: Faker(locale) for locale in COUNTRIES}
    rows = [_customer(locale, fakers[locale]) for locale in Faker().random.choices(list(COUNTRIES), k=ROW_COUNT)]
    for position, (column, value) in (INVALID | REJECTED).items():
        rows[position][column] = value
    return rows


def _customer(locale: str, fake: Any) -> dict[str, str]:
    agent, language, numbers = COUNTRIES[locale]
    sex = fake.random_element(("female", "male"))
    name = fake.name_female() if sex == "female" else fake.name_male()
    birthday = fake.date_between(date(1946, 1, 1), date(2008, 10, 31)).isoformat()
    address = fake.address()
    optional = {
        "friendName": _one_of(fake, {name: 88, f" {name}": 4, f"{name}\N{NO-BREAK SPACE}": 4, f"{name} 🌸": 4}),
        "sex": _one_of(fake, {sex: 90, "unknown": 10}),
        "birthday": _one_of(fake, {birthday: 94, birthday.replace("-", "/"): 6}),
        "address": _one_of(fake, {address.replace("\n", ", "): 95, address: 5}),
        "email": fake.ascii_safe_email(),  # at a domain that is reserved for examples
        "profession": fake.job(),
        "income": fake.pricetag(),
        "desc": _one_of(fake, {fake.sentence(nb_words=4): 85, fake.random_element(AWKWARD): 15}),
        "tabName": ",".join(fake.random_sample(("VIP", "Newsletter", "Wholesale", "Returns", "Club"), 2)),
        "stage": _one_of(fake, {"New Customer": 4, "Interested": 3, "Negotiating": 2, "Won": 1}),
        "source": _one_of(fake, {"System": 4, "Website": 3, "Event": 2, "Referral": 1}),
        "languageTag": _one_of(fake, {"Auto": 85, language: 15}),
        "Loyalty Level": _one_of(fake, {"Bronze": 3, "Silver": 2, "Gold": 1}),
        "Last Order": fake.date_between(date(2024, 1, 1), date(2026, 10, 31)).isoformat(),
    }
    given = {column: "" if fake.random.random() < MISSING else value for column, value in optional.items()}
    return {"whatsApp": _spelled(fake, fake.unique.numerify(numbers)), "agentAccount": agent, **given}


def _spelled(fake: Any, number: str) -> str:
    country, _, rest = number.partition(" ")
    plain = number.replace(" ", "")
    full_width = plain.translate({digit: digit + ord("０") - ord("0") for digit in b"0123456789"})
    hyphens, unbroken = number.replace(" ", "-"), number.replace(" ", "\N{NO-BREAK SPACE}")
    common = {plain: 62, f"+{number}": 12, f"+{hyphens}": 7, f"00{number}": 6}
    return _one_of(fake, common | {f"({country}) {rest}": 5, full_width: 4, f"+{unbroken}": 4})


def _one_of(fake: Any, weights: dict[str, int]) -> str:
    (value,) = fake.random.choices(list(weights), list(weights.values()))
    return str(value)


def main(path: Path = OUTPUT) -> None:
    """Write the customers as CSV, in place of the file that is there."""
    rows = make_customers()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
