"""`bench cross-platform` and its parts on planted platforms, where it is known what should come out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData, NotFound
from graph.snapshot import SameItems, Snapshot, no_same_items
from graph.snapshot_read import read_folder
from tests.training.cross.planted import write_paired
from training.bench_cross import bench_cross
from training.cross.data import Pair, pair_of, people_of, platforms
from training.cross.joint import Shared
from training.cross.kernel import Kernel, KernelConfig
from training.cross.mapped import Mapped, MappedConfig
from training.cross.members import Member
from training.cross.switch import LEAST_USERS, Switched, Weighted, learn_switched
from training.data import UserBatch
from training.evaluate import evaluate
from training.models.ease import EASE, EASEConfig
from training.zoo import find


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return read_folder(write_paired(tmp_path_factory.mktemp("paired")))


@pytest.fixture(scope="module")
def pair(folder):
    return pair_of(folder, "small")


def test_the_reader_finds_both_platforms_their_people_and_the_negatives(folder):
    assert platforms(folder) == ("big", "small")
    assert len(folder.snapshot.users) == 600
    assert len(set(folder.snapshot.identities.values())) == 300
    assert {len(items) for items in folder.negatives.values()} == {30}
    assert folder.refused == 0


def test_a_pair_keeps_the_other_platforms_test_part_unread(folder, pair):
    big = pair_of(folder, "big")
    held = big.alone.test.relevant
    of_source = pair.source.matrix
    assert pair.linked == 300
    assert of_source.shape[1] == big.num_items
    # Rows of both are people in one order; nothing of `big`'s test is among what `small` sees.
    assert of_source[big.alone.test.users].multiply(held).nnz == 0


def test_joint_rows_hold_what_is_known_here_and_elsewhere(pair):
    joint = pair.lift(pair.alone.data)
    here, there = pair.alone.data.matrix, pair.source.matrix
    assert (joint.matrix[:, : pair.num_items] != here).nnz == 0
    assert (joint.matrix[:, pair.num_items :] != there).nnz == 0
    assert joint.validation.candidates.shape[1] == joint.num_items == pair.num_items + pair.source.num_items


def test_what_is_not_certain_is_as_likely_as_its_links(folder):
    snapshot = folder.snapshot
    place = snapshot.users.positions
    doubts = {place["small:7"]: 0.5, place["big:7"]: 0.8, place["big:9"]: 0.4}
    items = snapshot.items.positions
    same = SameItems(np.array([sorted((items["big:3"], items["small:3"]))], np.int32), np.array([0.9], np.float32))
    pair = pair_of(replace(folder, snapshot=replace(snapshot, doubts=doubts, same_items=same)), "small")
    certain = pair_of(folder, "small")
    share = pair.source.expected.sum(1) / certain.source.matrix.sum(1)
    people = people_of(snapshot)[0]
    likely = {people[place["big:7"]]: 0.4, people[place["big:9"]]: 0.4}
    np.testing.assert_allclose(share.A1, [likely.get(one, 1) for one in range(300)], rtol=1e-5)
    met = certain.source.matrix[:, certain_place(certain, "big:3", snapshot)].toarray().ravel()
    joint = pair.lift(pair.alone.data).histories.expected[:, certain_place(certain, "small:3", snapshot)].toarray()
    own = certain.alone.data.matrix[:, certain_place(certain, "small:3", snapshot)].toarray()
    expected = np.maximum(own.ravel(), 0.9 * met * [likely.get(one, 1) for one in range(300)])
    np.testing.assert_allclose(joint.ravel(), expected, rtol=1e-5)


def certain_place(pair: Pair, item: str, snapshot: Snapshot) -> int:
    """An item's place among those of its platform."""
    platform = item.partition(":")[0]
    return [name for name in snapshot.items.ids if name.startswith(f"{platform}:")].index(item)


@pytest.mark.parametrize("source_weight", [0.0, 1.0])
def test_the_kernel_reads_shared_items_and_doubts(folder, source_weight):
    """A person who met on the other platform what is an item here too is drawn to what goes with it here."""
    snapshot, items = folder.snapshot, folder.snapshot.items.positions
    pairs = np.array([sorted((items[f"big:{one}"], items[f"small:{one}"])) for one in range(60)], np.int32)
    order = np.lexsort(pairs.T[::-1])
    found = {}
    for name, probability in (("none", 0.0), ("all", 1.0)):
        same = SameItems(pairs[order], np.full(60, probability, np.float32)) if probability else no_same_items()
        pair = pair_of(replace(folder, snapshot=replace(snapshot, same_items=same)), "small")
        model = Kernel(KernelConfig(source_weight=source_weight), pair.source, pair.twins).fit(pair.alone.data)
        found[name] = evaluate(model, pair.alone.data.validation, ks=(10,)).metrics["ndcg@10"]
    assert (found["all"] > found["none"]) == bool(source_weight), found


def test_the_kernel_alone_is_ease_over_people(pair):
    data = pair.alone.data
    config = KernelConfig(regularization=2.0, user_power=0.0, item_power=0.0)
    kernel = Kernel(config, pair.source).fit(data)
    regularization = 2.0 * data.matrix.nnz / data.num_users  # in units of the mean diagonal
    ease = EASE(EASEConfig(regularization=regularization)).fit(data)
    batch = UserBatch(np.arange(data.num_users), data.histories)
    unmet = data.matrix.toarray() == 0
    mine, theirs = kernel.score(batch), ease.score(batch)
    np.testing.assert_allclose(mine[unmet], theirs[unmet], atol=2e-4)


@pytest.mark.parametrize("make", ["kernel", "mapped", "personal", "shared"])
def test_each_method_is_better_than_popularity_for_people_with_nothing_here(pair, make):
    data = pair.alone.data
    if make == "kernel":
        model = Kernel(KernelConfig(source_weight=1.0), pair.source).fit(data)
    elif make == "shared":
        model = Shared(find("ials").build().fit(pair.lift(data)), pair)
    else:
        model = Mapped(MappedConfig(personal=make == "personal", embedding_size=8), pair.source).fit(data)
    empty = type(data.histories)(
        np.zeros(data.num_users + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), data.num_items
    )
    test = pair.alone.test
    test = replace(test, histories=empty.take(test.users))
    popular = find("popularity").build().fit(data)
    assert evaluate(model, test, ks=(10,)).metrics["hr@10"] > evaluate(popular, test, ks=(10,)).metrics["hr@10"] + 0.05


def test_the_other_platform_helps_where_taste_is_shared(tmp_path):
    result = bench_cross(write_paired(tmp_path / "a"), model="ease", targets=["small"], refit=True, budget=20)
    found = result.targets["small"]
    assert found.metrics["ndcg@10"] > found.without["ndcg@10"]
    assert found.differences["ndcg@10"]["p_value"] < 0.05
    assert found.newcomers["metrics"]["hr@10"] > found.newcomers["popularity"]["hr@10"]
    assert set(result.as_dict()["targets"]) == {"small"}


def test_transfer_that_harms_is_switched_off(tmp_path):
    result = bench_cross(write_paired(tmp_path / "b", shared=False), model="ease", targets=["small"], newcomers=False)
    found = result.targets["small"]
    assert not all(group["on"] for group in found.groups)
    assert found.metrics["ndcg@10"] >= found.without["ndcg@10"] - 0.05


def test_transfer_is_on_for_the_groups_it_helps_alone(pair):
    """It knows what those with much elsewhere want, misleads those with little, and says nothing of the rest."""
    held_out = pair.alone.data.validation
    there = np.zeros(300, np.int64)
    there[50:130], there[130:] = 3, 30
    wanted = np.zeros((300, pair.num_items), np.float32)
    wanted[held_out.users] = held_out.relevant.toarray()
    noise = np.random.default_rng(0).random(wanted.shape).astype(np.float32)

    class Fixed:
        def __init__(self, name, scores):
            self.name, self.scores = name, scores

        def score(self, users):
            return self.scores[users.index]

    helps = np.where(there == 30, 1.0, -0.5)[:, None].astype(np.float32)
    across = Fixed("across", noise + helps * wanted)
    across.scores[there == 0] = noise[there == 0]
    alone = Fixed("alone", noise + 0.3 * wanted)
    members = [Member(one.name, one, lambda: None, "", one is across, 0.0) for one in (alone, across)]
    learned = learn_switched(members, held_out, there)
    judged = {(group["elsewhere"], group["on"]) for group in learned.groups if group["users"] >= LEAST_USERS}
    assert ("30 and more", True) in judged
    assert ("30 and more", False) not in judged
    assert not any(group["on"] for group in learned.groups if group["elsewhere"] == "0")
    batch = held_out.batch(slice(None))
    scores = learned.switched.score(batch)
    off = there[batch.index] == 0
    np.testing.assert_allclose(scores[off], learned.alone.score(batch)[off], rtol=1e-5)


def test_a_switch_gives_each_group_its_own_blend(pair):
    class Constant:
        def __init__(self, value):
            self.value = value

        def score(self, users):
            scores = np.zeros((len(users), users.histories.num_items), np.float32)
            scores[:, self.value] = 1
            return scores

    known = pair.alone.data.histories
    lengths = np.diff(known.indptr)
    bound = int(np.median(lengths)) or 1
    switch = Switched(
        Weighted((Constant(0),), (1.0,)), Weighted((Constant(1),), (1.0,)), (1, bound + 1), (True, True, False)
    )
    best = switch.score(UserBatch(np.arange(len(known)), known)).argmax(1)
    np.testing.assert_array_equal(best, np.where(lengths > bound, 0, 1))


def test_what_is_not_there_is_refused(folder, tmp_path):
    with pytest.raises(NotFound, match="no platform 'huge'"):
        pair_of(folder, "huge")
    with pytest.raises(InvalidData, match="no method"):
        bench_cross(tmp_path, methods=["telepathy"])
