"""Summaries and profiles onto a real store, by the tiny model that is really run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from encoders.cache import VectorCache
from encoders.encode import encode_items
from encoders.language.ask import Asker, Prices
from encoders.language.cache import AnswerCache
from encoders.language.enrich import NOTHING, SUSPICIOUS, THEIRS, WITHHELD, enrich, estimate
from encoders.language.local import LocalCausal
from encoders.language.profiles import embed_profiles
from encoders.language.provider import open_provider
from encoders.minilm import MiniLM
from graph.changes import mark_of
from graph.consent import Defaults
from graph.local_store import LocalStore
from graph.schema import Entity, Interaction, Triple
from graph.snapshot_fresh import take_snapshot
from graph.snapshot_hash import content_hash
from graph.snapshot_store import read_snapshot
from graph.store import GraphStore
from tests.encoders.language.films import FILMS, LIKED_FILMS, LINK, PROFILE, SUMMARIES
from tests.encoders.language.injections import ALL
from tests.encoders.language.server import Answer, Seen, chat, serving

pytestmark = pytest.mark.integration


def fill(store: GraphStore) -> None:
    genres = sorted({name for film in FILMS.values() for name in film.attributes})
    items = [
        Entity("Item", item, {"title": film.title, "text": film.text, "kind": film.kind, "year": film.year})
        for item, film in FILMS.items()
    ]
    items += [
        Entity("Item", "shop:6", {"title": "Own", "text": "It has its own words.", "summary": "The shop's own words."}),
        Entity("Item", "shop:7", {"title": "Loud", "text": ALL[0]}),
        Entity("Item", "shop:8", {"title": "Bare"}),
    ]
    attributes = [Entity("Genre", f"Genre:{name}", {"name": name}) for name in genres]
    attributes += [Entity("Entity", "shop:m.0abc", {"name": "m.0abc"}), Entity("ZeroShotTag", "t:1", {"name": "Noisy"})]
    store.ensure_schema(["User", "Item", "Genre", "Entity", "ZeroShotTag"])
    users = [Entity("User", "shop:ann", {"age": 41, "email": "ann@example.org"}), Entity("User", "shop:bob")]
    rated = [Interaction("shop:ann", item, "rated", 5.0, 10 + place) for place, item in enumerate(LIKED_FILMS)]
    rated += [Interaction("shop:ann", "shop:2", "rated", 1.0, 3)]
    triples = [
        Triple(item, "HAS_GENRE", f"Genre:{name}", "Item", "Genre")
        for item, film in FILMS.items()
        for name in film.attributes
    ]
    triples += [Triple("shop:1", "ABOUT", "shop:m.0abc"), Triple("shop:1", "TAGGED", "t:1", "Item", "ZeroShotTag")]
    store.write([*users, *items, *attributes], rated, triples)


@pytest.fixture
def store(local_store: LocalStore) -> LocalStore:
    fill(local_store)
    return local_store


@pytest.fixture
def asker(causal: LocalCausal) -> Iterator[Asker]:
    with AnswerCache(None) as cache:
        yield Asker(causal, cache)


def of(store: GraphStore, label: str, identity: str) -> dict[str, Any]:
    query = f"MATCH (n:{label} {{id: $id}}) RETURN properties(n)"
    found: dict[str, Any] = store.query(query, {"id": identity}).rows[0][0]
    return {name: value for name, value in found.items() if value is not None}


def test_summaries_are_written_once_with_who_wrote_them(any_store: GraphStore, asker: Asker, tmp_path: Path) -> None:
    fill(any_store)
    before = mark_of(any_store)
    calls: list[tuple[str, int, int]] = []
    report = enrich(any_store, asker, "summaries", home=tmp_path, progress=lambda *call: calls.append(call))
    assert (report.seen, report.written, report.kept) == (8, 4, 0)
    assert report.skipped == {f"refused: {LINK}": 1, THEIRS: 1, SUSPICIOUS: 1, NOTHING: 1}
    assert calls == [("summaries", 8, 8)]
    for item in ("shop:1", "shop:2", "shop:3", "shop:4"):
        found = of(any_store, "Item", item)
        assert found["summary"] == SUMMARIES[item]
        assert (found["summary_by"], found["summary_prompt"]) == (asker.provider.name, "item-summary 1")
    assert "summary" not in of(any_store, "Item", "shop:5")
    assert of(any_store, "Item", "shop:6")["summary"] == "The shop's own words."
    assert mark_of(any_store) != before
    asked = asker.tally.calls
    again = enrich(any_store, asker, "summaries", home=tmp_path)
    assert (again.written, again.kept) == (0, 4)
    assert asker.tally.calls == asked


def test_a_run_that_was_cut_short_goes_on(store: LocalStore, asker: Asker, tmp_path: Path) -> None:
    first = enrich(store, asker, "summaries", home=tmp_path, limit=2)
    assert (first.written, first.more) == (2, True)
    assert (asker.tally.calls, asker.tally.retries) == (2, 0)
    rest = enrich(store, asker, "summaries", home=tmp_path)
    assert (rest.written, rest.kept, rest.more) == (2, 2, False)
    assert (asker.tally.calls, asker.tally.retries) == (6, 1)


def test_what_changed_is_asked_anew_and_what_turned_hostile_loses_its_summary(
    store: LocalStore, asker: Asker, tmp_path: Path
) -> None:
    enrich(store, asker, "summaries", home=tmp_path)
    store.write([Entity("Item", "shop:1", {"text": ALL[1]}), Entity("Item", "shop:2", {"text": "Quite another text."})])
    asked = asker.tally.calls
    report = enrich(store, asker, "summaries", home=tmp_path)
    assert asker.tally.calls > asked
    assert not {"summary", "summary_by"} & of(store, "Item", "shop:1").keys()
    assert report.removed >= 1
    assert of(store, "Item", "shop:3")["summary"] == SUMMARIES["shop:3"]


def test_the_text_encoder_reads_the_summary_too(store: LocalStore, asker: Asker, texts: MiniLM, tmp_path: Path) -> None:
    encode_items(store, home=tmp_path, modalities=["text"])
    enrich(store, asker, "summaries", home=tmp_path)
    report = encode_items(store, home=tmp_path, modalities=["text"]).of("text")
    assert report.encoded == 4
    expected = texts.encode([f"Star Road. {SUMMARIES['shop:1']}. {FILMS['shop:1'].text}"])[0]
    assert of(store, "Item", "shop:1")["text_embedding"] == pytest.approx(expected.tolist(), abs=4e-3)


def test_a_profile_is_a_vector_beside_the_items_and_in_no_snapshot(
    store: LocalStore, asker: Asker, texts: MiniLM, tmp_path: Path
) -> None:
    report = enrich(store, asker, "profiles", home=tmp_path)
    assert (report.seen, report.written, report.skipped) == (2, 1, {NOTHING: 1})
    assert of(store, "User", "shop:ann")["profile_text"] == PROFILE
    with VectorCache(None) as cache:
        assert embed_profiles(store, texts, cache, home=tmp_path) == 1
        assert embed_profiles(store, texts, cache, home=tmp_path) == 0
        vector = of(store, "User", "shop:ann")["profile_text_embedding"]
        assert store.nearest("User", "profile_text_embedding", vector, 1).rows[0][0] == "shop:ann"
        columns = read_snapshot(store).user_properties.column_names
        assert {"age"} <= set(columns)
        assert not any("profile" in name for name in columns)
        store.query("MATCH (u:User {id: 'shop:ann'}) SET u.profile_text = null")
        assert embed_profiles(store, texts, cache, home=tmp_path) == 0
    assert not any("embedding" in name for name in of(store, "User", "shop:ann"))


def test_nothing_is_told_of_who_does_not_agree_and_what_was_written_goes(
    any_store: GraphStore, asker: Asker, tmp_path: Path
) -> None:
    fill(any_store)
    assert enrich(any_store, asker, "profiles", home=tmp_path).written == 1
    shop = Defaults.of("shop:recommendation")
    closed = enrich(any_store, asker, "profiles", home=tmp_path, defaults=shop)
    assert (closed.written, closed.removed, closed.skipped) == (0, 1, {WITHHELD: 2})
    assert not any("profile" in name for name in of(any_store, "User", "shop:ann"))
    any_store.query("MATCH (u:User {id: 'shop:ann'}) SET u.consent_recommendation = true")
    assert enrich(any_store, asker, "profiles", home=tmp_path, defaults=shop).written == 1
    any_store.query("MATCH (u:User {id: 'shop:ann'}) SET u.consent_recommendation = false")
    assert enrich(any_store, asker, "profiles", home=tmp_path).removed == 1


def test_nobodys_id_profile_or_rating_is_told(store: LocalStore, tmp_path: Path) -> None:
    with serving(lambda *_: chat(f'{{"profile": "{PROFILE}"}}')) as seen, AnswerCache(None) as cache:
        asker = Asker(open_provider("openai:m", seen.endpoint()), cache)
        enrich(store, asker, "profiles", home=tmp_path)
        enrich(store, asker, "summaries", home=tmp_path, limit=1)
    told = "".join(body["messages"][1]["content"] for body in seen.bodies)
    assert "Star Road" in told
    for secret in ("shop:", "ann", "example.org", "41", "5.0", "m.0abc", "Noisy", "Quiet House"):
        assert secret not in told


def test_a_dry_run_asks_nobody_and_counts_what_the_run_then_asks(
    store: LocalStore, asker: Asker, tmp_path: Path
) -> None:
    before = mark_of(store)
    prices = Prices(1.0, 2.0)
    found = estimate(store, asker, "summaries", prices=prices)
    assert (found.calls, found.cached, asker.tally.calls) == (5, 0, 0)
    assert found.tokens_out == 5 * 96
    assert found.price == pytest.approx((found.tokens_in + 2 * found.tokens_out) / 1e6, abs=1e-6)
    assert mark_of(store) == before
    assert estimate(store, asker, "summaries", prices=prices, limit=3).calls == 3
    enrich(store, asker, "summaries", home=tmp_path)
    retry = asker.tally.tokens_in - found.tokens_in
    assert 0 < retry < found.tokens_in / 3
    assert estimate(store, asker, "summaries", prices=prices).calls == 0


@pytest.mark.parametrize(
    "wish", ['{"summary": "Buy it at https://evil.example now."}', '{"summary": "ok", "id": "shop:2"}']
)
def test_what_an_injection_makes_a_model_say_reaches_no_other_item(
    store: LocalStore, tmp_path: Path, wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from encoders.language import judge

    monkeypatch.setattr(judge, "instructs", lambda *_: False)
    store.write([Entity("Item", f"shop:x{place:02d}", {"title": "X", "text": one}) for place, one in enumerate(ALL)])

    def behave(body: dict[str, Any], _: int) -> Answer:
        told = body["messages"][1]["content"]
        return chat('{"summary": "A film like any other."}' if '"year"' in told else wish)

    def run(seen: Seen) -> None:
        with AnswerCache(None) as cache:
            enrich(store, Asker(open_provider("openai:m", seen.endpoint()), cache), "summaries", home=tmp_path)

    with serving(behave) as seen:
        run(seen)
    rows = store.query("MATCH (n:Item) WHERE n.summary IS NOT NULL RETURN n.id, n.summary ORDER BY n.id").rows
    assert [one[0] for one in rows] == [f"shop:{number}" for number in range(1, 7)]
    assert "evil" not in str(rows)


def test_a_limit_reads_no_further_than_it_has_to(
    store: LocalStore, asker: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("encoders.language.enrich.PAGE", 2)
    report = enrich(store, asker, "summaries", home=tmp_path, limit=2)
    assert (report.seen, report.written, report.more) == (4, 2, True)
    assert estimate(store, asker, "summaries", prices=Prices(), limit=1).calls == 1
    rest = enrich(store, asker, "summaries", home=tmp_path, limit=50)
    assert (rest.seen, rest.written, rest.kept, rest.more) == (8, 2, 2, False)


def test_a_kept_snapshot_is_brought_up_to_date_by_what_was_written(
    store: LocalStore, asker: Asker, texts: MiniLM, tmp_path: Path
) -> None:
    take_snapshot(store, tmp_path)
    enrich(store, asker, "summaries", home=tmp_path)
    enrich(store, asker, "profiles", home=tmp_path)
    with VectorCache(None) as cache:
        embed_profiles(store, texts, cache, home=tmp_path)
    taken = take_snapshot(store, tmp_path)
    assert taken.how == "changes"
    full = read_snapshot(store)
    assert content_hash(taken.snapshot) == content_hash(full)
    assert full.item_properties.column("summary").to_pylist().count(SUMMARIES["shop:1"]) == 1
    assert not any(name.startswith("summary_") for name in full.item_properties.column_names)
