"""Every view of the page, and what says that it is there."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.visit import Visit

FROM_ITEM, FROM_USER = quote('{"items":["films:9"]}'), quote('{"user":"films:3"}')
VIEWS = {
    "home": ("", ".people__link"),
    "user": ("#/users/films%3A3", ".shelf__frame .card__title"),
    "scenario": ("#/users/films%3A3?scenario=video", ".scenario .card__title"),
    "item": ("#/users/films%3A3/items/films%3A9", ".mix .mix__slider"),
    "lost": ("#/people/3", "[role=alert]"),
    "discover": ("#/discover", ".grid--small .card__title a"),
    "playlists": ("#/playlists", ".grid--small .card__title a"),
    "playlist": (f"#/playlists?from={FROM_ITEM}", ".track__title a"),
    "radio": (f"#/playlists?mode=radio&from={FROM_ITEM}", ".stage .album__name"),
    "weekly": (f"#/playlists?mode=week&from={FROM_USER}", ".track__title a"),
    "new": ("#/new", "#for-you .card__title"),
    "query": ("#/query", ".side__item"),
    "models": ("#/models", ".bar"),
    "refresh": ("#/refresh", ".state, .run"),
}


def show(visit: Visit, view: str) -> Page:
    """The view, once its content has come."""
    address, telling = VIEWS[view]
    page = visit.open(f"?view={view}{address}")  # a change after the # alone would not load the page anew
    expect(page.locator(telling).first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    return page
