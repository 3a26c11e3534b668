"""Names and titles made alike before they are compared: case, accents, punctuation, articles, order.

First step of a linkage. What is folded here need not be learned as a kind of error.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = {"ß": "ss", "æ": "ae", "ø": "o", "ð": "d", "þ": "th", "ł": "l", "đ": "d", "œ": "oe", "&": " and "}
_ARTICLES = frozenset({"the", "a", "an", "la", "le", "les", "el", "los", "las", "der", "die", "das", "il"})
_YEAR = re.compile(r"\s*\(\d{4}\)\s*$")
_WORD = re.compile(r"[^\w]+", re.UNICODE)
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8"}


def fold(text: str) -> str:
    """Lower case, without accents and punctuation: `Müller-Łódź` -> `muller lodz`."""
    lowered = "".join(_PLAIN.get(letter, letter) for letter in text.lower())
    plain = "".join(one for one in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(one))
    return " ".join(_WORD.sub(" ", plain.replace("'", "")).split())


def name_parts(text: str) -> tuple[str, str]:
    """First and last name: `Lovelace, Ada` and `Ada Lovelace` -> (`ada`, `lovelace`); what is between is left out."""
    last, comma, first = text.partition(",")
    words = fold(f"{first} {last}" if comma else text).split()
    return (words[0], words[-1]) if len(words) > 1 else ("", words[0] if words else "")


def title_words(text: str) -> str:
    """A title without its year, subtitle marks and articles: `Matrix, The (1999)` -> `matrix`."""
    words = fold(_YEAR.sub("", text)).split()
    kept = [_ROMAN.get(word, word) for word in words if word not in _ARTICLES]
    return " ".join(kept or words)
