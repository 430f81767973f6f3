"""Numbers with their nouns and verbs, for messages, log lines and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its words in the singular or plural, as in ``1 row`` and ``2,400 rows``.

    :param singular: what follows 1, such as ``row was``.
    :param plural: what follows any other number; default the singular with an s.
    """
    return f"{number:,} {worded(number, singular, plural)}"


def worded(number: int, singular: str, plural: str = "") -> str:
    """Return the words for a number of things, without the number.

    :param singular: for 1.
    :param plural: for any other number; default the singular with an s.
    """
    return singular if number == 1 else plural or f"{singular}s"


def with_article(noun: str) -> str:
    """Return a noun with its article, as in ``an int``, and unchanged if it begins with a number."""
    first = noun[:1].lower()
    return noun if first.isdigit() else f"{'an' if first and first in 'aeiou' else 'a'} {noun}"


def out_of(part: int, whole: int, noun: str, singular: str, plural: str) -> str:
    """Return a part of a number of things with its verb, as in ``1 of 5 rows was refused``.

    :param singular: what follows the noun if the part is 1, such as ``was refused``.
    :param plural: what follows it otherwise.
    """
    return f"{part:,} of {counted(whole, noun)} {worded(part, singular, plural)}"


def first_of(texts: Sequence[str], most: int) -> str:
    """Return the first of some texts and how many more there are, as in ``a, b and 3 more``."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"


def by_country(countries: Mapping[str, int]) -> str:
    """Return the numbers of each country, as in ``CN 320, GB 40, US or CA 11``."""
    return ", ".join(f"{country} {numbers:,}" for country, numbers in countries.items())
