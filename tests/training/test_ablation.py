"""What a part of the side information brings: members that read it are fitted again without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.snapshot_read import read_folder
from training.ablation import ablate, parts_of, without
from training.auto import fit_auto
from training.tasks import TASKS, task_data

USERS, GENRES, ITEMS = 60, 30, 300


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two users like each genre of ten items: little that one met says what the other will, its genre says all."""
    folder = tmp_path_factory.mktemp("genres")
    rng = np.random.default_rng(7)
    rows = ["user,item,time"]
    for user in range(USERS):
        mine = np.arange(user % GENRES, ITEMS, GENRES)
        rows += [f"u{user},i{item},{place}" for place, item in enumerate(rng.choice(mine, 8, replace=False))]
    (folder / "interactions.csv").write_text("\n".join(rows) + "\n")
    triples = ["head,relation,tail", *(f"i{item},genre,g{item % GENRES}" for item in range(ITEMS))]
    (folder / "triples.csv").write_text("\n".join(triples) + "\n")
    return task_data(TASKS["top-n"], read_folder(folder)).prepared.data


@pytest.fixture(scope="module")
def auto(data):
    return fit_auto(data, names=("popularity", "item-knn", "content-graph"), ablation=True)


def test_the_graph_brings_what_only_it_knows(auto):
    graph = auto.brings["triples"]
    assert graph["difference"] > 0
    assert graph["low"] <= graph["difference"] <= graph["high"]
    assert graph["p_value"] < 0.05


def test_a_part_that_no_member_reads_is_left_out(data):
    plain = fit_auto(data, names=("popularity", "item-knn"))
    assert list(parts_of(data.side)) == ["triples"]
    assert ablate(plain.recommender, data, data.validation) == {}


def test_members_that_need_the_part_leave_and_the_others_stay_as_they_are(auto, data):
    rest = without(auto.recommender, data, data.validation, "triples")
    assert "content-graph" not in [member.name for member in rest.config.members]
    kept = {member.name: member for member in auto.recommender.members}
    assert all(member is kept[member.name] for member in rest.members)
    assert sum(rest.weights) == pytest.approx(1.0)


def test_without_anything_left_it_is_popularity(data):
    only = fit_auto(data, names=("content-graph",))
    assert without(only.recommender, data, data.validation, "triples").name == "popularity"


def test_the_same_seed_gives_the_same_table(auto, data):
    again = ablate(auto.recommender, replace(data), data.validation)
    assert again == {"triples": auto.brings["triples"]}
