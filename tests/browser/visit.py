"""A page under watch."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Page


@dataclass
class Watch:
    """What a page did that it should not: errors in the console, requests to anywhere but our server."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Visit:
    """A page in a context of its own, watched from its first request on."""

    page: Page
    url: str
    watch: Watch

    def open(self, address: str) -> Page:
        self.page.goto(self.url + address)
        return self.page
