"""The page of a server that asks for keys: one question, then everything as ever, until the tab is closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from serving.access.keys import KeyStore
from tests.browser.conftest import served_at

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def keys(home: Path) -> Iterator[KeyStore]:
    store = KeyStore(home)
    yield store
    store.close()


@pytest.fixture(scope="module")
def reader(keys: KeyStore) -> str:
    return keys.create("reader", "reader")[1]


@pytest.fixture(scope="module")
def locked(home: Path, reader: str) -> Iterator[str]:
    """Address of a server that asks for keys."""
    with served_at(home, key=reader, INTERLACE_REQUIRE_KEYS="1") as url:
        yield url


@pytest.fixture
def page(browser: Browser, locked: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(locked)
    yield page
    context.close()
    assert errors == []


def sign_in(page: Page, key: str) -> None:
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Sign in").click()


def test_one_key_opens_the_page_and_its_pictures(page: Page, reader: str) -> None:
    expect(page.get_by_role("dialog")).to_have_count(1)
    sign_in(page, reader + "x")
    expect(page.get_by_role("alert").filter(has_text="does not know this key")).to_be_visible()
    sign_in(page, reader)
    expect(page.get_by_role("dialog", name="Sign in")).to_have_count(0)
    expect(page.locator(".card, .person").first).to_be_visible()
    cookies = page.context.cookies()
    assert [(one["name"], one["path"], one["httpOnly"], one["sameSite"]) for one in cookies] == [
        ("interlace_media", "/media", True, "Strict")
    ]
    image = page.evaluate("async () => (await fetch('/media/00/000000.jpg')).status")
    assert image == 404, "let in, and not there"
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.evaluate("() => [localStorage, document.cookie].map(JSON.stringify).join()").count("ilk_") == 0
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []


def test_who_will_not_sign_in_is_told_and_not_asked_again(page: Page) -> None:
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("dialog", name="Sign in")).to_have_count(0)
    expect(page.get_by_role("main").get_by_text("This server answers to keys alone").first).to_be_visible()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()


def test_a_users_own_token_opens_their_page(page: Page, keys: KeyStore) -> None:
    sign_in(page, keys.create("mine", "reader", user="films:1")[1])
    page.wait_for_url("**/#/users/films*")
    expect(page.locator(".card").first).to_be_visible()
