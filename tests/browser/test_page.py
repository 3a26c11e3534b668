"""The page in Chromium against the real server: what a person does, by pointer and by keyboard, and what they see."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.planted import FILMS, TITLES
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

USER = "#/users/films%3A3"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
RECOMMENDATIONS = re.compile(r"/v1/users/.*/recommendations")
LONG_TITLE = max(TITLES, key=len)


def recommended(page: Page) -> list[str]:
    grid = page.get_by_role("region", name="Recommended")
    expect(grid.get_by_role("heading", level=3).first).to_be_visible()
    return grid.get_by_role("heading", level=3).all_text_contents()


def open_first_recommended(page: Page) -> str:
    title = recommended(page)[0]
    page.get_by_role("region", name="Recommended").get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(title)
    return title


def test_first_page_offers_users_and_items(visit: Visit) -> None:
    page = visit.open("")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^User 1 "))).to_be_visible()
    expect(page.get_by_role("list", name="Popular items").get_by_role("listitem").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("ease v1 .*0.4321"))).to_be_visible()


def test_user_found_by_keyboard(visit: Visit) -> None:
    page = visit.open("")
    expect(page.get_by_role("link", name=re.compile("^User 1 "))).to_be_visible()
    page.keyboard.press("/")
    box = page.get_by_role("combobox")
    expect(box).to_be_focused()
    page.keyboard.type("films:17")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    chosen = page.get_by_role("option", selected=True)
    expect(box).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("User 17")
    expect(box).to_have_attribute("aria-expanded", "false")
    assert page.url.endswith("#/users/films%3A17")


def test_search_says_when_nothing_is_found(visit: Visit) -> None:
    page = visit.open("")
    page.get_by_role("combobox").fill("no such thing")
    expect(page.get_by_role("listbox")).to_contain_text("Nothing is called")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_recommendations_come_with_true_reasons(visit: Visit) -> None:
    page = visit.open(USER)
    titles = recommended(page)
    liked = page.get_by_role("list", name="Recently liked").get_by_role("heading").all_text_contents()
    assert titles[0] in FILMS["Thriller"]  # odd users like thrillers
    assert not set(titles) & set(liked)
    reasons = page.locator(".reason:not(.reason--none)")
    expect(reasons.first).to_be_visible()
    assert any(title in (reasons.first.text_content() or "") for title in liked)


def test_item_shows_reason_as_graph_and_cypher(visit: Visit) -> None:
    page = visit.open(USER)
    title = open_first_recommended(page)
    dialog = page.get_by_role("dialog", name=title)
    expect(dialog.get_by_role("heading", name="Why this one")).to_be_visible()
    path = dialog.get_by_role("list", name="The path in the graph").get_by_role("listitem")
    expect(path.first).to_contain_text("User 3")
    expect(path.nth(1)).to_have_text("rated")
    expect(path.last).to_contain_text(title)
    path.first.get_by_role("link").focus()
    page.keyboard.press("Tab")
    expect(path.nth(2).get_by_role("link")).to_be_focused()
    dialog.get_by_text("The Cypher that proves it").click()
    expect(dialog.get_by_label("Cypher", exact=True)).to_contain_text("MATCH")
    expect(dialog.get_by_label("Parameters")).to_contain_text("films:3")


def test_cypher_is_copied(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.open(USER)
    open_first_recommended(page)
    page.get_by_text("The Cypher that proves it").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "MATCH" in page.evaluate("navigator.clipboard.readText()")


def test_similar_tabs_switch_by_key_and_pointer(visit: Visit) -> None:
    page = visit.open("#/items/films%3A0")
    mix = page.get_by_role("tab", name="Mix")
    expect(mix).to_have_attribute("aria-selected", "true")
    mix.focus()
    page.keyboard.press("ArrowRight")
    text = page.get_by_role("tab", name="By text")
    expect(text).to_be_focused()
    expect(page.get_by_role("list", name="Similar by text").get_by_role("listitem").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="By image")).to_be_focused()
    expect(page.get_by_role("list", name="Similar by image").get_by_role("listitem").first).to_be_visible()
    for name in ("By crowd", "By graph"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        expect(page.get_by_role("tabpanel")).to_have_count(1)
    shelf = page.get_by_role("list", name="Similar by graph")
    assert shelf.get_by_role("heading").first.text_content() in FILMS["Comedy"]


def test_item_without_a_user_shows_its_place_in_the_graph(visit: Visit) -> None:
    page = visit.open("#/items/films%3A0")
    expect(page.get_by_role("heading", name="In the graph")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Small Change has genre Comedy"))).to_be_visible()


def test_closing_the_panel_goes_back_to_the_user(visit: Visit) -> None:
    page = visit.open(USER)
    title = open_first_recommended(page)
    assert "/items/" in page.url
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.wait_for_url(lambda url: url.endswith(USER))  # the browser goes back after the dialog has closed
    first = page.get_by_role("region", name="Recommended").get_by_role("link", name=title, exact=True)
    expect(first).to_be_focused()
    page.go_back()
    expect(page.get_by_role("dialog", name=title)).to_be_visible()


def test_unknown_user_gets_the_servers_words(visit: Visit) -> None:
    page = visit.open("#/users/films%3Anobody")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("films:nobody")
    expect(alert).to_contain_text("What to do:")
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()
    assert [error for error in visit.watch.errors if "404" not in error] == []
    visit.watch.errors.clear()  # the browser itself logs the 404 that this test asks for


def test_failed_request_can_be_tried_again(visit: Visit) -> None:
    visit.page.route(RECOMMENDATIONS, lambda route: route.abort())
    page = visit.open(USER)
    expect(page.get_by_role("alert")).to_contain_text("No answer from the server")
    page.unroute(RECOMMENDATIONS)
    page.get_by_role("button", name="Try again").click()
    assert recommended(page)
    visit.watch.errors.clear()  # the request that was cut off


def test_address_that_means_nothing(visit: Visit) -> None:
    page = visit.open("#/people/3")
    expect(page.get_by_role("alert")).to_contain_text("#/people/3")


def test_names_from_data_stay_text(visit: Visit) -> None:
    page = visit.open("")
    page.get_by_role("combobox").fill("static")
    expect(page.get_by_role("option").filter(has_text="<b>Static</b>")).to_be_visible()


def test_broken_and_missing_pictures_are_drawn(visit: Visit) -> None:
    visit.page.route("**/media/**", lambda route: route.fulfill(status=404))
    page = visit.open(USER)
    shown = recommended(page)
    posters = page.get_by_role("region", name="Recommended").locator(".poster")
    expect(posters.locator("img")).to_have_count(0)
    assert posters.locator("svg text").count() >= len(shown)
    visit.watch.errors.clear()  # the browser logs each 404


def test_theme_is_chosen_and_remembered(visit: Visit) -> None:
    page = visit.open("")
    page.get_by_role("button", name="Theme: as the system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_models_and_their_metrics(visit: Visit) -> None:
    page = visit.open("")
    page.get_by_role("button", name=re.compile("models and metrics")).click()
    models = page.get_by_role("region", name="Models")
    expect(models).to_contain_text("answers now")
    expect(models).to_contain_text("interlace mlflow")
    page.keyboard.press("Escape")
    expect(models).to_be_hidden()


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
@pytest.mark.parametrize("address", ["", USER, f"#/users/films%3A2/items/films%3A{TITLES.index(LONG_TITLE)}"])
def test_phone_needs_no_sideways_scrolling(visit: Visit, address: str) -> None:
    page = visit.open(address)
    page.wait_for_load_state("networkidle")
    for element in ("document.documentElement", "document.getElementById('panel')"):
        wide, room = page.evaluate(f"[{element}.scrollWidth, {element}.clientWidth]")
        assert wide <= room, f"{element} is {wide} wide in {room}"


def test_focus_is_visible_and_in_order(visit: Visit) -> None:
    page = visit.open("")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for expected in (
        "Interlace",
        "Browse",
        "Discover",
        "Playlists",
        "New here",
        "Query",
        "Models",
        "Refresh",
        "Search a user or a title",
    ):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => { const it = document.activeElement, look = getComputedStyle(it);
                 return [it.ariaLabel ?? it.textContent.trim(), look.outlineStyle]; }"""
        )
        assert (name, outline) == (expected, "solid")


def test_everything_one_can_use_has_a_name(visit: Visit) -> None:
    page = visit.open(USER)
    open_first_recommended(page)
    expect(page.get_by_role("list", name="Similar by a mix").get_by_role("listitem").first).to_be_visible()
    tree = page.locator("body").aria_snapshot()
    nameless = re.findall(
        r"^\s*- (?:button|link|tab|tabpanel|combobox|dialog|img|listbox|option|region)\s*:?\s*$", tree, re.MULTILINE
    )
    assert nameless == []
    assert page.locator("h1").count() == 1
    twice = page.evaluate(
        "() => { const ids = [...document.querySelectorAll('[id]')].map((it) => it.id);"
        " return ids.filter((id, place) => ids.indexOf(id) !== place); }"
    )
    assert twice == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_contrast(visit: Visit, theme: str) -> None:
    """WCAG AA: 4.5 for text, 3 for the border of a field."""
    page = visit.open("")
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    pairs = [
        ("--ink", "--page", 4.5), ("--ink-soft", "--page", 4.5), ("--ink-soft", "--surface", 4.5),
        ("--ink-soft", "--sunken", 4.5), ("--accent", "--surface", 4.5), ("--accent", "--accent-soft", 4.5),
        ("--danger", "--danger-soft", 4.5), ("--star", "--page", 4.5), ("--line-strong", "--surface", 3.0),
    ]  # fmt: skip
    for text, ground, least in pairs:
        found = contrast(resolved(page, text), resolved(page, ground))
        assert found >= least, f"{text} on {ground} in {theme}: {found:.2f}"


def resolved(page: Page, token: str) -> list[int]:
    colour = page.evaluate(
        """(token) => { const probe = document.body.appendChild(document.createElement('i'));
             probe.style.setProperty('color', `var(${token})`);
             const value = getComputedStyle(probe).color; probe.remove(); return value; }""",
        token,
    )
    return [int(part) for part in re.findall(r"\d+", colour)[:3]]


def contrast(one: list[int], other: list[int]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[int]) -> float:
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
