"""Mends the links between MovieLens 100K and its knowledge graph.

The published `ml-100k.link` numbers films as MovieLens 1M does: its item 50 is The Usual Suspects, while item 50 of
MovieLens 100K is Star Wars; only three of 1,598 links fit. Both catalogues name their films, so each link is carried
over by title and year. Films that cannot be matched lose their link: better none than a false one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ML_1M_LAST = 3952
ML_1M_GAPS = frozenset(
    (
        91, 221, 323, 622, 646, 677, 686, 689, 740, 817, 883, 995, 1048, 1072, 1074, 1182, 1195, 1229, 1239, 1338, 1402,
        1403, 1418, 1435, 1451, 1452, 1469, 1478, 1481, 1491, 1492, 1505, 1506, 1512, 1521, 1530, 1536, 1540, 1560,
        1576, 1607, 1618, 1634, 1637, 1638, 1691, 1700, 1712, 1736, 1737, 1745, 1751, 1761, 1763, 1766, 1775, 1778,
        1786, 1790, 1800, 1802, 1803, 1808, 1813, 1818, 1823, 1828, 1838, 3815,
    )
)  # fmt: skip
"""Numbers that MovieLens 1M does not use (its readme: «some MovieIDs do not correspond to a movie»)."""

_YEAR = re.compile(r"\((\d{4})\)\s*$")
_ARTICLE = re.compile(r"^(.*), (the|a|an|le|la|les|il|das|der|die|el)$")


@dataclass(frozen=True)
class Film:
    """A film of one catalogue under that catalogue's number."""

    id: str
    title: str
    year: str


def films_of_movies_dat(path: Path) -> list[Film]:
    """MovieLens 1M's own `movies.dat`."""
    rows = (line.split("::") for line in path.read_text("latin-1").splitlines())
    return [_film(row[0], row[1]) for row in rows if len(row) >= 2]


def films_in_order(titles: Sequence[str]) -> list[Film]:
    """MovieLens 1M's films from a list of its titles in the order of its numbers."""
    numbers = [number for number in range(1, ML_1M_LAST + 1) if number not in ML_1M_GAPS]
    return [_film(str(number), title) for number, title in zip(numbers, titles, strict=True)]


def _film(number: str, named: str) -> Film:
    year = _YEAR.search(named)
    return Film(number, _YEAR.sub("", named).strip(), year.group(1) if year else "")


def mend(folder: Path, ml_1m: Iterable[Film]) -> tuple[int, int]:
    """Rewrites `folder`/ml-100k.link by title and year. Returns how many links there are, and how many were dropped."""
    film_of = {_key(film.title, film.year): film.id for film in ml_1m}
    with (folder / "ml-100k.link").open(encoding="utf-8", newline="") as file:
        header, *links = csv.reader(file, delimiter="\t")
    entity_of = {row[0]: row[1] for row in links}
    with (folder / "ml-100k.item").open(encoding="utf-8", newline="") as file:
        items = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    found = [(row[0], entity_of.get(film_of.get(_key(row[1], row[2]), ""))) for row in items]
    kept = [(item, entity) for item, entity in found if entity is not None]
    lines = ["\t".join(header), *("\t".join(pair) for pair in kept)]
    (folder / "ml-100k.link").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(kept), len(links) - len(kept)


def _key(title: str, year: str) -> tuple[str, str]:
    """Title without case, other names in brackets, a moved article or punctuation; and the year."""
    plain = re.sub(r"\s*\(.*", "", title).strip().lower()
    article = _ARTICLE.match(plain)
    plain = article.group(1) if article else re.sub(r"^(the|a|an) ", "", plain)
    return re.sub(r"[^a-z0-9]+", "", plain), year
