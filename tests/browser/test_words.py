"""The page's words: one dictionary a language, the same keys, nothing said outside them, the choice remembered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Response, Route, expect

import serving.page
from tests.browser.views import VIEWS, show
from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

SCRIPTS = Path(serving.page.__file__).parent / "js"
KEYS = re.compile(r"(?<![\w.])(?:t|parts)\('([^']+)'")
MAKERS = {"i18n.js"}
OUTSIDE = """() => {
  const skip = 'script, style, noscript, code, pre, kbd, svg, .CodeMirror, .brand, option, .tool--language';
  const texts = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (!node.parentElement.closest(skip)) texts.push(node.data);
  for (const it of document.querySelectorAll('[aria-label], [title], [placeholder], img[alt]'))
    if (!it.closest(skip)) texts.push(it.ariaLabel ?? '', it.title ?? '', it.placeholder ?? '', it.alt ?? '');
  return texts;
}"""


def dictionary(visit: Visit, language: str) -> dict[str, object]:
    visit.open("")
    words: dict[str, object] = visit.page.evaluate(f"import('/js/words/{language}.js').then(({{ words }}) => words)")
    return words


def used() -> set[str]:
    return {key for path in SCRIPTS.glob("*.js") if path.name not in MAKERS for key in KEYS.findall(path.read_text())}


def test_both_languages_have_every_word_and_nothing_else(visit: Visit) -> None:
    english, chinese = dictionary(visit, "en"), dictionary(visit, "zh")
    assert english.keys() == chinese.keys()
    assert used() == {key for key in english if not key.startswith("data.")}
    for key, words in english.items():
        told = json.dumps(words), json.dumps(chinese[key])
        named = [set(re.findall(r"\{(\w+)\}", one)) for one in told]
        assert named[0] == named[1], f"{key} fills in different things"
    hanless = [
        key
        for key, words in chinese.items()
        if not re.search(r"[\u4e00-\u9fff]", json.dumps(words, ensure_ascii=False))
    ]
    assert hanless == ["cypher", "day-time"]


def test_nothing_is_said_outside_the_dictionaries(visit: Visit) -> None:
    """Every word of the page is from its dictionary (which is marked here) or from the server's answers."""
    words = json.dumps(marked(dictionary(visit, "en")))
    visit.page.route(
        "**/js/words/en.js",
        lambda route: route.fulfill(body=f"export const words = {words};", content_type="text/javascript"),
    )
    answers: list[str] = []

    def note(response: Response) -> None:
        if "/v1/" in response.url and response.ok and "json" in response.headers.get("content-type", ""):
            answers.append(response.text())

    visit.page.on("response", note)
    strange: dict[str, set[str]] = {}
    for view in VIEWS:
        page = show(visit, view)
        said = re.sub(r"#/\S*", "", unmarked("\n".join(page.evaluate(OUTSIDE))))  # addresses are no words
        told = plain(" ".join(answers)) + plain(view + page.url)
        left = {word for word in re.findall(r"[^\W\d_]{2,}", said) if plain(word) not in told}
        if left - {"Interlace", "px"}:
            strange[view] = left
    assert strange == {}


def marked(words: object) -> object:
    """Every text of a dictionary between marks."""
    return {key: marked(one) for key, one in words.items()} if isinstance(words, dict) else f"⟦{words}⟧"


def unmarked(text: str) -> str:
    """Without what is between marks, the innermost first."""
    while True:
        less = re.sub(r"⟦[^⟦⟧]*⟧", "", text)
        if less == text:
            return text
        text = less


def plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


@pytest.mark.parametrize("visit", [{"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN"}], indirect=True)
def test_the_browsers_language_is_spoken_until_another_is_chosen(visit: Visit) -> None:
    page = visit.open("#/users/films%3A3")
    expect(page.get_by_role("region", name="推荐", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh"
    with page.expect_request(lambda one: "explain=true" in one.url) as asked:
        page.reload()
    assert "lang=zh" in asked.value.url
    assert asked.value.headers["accept-language"] == "zh"
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("region", name="Recommended", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("region", name="Recommended", exact=True)).to_be_visible()


def test_a_number_is_written_as_the_language_does(visit: Visit) -> None:
    def two(route: Route) -> None:
        user = {"id": "films:1", "platform": "films", "interactions": 12345, "properties": {}}
        route.fulfill(json={"users": [user, {**user, "id": "films:2", "interactions": 1}]})

    visit.page.route("**/v1/users?*", two)
    page = visit.open("")
    expect(page.get_by_role("link", name="User 1 12,345 interactions")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("User 2 1 interaction$"))).to_be_visible()
