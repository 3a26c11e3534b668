"""What a linkage found and why, for people: a page, the same as JSON, and a plot of the match weights.

Values are private: a page shows how alike two values are and a mark of each (its first letter and length), never the
value, unless it is asked for.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graph.whole_files import write_json

EXAMPLES = 12
PAGE = "report.html"
NUMBERS = "report.json"
PLOT = "match_weights.png"

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.2rem .8rem .2rem 0;text-align:left;"
    "border-bottom:1px solid #e3e8ee}.bar{display:inline-block;height:.8rem;background:#2f7d5b}"
    ".bar.minus{background:#b4483a}img{max-width:100%}code{background:#f2f4f7;padding:0 .2rem}"
)


def weights_of(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each comparison's levels with m, u and the weight log2(m / u)."""
    found = []
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            m, u = level.get("m_probability"), level.get("u_probability")
            if m is None or u is None or level.get("is_null_level"):
                continue
            weight = float(np.log2(max(m, 1e-12) / max(u, 1e-12)))
            label = str(level.get("label_for_charts", ""))
            found.append({"column": comparison["output_column_name"], "level": label, "m": m, "u": u, "weight": weight})
    return found


def examples(
    pairs: pd.DataFrame, frame: pd.DataFrame, settings: Mapping[str, Any], threshold: float, *, show_values: bool
) -> list[dict[str, Any]]:
    """Pairs nearest to the threshold, on both sides, and some sure ones, each with the steps of its weight."""
    columns = [one["output_column_name"] for one in settings["comparisons"]]
    near = (pairs.probability - threshold).abs().sort_values(kind="stable").index[: EXAMPLES - 4]
    sure = pairs.index[: min(4, len(pairs))]
    rows = frame.set_index("id")
    found = []
    for place in dict.fromkeys([*sure, *near]):
        pair = pairs.loc[place]
        steps = [{"column": "before any comparison", "weight": float(pair.prior_weight)}]
        for column in columns:
            weight = float(np.log2(max(float(pair[f"bf_{column}"]), 1e-12)))
            weight += float(np.log2(max(float(pair.get(f"bf_tf_adj_{column}", 1.0)), 1e-12)))
            steps.append({"column": column, "weight": weight})
        ends = [_shown(rows.loc[pair[end]], show_values) for end in ("id_l", "id_r")]
        found.append({"ids": [_id(pair[end], show_values) for end in ("id_l", "id_r")], "values": ends, "steps": steps,
                      "weight": float(pair.weight), "probability": float(pair.probability)})  # fmt: skip
    return found


def _id(name: str, show: bool) -> str:
    return name if show else f"{name.partition(':')[0]}:{mark(name.partition(':')[2])}"


def _shown(row: pd.Series[Any], show: bool) -> dict[str, str]:
    left = {"platform", "embedding", "title_words", "name"}
    return {
        str(name): str(value) if show else mark(str(value))
        for name, value in row.items()
        if name not in left and value is not None and not (isinstance(value, float) and np.isnan(value))
    }


def mark(value: str) -> str:
    """What may be shown of a private value: `ada` -> `a•• (3)`."""
    return f"{value[:1]}•• ({len(value)})"


def write_report(folder: Path, numbers: Mapping[str, Any]) -> None:
    """`report.html`, `report.json` and `match_weights.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / NUMBERS, dict(numbers))
    plot(folder / PLOT, numbers["weights"], numbers["histogram"])
    (folder / PAGE).write_text(_page(numbers), encoding="utf-8")


def plot(path: Path, weights: Sequence[Mapping[str, Any]], histogram: Mapping[str, Sequence[float]]) -> None:
    """The weight of each level of agreement, and how many pairs have which sum."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 0.34 * len(weights) + 3.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[0.34 * len(weights) + 0.6, 2.4])
    names = [f"{one['column']}: {_short(one['level'])}" for one in weights]
    values = [one["weight"] for one in weights]
    above.barh(names, values, color=["#2f7d5b" if value > 0 else "#b4483a" for value in values])
    above.invert_yaxis()
    above.axvline(0, color="#1c2733", linewidth=0.8)
    above.set_xlabel("match weight (bits): above 0 speaks for one and the same")
    edges = np.asarray(histogram["edges"])
    below.bar(edges[:-1], histogram["counts"], width=np.diff(edges), align="edge", color="#54748c")
    below.axvline(histogram["threshold"], color="#b4483a", linestyle="--", label="threshold")
    below.set_xlabel("sum of a pair's match weights")
    below.set_ylabel("pairs")
    below.legend(frameon=False)
    for axis in (above, below):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _short(label: str) -> str:
    plain = label.replace("Jaro-Winkler distance of ", "").replace("Exact match on ", "same ")
    return plain if len(plain) < 60 else plain[:57] + "…"


def histogram(pairs: pd.DataFrame, threshold: float) -> dict[str, Any]:
    """Of the pairs' weights, 30 bins."""
    values = pairs.weight.to_numpy(float) if len(pairs) else np.zeros(1)
    counts, edges = np.histogram(values, bins=30)
    line = float(np.log2(threshold / (1 - threshold)))
    return {"counts": counts.tolist(), "edges": edges.tolist(), "threshold": line}


def _page(numbers: Mapping[str, Any]) -> str:
    counts = "".join(f"<tr><th>{_text(name)}<td>{value:,}" for name, value in numbers["counts"].items())
    rows = "".join(
        f"<tr><td>{_text(one['column'])}<td>{_text(_short(one['level']))}<td>{one['m']:.4f}<td>{one['u']:.6f}"
        f"<td>{_bar(one['weight'])}"
        for one in numbers["weights"]
    )
    shown = "".join(_example(one) for one in numbers["examples"])
    blocks = ", ".join(f"<code>{_text(one)}</code>" for one in numbers["blocks"])
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Linkage {_text(numbers['run'])}</title>"
        f"<style>{_STYLE}</style><h1>Linkage of {_text(numbers['what'])}</h1>"
        f"<p>Run <code>{_text(numbers['run'])}</code>, threshold {numbers['threshold']:g}, two of one platform from "
        f"{numbers['strong']:g}. Undo: <code>interlace link --undo {_text(numbers['run'])}</code>.</p>"
        f"<table>{counts}</table><p>Compared: pairs that agree in {blocks}.</p>"
        f"<h2>Match weights</h2><img src={PLOT} alt='match weights'>"
        f"<table><tr><th>column<th>agreement<th>if the same (m)<th>if not (u)<th>weight (bits)</tr>{rows}</table>"
        f"<h2>Examples: how the weight of a pair comes about</h2>{shown}</html>"
    )


def _example(one: Mapping[str, Any]) -> str:
    steps = "".join(f"<tr><td>{_text(step['column'])}<td>{_bar(step['weight'])}" for step in one["steps"])
    sides = "".join(
        f"<tr><th>{_text(name)}<td>" + "; ".join(f"{_text(key)} {_text(value)}" for key, value in values.items())
        for name, values in zip(one["ids"], one["values"], strict=True)
    )
    return f"<h3>probability {one['probability']:.4f}</h3><table>{sides}</table><table>{steps}</table>"


def _bar(weight: float) -> str:
    sort = "bar" if weight >= 0 else "bar minus"
    return f"<span class='{sort}' style='width:{min(20, abs(weight)) * 8:.0f}px'></span> {weight:+.1f}"


def _text(value: Any) -> str:
    return html.escape(str(value))
