"""Scenarios in Chromium: the choice in the address, shelves as the API fills them, filters, keys, widths, languages."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

USER = "#/users/films%3A3"
VIDEO = f"{USER}?scenario=video"
TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
SIDEWAYS = {"viewport": {"width": 1180, "height": 820}, "has_touch": True}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SHIFT = """() => new Promise((resolve) => {
  let shift = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => (shift += one.value)))
    .observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve(shift), 300);
})"""


def expect_shelves(page: Page, titles: list[str]) -> None:
    """The shelves of a scenario, once they have come, are these."""
    assert titles
    expect(page.locator(".scenario").get_by_role("heading", level=2)).to_have_text(titles)


def told(visit: Visit, scenario: str, language: str = "en", user: str = "films%3A3") -> list[str]:
    answer = httpx.get(f"{visit.url}v1/users/{user}/home", params={"scenario": scenario, "lang": language}, timeout=60)
    return [shelf["title"] for shelf in answer.json()["shelves"]]


def picker(page: Page) -> list[str]:
    return page.get_by_role("navigation", name="Scenario").get_by_role("link").all_text_contents()


def test_a_scenario_is_chosen_shared_and_gone_back_from(visit: Visit) -> None:
    page = visit.open(USER)
    expect(page.get_by_role("region", name="Recommended")).to_be_visible()
    assert set(picker(page)) == {"Everything", "Music", "News", "Shop", "Social", "Video"}
    page.get_by_role("link", name="Shop", exact=True).click()
    expect_shelves(page, told(visit, "shop"))
    assert page.url.endswith("?scenario=shop")
    expect(page.get_by_role("link", name="Shop", exact=True)).to_have_attribute("aria-current", "true")
    page.reload()
    expect_shelves(page, told(visit, "shop"))
    page.get_by_role("link", name="Video", exact=True).click()
    expect_shelves(page, told(visit, "video"))
    page.go_back()
    expect(page.get_by_role("link", name="Shop", exact=True)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Everything", exact=True).click()
    expect(page.get_by_role("region", name="Recommended")).to_be_visible()


def test_an_item_opens_above_its_scenario(visit: Visit) -> None:
    page = visit.open(VIDEO)
    expect_shelves(page, told(visit, "video"))
    title = page.locator(".scenario .card__title a").first.text_content() or ""
    page.locator(".scenario .card__title a").first.click()
    expect(page.get_by_role("dialog", name=title)).to_be_visible()
    assert page.url.endswith("?scenario=video")
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: url.endswith(VIDEO))
    expect_shelves(page, told(visit, "video"))


def test_the_first_page_hands_its_choice_on(visit: Visit) -> None:
    page = visit.open("")
    page.get_by_role("link", name="Social", exact=True).click()
    page.get_by_role("link", name=re.compile("^User 1 ")).click()
    expect_shelves(page, told(visit, "social", user="films%3A1"))


def test_filters_are_told_and_reasons_come(visit: Visit) -> None:
    page = visit.open(f"{USER}?scenario=shop")
    filters = page.get_by_role("list", name="Filters of this page").get_by_role("listitem")
    expect(filters).to_have_text(["In stock only", "Offered in your country", "Fit for your age"])
    expect(page.get_by_role("list", name="For you").locator(".reason:not(.reason--none)").first).to_be_visible()


def test_where_no_reason_comes_its_room_goes(visit: Visit) -> None:
    page = visit.open("")
    page.route("**/recommendations?*explain=true*", lambda route: route.fulfill(json={"items": []}))
    page.goto(f"{visit.url}{USER}?scenario=shop")
    cards = page.get_by_role("list", name="For you").locator(".card")
    expect(cards.first).to_be_visible()
    expect(cards.locator(".reason")).to_have_count(0)


def test_keys_walk_the_choice_and_the_shelves(visit: Visit) -> None:
    page = visit.open(USER)
    page.get_by_role("link", name="Video", exact=True).focus()
    page.keyboard.press("Enter")
    expect_shelves(page, told(visit, "video"))
    expect(page.get_by_role("link", name="Video", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    links = page.locator(".scenario .shelf").first.get_by_role("link")
    expect(links.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()


def test_a_scenario_that_is_not_there_is_told(visit: Visit) -> None:
    page = visit.open(f"{USER}?scenario=opera")
    expect(page.get_by_role("alert")).to_contain_text("opera")
    visit.watch.errors.clear()  # the browser logs the 404


@pytest.mark.parametrize("visit", [{"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN"}], indirect=True)
def test_shelves_speak_chinese(visit: Visit) -> None:
    page = visit.open(VIDEO)
    expect_shelves(page, told(visit, "video", "zh"))
    expect(page.get_by_role("navigation", name="场景").get_by_role("link", name="视频")).to_be_visible()


@pytest.mark.parametrize("visit", [PHONE, TABLET, SIDEWAYS], indirect=True, ids=["phone", "tablet", "tablet-sideways"])
@pytest.mark.parametrize("address", [USER, VIDEO, ""])
def test_nothing_jumps_and_every_poster_has_its_shape(visit: Visit, address: str) -> None:
    page = visit.open(address)
    expect(page.locator(".shelf__frame .card__title").first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert page.evaluate(SHIFT) < 0.1
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room
    shapes = page.locator(".card .poster").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect()).map(({ width, height }) => height / width)"
    )
    assert shapes == pytest.approx([1.5] * len(shapes), abs=0.02)
