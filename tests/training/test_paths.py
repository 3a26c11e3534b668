"""Path types of a hand-made graph."""

from __future__ import annotations

import numpy as np

from graph.snapshot import Triples
from training.data import SideInformation
from training.paths import paths

ITEMS = 4
DRAMA, ANN, BOB, PARIS = 4, 5, 6, 7


def side(rows: list[tuple[int, str, int]]) -> SideInformation:
    names = tuple(sorted({relation for _, relation, _ in rows}))
    head, tail = (np.array([row[end] for row in rows], np.int32) for end in (0, 2))
    relation = np.array([names.index(row[1]) for row in rows], np.int16)
    return SideInformation(8, names, Triples(head, relation, tail), np.empty((0, 2), np.int32))


def joined(rows: list[tuple[int, str, int]]) -> dict[str, set[tuple[int, int]]]:
    """Pairs of items by path type."""
    found = paths(side(rows), ITEMS)
    pairs = {}
    for kind, name in enumerate(found.names):
        part = found.items[:, found.kinds == kind]
        pairs[name] = {(i, j) for i, j in zip(*(part @ part.T).nonzero(), strict=True) if i < j}
    return pairs


def test_items_with_one_entity_are_joined_in_either_direction():
    rows = [(0, "genre", DRAMA), (1, "genre", DRAMA), (ANN, "made", 1), (ANN, "made", 2), (3, "genre", PARIS)]
    assert joined(rows) == {"genre": {(0, 1)}, "made": {(1, 2)}}


def test_two_steps_lead_over_an_entity_to_another():
    rows = [
        (0, "by", ANN),
        (1, "by", BOB),
        (ANN, "born", PARIS),
        (BOB, "born", PARIS),
        (2, "by", DRAMA),
        (3, "by", ANN),
    ]
    assert joined(rows) == {"by": {(0, 3)}, "by/born": {(0, 1), (0, 3), (1, 3)}}


def test_items_joined_with_items():
    assert joined([(0, "sequel", 1), (2, "sequel", 1)]) == {"sequel": {(0, 1), (0, 2), (1, 2)}}


def test_an_inverse_under_another_name_counts_once():
    rows = [(0, "genre", DRAMA), (1, "genre", DRAMA), (DRAMA, "films", 0), (DRAMA, "films", 1)]
    assert joined(rows) == {"films": {(0, 1)}}


def test_rows_are_of_unit_length_and_rare_entities_weigh_more():
    rows = [(item, "genre", DRAMA) for item in range(3)] + [(0, "by", ANN), (1, "by", ANN)]
    found = paths(side(rows), ITEMS)
    lengths = np.sqrt(np.asarray(found.items.multiply(found.items).sum(1)).ravel())
    assert np.allclose(lengths, [1, 1, 1, 0], atol=1e-6)
    drama, ann = (found.items[0, found.names.index(name)] for name in ("genre", "by"))
    assert np.isclose(ann / drama, np.log(5 / 2) / np.log(5 / 3))


def test_no_triples_no_paths():
    found = paths(side([(0, "genre", DRAMA)]), ITEMS)
    assert found.names == ()
    assert found.items.shape == (ITEMS, 0)
