"""The refresh view in Chromium against the real server: what ran, why not, starting one, and what goes wrong."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from graph.store import GraphStore, open_store
from serving.refresh_runs import RunRecord, StepRecord, save
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
VIEW = "#/refresh"
PATIENT = 300_000
"""Milliseconds that a real process may take to begin and to end on a busy machine."""
RUNS = re.compile(r"/v1/refresh-runs")
LONG = "changed: files of /data/a-folder-with-a-name-that-is-rather-long/and-another-below-it (films), code of ingest"
DONE = RunRecord(
    "20260227-030000-done", "done", "schedule", 1_772_161_200.0, 1_772_161_392.0,
    model_version="4", index="d74ca73bb2dc2aac",
    steps=(
        StepRecord("ingest", "done", LONG, 12.5, {"nodes": 12, "relationships": 1804, "refused": 0}),
        StepRecord("encode", "done", "changed: the graph", 30.0, {"encoded": 12}),
        StepRecord("snapshot", "done", "changed: the graph", 2.0, {"interactions": 100_000}),
        StepRecord("train", "done", "changed: snapshot", 140.0, {"ndcg@10": 0.25114}),
        StepRecord("publish", "done", "changed: model version", 6.0, {"users": 943}),
        StepRecord("write-back", "done", "changed: index", 1.5, {"written": 0}),
    ),
)  # fmt: skip
QUIET = RunRecord(
    "20260227-090000-quiet", "done", "command", 1_772_182_800.0, 1_772_182_800.8,
    steps=tuple(StepRecord(one.name, "skipped", "nothing changed since the last time") for one in DONE.steps),
)  # fmt: skip
FAILED = RunRecord(
    "20260227-150000-bad", "failed", "api", 1_772_204_400.0, 1_772_204_405.0,
    error="no file or folder '/data/<b>shop</b>'",
    steps=(StepRecord("ingest", "failed", "changed: files", 4.0),),
)  # fmt: skip


@pytest.fixture(scope="module")
def graph(home: Path, page_url: str) -> Iterator[GraphStore]:
    """The server's own graph."""
    store = open_store(f"local:{home / 'store'}")
    yield store
    store.close()


@pytest.fixture
def runs(graph: GraphStore) -> Iterator[GraphStore]:
    """Three runs in the graph, none after the test."""
    for record in (DONE, QUIET, FAILED):
        save(graph, record)
    yield graph
    graph.query("MATCH (r:RefreshRun) DETACH DELETE r")


def steps(page: Page, name: str) -> list[str]:
    return page.get_by_label(name).get_by_role("list", name="Steps").locator("> li").all_inner_texts()


def test_before_the_first_run(visit: Visit) -> None:
    visit.page.route(RUNS, lambda route: route.fulfill(json={"runs": []}))
    page = visit.open(VIEW)
    expect(page.get_by_role("heading", name="No refresh yet")).to_be_visible()
    expect(page.get_by_role("button", name="Refresh now")).to_be_enabled()
    expect(page.get_by_role("link", name="Refresh", exact=True)).to_have_attribute("aria-current", "page")


def test_what_ran_and_why_the_rest_did_not(visit: Visit, runs: GraphStore) -> None:
    page = visit.open(VIEW)
    newest = page.get_by_role("article")
    expect(newest).to_contain_text("Failed")
    expect(newest).to_contain_text("no file or folder '/data/<b>shop</b>'")
    earlier = page.get_by_role("list", name="Earlier refreshes").locator("> li")
    expect(earlier).to_have_count(2)
    quiet, done = earlier.nth(0), earlier.nth(1)
    expect(quiet).to_contain_text("nothing was new")
    quiet.locator("summary").click()
    expect(quiet.get_by_text("Skipped: nothing changed since the last time")).to_have_count(6)
    done.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(done.get_by_text("1,804 relationships")).to_be_visible()
    expect(done.get_by_text("ndcg@10")).to_contain_text("0.2511")
    expect(done.get_by_text("0 refused")).to_have_count(0)
    expect(done.get_by_text("3 min 12 s").first).to_be_visible()
    train, ingest = (done.locator(".step__bar").nth(place).bounding_box() for place in (3, 0))
    assert train is not None
    assert ingest is not None
    assert train["width"] / ingest["width"] == pytest.approx(140 / 12.5, rel=0.1)
    assert train["x"] > ingest["x"] + ingest["width"]


def test_one_is_started_and_followed_to_its_end(visit: Visit, graph: GraphStore) -> None:
    def first_step_alone(route: Route) -> None:
        if route.request.method == "POST":
            assert route.request.post_data_json == {"full": False}
            route.continue_(post_data=json.dumps({"only": "ingest"}))
        else:
            route.continue_()

    visit.page.route(RUNS, first_step_alone)
    page = visit.open(VIEW)
    page.get_by_role("button", name="Refresh now").focus()
    page.keyboard.press("Enter")
    newest = page.get_by_role("article")
    expect(page.get_by_role("button", name="Refreshing …")).to_be_disabled(timeout=PATIENT)
    expect(newest.get_by_text("Running", exact=True)).to_be_visible(timeout=PATIENT)
    expect(newest).to_contain_text("Done", timeout=PATIENT)
    expect(newest).to_contain_text("asked for: --only ingest")
    expect(page.get_by_role("status").filter(has_text="Refresh done after")).to_have_count(1)
    expect(page.get_by_role("button", name="Refresh now")).to_be_enabled()
    graph.query("MATCH (r:RefreshRun) DETACH DELETE r")


def test_a_run_that_goes_on_shows_its_step(visit: Visit) -> None:
    began = time.time() - 20
    running = RunRecord(
        "now", "running", "schedule", began,
        steps=(StepRecord("ingest", "done", "changed", 5.0), StepRecord("encode", "running", "changed: the graph")),
    )  # fmt: skip
    body = {"runs": [json.loads(json.dumps({**running.as_dict(), "mlflow": None}))]}
    body["runs"][0].pop("mlflow_run")
    visit.page.route(RUNS, lambda route: route.fulfill(json=body))
    page = visit.open(VIEW)
    expect(page.get_by_role("status").filter(has_text="Refreshing: Encode")).to_have_count(1)
    took = page.locator(".step--running .step__took")
    expect(took).to_have_text(re.compile(r"^(1[5-9]|[2-5]\d) s$|^\d+ min \d+ s$"))
    before = took.inner_text()
    expect(took).not_to_have_text(before)
    body["runs"][0] |= {
        "state": "done",
        "ended": time.time(),
        "seconds": 21.0,
        "mlflow": "http://127.0.0.1:5000/#/runs/abc",
    }
    body["runs"][0]["steps"][1] |= {"state": "done", "seconds": 16.0}
    expect(page.get_by_role("article")).to_contain_text("Done")
    link = page.get_by_role("link", name="Open in MLflow")
    expect(link).to_have_attribute("href", "http://127.0.0.1:5000/#/runs/abc")


def test_another_one_in_the_way_is_said(visit: Visit, runs: GraphStore) -> None:
    detail = "another refresh is going on: run x"
    problem = {"title": "Conflict", "status": 409, "detail": detail, "valid": "one at a time", "remedy": "wait for it"}

    def refuse(route: Route) -> None:
        route.fulfill(status=409, json=problem) if route.request.method == "POST" else route.continue_()

    visit.page.route(RUNS, refuse)
    page = visit.open(VIEW)
    page.get_by_role("button", name="Refresh now").click()
    expect(page.get_by_role("alert")).to_contain_text("another refresh is going on: run x")
    expect(page.get_by_role("button", name="Refresh now")).to_be_enabled()
    visit.watch.errors.clear()  # the browser logs the 409


def test_a_server_that_does_not_answer_is_asked_again(visit: Visit, runs: GraphStore) -> None:
    visit.page.route(RUNS, lambda route: route.abort())
    page = visit.open(VIEW)
    expect(page.get_by_role("alert")).to_contain_text("No answer from the server")
    page.unroute(RUNS)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("article")).to_contain_text("Failed")
    visit.watch.errors.clear()  # the requests that were cut off


def test_leaving_the_view_ends_its_questions(visit: Visit) -> None:
    asked: list[float] = []
    running = {**QUIET.as_dict(), "state": "running", "ended": None, "seconds": None, "mlflow": None}

    def answer(route: Route) -> None:
        asked.append(time.monotonic())
        route.fulfill(json={"runs": [running]})

    visit.page.route(RUNS, answer)
    page = visit.open(VIEW)
    expect(page.get_by_role("article")).to_be_visible()
    page.wait_for_timeout(4000)
    assert len(asked) >= 2, "it asks while a run goes on"
    page.get_by_role("link", name="Browse", exact=True).click()
    expect(page.get_by_role("list", name="Popular items")).to_be_visible()
    before = len(asked)
    page.wait_for_timeout(4000)
    assert len(asked) == before


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_phone_needs_no_sideways_scrolling(visit: Visit, runs: GraphStore) -> None:
    page = visit.open(VIEW)
    rows = page.get_by_role("list", name="Earlier refreshes").locator("summary")
    expect(rows).to_have_count(2)
    for row in rows.all():
        row.click()
    expect(page.get_by_text("1,804 relationships")).to_be_visible()
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_on_coloured_grounds_can_be_read(visit: Visit, runs: GraphStore, theme: str) -> None:
    """WCAG AA by the colours that are really drawn."""
    page = visit.open(VIEW)
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    expect(page.get_by_role("article")).to_be_visible()
    for place in (".pill--failed", ".pill--done", ".run__error"):
        ratio = page.locator(place).first.evaluate(
            """(it) => { const look = getComputedStyle(it), draw = new OffscreenCanvas(1, 1).getContext('2d');
                 const light = (colour) => { draw.clearRect(0, 0, 1, 1); draw.fillStyle = colour; draw.fillRect(0, 0, 1, 1);
                   const [r, g, b] = [...draw.getImageData(0, 0, 1, 1).data].map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                   return .2126 * r + .7152 * g + .0722 * b; };
                 const [one, two] = [light(look.color), light(look.backgroundColor)].sort((a, b) => b - a);
                 return (one + .05) / (two + .05); }"""  # noqa: E501
        )
        assert ratio >= 4.5, f"{place} in {theme}: {ratio:.2f}"
