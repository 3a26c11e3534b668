"""A small dataset folder: two groups of users and items, and the group of an item is its kind and in its title."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.training.planted import planted_interactions


def write_shop(folder: Path, *, attributes: bool = True) -> Path:
    """interactions.csv, and with `attributes` items.csv with title and Genre[]."""
    folder.mkdir()
    rows = planted_interactions(90, 60)
    with (folder / "interactions.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("user", "item", "time"))
        out.writerows(zip(rows.user.tolist(), rows.item.tolist(), rows.time.tolist(), strict=True))
    if attributes:
        with (folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(("item", "title", "Genre[]"))
            out.writerows((item, f"tale {item}", f"g{item % 2}|h{item % 5}") for item in range(60))
    return folder
