"""A small dataset folder for the browser tests: two tastes that films' genres explain, titles of every awkward sort."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

USERS = 24
FILMS = {
    "Comedy": ["Small Change", "The Long Lunch", "Odd Socks", "Tea for Eleven", "A Dog's Opinion", "Rehearsal",
               "Late Again", "Ü"],
    "Thriller": ["Cold Harbour", "The Ninth Key", "Nightshift", "Glass Road", "<b>Static</b>", "Undertow",
                 "Signal Lost", "The Extraordinarily Long Title of a Film That Would Not End: Part Two"],
}  # fmt: skip
TITLES = [title for titles in FILMS.values() for title in titles]


def write_folder(folder: Path, *, plots: Mapping[str, str] | None = None) -> None:
    """interactions, items and users; every second film has a poster. `plots`: by title, where not just its name."""
    (folder / "posters").mkdir(parents=True)
    _write(
        folder / "items.csv", ["item", "kind", "title", "text", "year", "Genre[]", "image"], _items(folder, plots or {})
    )
    _write(
        folder / "users.csv", ["user", "age", "occupation"], [[str(user), 20 + user, "writer"] for user in range(USERS)]
    )
    _write(folder / "interactions.csv", ["user", "item", "value", "time"], _interactions())


def _items(folder: Path, plots: Mapping[str, str]) -> list[list[object]]:
    rows: list[list[object]] = []
    for genre, titles in FILMS.items():
        for title in titles:
            number = len(rows)
            image = f"posters/{number}.png" if number % 2 == 0 else ""
            if image:
                Image.new("RGB", (60, 90), (40 * number % 256, 90, 160)).save(folder / image)
            genres = f"{genre}|Drama" if number % 3 == 0 else genre
            plot = plots.get(title, f"A film called {title}.")
            rows.append([str(number), "movie", title, plot, 1980 + number, genres, image])
    return rows


def _interactions() -> list[list[object]]:
    """Each user rates the films of one genre well, but for two that differ by user, and one of the others badly."""
    rows: list[list[object]] = []
    half = len(TITLES) // 2
    for user in range(USERS):
        own = (user % 2) * half
        left_out = {(user // 2) % half, (user // 2 + 3) % half}
        liked = [own + place for place in range(half) if place not in left_out]
        rows += [[str(user), str(item), 4 + item % 2, 1_000_000 + 100 * user + item] for item in liked]
        rows.append([str(user), str((own + half + user) % len(TITLES)), 2, 2_000_000 + user])
    return rows


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
