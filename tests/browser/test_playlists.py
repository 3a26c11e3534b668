"""Playlists, radio and the discovery of the week in Chromium: as the API answers them, by pointer and by keyboard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

import serving.page
from serving.playlists.tracks import ARTISTS
from tests.browser.planted import FILMS
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

ITEM, USER = {"items": ["films:9"]}, {"user": "films:3"}
LONG = "films:15"
"""The item with the longest title."""
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
CHINESE = {"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN"}


def address(seeds: dict[str, Any], **more: str) -> str:
    return "#/playlists?" + "&".join([*(f"{name}={value}" for name, value in more.items()), f"from={quoted(seeds)}"])


def quoted(seeds: dict[str, Any]) -> str:
    return quote(json.dumps(seeds))


def told(visit: Visit, path: str, body: dict[str, Any] | None = None, lang: str = "en") -> dict[str, Any]:
    url, params = f"{visit.url}v1/{path}", {"lang": lang}
    answer = httpx.get(url, timeout=60) if body is None else httpx.post(url, params=params, json=body, timeout=60)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def titles(answer: dict[str, Any]) -> list[str]:
    return [entry["item"]["title"] for entry in answer["items"]]


def expect_tracks(page: Page, name: str, expected: list[str]) -> None:
    assert expected
    expect(page.get_by_role("list", name=name, exact=True).get_by_role("heading", level=3)).to_have_text(expected)


def test_a_playlist_is_chosen_by_keyboard_and_shared(visit: Visit) -> None:
    page = visit.open("#/playlists")
    box = page.get_by_role("combobox", name=re.compile("^An item"))
    box.focus()
    page.keyboard.type("ninth")
    offered = page.get_by_role("listbox", name="To start from").get_by_role("option")
    expect(offered).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Starts from")).to_contain_text("The Ninth Key")
    expected = told(visit, "playlists", {**ITEM, "n": 15})
    expect(page.get_by_role("heading", level=2, name=expected["name"])).to_be_visible()
    expect_tracks(page, expected["name"], titles(expected))
    joints = [one["follows"]["name"] for one in expected["items"] if one["follows"] and one["follows"]["name"]]
    assert joints
    shown = page.locator(".track__joint").all_text_contents()
    assert [text.removeprefix("Genre: ") for text in shown if text.startswith("Genre: ")] == joints
    page.reload()
    expect_tracks(page, expected["name"], titles(expected))
    box.focus()
    page.keyboard.type("thril")
    expect(offered).to_have_count(1)
    page.keyboard.press("Enter")
    both = {**ITEM, "attributes": {"Genre": "Thriller"}}
    expect_tracks(page, "Thriller", titles(told(visit, "playlists", {**both, "n": 15})))
    page.go_back()
    expect_tracks(page, expected["name"], titles(expected))
    page.get_by_role("button", name="Not The Ninth Key").click()
    expect(page.get_by_role("heading", name="Start from one of these")).to_be_visible()


def test_its_length_is_set(visit: Visit) -> None:
    page = visit.open(address(USER))
    expect(page.locator(".track").first).to_be_visible()
    page.get_by_label("Length").fill("3")
    page.keyboard.press("Enter")
    expected = told(visit, "playlists", {**USER, "n": 3})
    expect_tracks(page, expected["name"], titles(expected))
    page.get_by_label("In", exact=True).select_option("minutes")
    expect(page.get_by_role("alert")).to_contain_text("no item says how long it is")
    visit.watch.errors.clear()  # the browser logs the 422


def test_the_radio_obeys_at_once(visit: Visit) -> None:
    page = visit.open(address(ITEM, mode="radio"))
    now = page.locator(".stage").get_by_role("heading")
    first, second = titles(told(visit, "radio", {**ITEM, "n": 7}))[:2]
    expect(now).to_have_text(first)
    expect(page.get_by_role("list", name="Up next").get_by_role("heading").first).to_have_text(second)
    session: dict[str, Any] = {"played": [id_of(visit, first)], "skipped": [], "liked": []}
    for button, kind in (("Like", "liked"), ("Next", None), ("Skip", "skipped"), ("Skip", "skipped")):
        current = now.text_content() or ""
        if kind:
            session[kind].append(id_of(visit, current))
        expected = titles(told(visit, "radio", {**ITEM, **session, "n": 7}))
        press = page.get_by_role("button", name=button, exact=True)
        press.focus()
        page.keyboard.press("Enter")
        if button == "Like":
            expect(press).to_have_attribute("aria-pressed", "true")
            expect_tracks(page, "Up next", expected[:6])
            continue
        expect(now).to_have_text(expected[0])
        expect_tracks(page, "Up next", expected[1:])
        expect(page.get_by_role("button", name=button, exact=True)).to_be_focused()
        session["played"].append(id_of(visit, expected[0]))
    past = page.get_by_role("list", name="Played").get_by_role("listitem")
    assert [bool(re.search(mark, past.nth(place).text_content() or "")) for place, mark in
            enumerate(("Skipped", "Skipped", "Liked"))] == [True] * 3  # fmt: skip


def id_of(visit: Visit, title: str) -> str:
    (item,) = (one for one in told(visit, "items?limit=100")["items"] if one["title"] == title)
    return str(item["id"])


def test_the_radio_ends_when_nothing_is_left(visit: Visit) -> None:
    page = visit.open(address({"attributes": {"Genre": "Comedy"}}, mode="radio"))
    for _ in FILMS["Comedy"]:
        now = page.locator(".stage").get_by_role("heading").text_content() or ""
        page.get_by_role("button", name="Next", exact=True).click()
        expect(page.locator(".stage").get_by_role("heading")).not_to_have_text(now)
    expect(page.locator(".stage")).to_contain_text("Nothing is left for this station")


def test_the_dial_changes_the_discovery(visit: Visit) -> None:
    page = visit.open("#/playlists?mode=week")
    page.get_by_role("link", name=re.compile("^User 1 ")).click()
    dial = page.get_by_role("slider", name="How familiar shall it be?")
    expect(dial).to_have_value("3")
    for key, familiarity, share in (("End", 1.0, True), ("Home", 0.0, False)):
        dial.focus()
        page.keyboard.press(key)
        expected = told(visit, f"users/films%3A1/discovery?familiarity={familiarity}")
        expect_tracks(page, "Discovery of the week", titles_with_marks(expected))
        percent = round(100 * expected["familiar_share"])
        expect(page.locator(".dial__share")).to_have_text(f"{percent}% of it is familiar")
        assert (percent > 0) is share
    page.wait_for_url(lambda url: "familiarity=0" in url)
    page.reload()
    expect(dial).to_have_value("0")


def titles_with_marks(answer: dict[str, Any]) -> list[str]:
    return [one["item"]["title"] + ("familiar" if one["familiar"] else "") for one in answer["items"]]


def test_shelves_lead_to_playlists(visit: Visit, home: Path) -> None:
    (home / "scenarios").mkdir()
    club = "title: {en: Club, zh: 俱乐部}\nshelves:\n  - {title: because, source: like-last}\n"
    (home / "scenarios" / "club.yaml").write_text(club, "utf-8")
    page = visit.open("#/users/films%3A3?scenario=club")
    shelf = told(visit, "users/films%3A3/home?scenario=club")["shelves"][0]
    page.get_by_role("link", name=re.compile(f"As a playlist.*{shelf['item']['title']}")).click()
    expect(page.get_by_role("list", name="Starts from").get_by_role("listitem")).to_have_text(
        [f"From{shelf['item']['title']}", "ForUser 3"]
    )
    expect(page.locator(".track").first).to_be_visible()


def test_the_basket_goes_on_live(visit: Visit) -> None:
    page = visit.open("")
    card = page.get_by_role("list", name="Popular items").get_by_role("listitem").first
    title = card.get_by_role("heading").text_content() or ""
    card.hover()
    card.locator(".card__put").click()
    strip = page.get_by_role("region", name="Basket: 1 item")
    onward = strip.get_by_role("list", name="Goes on with").locator(".basket__words")
    expected = titles(told(visit, "recommendations", {"items": [id_of(visit, title)], "n": 12}))
    expect(onward).to_have_text(expected)
    strip.get_by_role("button", name=f"Put {expected[0]} into the basket").click()
    strip = page.get_by_role("region", name="Basket: 2 items")
    two = [id_of(visit, title), id_of(visit, expected[0])]
    onward = strip.get_by_role("list", name="Goes on with").locator(".basket__words")
    expect(onward).to_have_text(titles(told(visit, "recommendations", {"items": two, "n": 12})))
    strip.get_by_role("link", name="As a playlist").click()
    expect(page.get_by_role("list", name="Starts from").get_by_role("listitem")).to_have_count(2)
    expect(page.get_by_role("region", name="Basket: 2 items")).to_be_visible()
    page.get_by_role("button", name="Show the basket").click()
    expect(onward.first).to_be_hidden()
    page.get_by_role("button", name="Empty it").click()
    expect(page.get_by_role("region", name=re.compile("^Basket"))).to_have_count(0)


def test_the_basket_is_filled_by_keyboard(visit: Visit) -> None:
    page = visit.open("#/items/films%3A9")
    put = page.get_by_role("button", name=re.compile("Into the basket"))
    put.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("In the basket"))).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    strip = page.get_by_role("region", name="Basket: 1 item")
    strip.get_by_role("button", name="Not The Ninth Key").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name=re.compile("^Basket"))).to_have_count(0)


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
@pytest.mark.parametrize(
    "place",
    ["#/playlists", address({"items": ["films:9", LONG]}), address({"items": [LONG]}, mode="radio"),
     address(USER, mode="week"), f"#/items/{quote(LONG, safe='')}"],
)  # fmt: skip
def test_phone_needs_no_sideways_scrolling(visit: Visit, place: str) -> None:
    page = visit.open(place)
    page.wait_for_load_state("networkidle")
    if "items/" in place:
        page.get_by_role("button", name=re.compile("Into the basket")).click()
        page.keyboard.press("Escape")
        expect(page.get_by_role("list", name="Goes on with").get_by_role("link").first).to_be_in_viewport()
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room, f"{wide} wide in {room}"


@pytest.mark.parametrize("visit", [CHINESE], indirect=True)
def test_lists_speak_chinese(visit: Visit) -> None:
    page = visit.open(address({"attributes": {"Genre": "Thriller"}}))
    expect(page.get_by_role("heading", level=2)).to_have_text("Thriller精选")
    expect(page.get_by_role("navigation", name="列表种类").get_by_role("link")).to_have_text(
        ["播放列表", "电台", "每周发现"]
    )
    expect(page.locator(".track__why").first).to_contain_text("按要求")


@pytest.mark.parametrize(
    "start",
    [
        "%7B",
        "[]",
        "null",
        "5",
        '{"items":5}',
        '{"items":[5,null]}',
        '{"user":7,"attributes":null}',
        '{"items":["films:none"]}',
        '{"artist":"Nobody"}',
    ],
)
def test_an_address_that_cannot_be_played_is_told(visit: Visit, start: str) -> None:
    page = visit.open(f"#/playlists?from={start}")
    expect(page.get_by_role("alert").or_(page.get_by_role("heading", name="Start from one of these"))).to_be_visible()
    assert page.locator("h1").count() == 1
    visit.watch.errors[:] = [error for error in visit.watch.errors if "40" not in error and "422" not in error]


def test_the_page_knows_who_makes_items_as_the_server_does() -> None:
    script = (Path(serving.page.__file__).parent / "js" / "playlist-starts.js").read_text("utf-8")
    (listed,) = re.findall(r"const ARTISTS = \[([^\]]+)\]", script)
    assert tuple(re.findall(r"'(\w+)'", listed)) == ARTISTS
