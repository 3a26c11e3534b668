"""Fellegi and Sunter's model of linkage by splink on DuckDB: weights learned by EM, without a label.

Fellegi and Sunter 1969, «A Theory for Record Linkage»: a pair's weight is the sum over columns of
log2 P(agreement | same) / P(agreement | not). How often different records agree (u) comes of random pairs, how often
the same do (m) of EM on pairs that agree in some columns, in turn; rare values weigh more (term frequencies).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graph.errors import InvalidData, Unsupported
from graph.link.records import PEOPLE

MOST_PAIRS = 20_000_000
"""That a blocking rule may bring: one that brings more is left out."""
RANDOM_PAIRS = 2_000_000.0
ROUNDS = 2
"""Predictions: the second with the share of matches that the first found."""
SETTLE = 10
FLOOR = 0.02
"""Pairs less likely than this are not kept."""

_PEOPLE_BLOCKS: tuple[tuple[str, ...], ...] = (
    ("email_hash",), ("name", "birth_year"), ("name", "town"), ("surname", "birth_year"), ("first_name", "birth_year"),
    ("substr(surname, 1, 3)", "town"), ("first_name", "town"), ("name",), ("postcode", "substr(surname, 1, 2)"),
)  # fmt: skip
_ITEM_BLOCKS: tuple[tuple[str, ...], ...] = (
    ("title",), ("title_words",), ("substr(title, 1, 6)",), ("substr(title_words, 1, 5)", "year"),
    ("substr(title, 1, 3)", "year"), ("split_part(title, ' ', -1)", "year"), ("maker", "substr(title, 1, 3)"),
)  # fmt: skip
_PEOPLE_EM: tuple[tuple[str, ...], ...] = (
    ("email_hash",), ("name", "birth_year"), ("birth_year", "town"), ("name",), ("postcode",)
)  # fmt: skip
_ITEM_EM: tuple[tuple[str, ...], ...] = (("title",), ("year",), ("maker", "year"))
_COMPARED = {
    PEOPLE: frozenset({"surname", "email_hash", "birth_year", "town", "postcode", "gender"}),
    "items": frozenset({"title", "year", "maker", "embedding"}),
}
"""Columns that are compared."""
_SURE = {
    PEOPLE: (("email_hash", "birth_year"), ("name", "birth_year", "town"), ("email_hash", "surname")),
    "items": (("title", "year"), ("title", "maker")),
}


@dataclass(frozen=True)
class Linked:
    """`pairs`: `id_l`, `id_r`, `probability`, `weight` and a `bf_`/`gamma_` column a comparison. `settings`: learned.

    `blocks`: the rules that brought the pairs. `linker` draws charts.
    """

    pairs: pd.DataFrame
    settings: Mapping[str, Any]
    blocks: tuple[str, ...]
    linker: Any


def link(frame: pd.DataFrame, what: str, *, seed: int = 42, within: bool = True) -> Linked:
    """Every likely pair of the records, with its probability. `within`: pairs of one platform are compared too.

    Errors: `Unsupported` where splink is not installed, `InvalidData` where nothing can be blocked.
    """
    try:
        from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    except ImportError as error:
        raise Unsupported("linkage needs splink", valid="splink 4", remedy="pip install 'interlace[link]'") from error
    blocks = blocking(frame, what)
    if not blocks:
        raise InvalidData(
            "no columns bring few enough pairs to compare",
            valid=f"columns whose values are shared by few, at most {MOST_PAIRS:,} pairs",
            remedy="ingest names, e-mail hashes, birth years or titles",
        )
    compared = comparisons(frame, what)
    if len(compared) < 2:
        raise InvalidData(
            f"{what} have one column alone to compare: how sure a link is cannot be learned from it",
            valid="two or more, such as title and year, title and text embedding, name and birth year",
            remedy="ingest years or run `interlace encode` first",
        )
    tables = [part.drop(columns="platform") for _, part in frame.groupby("platform", sort=True)]
    names = sorted(frame.platform.unique())
    kind = "dedupe_only" if len(tables) == 1 else "link_and_dedupe" if within else "link_only"
    settings = SettingsCreator(
        link_type=kind,
        unique_id_column_name="id",
        comparisons=compared,
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in blocks],
        retain_intermediate_calculation_columns=True,
        retain_matching_columns=True,
    )
    with _quiet():
        linker = Linker(tables, settings, DuckDBAPI(), set_up_basic_logging=False, input_table_aliases=names)
        _train(linker, frame, what, seed, block_on)
        learned = _without_matches(linker.misc.save_model_to_json())
        for _ in range(ROUNDS):
            linker = Linker(tables, learned, DuckDBAPI(), set_up_basic_logging=False, input_table_aliases=names)
            pairs = linker.inference.predict(threshold_match_probability=FLOOR).as_pandas_dataframe()
            linker_prior = learned["probability_two_random_records_match"]
            share = float(pairs.match_probability.sum()) / _all_pairs(frame, within=within)
            learned["probability_two_random_records_match"] = min(0.5, max(share, 1e-9))
    pairs = pairs.rename(columns={"match_probability": "probability", "match_weight": "weight"})
    pairs = _by_platforms(pairs, frame, float(linker_prior))
    pairs = pairs.sort_values(["probability", "id_l", "id_r"], ascending=[False, True, True], ignore_index=True)
    return Linked(pairs, learned, tuple(" and ".join(rule) for rule in blocks), linker)


def _train(linker: Any, frame: pd.DataFrame, what: str, seed: int, block_on: Any) -> None:
    sure = [rule for rule in _SURE[what] if {*rule} <= {*frame.columns}]
    if sure:
        linker.training.estimate_probability_two_random_records_match([block_on(*rule) for rule in sure], recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=seed)
    compared = {*frame.columns} & _COMPARED[what]
    for rule in _PEOPLE_EM if what == PEOPLE else _ITEM_EM:
        # A rule teaches what it does not itself demand: one that demands everything teaches nothing.
        teaches = compared - {"surname" if column == "name" else column for column in columns_of(rule)}
        if teaches and columns_of(rule) <= {*frame.columns} and 0 < pairs_of(frame, rule) <= MOST_PAIRS:
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))


def _without_matches(learned: dict[str, Any]) -> dict[str, Any]:
    """The model with u of pairs that differ: random pairs hold a few that do not, which is much where values are rare.

    u = (u of random pairs - prior m) / (1 - prior), at least a hundredth of what was measured.
    """
    prior = learned["probability_two_random_records_match"]
    for comparison in learned["comparisons"]:
        for level in comparison["comparison_levels"]:
            m, u = level.get("m_probability"), level.get("u_probability")
            if m is not None and u is not None:
                level["u_probability"] = max((u - prior * m) / (1 - prior), u / 100)
    return learned


def _by_platforms(pairs: pd.DataFrame, frame: pd.DataFrame, prior: float) -> pd.DataFrame:
    """Probabilities with a prior of its own for pairs across platforms and for pairs within one, where few are the
    same. `prior_weight` is that of each pair, in bits.
    """
    within = (pairs.id_l.str.partition(":")[0] == pairs.id_r.str.partition(":")[0]).to_numpy(bool)
    every, across = _all_pairs(frame, within=True), _all_pairs(frame, within=False)
    evidence = pairs.weight.to_numpy(float) - _bits(prior)
    found = pairs.probability.to_numpy(float)
    weights = np.zeros(len(pairs))
    for _ in range(SETTLE):
        for rows, number in ((within, every - across), (~within, across)):
            share = max(float(found[rows].sum()), 0.5) / max(1, number)
            weights[rows] = _bits(min(0.5, share))
        found = 1 / (1 + 2.0 ** -np.clip(evidence + weights, -60, 60))
    return pairs.assign(probability=found, weight=evidence + weights, prior_weight=weights)


def _bits(probability: float) -> float:
    return float(np.log2(probability / (1 - probability)))


def _all_pairs(frame: pd.DataFrame, *, within: bool) -> int:
    """That may be compared at all."""
    sizes = frame.groupby("platform").size()
    inside = int((sizes * (sizes - 1) // 2).sum())
    every = len(frame) * (len(frame) - 1) // 2
    return max(1, every if within or len(sizes) == 1 else every - inside)


def blocking(frame: pd.DataFrame, what: str) -> list[tuple[str, ...]]:
    """The rules whose columns are there and that do not bring too many pairs."""
    rules = _PEOPLE_BLOCKS if what == PEOPLE else _ITEM_BLOCKS
    return [rule for rule in rules if columns_of(rule) <= {*frame.columns} and 0 < pairs_of(frame, rule) <= MOST_PAIRS]


def columns_of(rule: Sequence[str]) -> set[str]:
    """`substr(surname, 1, 3)` -> `surname`."""
    return {part.partition("(")[2].partition(",")[0] if "(" in part else part for part in rule}


def pairs_of(frame: pd.DataFrame, rule: Sequence[str]) -> int:
    """Pairs that agree in all of a rule's parts."""
    keys = pd.DataFrame({part: _key(frame, part) for part in rule}).dropna()
    sizes = keys.groupby(list(keys.columns)).size()
    return int((sizes * (sizes - 1) // 2).sum())


def _key(frame: pd.DataFrame, part: str) -> pd.Series[Any]:
    if part.startswith("substr("):
        column, start, length = part[len("substr(") : -1].split(", ")
        return frame[column].astype("string").str[int(start) - 1 : int(start) - 1 + int(length)]
    if part.startswith("split_part("):
        return frame[part.partition("(")[2].partition(",")[0]].astype("string").str.split(" ").str[-1]
    return frame[part]


def comparisons(frame: pd.DataFrame, what: str) -> list[Any]:
    """One for each column that is there, and how alike counts as what."""
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    def near(column: str, within: int) -> Any:
        levels = [cll.NullLevel(column), cll.ExactMatchLevel(column)]
        levels.append(cll.CustomLevel(f"abs({column}_l - {column}_r) <= {within}", f"within {within}"))
        return cl.CustomComparison([*levels, cll.ElseLevel()], output_column_name=column)

    if what == PEOPLE:
        name = cl.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="name")
        known: dict[str, Any] = {
            "surname": name,
            "email_hash": cl.ExactMatch("email_hash"),
            "birth_year": near("birth_year", 1),
            "town": cl.JaroWinklerAtThresholds("town", [0.9]),
            "postcode": cl.LevenshteinAtThresholds("postcode", [1]),
            "gender": cl.ExactMatch("gender"),
        }
        if not {"first_name", "name"} <= {*frame.columns}:
            known["surname"] = cl.NameComparison("surname")
        rare = ("town",)
    else:
        known = {
            "title": _title(cl, cll),
            "year": near("year", 1),
            "maker": cl.JaroWinklerAtThresholds("maker", [0.9]),
            "embedding": _cosine(cl, cll),
        }
        rare = ("maker",)
    for column in rare:
        known[column] = known[column].configure(term_frequency_adjustments=True)
    return [one for column, one in known.items() if column in frame.columns]


def _title(cl: Any, cll: Any) -> Any:
    short, long = "title_l", "title_r"
    begins = f"(starts_with({long}, {short} || ' ') or starts_with({short}, {long} || ' '))"
    return cl.CustomComparison(
        [
            cll.NullLevel("title"),
            cll.ExactMatchLevel("title", term_frequency_adjustments=True),
            cll.CustomLevel("title_words_l = title_words_r", "same words"),
            cll.JaroWinklerLevel("title", 0.96),
            cll.CustomLevel(begins, "one begins with the other"),
            cll.JaroWinklerLevel("title", 0.9),
            cll.JaroWinklerLevel("title_words", 0.9),
            cll.ElseLevel(),
        ],
        output_column_name="title",
    )


def _cosine(cl: Any, cll: Any) -> Any:
    like = "list_cosine_similarity(embedding_l, embedding_r)"
    levels = [cll.CustomLevel(f"{like} >= {at}", f"cosine at least {at}") for at in (0.95, 0.85, 0.7)]
    return cl.CustomComparison([cll.NullLevel("embedding"), *levels, cll.ElseLevel()], output_column_name="embedding")


@contextmanager
def _quiet() -> Iterator[None]:
    """splink says what it does at length."""
    log = logging.getLogger("splink")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
