"""The query view in Chromium: written and run by keyboard, schema, table, drawing, errors in their place, history."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
RATED = "MATCH p = (u:User)-[r:RATED]->(i:Item) RETURN p LIMIT 12"


def write(page: Page, query: str) -> None:
    """Types a query in place of what is in the editor."""
    page.get_by_role("textbox", name="Cypher query").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(query)


def test_a_query_is_written_and_run_by_keyboard(visit: Visit) -> None:
    page = visit.open("#/query")
    expect(page.locator(".CodeMirror")).to_be_visible()
    expect(page.get_by_role("link", name="Query")).to_have_attribute("aria-current", "page")
    write(page, "MATCH (i:Item) RETURN i.title AS title, i.year AS year ORDER BY title // all")
    page.keyboard.press("Control+Enter")
    table = page.get_by_role("table")
    expect(table.get_by_role("columnheader", name=re.compile("title"))).to_be_visible()
    expect(table.get_by_role("row")).to_have_count(17)
    expect(page.get_by_role("status").filter(has_text="16 rows")).to_be_visible()
    assert "cypher=" in page.url


def test_examples_run_and_paths_are_drawn(visit: Visit) -> None:
    page = visit.open("#/query")
    page.get_by_role("button", name=re.compile("A piece of the graph")).first.click()
    expect(page.get_by_role("tab", name="Graph", selected=True)).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Graph of .* nodes"))).to_be_visible()
    expect(page.locator(".graph canvas").first).to_be_attached()
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(26)


def test_the_schema_is_clicked_into_the_query(visit: Visit) -> None:
    page = visit.open("#/query")
    write(page, "MATCH ")
    page.get_by_role("button", name="User", exact=True).click()
    assert page.evaluate("document.querySelector('.CodeMirror').CodeMirror.getValue()") == "MATCH (:User)"


def test_a_wrong_query_is_marked_where_it_is_wrong(visit: Visit) -> None:
    page = visit.open("#/query")
    expect(page.locator(".CodeMirror")).to_be_visible()
    write(page, "MATCH (n:Item)")
    page.keyboard.press("Enter")
    page.keyboard.type("RETRN n")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("line 2, column 1")
    expect(page.locator(".editor__wrong")).to_have_text("RETRN")
    write(page, "MATCH (n) DELETE n")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("not allowed")
    assert len(visit.watch.errors) == 2  # the browser's own words about 422 and 403
    visit.watch.errors.clear()


def test_queries_are_remembered_and_shared(visit: Visit) -> None:
    parameters = quote(json.dumps({"user": "films:3"}))
    query = "MATCH (u:User {id: $user}) RETURN u.id AS id"
    page = visit.open(f"#/query?cypher={quote(query)}&parameters={parameters}")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("cell", name="films:3", exact=True)).to_be_visible()
    page.reload()
    page.get_by_text("History", exact=True).click()
    expect(page.get_by_role("button", name=query)).to_be_visible()


def test_answers_are_downloaded(visit: Visit) -> None:
    page = visit.open(f"#/query?cypher={quote('UNWIND [1, 2] AS x RETURN x')}")
    page.get_by_role("button", name="Run", exact=True).click()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download CSV").click()
    assert started.value.path().read_text() == "x\n1\n2\n"


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_it_fits_a_phone(visit: Visit) -> None:
    page = visit.open(f"#/query?cypher={quote(RATED)}")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("Graph of"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("link", name="Browse").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Whose recommendations"))
