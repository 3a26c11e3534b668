"""Model cards, written by the code: what a model is, what it learned from, how good it is and for whom.

After Mitchell et al. 2019, «Model Cards for Model Reporting». Stored as `model_card.md` with the run, and as the
description of the registered version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.blend import NAME as BLEND
from training.evaluate import Evaluation
from training.metrics import TARGET
from training.model_files import ModelCard
from training.resample import mean_with_interval
from training.zoo import ZOO

FILE = "model_card.md"
LONGEST = 5_000
"""Characters that MLflow's registry keeps of a description."""
SHOWN = ("ndcg@10", "recall@10", "hr@10", "mrr@10")
CATALOGUE = ("coverage@10", "gini@10", "novelty@10")


def model_card(
    card: ModelCard,
    report: Mapping[str, Any],
    *,
    evaluation: Evaluation,
    popularity: Evaluation,
    dataset: str,
    sizes: Mapping[str, Any],
) -> str:
    """Markdown. Intervals are 95%, by bootstrap over users."""
    parts = (
        (f"# {dataset}: {card.model}", _what(card)),
        ("## Data", _data(card, dataset, sizes)),
        *((("## What interactions count", _feedback(card)),) if card.feedback else ()),
        ("## Figures on the test part", _figures(card, evaluation, popularity)),
        ("## Beside accuracy", _beside(evaluation, report)),
        ("## By group", _groups(report)),
        ("## Privacy", _privacy(card)),
        ("## Intended use and limits", _limits(card, report, evaluation)),
    )
    return "\n\n".join(f"{title}\n\n" + "\n".join(lines) for title, lines in parts) + "\n"


def with_section(text: str, title: str, body: str) -> str:
    """A card with one more section, or with this one in place of that of the same title."""
    before, _, rest = text.partition(f"{title}\n")
    after = rest[rest.index("\n## ") + 1 :] if "\n## " in rest else ""
    return f"{before.rstrip()}\n\n{title}\n\n{body}\n" + (f"\n{after}" if after else "")


def description(text: str) -> str:
    """As much of a card as the registry keeps."""
    note = f"\n\n… the rest: {FILE} of the run"
    return text if len(text) <= LONGEST else text[: LONGEST - len(note)].rpartition("\n")[0] + note


def _what(card: ModelCard) -> Iterator[str]:
    if card.model == BLEND:
        yield "A blend: standardised scores of its members, weighted. Weights were learned on validation."
        yield ""
        yield from (f"- {one['weight']:.2f} **{one['name']}**: {_about(one['name'])}; {_settings(one['settings'])}"
                    for one in card.settings["members"])  # fmt: skip
    else:
        yield f"**{card.model}**: {_about(card.model)}; {_settings(card.settings)}"
    yield ""
    yield f"Chosen by validation: {card.chosen}"


def _about(name: str) -> str:
    return ZOO[name].about if name in ZOO else "not in this version's zoo"


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None) or "no settings"


def _data(card: ModelCard, dataset: str, sizes: Mapping[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{sizes[name]:,} {name}" for name in ("users", "items", "interactions", "triples"))
    yield f"- data set `{dataset}`, snapshot `{card.snapshot[:12]}`: {counts}"
    if sizes["embeddings"]:
        yield "- items with vectors: " + ", ".join(f"{name} {n:,}" for name, n in sizes["embeddings"].items())
    yield f"- split: {card.split}; fitted on train, chosen on validation, test read once"
    if card.refitted:
        yield "- what serves was fitted once more, on everything, with the same settings and weights"
    for leak in card.leaks:
        yield f"- **leak check, {leak['name']}**: {leak['what']} ({leak['count']:,} of {leak['of']:,} {leak['unit']})"


def _feedback(card: ModelCard) -> Iterator[str]:
    yield ("Learned on train, of what each kind and value says of likings that were hidden; 1: as a liking does on "
           "average, below 0: against items like it. A refit learns them anew.")  # fmt: skip
    for name, told in card.feedback.items():
        yield ""
        yield f"| {name} | counts |"
        yield "|---|---|"
        yield from (f"| {what} | {weight:+.2f} |" for what, weight in told["weights"].items())
        if "difference" in told:
            stands = "they stand" if told["learned"] else "so likings alone count"
            yield ""
            yield (f"Against likings alone, on users they were not learned from: {TARGET} {told['difference']:+.4f} "
                   f"[{told['low']:+.4f}, {told['high']:+.4f}], p = {told['p_value']:.4f}; {stands}.")  # fmt: skip


def _figures(card: ModelCard, evaluation: Evaluation, popularity: Evaluation) -> Iterator[str]:
    names = [name for name in SHOWN if name in evaluation.per_user]
    yield f"| {len(evaluation.users):,} users, the whole catalogue ranked | " + " | ".join(names) + " |"
    yield "|---|" + "---|" * len(names)
    for label, one in ((card.model, evaluation), ("popularity", popularity)):
        yield f"| {label} | " + " | ".join(_interval(one.per_user[name]) for name in names) + " |"
    found = card.beats_popularity
    if found:
        yield ""
        yield (f"Against popularity, user by user: {TARGET} {found['difference']:+.4f} "
               f"[{found['low']:+.4f}, {found['high']:+.4f}], p = {found['p_value']:.4f}.")  # fmt: skip
    if card.comparisons:
        yield ""
        yield "| against what was fitted beside it | difference | 95% interval | p, Holm-corrected |"
        yield "|---|---|---|---|"
        for name, test in card.comparisons.items():
            yield (f"| {name} | {test['difference']:+.4f} | [{test['low']:+.4f}, {test['high']:+.4f}] "
                   f"| {test['adjusted']:.4f} |")  # fmt: skip


def _interval(values: NDArray[np.float64]) -> str:
    value, low, high = mean_with_interval(values)
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def _beside(evaluation: Evaluation, report: Mapping[str, Any]) -> Iterator[str]:
    yield "| measure | value |"
    yield "|---|---|"
    yield from (f"| {name} | {evaluation.metrics[name]:.4f} |" for name in CATALOGUE if name in evaluation.metrics)
    yield from (f"| intra-list diversity by {name} | {_with(one)} |" for name, one in report["diversity"].items())
    if report["calibration"]:
        yield f"| miscalibration (KL by {report['calibration']['relation']}) | {_with(report['calibration'])} |"
    yield f"| popularity lift (0: lists as popular as histories) | {report['popularity']['lift']:+.2f} |"
    yield from (f"| {name} | {value:.3f} |" for name, value in report["cost"].items())


def _with(one: Mapping[str, float]) -> str:
    return f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"


def _groups(report: Mapping[str, Any]) -> Iterator[str]:
    yield "| grouped by | best | worst | gap | p |"
    yield "|---|---|---|---|---|"
    for side in ("users", "items"):
        for name, one in report[side].items():
            if one["gap"] is not None:
                by_name = {group["name"]: group for group in one["groups"]}
                best, worst = (f"{who} {_with(by_name[who])}" for who in (one["gap"]["best"], one["gap"]["worst"]))
                p = "" if one["p_value"] is None else f"{one['p_value']:.4f}"
                yield f"| {side}: {name} ({one['measure']}) | {best} | {worst} | {_with(one['gap'])} | {p} |"
    yield ""
    yield "p: chance of groups this different if all were served alike (Kruskal-Wallis, Holm-corrected)."


def _privacy(card: ModelCard) -> Iterator[str]:
    promise = card.privacy
    if not promise:
        yield "Nothing is promised: what one person did may show in this model. `interlace leak-test` measures how far."
        return
    yield (f"({promise['epsilon']:g}, {promise['delta']:g})-differentially private: whether one {promise['unit']}, "
           "with everything they did, was in the data changes the chance of any outcome by a factor of e^epsilon at "
           f"most, but for delta. By {promise['mechanism']}.")  # fmt: skip
    yield ""
    yield f"- covered: {promise['covers']}"
    yield f"- not covered: {promise['leaves_out']}"


def _limits(card: ModelCard, report: Mapping[str, Any], evaluation: Evaluation) -> Iterator[str]:
    yield "- for ranking items of this catalogue for its users; not for decisions about people"
    yield "- offline figures say how well past choices are found again, not what showing a list would change"
    new = _group(report, "items", "popularity", "new")
    if new is None:
        yield "- no test interaction was with an item that train had not seen: nothing is known about new items"
    else:
        k = report["k"]
        yield f"- items that train had not seen: {_with(new)} of their test interactions were in the first {k}"
    uneven = [name for name, one in report["users"].items() if one["p_value"] is not None and one["p_value"] < 0.05]
    if uneven:
        yield f"- users are not served equally well by: {', '.join(uneven)} (p < 0.05)"
    coverage = evaluation.metrics.get("coverage@10")
    if coverage is not None:
        yield f"- {1 - coverage:.0%} of the catalogue is in nobody's first ten"
    if card.min_value is not None:
        yield f"- only values from {card.min_value:g} were taken for a like"


def _group(report: Mapping[str, Any], side: str, way: str, name: str) -> Mapping[str, Any] | None:
    groups: Sequence[Mapping[str, Any]] = report[side].get(way, {}).get("groups", ())
    return next((one for one in groups if one["name"] == name), None)
