"""The API as a client sees it."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from serving.app import create_app
from serving.index import FOLDER, MANIFEST, Index
from serving.publish import publish
from serving.service import IndexHolder, Service
from serving.settings import Settings
from tests.serving.conftest import INFO, Get, client
from tests.serving.samples import HIDER, HOSTILE, ITEMS, LONELY, USERS

HOSTILE_PATH = quote(HOSTILE, safe="")


def test_recommendations_are_items_with_ranks(get: Get, index: Index) -> None:
    answer = get("/v1/users/p:u01/recommendations?n=3")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["user"] == "p:u01"
    assert body["model"] == {"name": "ease", "version": "7"}
    assert [entry["rank"] for entry in body["items"]] == [1, 2, 3]
    assert all(entry["reason"] is None for entry in body["items"])
    assert "reasons" not in body
    seen = {index.item_ids[item].decode() for item in index.seen[index.user("p:u01")]}
    assert not seen & {entry["item"]["id"] for entry in body["items"]}


@pytest.mark.parametrize("user", USERS)
def test_every_user_gets_as_many_as_there_are(get: Get, index: Index, user: str) -> None:
    body = get(f"/v1/users/{quote(user, safe='')}/recommendations?n=500").json()
    assert len(body["items"]) == len(ITEMS) - len(index.seen[index.user(user)])
    assert body["user"] == user


def test_hostile_ids_come_back_as_they_are(get: Get) -> None:
    assert get(f"/v1/users/{HOSTILE_PATH}").json()["id"] == HOSTILE
    assert get(f"/v1/items/{HOSTILE_PATH}").json()["id"] == HOSTILE
    assert get(f"/v1/items/{HOSTILE_PATH}/similar?modality=text").json()["item"] == HOSTILE
    excluded = get(f"/v1/users/p:lonely/recommendations?n=500&exclude={HOSTILE_PATH}&exclude=p:i01").json()["items"]
    assert {HOSTILE, "p:i01"}.isdisjoint(entry["item"]["id"] for entry in excluded)
    assert len(excluded) == len(ITEMS) - 2


def test_an_id_may_look_like_a_route(get: Get) -> None:
    answer = get("/v1/users/p%2Frecommendations")
    assert (answer.status_code, answer.json()["detail"]) == (404, "no user 'p/recommendations'")


def test_search_finds_items_and_users(get: Get) -> None:
    assert [item["id"] for item in get("/v1/items?query=TOY story").json()["items"]] == ["p:i01"]
    assert [item["id"] for item in get("/v1/items?query=amelie").json()["items"]] == [HOSTILE]
    assert len(get("/v1/items?limit=7").json()["items"]) == 7
    assert [user["id"] for user in get("/v1/users?query=lonely").json()["users"]] == [LONELY]
    assert get("/v1/users?query=p:nobody").json() == {"users": []}


def test_a_user_page_has_the_history_newest_first(get: Get) -> None:
    body = get("/v1/users/p:u05?limit=4").json()
    assert (body["interactions"], len(body["history"])) == (6, 4)
    times = [event["at"] for event in body["history"]]
    assert times == sorted(times, reverse=True)
    assert {event["kind"] for event in body["history"]} == {"rated"}
    hidden = get(f"/v1/users/{HIDER}").json()["history"]
    assert [(event["kind"], event["value"], event["at"]) for event in hidden] == [("hidden", None, None)]
    assert get(f"/v1/users/{LONELY}").json()["history"] == []


@pytest.mark.parametrize("modality", ["text", "image", "graph", "crowd"])
def test_similar_items_leave_out_the_item_itself(get: Get, modality: str) -> None:
    body = get(f"/v1/items/p:i05/similar?modality={modality}&n=5").json()
    assert (body["item"], body["modality"]) == ("p:i05", modality)
    assert [entry["rank"] for entry in body["items"]] == list(range(1, len(body["items"]) + 1))
    assert "p:i05" not in {entry["item"]["id"] for entry in body["items"]}
    assert body["items"]


def test_models_lists_the_champion(get: Get) -> None:
    expected = {"name": "ease", "version": "7", "champion": True, "metrics": {"ndcg@10": 0.25}}
    assert get("/v1/models").json() == {"models": [expected]}


@pytest.mark.parametrize("path", ["/v1/health", "/health"])
def test_health_answers_without_an_index(path: str, tmp_path: Path) -> None:
    assert client(create_app(Settings(home=tmp_path)))(path).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/v1/ready", "/ready"])
def test_ready_tells_the_truth(path: str, get: Get, index: Index, tmp_path: Path) -> None:
    body = get(path).json()
    assert (body["ready"], body["index"], body["warning"]) == (True, index.version, "")
    missing = client(create_app(Settings(home=tmp_path)))(path)
    assert missing.status_code == 503
    assert "interlace train" in missing.json()["remedy"]


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/v1/users/p:nobody/recommendations", 404, "no user 'p:nobody'"),
        ("/v1/users/p:nobody", 404, "no user 'p:nobody'"),
        ("/v1/items/p:nothing", 404, "no item 'p:nothing'"),
        ("/v1/items/p:nothing/similar", 404, "no item 'p:nothing'"),
        ("/v1/items/p:i02/similar?modality=text", 200, None),
        ("/v1/items/p:i01/similar?modality=smell", 501, "no similarity by 'smell'"),
        ("/v1/users/p:u01/recommendations?n=0", 422, "query n: '0'"),
        ("/v1/users/p:u01/recommendations?n=501", 422, "query n: '501'"),
        ("/v1/users/p:u01/recommendations?n=ten", 422, "query n: 'ten'"),
        ("/v1/users/p:u01/recommendations?kind=book", 422, "no item has the kind 'book'"),
        ("/v1/users/p:u01/recommendations?explain=perhaps", 422, "query explain: 'perhaps'"),
        ("/v1/users/%FF", 422, "path id: '%FF'"),
        (f"/v1/users/{'x' * 5000}", 422, "path id: 'xxx"),
        (f"/v1/users?query={'x' * 500}", 422, "query query: 'xxx"),
        ("/v1/nothing", 404, "GET /v1/nothing"),
        ("/nothing.html", 404, "GET /nothing.html"),
        ("/__init__.py", 404, "GET /__init__.py"),
        ("/v1/graph/Item/p:i01", 503, "there is no graph store"),
    ],
)
def test_every_error_is_a_problem_that_names_the_value(get: Get, path: str, status: int, detail: str | None) -> None:
    answer = get(path)
    assert answer.status_code == status
    if detail is not None:
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert set(body) == {"type", "title", "status", "detail", "valid", "remedy"}
        assert body["status"] == status
        assert body["detail"].startswith(detail)
        assert body["remedy"]


def test_a_wrong_method_is_a_problem(get: Get) -> None:
    answer = get("/v1/users", method="POST", json={})
    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")
    assert answer.headers["allow"] == "GET"


def test_a_bug_is_a_problem_that_tells_nothing_inside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.routes.items.similar", lambda *_: 1 / 0)
    answer = client(create_app(Settings(home=home)))("/v1/items/p:i01/similar")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "division" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/v1/health", "/v1/nothing", "/", "/media/ab/abcdef012345.jpg"])
def test_security_headers_are_on_every_answer(get: Get, path: str) -> None:
    headers = get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_images_are_served_and_may_be_cached(get: Get) -> None:
    image = get("/v1/items/p:i00").json()["image"]
    answer = get(image)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/jpeg", b"\xff\xd8jpeg")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/media/ab/missing123.jpg",
        "/media/../secret.txt",
        "/media/%2e%2e/secret.txt",
        "/media/ab/..%2f..%2fsecret.txt",
        "/media/ab/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/media/..%2f/secret.txt",
        "/media/ab/abcdef012345.svg",
        "/media/ab/abcdef012345.jpg%00.png",
        "/media//etc/passwd",
        "/..%2fsecret.txt",
        "/%2e%2e/%2e%2e/app.py",
    ],
)
def test_no_path_escapes_the_media_folder(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace(path, "").replace("secret.txt", "")
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_page_is_served(get: Get) -> None:
    answer = get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_without_a_store_recommendations_come_and_say_why_no_reasons(get: Get) -> None:
    answer = get("/v1/users/p:u01/recommendations?explain=true")
    assert answer.status_code == 200
    assert answer.headers["x-interlace-reasons"] == "unavailable"
    body = answer.json()
    assert len(body["items"]) == 10
    assert "no graph store" in body["reasons"]["detail"]
    assert "interlace ingest" in body["reasons"]["remedy"]


def swapping(home: Path) -> tuple[Get, IndexHolder, list[float]]:
    """An application whose clock is moved by hand."""
    now = [0.0]
    app = create_app(Settings(home=home))
    holder = IndexHolder(home, clock=lambda: now[0])
    service: Service = app.api.state.service
    app.api.state.service = replace(service, holder=holder)
    return client(app), holder, now


def test_a_new_index_is_picked_up(home: Path, tmp_path: Path, snapshot, ease) -> None:
    publish(snapshot, ease, home=tmp_path, model=INFO)
    get, _, now = swapping(tmp_path)
    assert get("/v1/users/p:u01/recommendations").json()["model"]["version"] == "7"
    publish(snapshot, ease, home=tmp_path, model=replace(INFO, version="8"))
    assert get("/v1/users/p:u01/recommendations").json()["model"]["version"] == "7"
    now[0] += 1.1
    assert get("/v1/users/p:u01/recommendations").json()["model"]["version"] == "8"
    assert [model["version"] for model in get("/v1/models").json()["models"]] == ["8", "7"]


def test_a_damaged_new_index_leaves_the_old_one_answering(
    tmp_path: Path, snapshot, ease, caplog: pytest.LogCaptureFixture
) -> None:
    publish(snapshot, ease, home=tmp_path, model=INFO)
    get, _, now = swapping(tmp_path)
    assert get("/v1/ready").json()["warning"] == ""
    newer = publish(snapshot, ease, home=tmp_path, model=replace(INFO, version="8"))
    (newer / "popular.npy").unlink()
    now[0] += 1.1
    with caplog.at_level(logging.ERROR):
        body = get("/v1/ready").json()
    assert (body["ready"], body["model"]["version"]) == (True, "7")
    assert "popular.npy is missing" in body["warning"]
    assert "the old one stays" in caplog.text
    now[0] += 1.1
    assert get("/v1/users/p:u01/recommendations").status_code == 200


def test_an_only_index_that_is_damaged_is_a_conflict(tmp_path: Path, home: Path) -> None:
    shutil.copytree(home / FOLDER, tmp_path / FOLDER)
    next((tmp_path / FOLDER).glob(f"*/{MANIFEST}")).write_text("{")
    answer = client(create_app(Settings(home=tmp_path)))("/v1/users/p:u01/recommendations")
    assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")
    assert "publish it again" in answer.json()["remedy"]


def test_an_index_published_after_the_start_is_found(tmp_path: Path, snapshot, ease) -> None:
    get, _, now = swapping(tmp_path)
    assert get("/v1/items").status_code == 404
    publish(snapshot, ease, home=tmp_path, model=INFO)
    now[0] += 1.1
    assert get("/v1/items").status_code == 200


def test_scores_are_json_numbers(get: Get) -> None:
    for user in USERS[:5]:
        body = get(f"/v1/users/{quote(user, safe='')}/recommendations?n=50").content
        json.loads(body, parse_constant=pytest.fail)
