"""A user's own data in Chromium: consent, a copy to keep, erasure that says what happens; what a key may not do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.test_axe import violations
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

USER = "#/users/films%3A7"
CONSENT = "v1/users/films%3A7/consent"


def opened(visit: Visit) -> Locator:
    page = visit.open(USER)
    page.get_by_role("button", name="Personal data").click()
    dialog = page.get_by_role("dialog", name="Personal data of User 7")
    expect(dialog.get_by_role("switch").first).to_be_visible()
    return dialog


def as_caller(page: Page, **caller: Any) -> None:
    """The server without keys takes everybody for an administrator: who asks is told here."""
    page.route("**/v1/session", lambda route: route.fulfill(json={"caller": "k", "platform": None, **caller}))


def test_consent_is_withdrawn_by_key_and_granted_again(visit: Visit) -> None:
    dialog = opened(visit)
    transfer = dialog.get_by_role("switch", name="Carry it to my other accounts")
    expect(transfer).to_be_checked()
    transfer.press("Space")
    expect(dialog.get_by_text("Chosen by the user.")).to_be_visible()
    assert httpx.get(visit.url + CONSENT).json()["consent"]["transfer"]["granted"] is False
    expect(transfer).to_be_focused()
    transfer.click()
    expect(transfer).to_be_checked()
    expect(transfer).to_be_enabled()
    assert httpx.get(visit.url + CONSENT).json()["consent"]["transfer"]["granted"] is True


def test_a_refusal_puts_the_switch_back(visit: Visit) -> None:
    problem = {"title": "Too many requests", "status": 429, "detail": "too many", "valid": "fewer", "remedy": "wait"}

    def refuse(route: Route) -> None:
        if route.request.method == "PUT":
            route.fulfill(status=429, json=problem)
        else:
            route.continue_()

    visit.page.route("**/consent", refuse)
    dialog = opened(visit)
    switch = dialog.get_by_role("switch").first
    switch.click()
    expect(dialog.get_by_role("alert")).to_contain_text("wait")
    expect(switch).to_be_checked()
    visit.watch.errors.clear()  # the browser logs the 429


def test_a_copy_is_downloaded(visit: Visit, tmp_path: Path) -> None:
    dialog = opened(visit)
    with visit.page.expect_download() as waiting:
        dialog.get_by_role("button", name="Download a copy").click()
    assert waiting.value.suggested_filename == "films-7.json"
    waiting.value.save_as(tmp_path / "copy.json")
    assert "films:7" in json.dumps(json.loads((tmp_path / "copy.json").read_text("utf-8")))


def test_erasure_says_what_happens_and_asks(visit: Visit) -> None:
    sent: list[str] = []

    def take(route: Route) -> None:
        if route.request.method != "DELETE":
            route.continue_()
            return
        sent.append(route.request.url)
        route.fulfill(status=204)

    visit.page.route("**/v1/users/films%3A7", take)
    dialog = opened(visit)
    dialog.get_by_role("button", name="Erase User 7").click()
    group = dialog.get_by_role("group", name="What happens")
    expect(group.get_by_role("listitem")).to_have_count(4)
    expect(group.get_by_role("button", name="Keep")).to_be_focused()
    assert violations(visit.page) == []
    visit.page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Erase User 7")).to_be_focused()
    assert sent == []
    visit.page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Erase for good").click()
    expect(dialog).to_be_hidden()
    expect(visit.page).to_have_url(re.compile("#/$"))
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("caller", "consent"),
    [({"role": "reader", "user": None}, False), ({"role": "user", "user": "films:7"}, True)],
    ids=["reader", "own-token"],
)
def test_what_a_key_may_not_do_says_why(visit: Visit, caller: dict[str, str | None], consent: bool) -> None:
    as_caller(visit.page, **caller)
    dialog = opened(visit)
    expect(dialog.get_by_role("switch").first).to_be_enabled(enabled=consent)
    expect(dialog.get_by_text("This key can only read")).to_have_count(0 if consent else 1)
    expect(dialog.get_by_text("This key cannot erase users")).to_be_visible()
    expect(dialog.get_by_role("button", name=re.compile("^Erase"))).to_have_count(0)
    expect(dialog.get_by_role("button", name="Download a copy")).to_be_enabled()
