"""What happens to names, addresses and titles on their way into two systems: typical noise, at typical rates.

People (`PEOPLE_NOISE`, chance for each copy): a typo (swap, drop, double or neighbour of a letter), first and last name
swapped, a first name cut to its initial or to a nickname, accents written out another way (ü -> ue), the last name
changed, e-mail changed or missing, birth year missing or mistyped, town changed, mistyped or missing. Items: a typo,
the article moved to the end, a subtitle dropped, `&` for `and`, roman numerals, the year missing or one off.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def _words(text: str) -> list[str]:
    return text.split()


# The commonest in censuses and registers, most frequent first; drawn with the frequencies of Zipf's law.
FIRST = _words(
    "Maria James Anna John Robert Michael Thomas Elizabeth David Peter Laura Daniel Sarah Paul Julia Mark Emma "
    "Andreas Christine Stefan Katarzyna José Hans Sofia Martin Susan Richard Jan Eva Luis Linda Patrick Sandra Piotr "
    "Claudia Jürgen Kevin Karen Søren Elena Alexander Nina Björn Helen Ivan Lucía Marie George Hélène Frank Ana Carlos "
    "François Ingrid Tomasz Olga Simon Barbara Victor Alice Mehmet Aisha Yuki Wei Fatima Omar Lena Felix "
    "Clara Noah Ida Oscar"
)
LAST = _words(
    "Smith Müller Johnson García Jones Schmidt Brown Nguyen Williams Martin Novák Davis Silva Schneider Miller Wilson "
    "Rodríguez Fischer Taylor Kowalski Anderson Weber Moore Hansen Thompson Meyer White Jensen Harris Wagner Clark "
    "Rossi Lewis Becker Robinson Fernández Walker Schulz Young Nielsen Hall Hoffmann Allen Bauer King Sánchez Wright "
    "Koch Scott Richter Green Klein Baker Wolf Adams Schröder Nelson Neumann Hill Schwarz Campbell Zimmermann Mitchell "
    "Braun Roberts Krüger Carter Hofmann Phillips Hartmann Evans Lange Turner Werner Parker Krause Collins Lehmann "
    "Edwards Köhler Stewart Herrmann Morris König Murphy Walter Cook Mayer Rogers Huber Morgan Kaiser Cooper Fuchs "
    "Peterson Peters Bailey Lang Reed Scholz Kelly Möller Howard Weiß Cox Jung Ward Hahn Richardson Schubert Watson "
    "Vogel Brooks Friedrich Wood Keller James Günther Bennett Frank Gray Berger Hughes Winkler Price Roth Myers Beck "
    "Long Lorenz Foster Baumann Sanders Franke Ross Albrecht Morales Schuster Powell Simon Sullivan Ludwig Russell "
    "Böhm Ortiz Winter Jenkins Kraus Gutiérrez Martínez Perry Schumacher Butler Krämer Barnes Vogt Fisher Stein "
    "Lindqvist Øster Wójcik Dvořák Çelik Yilmaz Popescu Ivanov Petrov Tanaka Chen Kim Singh Khan Ali Cohen Levi Costa"
)
TOWNS = _words(
    "London Berlin Madrid Roma Paris Wien Hamburg Warszawa Praha München Milano Köln Birmingham Barcelona Leeds Kraków "
    "Lyon Glasgow Stockholm Zürich Frankfurt Oslo Dublin Bristol Łódź Sevilla Torino Leipzig Dresden Graz Gent Malmö "
    "Nantes Bern Bonn Porto Lisboa Brno Basel Kiel Aarhus Odense Bergen Utrecht Delft Leiden Cork Bath York Derby"
)
NICKNAMES = MappingProxyType(
    {"Robert": "Bob", "Elizabeth": "Liz", "Thomas": "Tom", "Michael": "Mike", "Alexander": "Alex", "Katarzyna": "Kasia",
     "Daniel": "Dan", "Richard": "Dick", "Susan": "Sue", "Andreas": "Andi", "Patrick": "Pat", "Victor": "Vic"}
)  # fmt: skip
WRITTEN_OUT = MappingProxyType({"ü": "ue", "ö": "oe", "ä": "ae", "ø": "oe", "ß": "ss", "å": "aa", "ñ": "n", "é": "e"})
PEOPLE_NOISE: Mapping[str, float] = MappingProxyType(
    {
        "typo first": 0.04, "typo last": 0.05, "swapped": 0.03, "initial": 0.03, "nickname": 0.2, "written out": 0.4,
        "new last name": 0.02, "mail missing": 0.15, "mail changed": 0.1, "year missing": 0.06, "year mistyped": 0.02,
        "town missing": 0.06, "town changed": 0.08, "town typo": 0.04,
    }
)  # fmt: skip
ITEM_NOISE: Mapping[str, float] = MappingProxyType(
    {"typo": 0.15, "article": 0.3, "subtitle": 0.2, "and": 0.5, "roman": 0.5, "case": 0.2, "year missing": 0.1,
     "year off": 0.08}
)  # fmt: skip
_ROMAN = MappingProxyType({" II": " 2", " III": " 3", " IV": " 4", " VI": " 6"})


class Noise:
    """Draws with one generator."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - noise, no secret

    def chance(self, share: float) -> bool:
        """True in so many of all draws."""
        return self.random.random() < share

    def person(self, number: int) -> dict[str, Any]:
        """Somebody who is."""
        first, last, town = (self._common(words) for words in (FIRST, LAST, TOWNS))
        year = int(min(2008, max(1930, self.random.gauss(1982, 16))))
        return {"first": first, "last": last, "town": town, "birth_year": year, "mail": f"p{number}@mail"}

    def copy_of(self, person: Mapping[str, Any]) -> dict[str, Any]:
        """What one platform knows of a person."""
        noise, chance = PEOPLE_NOISE, self.chance
        first, last, town, year = (person[name] for name in ("first", "last", "town", "birth_year"))
        if chance(noise["nickname"]):
            first = NICKNAMES.get(first, first)
        if chance(noise["new last name"]):
            last = self._common(LAST)
        if chance(noise["written out"]):
            first, last = (_written_out(one) for one in (first, last))
        first = self.typo(first) if chance(noise["typo first"]) else first
        last = self.typo(last) if chance(noise["typo last"]) else last
        first = first[0] if chance(noise["initial"]) else first
        name = f"{last} {first}" if chance(noise["swapped"]) else f"{first} {last}"
        if chance(noise["town changed"]):
            town = self._common(TOWNS)
        town = None if chance(noise["town missing"]) else self.typo(town) if chance(noise["town typo"]) else town
        if chance(noise["year mistyped"]):
            year = int(str(year)[:2] + "".join(self.random.sample(str(year)[2:], 2))) + self.random.choice((0, 1, -1))
        mail = person["mail"] if not chance(noise["mail changed"]) else f"new{self.random.random()}@mail"
        return {
            "name": name,
            "town": town,
            "birth_year": None if chance(noise["year missing"]) else year,
            "email_hash": None if chance(noise["mail missing"]) else hashlib.sha256(mail.encode()).hexdigest(),
        }

    def title(self, title: str, year: int | None) -> tuple[str, int | None]:
        """How another catalogue writes it."""
        noise, chance = ITEM_NOISE, self.chance
        if chance(noise["subtitle"]) and ":" in title:
            title = title.partition(":")[0]
        if chance(noise["article"]) and title.split(" ")[0] in ("The", "A", "An"):
            article, _, rest = title.partition(" ")
            title = f"{rest}, {article}"
        if chance(noise["and"]):
            title = title.replace(" and ", " & ")
        if chance(noise["roman"]):
            for roman, plain in _ROMAN.items():
                title = title.replace(roman, plain) if title.endswith(roman) else title
        title = self.typo(title) if chance(noise["typo"]) else title
        title = title.upper() if chance(noise["case"]) else title
        if year is not None:
            year = (
                None
                if chance(noise["year missing"])
                else year + self.random.choice((-1, 1)) * chance(noise["year off"])
            )
        return title, year

    def typo(self, word: str) -> str:
        """Two letters swapped, one dropped, doubled or replaced."""
        if len(word) < 3:
            return word
        at = self.random.randrange(1, len(word) - 1)
        kind = self.random.randrange(4)
        if kind == 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == 1:
            return word[:at] + word[at + 1 :]
        if kind == 2:
            return word[:at] + word[at] + word[at:]
        return word[:at] + self.random.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]

    def _common(self, words: list[str]) -> str:
        return self.random.choices(words, [1 / (place + 3) for place in range(len(words))])[0]


def _written_out(word: str) -> str:
    return "".join(WRITTEN_OUT.get(letter, letter) for letter in word)
