"""Discover, New here and added items in Chromium, against the real server and the real encoders."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import httpx
import orjson
import psutil
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from encoders.encode import encode_items
from encoders.zeroshot import tag_items
from graph.ingest import ingest
from graph.snapshot_read import read_snapshot
from graph.store import open_store
from serving.encoder_client import ADDRESS, FOLDER
from tests.browser.planted import FILMS, TITLES, write_folder
from tests.browser.published import publish_ease
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
PLOTS = {
    "Cold Harbour": "Divers find the wreck of a submarine under the ice, and somebody aboard who is still alive.",
    "Odd Socks": "Two neighbours fall in love in a launderette over washing that was mixed up.",
    "Undertow": "A lighthouse keeper smuggles gold along the coast until the tide brings back a body.",
    "Signal Lost": "The crew of a space station no longer hears from Earth.",
}
SENTENCE = "astronauts alone in outer space"
SENTENCE_FINDS = "Signal Lost"
LOADING_SECONDS = 180
DROPPED = 4
"""Place of a film with a poster."""
HAND_OVER = """([bytes, kind]) => {
  const content = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
  const file = new File([content], 'poster.png', { type: 'image/png' });
  const data = new DataTransfer();
  data.items.add(file);
  const event = kind === 'drop'
    ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
    : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
  document.getElementById('content').dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live-data") / "films"
    write_folder(folder, plots=PLOTS)
    return folder


@pytest.fixture(scope="module")
def home(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """As conftest's, with vectors of the real encoders and labels learned from the genres."""
    home = tmp_path_factory.mktemp("live-home")
    store = open_store(f"local:{home / 'store'}")
    try:
        ingest(store, data, platform="films", home=home)
        encode_items(store, home=home)
        tag_items(store, home=home)
        publish_ease(read_snapshot(store), home)
    finally:
        store.close()
    yield home
    if (home / FOLDER / ADDRESS).is_file():
        with suppress(psutil.NoSuchProcess):  # it may have ended with the server
            psutil.Process(orjson.loads((home / FOLDER / ADDRESS).read_bytes())["process"]).kill()


@pytest.fixture(scope="module", autouse=True)
def warm(page_url: str, data: Path) -> None:
    """The encoders are loaded: what the page does while they are not has a test of its own."""
    wish = {"text": "warm", "image": base64.b64encode((data / "posters" / "0.png").read_bytes()).decode()}
    deadline = time.monotonic() + LOADING_SECONDS
    while httpx.post(page_url + "v1/search", json=wish, timeout=LOADING_SECONDS).status_code != HTTPStatus.OK:
        assert time.monotonic() < deadline, "the encoders are not there"


def titles(region: Locator) -> list[str]:
    expect(region.get_by_role("listitem").first).to_be_visible()
    return region.get_by_role("heading", level=3).all_text_contents()


def found(page: Page) -> list[str]:
    return titles(page.get_by_role("list", name="Found items"))


def discover(visit: Visit, sentence: str = SENTENCE) -> Page:
    page = visit.open("#/discover")
    page.get_by_label("Sentence").fill(sentence)
    page.get_by_role("button", name="Discover").click()
    found(page)
    return page


def give_picture(page: Page, picture: Path, how: str) -> None:
    page.evaluate(HAND_OVER, [base64.b64encode(picture.read_bytes()).decode(), how])


def test_a_sentence_finds_what_is_meant(visit: Visit) -> None:
    page = discover(visit)
    assert found(page)[0] == SENTENCE_FINDS
    assert page.url.endswith("#/discover?q=astronauts+alone+in+outer+space")
    expect(page.locator(".similarity").first).to_contain_text(re.compile(r"0\.\d"))
    expect(page.get_by_role("heading", name="This sounds like")).to_be_visible()
    expect(page.get_by_role("list", name="This sounds like")).to_contain_text(re.compile(r"\d+%"))
    page.get_by_role("link", name=SENTENCE_FINDS, exact=True).click()
    expect(page.get_by_role("dialog", name=SENTENCE_FINDS)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert found(page)[0] == SENTENCE_FINDS
    page.wait_for_url(lambda url: url.endswith("#/discover?q=astronauts+alone+in+outer+space"))


def test_an_address_brings_back_a_search(visit: Visit) -> None:
    page = visit.open("#/discover?q=washing+and+romance&from=1980&to=1987&attribute=Genre%3AComedy")
    assert found(page)[0] == "Odd Socks"
    expect(page.get_by_label("Sentence")).to_have_value("washing and romance")
    expect(page.get_by_label("Genre")).to_have_value("Genre:Comedy")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("list", name="Found items").get_by_role("heading", level=3)).to_have_count(len(TITLES))
    page.go_back()
    expect(page.get_by_label("From year")).to_have_value("1980")


@pytest.mark.parametrize("how", ["drop", "paste", "button"])
def test_a_picture_finds_its_twin(visit: Visit, data: Path, how: str) -> None:
    guess = {"labels": [{"label": "Comedy", "confidence": 0.61}], "calibrated": True, "encoders": {}, "skipped": {}}
    # Sixteen films are too few to learn from what a comedy looks like: only this answer is not the server's own.
    visit.page.route("**/v1/classify", lambda route: route.fulfill(json=guess))
    page = visit.open("#/discover")
    picture = data / "posters" / f"{DROPPED}.png"
    expect(page.get_by_role("list", name="Items to start from").get_by_role("listitem").first).to_be_visible()
    if how == "button":
        page.locator("input[type=file]").set_input_files(picture)
    else:
        give_picture(page, picture, how)
    expect(page.get_by_role("img", name=re.compile(r"Preview of .*\.png"))).to_be_visible()
    assert found(page)[0] == TITLES[DROPPED]
    expect(page.get_by_role("list", name="What is this?")).to_have_text("Comedy 61%")
    page.get_by_role("button", name=re.compile("^Remove ")).click()
    expect(page.get_by_role("list", name="Found items")).to_be_hidden()
    expect(page.get_by_role("button", name="Picture")).to_be_focused()


def test_what_is_no_picture_is_refused(visit: Visit, data: Path) -> None:
    page = visit.open("#/discover")
    page.locator("input[type=file]").set_input_files(data / "items.csv")
    expect(page.get_by_role("alert")).to_contain_text("items.csv cannot be read as a picture")


def test_filters_hold(visit: Visit) -> None:
    page = discover(visit)
    page.get_by_label("Genre").select_option("Comedy")
    expect(page.get_by_role("list", name="Found items").get_by_role("heading", level=3)).to_have_count(
        len(FILMS["Comedy"])
    )
    assert set(found(page)) == set(FILMS["Comedy"])
    page.get_by_label("From year").fill("1985")
    page.get_by_label("From year").press("Enter")
    expect(page.get_by_role("list", name="Found items").get_by_role("heading", level=3)).to_have_count(3)
    assert set(found(page)) == set(TITLES[5:8])
    page.get_by_label("To year").fill("1979")
    page.get_by_label("From year").fill("1970")
    page.get_by_label("From year").press("Enter")
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()


def test_filters_alone_show_what_is_popular_among_what_fits(visit: Visit) -> None:
    page = visit.open("#/discover?attribute=Genre%3AComedy")
    starts = page.get_by_role("list", name="Items to start from")
    assert set(titles(starts)) == set(FILMS["Comedy"])
    starts.get_by_role("link", name="Odd Socks").click()
    expect(page.locator(".ask__like")).to_contain_text("Odd Socks")
    assert set(found(page)) == set(FILMS["Comedy"]) - {"Odd Socks"}


def test_more_like_an_item(visit: Visit) -> None:
    page = visit.open("#/items/films%3A8")
    page.get_by_role("link", name="Discover more like this").click()
    expect(page.locator(".ask__like")).to_contain_text("Cold Harbour")
    assert "Cold Harbour" not in found(page)
    page.get_by_role("button", name="Not like it").click()
    expect(page.get_by_role("list", name="Items to start from")).to_be_visible()


def test_encoders_that_are_loading_are_waited_for(visit: Visit) -> None:
    answers = iter([503])

    def once_not_ready(route: Route) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
        else:
            body = {"title": "Not ready", "detail": "the encoders are being loaded", "remedy": "wait"}
            route.fulfill(status=status, json=body)

    visit.page.route("**/v1/search", once_not_ready)
    page = visit.open("#/discover?q=space")
    expect(page.get_by_role("status").filter(has_text="the encoders are being loaded")).to_be_visible()
    assert found(page)
    expect(page.get_by_text("the encoders are being loaded")).to_be_hidden()
    visit.watch.errors.clear()  # the browser itself logs the 503


def test_labels_that_cannot_be_had_are_not_spoken_of(visit: Visit) -> None:
    visit.page.route("**/v1/classify", lambda route: route.fulfill(status=501, json={"title": "no", "detail": "no"}))
    page = discover(visit)
    expect(page.get_by_role("heading", name="This sounds like")).to_be_hidden()
    expect(page.get_by_role("alert")).to_have_count(0)
    visit.watch.errors.clear()


def recommended(page: Page) -> Locator:
    return page.get_by_role("list", name="Recommended to you")


def choose(page: Page, names: list[str]) -> None:
    for name in names:
        choice = page.locator(".choice", has=page.get_by_text(name, exact=True))
        choice.click()
        expect(choice).to_have_attribute("aria-pressed", "true")


def offered(page: Page, genre: str) -> list[str]:
    choices = page.get_by_role("list", name="What do you like?")
    expect(choices.get_by_role("button").first).to_be_visible()
    there = choices.locator(".choice__title").all_text_contents()
    return [title for title in there if title in FILMS[genre]]


def test_choices_change_what_is_recommended(visit: Visit) -> None:
    page = visit.open("#/new")
    expect(page.get_by_text("What is popular: you have not said anything yet.")).to_be_visible()
    for genre in FILMS:
        chosen = offered(page, genre)[:3]
        choose(page, chosen)
        expect(page.get_by_text("From 3 movies you chose.")).to_be_visible()
        there = titles(recommended(page))
        assert not set(chosen) & set(there)
        assert set(there[:3]) <= set(FILMS[genre]), f"who likes {genre} gets {there}"
        page.get_by_role("button", name="Start over").click()
        expect(page.get_by_text("What is popular")).to_be_visible()
        expect(page.get_by_role("list", name="Chosen")).to_be_hidden()


def test_words_and_profile_count(visit: Visit) -> None:
    page = visit.open("#/new")
    page.get_by_label("In your own words").fill(SENTENCE)
    expect(page.get_by_text("From your sentence and what is popular.")).to_be_visible()
    page.get_by_text("About you").click()
    with page.expect_request(lambda sent: sent.method == "POST" and '"age":"30"' in (sent.post_data or "")) as sent:
        page.get_by_label("Age").fill("30")
    assert "occupation" not in orjson.loads(sent.value.post_data or "{}")["profile"], "what is left empty is not sent"
    expect(page.get_by_text("From your profile and your sentence.")).to_be_visible()


def test_others_are_shown_and_choices_hold(visit: Visit) -> None:
    page = visit.open("#/new")
    first = [title for genre in FILMS for title in offered(page, genre)]
    choose(page, first[:1])
    page.get_by_role("button", name="Show others").click()
    expect(page.get_by_role("list", name="What do you like?").get_by_role("button").first).to_be_focused()
    assert not set(first) & {title for genre in FILMS for title in offered(page, genre)}
    expect(page.get_by_role("list", name="Chosen")).to_contain_text(first[0])
    page.get_by_role("button", name=f"Not {first[0]}").click()
    expect(page.get_by_text("What is popular")).to_be_visible()


def test_an_item_is_added_found_and_deleted(visit: Visit, data: Path) -> None:
    page = visit.open("#/discover")
    page.get_by_role("button", name="Add an item").click()
    form = page.get_by_role("dialog", name="Add an item")
    expect(form.get_by_label("Title")).to_be_focused()
    form.get_by_label("Title").fill("Honey Moon")
    form.get_by_label("Year").fill("2001")
    form.get_by_label("Text").fill("A beekeeper moves her hives to the far side of the Moon.")
    form.locator("input[type=file]").set_input_files(data / "posters" / "2.png")
    form.get_by_role("button", name="Comedy").click()
    form.get_by_role("button", name="Add", exact=True).click()
    panel = page.get_by_role("dialog", name="Honey Moon")
    expect(panel.get_by_text("Found at once by its picture and its words.")).to_be_visible()
    expect(panel.get_by_role("list", name="Similar by a mix").get_by_role("listitem").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Sentence").fill("bees and honey")
    page.get_by_role("button", name="Discover").click()
    assert found(page)[0] == "Honey Moon"
    page.get_by_role("link", name="Honey Moon").click()
    panel.get_by_role("button", name="Delete it").click()
    expect(panel.get_by_role("button", name="Keep it")).to_be_focused()
    panel.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Honey Moon")).to_have_count(0)
    assert found(page)


def test_all_of_it_by_keyboard(visit: Visit) -> None:
    page = visit.open("#/discover")
    page.get_by_role("button", name="Add an item").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Sentence")).to_be_focused()
    page.keyboard.type(SENTENCE)
    page.keyboard.press("Enter")
    assert found(page)[0] == SENTENCE_FINDS
    for control in ("Picture", "Discover"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=control)).to_be_focused()
    for name in ("Kind", "Genre", "From year", "To year"):
        page.keyboard.press("Tab")
        expect(page.get_by_label(name)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=SENTENCE_FINDS, exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name=SENTENCE_FINDS)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name=SENTENCE_FINDS, exact=True)).to_be_focused()
    page.goto(visit.url + "#/new")
    offered(page, "Comedy")
    page.get_by_role("button", name="Start over").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_text("From 1 movie you chose.")).to_be_visible()


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
@pytest.mark.parametrize("address", ["#/discover", "#/discover?q=ice&attribute=Genre%3AThriller&from=1980", "#/new"])
def test_phone_needs_no_sideways_scrolling(visit: Visit, address: str) -> None:
    page = visit.open(address)
    page.wait_for_load_state("networkidle")
    no_overflow(page, "document.documentElement")
    if address == "#/new":
        choose(page, offered(page, "Thriller"))
        page.get_by_text("About you").click()
        expect(page.get_by_label("Age")).to_be_visible()
        page.evaluate("scrollTo(0, 0)")
        page.get_by_role("button", name="See what is for you").click()
        expect(recommended(page).get_by_role("listitem").first).to_be_in_viewport()
    else:
        page.get_by_role("button", name="Add an item").click()
        expect(page.get_by_role("dialog", name="Add an item")).to_be_visible()
        no_overflow(page, "document.querySelector('dialog[open]')")
    no_overflow(page, "document.documentElement")


def no_overflow(page: Page, element: str) -> None:
    wide, room = page.evaluate(f"[{element}.scrollWidth, {element}.clientWidth]")
    assert wide <= room, f"{element} is {wide} wide in {room}"


@pytest.mark.parametrize("address", ["#/discover?q=ice", "#/new"])
def test_everything_one_can_use_has_a_name(visit: Visit, address: str) -> None:
    page = visit.open(address)
    page.wait_for_load_state("networkidle")
    tree = page.locator("body").aria_snapshot()
    roles = "button|link|textbox|searchbox|combobox|spinbutton|dialog|img|region|group"
    assert re.findall(rf"^\s*- (?:{roles})\s*:?\s*$", tree, re.MULTILINE) == []
    assert page.locator("h1").count() == 1
    twice = page.evaluate(
        "() => { const ids = [...document.querySelectorAll('[id]')].map((it) => it.id);"
        " return ids.filter((id, place) => ids.indexOf(id) !== place); }"
    )
    assert twice == []
