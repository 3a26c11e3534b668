"""Pages: what sources show, rules in order, blocked people, changes since the index, removed interests, the API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from graph.consent import Defaults
from serving.app import create_app
from serving.live import Live
from serving.live_holder import open_live
from serving.overlay import Overlay
from serving.playlists.make import playlist
from serving.playlists.wish import PlaylistWish, Seeds
from serving.scenarios.columns import Columns, ColumnsHolder
from serving.scenarios.file import read_preset
from serving.scenarios.find import Scenarios
from serving.scenarios.home import Row, home, render
from serving.scenarios.preset import Preset, Recency
from serving.scenarios.rules import age_of
from serving.scenarios.soon import distance
from serving.scenarios.sources import PLAYED
from serving.scenarios.visitor import Visitor
from serving.settings import Settings
from tests.serving.conftest import Get, client
from tests.serving.scenarios.conftest import Visit
from tests.serving.scenarios.market import NOW

USER = "m:u10"


def page(tmp_path: Path, visitor: Visitor, shelves: str, lang: str = "en") -> list[Row]:
    path = tmp_path / "page.yaml"
    path.write_text(f"shelves:\n{shelves}\n")
    return home(visitor, read_preset(path), lang)


def cards(live: Live, row: Row) -> list[dict[str, Any]]:
    return [orjson.loads(live.page(item)) for item in row.items]


def test_a_shelf_tells_what_its_items_cards_do_not(tmp_path: Path, visit: Visit) -> None:
    visitor = visit("m:u03")
    wanted = "source: soon, within: 60d, km: 1000", "source: popular, kind: article", "source: new, kind: product"
    events, articles, products = page(tmp_path, visitor, "\n".join(f"  - {{{one}}}" for one in wanted))
    away = distance(visitor.columns, visitor.properties)
    for row in (events, articles, products):
        for item, card, facts in zip(row.items, cards(visitor.live, row), row.facts, strict=True):
            given = {name: one for name, one in card["properties"].items() if one is not None}
            assert facts.get("price") == given.get("price")
            assert facts.get("starts") == given.get("starts")
            assert ("published" in facts) == (card["kind"] == "article")
            told = facts.get("kilometres")
            assert told == (pytest.approx(away[item], abs=0.05) if card["kind"] == "event" else None)
    answer = orjson.loads(render(visitor.live, "m:u03", read_preset(tmp_path / "page.yaml"), "en", [events]))
    assert [entry["facts"] for entry in answer["shelves"][0]["items"]] == events.facts


def test_titles_speak_of_what_a_shelf_starts_from(tmp_path: Path, visit: Visit) -> None:
    visitor = visit(USER)
    shelves = "  - {source: like-last}\n  - {title: popular-in, source: popular, attribute: Category}"
    one, two = page(tmp_path, visitor, shelves)
    assert one.item in visitor.liked
    assert one.title == f"Because you watched {orjson.loads(visitor.live.card(one.item or 0))['title']}"
    assert two.attribute is not None
    assert two.title == f"Popular in {two.attribute[1]}"
    assert all(two.attribute[1] in card["attributes"]["Category"] for card in cards(visitor.live, two))
    assert page(tmp_path, visitor, shelves, "zh")[1].title == f"{two.attribute[1]} 热门"


def test_a_playlist_s_shelf_is_played_in_the_playlist_s_order(tmp_path: Path, visit: Visit) -> None:
    visitor = visit(USER)
    (row,) = page(tmp_path, visitor, "  - {source: playlist, n: 8}")
    assert row.item in visitor.liked
    live = visitor.live
    assert row.title == f"A playlist from {orjson.loads(live.card(row.item or 0))['title']}"
    wish = PlaylistWish(Seeds(items=(live.id(row.item or 0),)), n=PLAYED)
    whole = playlist(visitor, live.index.transitions, wish).items
    assert row.items == [item for item in whole if item in row.items], "in its order"
    assert len(row.items) == 8


def test_the_social_page_recommends_groups_that_one_is_not_in(market_home: Path, visit: Visit) -> None:
    visitor = visit(USER)
    rows = home(visitor, Scenarios(market_home).get("social"), "en")
    (row,) = (one for one in rows if one.title == "Groups for you")
    assert {card["kind"] for card in cards(visitor.live, row)} == {"group"}
    assert not set(row.items) & set(visitor.liked)
    assert row.scores == sorted(row.scores, reverse=True)


def test_for_you_is_the_model_s_order(tmp_path: Path, visit: Visit) -> None:
    (row,) = page(tmp_path, visit(USER), "  - {source: for-you, n: 20}")
    assert row.scores == sorted(row.scores, reverse=True)


def test_friends_who_are_blocked_or_hide_do_not_count(visit: Visit) -> None:
    seen = 0
    for number in range(60):
        visitor = visit(f"m:u{number:02d}")
        people = visitor.live.index.people
        assert people is not None
        names = {visitor.live.index.user_ids[one].decode() for one in visitor.friends}
        assert not names & visitor.blocked
        assert not any(people.hides[one] for one in visitor.friends)
        seen += len(names)
    assert seen


def test_somebody_blocked_this_moment_is_gone_with_what_they_made(market_home: Path, visit: Visit) -> None:
    visitor = visit("m:u13")
    name = visitor.live.index.user_ids[visitor.friends[0]].decode()
    overlay = Overlay(market_home)
    try:
        overlay.put_user("m:u13", {"blocked": [name]})
        live = open_live(market_home, Defaults())
        now = replace(visitor, live=live)
        assert name in now.blocked
        assert name not in {live.index.user_ids[one].decode() for one in now.friends}
        other = Visitor(live, visitor.columns, visit(name).who, visitor.now)
        assert "m:u13" in other.blocked
    finally:
        overlay.delete("m:u13", "User")
        (market_home / "overlay.sqlite").unlink()


def test_items_put_since_the_index_are_filtered_by_what_they_are_now(market_home: Path, visit: Visit) -> None:
    overlay = Overlay(market_home)
    try:
        overlay.put("m:fresh", _body(price=7, stock=3), {})
        overlay.put("m:i001", _body(price=8), {})
        live = open_live(market_home, Defaults())
        columns = ColumnsHolder().get(live)
        place, changed = live.find("m:fresh"), live.find("m:i001")
        assert columns.number("price")[[place, changed]].tolist() == [7, 8]
        assert np.isnan(columns.number("latitude")[changed])
        assert columns.with_one_of("Brand", ("acme",))[[place, changed]].all()
        assert columns.with_one_of("Brand", ("B1",))[:400].sum() > 5
        assert not columns.with_one_of("Brand", ("B1",))[place]
    finally:
        (market_home / "overlay.sqlite").unlink()


def _body(**properties: object) -> dict[str, Any]:
    return {"title": "Fresh", "kind": "product", "attributes": {"Brand": ["Acme"]}, "properties": properties}


def test_an_interest_that_was_removed_is_nowhere_on_the_page(tmp_path: Path, visit: Visit) -> None:
    visitor = replace(visit(USER), removed=(("Category", "C1"),))
    rows = page(tmp_path, visitor, "  - {source: for-you}\n  - {source: popular}\n  - {source: like-last}")
    assert len(rows) == 3
    assert not any("C1" in card["attributes"]["Category"] for row in rows for card in cards(visitor.live, row))


def test_exploration_is_bounded_and_the_same_all_day(tmp_path: Path, visit: Visit) -> None:
    visitor = visit(USER)
    (plain,) = page(tmp_path, visitor, "  - {source: new, n: 20}")
    (row,) = page(tmp_path, visitor, "  - {source: new, n: 20, explore: 0.25}")
    (again,) = page(tmp_path, visitor, "  - {source: new, n: 20, explore: 0.25}")
    (later,) = page(tmp_path, replace(visitor, now=visitor.now + 86_400), "  - {source: new, n: 20, explore: 0.25}")
    assert row.items[:15] == plain.items[:15]
    assert 0 < len(set(row.items) - set(plain.items)) <= 5
    assert again.items == row.items
    assert later.items != row.items


def test_a_half_life_halves(columns: Columns) -> None:
    age = age_of(columns, Recency("published", 1.0), NOW.timestamp())
    assert age.min() == 0
    assert age.max() == pytest.approx(90 * 86_400 - 3600, abs=86_400)


def test_render_and_nothing_for_somebody_who_did_nothing(tmp_path: Path, visit: Visit) -> None:
    visitor = visit("m:u59")
    rows = page(tmp_path, visitor, "  - {source: continue}\n  - {source: for-you}")
    assert [row.shelf.source for row in rows] == ["for-you"]
    preset = Preset("page", {"en": "Page", "zh": "页"}, ())
    body = orjson.loads(render(visitor.live, "m:u59", preset, "zh", rows))
    assert body["title"] == "页"
    assert [one["rank"] for one in body["shelves"][0]["items"]] == list(range(1, 13))


@pytest.fixture(scope="module")
def ask(market_home: Path) -> Get:
    return client(create_app(Settings(home=market_home, store="local:" + str(market_home / "no-store"))))


def test_the_api_answers_pages_lists_scenarios_and_names_mistakes(ask: Get, market_home: Path) -> None:
    names = [one["name"] for one in ask("/v1/scenarios").json()["scenarios"]]
    assert names == ["music", "news", "shop", "social", "video"]
    for name in names:
        answer = ask(f"/v1/users/m%3Au10/home?scenario={name}&lang=zh").json()
        ids = [entry["item"]["id"] for shelf in answer["shelves"] for entry in shelf["items"]]
        assert len(ids) == len(set(ids)) > 12
    wrong = ask("/v1/users/m%3Au10/home?scenario=nothing")
    assert wrong.status_code == 404
    assert "shop" in wrong.json()["valid"]
    folder = market_home / "scenarios"
    folder.mkdir()
    (folder / "bad.yaml").write_text("shelves:\n  - {source: magic}\n")
    wrong = ask("/v1/users/m%3Au10/home?scenario=bad")
    assert wrong.status_code == 422
    assert "bad.yaml, line 2" in wrong.json()["detail"]
