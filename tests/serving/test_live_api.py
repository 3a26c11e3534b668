"""New items, newcomers, search and labels over HTTP, with the real encoder process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.app import create_app
from serving.middleware import Wrapped
from serving.overlay import Overlay
from serving.settings import Settings
from tests.encoders.tiny import saved_sound, sound
from tests.encoders.video_files import plain, saved_video
from tests.serving.live_api import ITEM_BODY, base, follows, ids, send, stop_encoders, themes
from tests.serving.themed import NAMES, picture, publish_themed

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("themed")
    publish_themed(folder)
    yield folder
    stop_encoders(folder)


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[Wrapped]:
    app = create_app(Settings(home=home, store="local:" + str(home / "no-store")))
    for body in ({"text": "war"}, {"image": base(picture("war", 999))}):  # on a busy machine models take long to load
        for _ in range(5):
            if send(app, "POST", "/v1/search", body).status_code != 503:
                break
    yield app
    app.api.state.service.close()


@pytest.fixture
def clean(home: Path, app: Wrapped) -> Iterator[None]:
    """Items that a test put are gone after it."""
    yield
    for change in Overlay(home).since(0):
        if not change.gone:
            send(app, "DELETE", f"/v1/items/{change.id}")


@pytest.mark.parametrize(
    ("text", "theme"),
    [("astronauts in outer space", "space"), ("cooking a meal", "kitchen"), ("falling in love", "romance")],
)
def test_a_sentence_finds_what_it_means(app: Wrapped, text: str, theme: str) -> None:
    found = send(app, "POST", "/v1/search", {"text": text, "n": 4})
    assert set(themes(ids(found))) == {theme}
    follows(app, "/v1/search", "post", found)


def test_a_picture_finds_its_like_and_mixes_with_words(app: Wrapped) -> None:
    assert themes(ids(send(app, "POST", "/v1/search", {"image": base(picture("war", 999)), "n": 3}))) == ["war"] * 3
    both = ids(send(app, "POST", "/v1/search", {"image": base(picture("war", 999)), "text": "love letters", "n": 12}))
    assert {"war", "romance"} <= set(themes(both))


def test_filters_hold_and_n_items_come(app: Wrapped) -> None:
    wish = {"text": "astronauts", "n": 6, "filter": {"kind": "movie", "platform": "p", "attributes": {"Genre": "war"}}}
    assert themes(ids(send(app, "POST", "/v1/search", wish))) == ["war"] * 6
    dated = {"text": "astronauts", "n": 9, "filter": {"years": [1980, 1984]}}
    assert all(
        1980 <= entry["item"]["year"] <= 1984 for entry in send(app, "POST", "/v1/search", dated).json()["items"]
    )
    assert len(ids(send(app, "POST", "/v1/search", dated))) == 5
    assert ids(send(app, "POST", "/v1/search", {**wish, "filter": {"platform": "q"}})) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": ""}, 422),
        ({"text": "x", "n": 0}, 422),
        ({"text": "x", "nn": 1}, 422),
        ({"image": "no base64!"}, 422),
        ({"image": base(b"no picture")}, 422),
        ({"image": ""}, 422),
        ({"audio": base(saved_sound(sound(1)))}, 501),
        ({"like": ["p:nobody"]}, 404),
        ({"text": "x", "filter": {"years": [1990, 1980]}}, 422),
        ({"text": "x\0"}, 422),
        ([], 422),
    ],
)
def test_a_bad_search_says_what_would_be_good(app: Wrapped, body: Any, status: int) -> None:
    answer = send(app, "POST", "/v1/search", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert answer.json()["valid"]


@pytest.mark.usefixtures("clean")
def test_a_new_item_is_everywhere_at_once(app: Wrapped) -> None:
    body = {**ITEM_BODY, "image": base(picture("space", 77))}
    answer = send(app, "PUT", "/v1/items/p:new1", body)
    assert answer.status_code == 200, answer.text
    follows(app, "/v1/items/{id}", "put", answer)
    assert answer.json()["vectors"] == ["image", "text"]
    assert answer.json()["recommended"] is True
    assert send(app, "GET", "/v1/items/p:new1").json() == answer.json()["item"]
    assert answer.json()["item"]["properties"] == {"runtime": 101}
    assert ids(send(app, "POST", "/v1/search", {"text": "starship crew signal dying planet", "n": 1})) == ["p:new1"]
    assert send(app, "GET", "/v1/items?query=silent").json()["items"][0]["id"] == "p:new1"
    ranks = {}
    for user, theme in enumerate(NAMES):
        found = ids(send(app, "GET", f"/v1/users/p:u{user:02d}/recommendations?n=30"))
        ranks[theme] = found.index("p:new1")
    assert min(ranks, key=lambda theme: ranks[theme]) == "space"
    assert ranks["space"] < 8
    assert themes(ids(send(app, "GET", "/v1/items/p:new1/similar?modality=text&n=3"))) == ["space"] * 3
    assert themes(ids(send(app, "GET", "/v1/items/p:new1/similar?modality=graph&n=3"))) == ["space"] * 3
    assert themes(ids(send(app, "POST", "/v1/recommendations", {"items": ["p:new1"], "n": 3}))) == ["space"] * 3


@pytest.mark.usefixtures("clean")
def test_other_workers_see_it_and_deletion_too(app: Wrapped, home: Path) -> None:
    other = create_app(Settings(home=home, store="local:" + str(home / "no-store")))
    assert send(other, "GET", "/v1/items/p:new2").status_code == 404
    send(app, "PUT", "/v1/items/p:new2", ITEM_BODY)
    assert send(other, "GET", "/v1/items/p:new2").status_code == 200
    assert "p:new2" in ids(send(other, "GET", "/v1/users/p:u00/recommendations?n=30"))
    assert send(other, "DELETE", "/v1/items/p:new2").status_code == 204
    assert send(app, "GET", "/v1/items/p:new2").status_code == 404
    assert send(app, "DELETE", "/v1/items/p:new2").status_code == 404
    other.api.state.service.close()


@pytest.mark.usefixtures("clean")
def test_an_item_of_the_index_can_be_changed_and_deleted(app: Wrapped) -> None:
    before = send(app, "GET", "/v1/items/p:war0").json()
    send(app, "PUT", "/v1/items/p:war0", {"title": "A Quiet Supper", "text": "cooking dinner for friends"})
    after = send(app, "GET", "/v1/items/p:war0").json()
    assert (after["title"], after["attributes"]) == ("A Quiet Supper", before["attributes"])
    assert ids(send(app, "POST", "/v1/search", {"text": "cooking dinner for friends", "n": 1})) == ["p:war0"]
    send(app, "DELETE", "/v1/items/p:war0")
    for user in range(4):
        assert "p:war0" not in ids(send(app, "GET", f"/v1/users/p:u{user:02d}/recommendations?n=30"))
    assert "p:war0" not in ids(send(app, "POST", "/v1/search", {"text": "cooking", "n": 30}))
    send(app, "PUT", "/v1/items/p:war0", {"title": before["title"], "text": before["text"]})


@pytest.mark.usefixtures("clean")
def test_a_video_stands_for_picture_and_text_alone_is_enough(app: Wrapped) -> None:
    video = saved_video([plain(9)] * 12, "mp4", "mpeg4")
    answer = send(app, "PUT", "/v1/items/p:clip", {"title": "Clip", "video": base(video)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["vectors"] == ["image", "text"]
    heard = send(app, "PUT", "/v1/items/p:song", {"title": "Song", "audio": base(saved_sound(sound(1)))})
    assert heard.json()["vectors"] == ["text"]
    assert heard.json()["missing"].keys() == {"audio"}


@pytest.mark.parametrize(
    ("item", "body"),
    [
        ("p:x", {}),
        ("p:x", {"title": ""}),
        ("nocolon", {"title": "x"}),
        ("p:x", {"title": "x", "image": base(b"GIF89a broken")}),
        ("p:x", {"title": "x", "audio": base(b"nothing like a sound")}),
        ("p:x", {"title": "x", "video": base(b"nothing like a video, at all")}),
        ("p:x", {"title": "x", "attributes": {"User": ["me"]}}),
        ("p:x", {"title": "x", "attributes": {"Genre`) DETACH DELETE n //": ["me"]}}),
        ("p:x", {"title": "x", "relations": [{"relation": "r", "label": "Person", "id": "1"}]}),
        ("p:x", {"title": "x", "properties": {"text_embedding": 1}}),
        ("p:x", {"title": "x", "properties": {"password": "x"}}),
        ("p:x", {"title": "x", "properties": {"id": "p:y"}}),
        ("p:x", {"title": "x", "year": "1999"}),
        ("p:x", {"title": "x", "kind": "<b>"}),
        ("p:x", {"title": "x", "properties": {"a": [1]}}),
    ],
)
def test_a_bad_item_is_refused_and_nothing_stays(app: Wrapped, home: Path, item: str, body: dict[str, Any]) -> None:
    before = {one.sequence for one in Overlay(home).since(0)}
    answer = send(app, "PUT", f"/v1/items/{item}", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert {one.sequence for one in Overlay(home).since(0)} == before


def test_a_body_without_end_is_cut_off(app: Wrapped) -> None:
    answer = send(app, "POST", "/v1/search", {"text": "x" * (49 << 20)})
    assert answer.status_code == 413


def test_newcomers_get_what_they_say_choose_and_are(app: Wrapped) -> None:
    chosen = send(app, "POST", "/v1/recommendations", {"items": ["p:romance0", "p:romance1"], "n": 3})
    assert themes(ids(chosen)) == ["romance"] * 3
    assert chosen.json()["sources"] == ["items"]
    follows(app, "/v1/recommendations", "post", chosen)
    said = send(app, "POST", "/v1/recommendations", {"text": "soldiers and battles", "n": 3})
    assert themes(ids(said)) == ["war"] * 3
    assert said.json()["sources"] == ["text", "popular"]
    shown = send(app, "POST", "/v1/recommendations", {"image": base(picture("kitchen", 5)), "n": 3})
    assert themes(ids(shown)) == ["kitchen"] * 3
    nothing = send(app, "POST", "/v1/recommendations", {"n": 3})
    assert nothing.json()["sources"] == ["popular"]
    strange = send(app, "POST", "/v1/recommendations", {"items": ["p:nowhere"], "exclude": [ids(nothing)[0]], "n": 1})
    assert strange.json()["unknown"] == ["p:nowhere"]
    assert ids(strange) == [ids(nothing)[1]]


@pytest.mark.parametrize("theme", range(4))
def test_a_profile_is_read_as_the_users_properties_are(app: Wrapped, theme: int) -> None:
    profile = {"age": 20 + theme, "town": "north" if theme < 2 else "south", "shoe": 41}
    found = send(app, "POST", "/v1/recommendations", {"profile": profile, "n": 4})
    assert found.json()["sources"] == ["profile"]
    assert themes(ids(found)).count(NAMES[theme]) >= 3
    assert send(app, "POST", "/v1/recommendations", {"profile": {"shoe": 41}}).json()["sources"] == ["popular"]


def test_onboarding_asks_about_every_taste_and_skips_what_was_shown(app: Wrapped) -> None:
    first = send(app, "GET", "/v1/onboarding?n=4").json()["items"]
    assert set(themes([one["id"] for one in first])) == set(NAMES)
    more = send(app, "GET", "/v1/onboarding?n=4&" + "&".join(f"skip={one['id']}" for one in first)).json()["items"]
    assert not {one["id"] for one in more} & {one["id"] for one in first}
    likings = send(app, "GET", "/v1/onboarding?n=4&by=likings")
    follows(app, "/v1/onboarding", "get", likings)
    assert len(set(themes([one["id"] for one in likings.json()["items"]]))) >= 3
    assert send(app, "GET", "/v1/onboarding?by=luck").status_code == 422


def test_what_was_shown_and_left_speaks_against_its_like(app: Wrapped) -> None:
    body = {"items": ["p:war5"], "left": ["p:space0", "p:space1", "p:kitchen0", "p:war1"], "n": 24}
    found = send(app, "POST", "/v1/recommendations", body)
    follows(app, "/v1/recommendations", "post", found)
    assert found.json()["sources"] == ["items", "answers"]
    names = ids(found)
    assert "p:war1" in names, "it was left now, and may be liked yet"
    rank = {name: names.index(name) for name in names}
    romance, space = ([rank[f"p:{theme}{place}"] for place in range(2, 6)] for theme in ("romance", "space"))
    assert sum(romance) < sum(space)
    nothing_liked = send(app, "POST", "/v1/recommendations", {"left": ["p:space0", "p:space1"], "n": 4})
    assert nothing_liked.json()["sources"] == ["answers"]
    assert "space" not in themes(ids(nothing_liked))
    unknown = send(app, "POST", "/v1/recommendations", {"left": ["p:nowhere"], "n": 4})
    assert unknown.json()["sources"] == ["popular"]


def test_labels_of_ones_own(app: Wrapped) -> None:
    body = {"text": "a captain steers his starship past saturn", "labels": ["space travel", "cooking", "love", "war"]}
    found = send(app, "POST", "/v1/classify", body)
    follows(app, "/v1/classify", "post", found)
    assert found.json()["labels"][0]["label"] == "space travel"
    assert found.json()["calibrated"] is False
    item = send(app, "POST", "/v1/classify", {"item": "p:kitchen1", "labels": body["labels"], "top": 1})
    assert item.json()["labels"][0]["label"] == "cooking"
    sound = send(app, "POST", "/v1/classify", {"audio": "UklGRg==", "labels": ["calm", "loud"]})
    assert sound.status_code == 501, "this catalogue has no sounds"
    untagged = send(app, "POST", "/v1/classify", {"text": "x"})
    assert untagged.status_code == 404
    assert "interlace tag" in untagged.json()["remedy"]
    assert send(app, "POST", "/v1/classify", {"labels": ["x"]}).status_code == 422


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/v1/recommendations", "/v1/search", "/v1/classify"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8),
        lambda inner: st.dictionaries(st.sampled_from(["text", "items", "n", "filter", "like", "labels", "image", "x"]),
                                      inner, max_size=3) | st.lists(inner, max_size=3),
        max_leaves=6,
    ),
)  # fmt: skip
def test_no_body_makes_the_server_fail(app: Wrapped, path: str, body: Any) -> None:
    assert send(app, "POST", path, body).status_code in {200, 404, 422, 501}
