"""axe-core finds no violation: every view and dialog, light and dark, English and Chinese, wide and on a phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.views import VIEWS, show
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
CONTEXTS = [
    {"viewport": {"width": 1280, "height": 900}, "locale": "en", "reduced_motion": "reduce"},
    {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "reduced_motion": "reduce"},
]
THEMES = ("light", "dark")
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}"""


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN)
    return found


@pytest.mark.parametrize("visit", CONTEXTS, ids=["en-wide", "zh-phone"], indirect=True)
def test_no_view_has_a_violation(visit: Visit) -> None:
    found: dict[str, Any] = {}
    for theme in THEMES:
        visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for view in VIEWS:
            found[f"{theme} {view}"] = violations(show(visit, view))
            wide, room = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide <= room, f"{view} scrolls sideways: {wide} in {room}"
    assert {view: one for view, one in found.items() if one} == {}


@pytest.mark.parametrize("visit", CONTEXTS[:1], indirect=True)
def test_no_dialog_has_a_violation(visit: Visit) -> None:
    for theme in THEMES:
        visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page = show(visit, "home")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page = show(visit, "item")
        page.get_by_role("button", name=re.compile("^Edit .")).click()
        expect(page.get_by_role("dialog", name=re.compile("^Edit "))).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize("visit", CONTEXTS, ids=["en-wide", "zh-phone"], indirect=True)
def test_the_basket_has_no_violation(visit: Visit) -> None:
    for theme in THEMES:
        visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page = show(visit, "home")
        page.locator(".card__put").first.dispatch_event("click")
        expect(page.locator(".basket__row").last.get_by_role("link").first).to_be_visible()
        assert violations(page) == []
