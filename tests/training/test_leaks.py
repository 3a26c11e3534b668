"""Leak check: silent on clean data, and each planted leak is counted and named with its remedy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from graph.snapshot import EmbeddingTable, IdMap, Interactions, Snapshot, Triples
from tests.training.planted import planted_interactions, snapshot_of
from training.leaks import Leak, as_dicts, find_leaks, order_of
from training.prepare import Prepared, prepare
from training.split import How, split_of


@pytest.fixture(scope="module")
def snapshot(planted: Interactions) -> Snapshot:
    return snapshot_of(planted)


def parts(snapshot: Snapshot, how: How = "random") -> Prepared:
    return prepare(snapshot, split_of(snapshot, how=how, min_value=None, seed=42))


@pytest.fixture(scope="module")
def prepared(snapshot: Snapshot) -> Prepared:
    return parts(snapshot)


def with_column(table: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    return table.append_column(name, pa.array(values))


def only(leaks: tuple[Leak, ...]) -> Leak:
    assert len(leaks) == 1, [leak.text for leak in leaks]
    assert leaks[0].remedy
    return leaks[0]


@pytest.mark.parametrize("how", ["random", "last-out", "stable"])
def test_clean_data_has_no_leak(snapshot: Snapshot, how: How) -> None:
    assert find_leaks(snapshot, parts(snapshot, how), order=order_of(how)) == ()


def test_a_global_time_split_has_no_leak_of_time(snapshot: Snapshot) -> None:
    assert find_leaks(snapshot, parts(snapshot, "global-time"), order="global") == ()


def test_pairs_in_two_parts_are_counted(snapshot: Snapshot, prepared: Prepared) -> None:
    excluded = prepared.test.excluded.tolil()
    row, item = prepared.test.relevant.nonzero()
    excluded[row[:5], item[:5]] = 1
    broken = replace(prepared, test=replace(prepared.test, excluded=csr_matrix(excluded)))
    found = only(find_leaks(snapshot, broken))
    assert (found.name, found.count, found.of) == ("duplicates", 5, prepared.test.relevant.nnz)
    assert "5 of" in found.text
    assert "split again" in found.text


def test_a_random_split_that_claims_time_order_is_found_out(snapshot: Snapshot, prepared: Prepared) -> None:
    found = only(find_leaks(snapshot, prepared, order="user"))
    assert found.name == "time"
    assert found.count > 0.5 * found.of
    assert "last-out" in found.remedy
    assert find_leaks(snapshot, parts(snapshot, "last-out"), order="global")[0].count > 0


@pytest.mark.parametrize("backwards", [False, True])
def test_triples_that_hold_test_pairs_are_found(snapshot: Snapshot, prepared: Prepared, backwards: bool) -> None:
    row, item = prepared.test.relevant.nonzero()
    node = len(snapshot.items) + prepared.test.users[row]
    ends = (node, item) if backwards else (item, node)
    facts = Triples(ends[0].astype(np.int32), np.zeros(len(row), np.int16), ends[1].astype(np.int32))
    people = IdMap(tuple(f"Person:{name}" for name in snapshot.users.ids))
    told = replace(snapshot, entities=people, relations=("LIKED_BY",), triples=facts)
    found = only(find_leaks(told, prepared))
    assert (found.name, found.count) == ("features", prepared.test.relevant.nnz)
    assert "relation" in found.remedy
    colours = replace(told, entities=IdMap(tuple(f"Colour:{n}" for n in range(len(people)))))
    assert find_leaks(colours, prepared) == ()


def test_a_profile_that_names_test_items_is_found(snapshot: Snapshot, prepared: Prepared) -> None:
    names = [[] for _ in snapshot.users.ids]
    for row, item in zip(*prepared.test.relevant.nonzero(), strict=True):
        names[int(prepared.test.users[row])].append(snapshot.items.ids[item].partition(":")[2])
    told = replace(snapshot, user_properties=with_column(snapshot.user_properties, "favourites", names))
    found = only(find_leaks(told, prepared))
    assert found.count == prepared.test.relevant.nnz
    assert "'favourites'" in found.what


def test_an_item_column_that_names_its_users_is_found(snapshot: Snapshot, prepared: Prepared) -> None:
    names: list[str | None] = [None for _ in snapshot.items.ids]
    for row, item in zip(*prepared.test.relevant.nonzero(), strict=True):
        names[int(item)] = snapshot.users.ids[int(prepared.test.users[row])]
    told = replace(snapshot, item_properties=with_column(snapshot.item_properties, "buyer", names))
    assert "'buyer' of items names test users" in only(find_leaks(told, prepared)).what


def test_counts_that_include_the_test_are_found_and_those_of_train_are_not(
    snapshot: Snapshot, prepared: Prepared
) -> None:
    train = np.diff(prepared.data.matrix.indptr)
    total = np.bincount(snapshot.interactions.user, minlength=len(snapshot.users))
    clean = with_column(snapshot.user_properties, "clicks", train)
    assert find_leaks(replace(snapshot, user_properties=clean), prepared) == ()
    told = with_column(clean, "visits", total)
    found = only(find_leaks(replace(snapshot, user_properties=told), prepared))
    assert "'visits' of users is the number" in found.what
    assert found.count == int((total != train).sum())


def test_mean_ratings_that_include_the_test_are_found(snapshot: Snapshot, prepared: Prepared) -> None:
    rows = snapshot.interactions
    value = np.random.default_rng(0).integers(1, 6, len(rows)).astype(np.float32)
    rated = replace(snapshot, interactions=replace(rows, value=value))
    mean = np.bincount(rows.item, value) / np.bincount(rows.item)
    told = replace(rated, item_properties=with_column(rated.item_properties, "stars", np.round(mean, 2)))
    assert "'stars' of items is the mean value" in only(find_leaks(told, prepared)).what


def test_items_that_are_there_twice_are_found_across_parts(snapshot: Snapshot, prepared: Prepared) -> None:
    titles = [f"Film {n // 2}{'!' if n % 2 else ''}" for n in range(len(snapshot.items))]
    told = replace(snapshot, item_properties=with_column(snapshot.item_properties, "title", titles))
    found = only(find_leaks(told, prepared))
    seen, relevant = prepared.test.histories.matrix.toarray() > 0, prepared.test.relevant.toarray() > 0
    twin = np.arange(len(titles)) ^ 1
    assert found.count == int((relevant & seen[:, twin]).sum())
    assert found.name == "near-duplicates"
    other = with_column(told.item_properties, "year", [1990 + n for n in range(len(titles))])
    assert find_leaks(replace(told, item_properties=other), prepared) == (), "remakes are no twins"


def test_items_with_the_same_vector_are_found(snapshot: Snapshot, prepared: Prepared) -> None:
    vectors = np.repeat(np.random.default_rng(0).normal(size=(20, 8)), 2, axis=0).astype(np.float32)
    table = EmbeddingTable(vectors, np.ones(40, bool), "test", "1")
    assert "the same text vector" in only(find_leaks(snapshot.with_embeddings({"text": table}), prepared)).what
    absent = replace(table, present=np.zeros(40, bool))
    assert find_leaks(snapshot.with_embeddings({"text": absent}), prepared) == ()


def test_it_is_fast() -> None:
    snapshot = snapshot_of(planted_interactions(1000, 1000))
    prepared = parts(snapshot, "last-out")
    began = time.process_time()
    assert find_leaks(snapshot, prepared, order="user") == ()
    assert time.process_time() - began < 2.0, "250,000 interactions"


def test_json_has_every_field(snapshot: Snapshot, prepared: Prepared) -> None:
    found = as_dicts(find_leaks(snapshot, prepared, order="user"))
    assert set(found[0]) == {"name", "what", "count", "of", "unit", "remedy"}
