"""Which columns are a profile, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from training.profiles import FEW, GROUPS, profile_features


def test_numbers_are_cut_into_groups_and_words_counted():
    users = 80
    table = pa.table(
        {
            "id": [str(user) for user in range(users)],
            "age": [str(20 + user) for user in range(users)],
            "gender": ["F" if user % 4 else "M" for user in range(users)],
            "children": [user % 3 if user else None for user in range(users)],
            "name": [f"person {user}" for user in range(users)],
            "rare": ["one of a kind" if user == 5 else None for user in range(users)],
        }
    )
    found = profile_features(table, users).toarray()
    assert found.shape[1] == GROUPS + 2 + 3, "neither ids nor names nor what one person alone has"
    ages, gender, children = found[:, :GROUPS], found[:, GROUPS : GROUPS + 2], found[:, GROUPS + 2 :]
    assert (ages.sum(1) == 1).all()
    assert np.ptp(ages.sum(0)) <= 1, "groups of equal size"
    assert sorted(gender.sum(0)) == [20, 60]
    assert children[0].sum() == 0, "what is not known is no feature"
    assert FEW > 3


def test_nothing_known_is_no_columns():
    assert profile_features(pa.table({"id": ["a", "b"]}), 2).shape == (2, 0)
