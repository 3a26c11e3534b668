"""What belongs to an item, in its panel: three shelves where they have something, none where they have not."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from graph.ingest import ingest
from graph.snapshot_read import read_snapshot
from graph.store import open_store
from tests.browser.planted import FILMS, TITLES, write_folder
from tests.browser.published import publish_ease
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

USERS = 48
COMEDY, THRILLER = 0, 8
"""Planted: every third user has both next to each other."""
RELATED = {"together": "Taken together", "alternatives": "Alternatives", "complements": "Goes with it"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The films, and other histories: by chance alone but for one pair."""
    home, folder = tmp_path_factory.mktemp("related-home"), tmp_path_factory.mktemp("related-data") / "films"
    write_folder(folder)
    with (folder / "users.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["user"], *([str(user)] for user in range(USERS))])
    with (folder / "interactions.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["user", "item", "value", "time"], *interactions()])
    store = open_store(f"local:{home / 'store'}")
    try:
        ingest(store, folder, platform="films", home=home)
        publish_ease(read_snapshot(store), home)
    finally:
        store.close()
    return home


def interactions() -> list[list[object]]:
    draw, rows = random.Random(5), []
    others = [item for item in range(len(TITLES)) if item not in (COMEDY, THRILLER)]
    for user in range(USERS):
        items = [COMEDY, THRILLER, draw.choice(others)] if user % 3 == 0 else draw.sample(others, 6)
        rows += [[str(user), str(item), 5, 1_000_000 + 100 * user + place] for place, item in enumerate(items)]
    return rows


def told(visit: Visit, relation: str, item: int = COMEDY, lang: str = "en") -> list[dict[str, object]]:
    answer = httpx.get(f"{visit.url}v1/items/films%3A{item}/related", timeout=60,
                       params={"relation": relation, "n": 8, "lang": lang})  # fmt: skip
    found: list[dict[str, object]] = answer.json()["items"]
    return found


def test_the_panel_has_a_shelf_for_each_relation(visit: Visit) -> None:
    page = visit.open(f"#/items/films%3A{COMEDY}")
    for relation, name in RELATED.items():
        titles = [entry["item"]["title"] for entry in told(visit, relation)]  # type: ignore[index]
        assert titles, relation
        shelf = page.get_by_role("dialog").get_by_role("list", name=name, exact=True)
        expect(shelf.get_by_role("heading")).to_have_text(titles)
    together = page.get_by_role("list", name="Taken together", exact=True)
    expect(together.get_by_text("16+ people")).to_be_visible()
    expect(together).to_contain_text("At least 16 people have both close together")
    assert {entry["item"]["title"] for entry in told(visit, "alternatives")} <= set(FILMS["Comedy"])  # type: ignore[index]


def test_a_shelf_leads_to_the_item(visit: Visit) -> None:
    page = visit.open(f"#/items/films%3A{COMEDY}")
    page.get_by_role("list", name="Goes with it", exact=True).get_by_role("link", name=TITLES[THRILLER]).click()
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(TITLES[THRILLER])
    expect(page.get_by_role("list", name="Goes with it", exact=True)).to_contain_text(TITLES[COMEDY])


def test_a_relation_with_nothing_has_no_shelf(visit: Visit) -> None:
    item = next(item for item in range(len(TITLES)) if not told(visit, "together", item))
    page = visit.open(f"#/items/films%3A{item}")
    expect(page.get_by_role("list", name="Alternatives", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Taken together")).to_have_count(0)


@pytest.mark.parametrize("visit", [{"locale": "zh-CN"}], indirect=True)
def test_shelves_speak_chinese(visit: Visit) -> None:
    page = visit.open(f"#/items/films%3A{COMEDY}")
    shelf = page.get_by_role("list", name="常一起选", exact=True)
    expect(shelf).to_contain_text(str(told(visit, "together", lang="zh")[0]["reason"]["text"]))  # type: ignore[index]
