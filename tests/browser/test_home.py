"""A user's home: shelves, events that change it, a mix of likeness, models, the item and user editors, keys."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.planted import FILMS
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

USER = "#/users/films%3A5"


def describe(visit: Visit, *routes: tuple[str, str]) -> None:
    """The server's own description, with `routes` added where this server has not got them."""
    document = httpx.get(visit.url + "v1/openapi.json").json()
    for path, method in routes:
        document["paths"].setdefault(path, {}).setdefault(method, {})
    visit.page.route("**/v1/openapi.json", lambda route: route.fulfill(json=document))


def test_shelves_follow_a_taste_and_leave_out_what_was_seen(visit: Visit) -> None:
    page = visit.open(USER)
    liked = page.get_by_role("list", name="Recently liked").get_by_role("heading")
    expect(liked.first).to_be_visible()
    seen = set(liked.all_text_contents())
    because = page.get_by_role("list", name=re.compile("^Because you liked ")).first
    expect(because.get_by_role("heading").first).to_be_visible()
    assert not seen & set(because.get_by_role("heading").all_text_contents())
    thrillers = page.get_by_role("list", name="Thriller for you")  # odd users like thrillers
    expect(thrillers.get_by_role("heading").first).to_be_visible()
    assert set(thrillers.get_by_role("heading").all_text_contents()) <= set(FILMS["Thriller"])


def test_a_shelf_is_one_stop_of_the_tab_key_and_arrows_move_inside(visit: Visit) -> None:
    page = visit.open(USER)
    links = page.get_by_role("list", name="Recently liked").get_by_role("link")
    expect(links.first).to_be_visible()
    assert [link.get_attribute("tabindex") for link in links.all()].count("0") == 1
    links.first.focus()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(links.last).to_be_focused()
    page.keyboard.press("Home")
    expect(links.first).to_be_focused()


def test_a_like_is_sent_and_the_list_changes(visit: Visit) -> None:
    describe(visit, ("/v1/events", "post"))
    sent: list[dict[str, Any]] = []
    gone: list[str] = []

    def take(route: Route) -> None:
        sent.extend(route.request.post_data_json["events"])
        gone.append(sent[-1]["item"])
        route.fulfill(json={"accepted": 1, "duplicates": 0, "ignored": 0, "unknown_items": []})

    def without_it(route: Route) -> None:
        body = route.fetch().json()
        body["items"] = [one for one in body["items"] if one["item"]["id"] not in gone]
        route.fulfill(json=body)

    visit.page.route("**/v1/events", take)
    visit.page.route(re.compile(r"/v1/users/.*/recommendations"), without_it)
    page = visit.open(USER)
    region = page.get_by_role("region", name="Recommended", exact=True)
    title = region.get_by_role("heading", level=3).first.text_content() or ""
    region.get_by_role("button", name=f"Not for me: {title}").click()
    expect(region.get_by_role("link", name=title, exact=True)).to_have_count(0)
    expect(region.get_by_role("status")).to_have_text(re.compile("The list has changed"))
    (event,) = sent
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", event["id"])
    assert (event["user"], event["kind"]) == ("films:5", "hidden")
    assert isinstance(event["at"], int)
    page.unroute_all(behavior="ignoreErrors")  # the reasons of the new list may still be on their way


def test_an_event_that_is_refused_says_why_and_can_be_sent_again(visit: Visit) -> None:
    describe(visit, ("/v1/events", "post"))
    problem = {"title": "Too many requests", "status": 429, "detail": "too many", "valid": "fewer", "remedy": "wait"}
    visit.page.route("**/v1/events", lambda route: route.fulfill(status=429, json=problem))
    page = visit.open(USER)
    button = page.get_by_role("button", name=re.compile("^Like: ")).first
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("wait")
    expect(button).to_be_enabled()
    visit.watch.errors.clear()  # the browser logs the 429


def test_sliders_mix_what_counts(visit: Visit) -> None:
    page = visit.open("#/items/films%3A0")
    mixed = page.get_by_role("list", name="Similar by a mix")
    expect(mixed.get_by_role("heading").first).to_be_visible()
    for name in ("Words", "Picture", "Crowd"):
        page.get_by_role("slider", name=name).fill("0")
    expect(page.get_by_role("slider", name="Graph")).to_have_attribute("aria-valuetext", "100%")
    alone = httpx.get(visit.url + "v1/items/films%3A0/similar?mix=graph:1&n=12").json()["items"]
    expect(mixed.get_by_role("heading")).to_have_text([entry["item"]["title"] for entry in alone])
    page.get_by_role("slider", name="Graph").fill("0")
    expect(page.get_by_text("Move a slider to the right.")).to_be_visible()


def test_models_are_charted(visit: Visit) -> None:
    page = visit.open("#/models")
    card = page.get_by_role("listitem").filter(has_text="ease, version 1")
    expect(card).to_contain_text("answers now")
    expect(card.get_by_role("list", name="Metrics")).to_contain_text("0.4321")
    bar, ground = (card.locator(f".bar__{name}").first.bounding_box() for name in ("part", "ground"))
    assert bar is not None
    assert ground is not None
    assert bar["width"] / ground["width"] == pytest.approx(0.4321, abs=0.01)


def test_an_item_is_edited_and_keeps_what_was_not_touched(visit: Visit) -> None:
    visit.open("#/items/films%3A2")
    page = visit.page
    page.get_by_role("button", name="Edit Odd Socks").click()
    form = page.get_by_role("dialog", name=re.compile("^Edit "))
    expect(form.get_by_label("Title")).to_have_value("Odd Socks")
    sent: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(
            json={"item": {**shown, "title": sent[0]["title"]}, "vectors": ["text"], "missing": {}, "recommended": True}
        )

    shown = httpx.get(visit.url + "v1/items/films%3A2").json()
    page.route("**/v1/items/films%3A2", take)
    form.get_by_label("Title").fill("Odder Socks")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog", name="Odder Socks")).to_be_visible()
    (body,) = sent
    assert body["year"] == shown["year"]
    assert body["text"] == shown["text"]
    assert body["attributes"] == {"Genre": shown["attributes"]["Genre"]}
    assert body["image"], "the picture it has is given again: what is left out is empty"


def test_a_user_is_edited_where_the_server_can(visit: Visit) -> None:
    describe(visit, ("/v1/users/{id}", "put"), ("/v1/users/{id}", "delete"))
    sent: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        if route.request.method == "PUT":
            sent.append(route.request.post_data_json)
            route.fulfill(json={"user": {}})
        else:
            route.continue_()

    visit.page.route(re.compile(r"/v1/users/films%3A5($|\?)"), take)
    page = visit.open(USER)
    page.get_by_role("button", name="Edit", exact=True).click()
    form = page.get_by_role("dialog", name="Edit User 5")
    form.get_by_label("Name").fill("Ada")
    form.get_by_label("Occupation").fill("")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    assert sent[0]["properties"]["name"] == "Ada"
    assert sent[0]["properties"]["occupation"] is None


def test_what_the_server_cannot_do_is_not_offered(visit: Visit) -> None:
    document = httpx.get(visit.url + "v1/openapi.json").json()
    gone = ("/v1/events", "/v1/users/{id}/profile", "/v1/users/{id}/consent", "/v1/explanations/what-if")
    paths = {path: one for path, one in document["paths"].items() if path not in gone}
    paths["/v1/users/{id}"].pop("put", None)
    visit.page.route("**/v1/openapi.json", lambda route: route.fulfill(json={**document, "paths": paths}))
    with visit.page.expect_response("**/v1/openapi.json"):
        page = visit.open(USER)
    expect(page.get_by_role("list", name="Recently liked")).to_be_visible()
    expect(page.locator(".feedback, .person__tools button")).to_have_count(0)


def test_keys_are_told_and_escape_closes(visit: Visit) -> None:
    page = visit.open("")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Search a user or a title")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def profile(removed: bool) -> dict[str, Any]:
    horror = {"label": "Genre", "name": "Horror", "shown": "genre: Horror"}
    interest = {**horror, "share": 0.4, "others": 0.3, "lift": 1.4}
    return {"user": "films:5", "text": "You like horror.", "liked": 3, "interests": [] if removed else [interest],
            "favourites": [], "years": None, "drift": {"more": [], "less": []},
            "removed": [horror] if removed else []}  # fmt: skip


def test_an_interest_is_removed_and_put_back(visit: Visit) -> None:
    one = "/v1/users/{id}/profile/interests/{label}/{name}"
    describe(visit, ("/v1/users/{id}/profile", "get"), (one, "delete"), (one, "put"))
    visit.page.route(re.compile(r"/v1/users/films%3A5/profile"), lambda route: route.fulfill(
        json=profile(route.request.method == "DELETE")))  # fmt: skip
    page = visit.open(USER)
    page.get_by_role("button", name="What we think you like").click()
    page.get_by_role("button", name="Remove genre: Horror").click()
    page.get_by_role("button", name="genre: Horror", exact=True).click()
    expect(page.get_by_role("button", name="Remove genre: Horror")).to_be_visible()


def test_what_if_shows_both_lists(visit: Visit) -> None:
    describe(visit, ("/v1/explanations/what-if", "post"))

    def answer(route: Route) -> None:
        card = httpx.get(visit.url + "v1/items?limit=2").json()["items"]
        rows = [{"rank": 1, "score": 1.0, "item": one} for one in card]
        route.fulfill(json={"user": "films:5", "without": route.request.post_data_json["without"], "with": [],
                            "before": rows[:1], "after": rows[1:], "moved": [],
                            "entered": [{"item": card[1], "before": 4, "after": 1}],
                            "left": [{"item": card[0], "before": 1, "after": 9}]})  # fmt: skip

    visit.page.route("**/v1/explanations/what-if", answer)
    page = visit.open(USER)
    first_reason(page)
    page.get_by_role("button", name=re.compile("^What if I had not liked ")).click()
    dialog = page.get_by_role("dialog", name=re.compile("^Without "))
    expect(dialog.get_by_role("region", name="Now")).to_contain_text("gone")
    expect(dialog.get_by_role("region", name="Without it")).to_contain_text("new")


def first_reason(page: Page) -> None:
    card = page.locator(".card:has(.reason:not(.reason--none))").first
    expect(card).to_be_visible()
    card.get_by_role("link").click()
