"""Plots of a run, as matplotlib figures: learning curves, recall by popularity, calibration, a map of the items.

Beside MLflow (`training.artifacts` stores them). Figures are made without pyplot: nothing global, no window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#555555")
"""Okabe and Ito's palette, which colour-blind people can tell apart, yellow replaced."""
GREY = "#C8C8C8"
MOST_POINTS = 5_000
MOST_SHOWN = 20
Curves = Mapping[str, Sequence[tuple[int, float]]]
"""Metric name -> (epoch, value)."""


def learning_curves(curves: Mapping[str, Curves], title: str) -> Figure | None:
    """Loss and validation ndcg@10 by epoch, a line a fit; the best epoch is marked. None where nothing has epochs."""
    panels = [name for name in ("ndcg@10", "loss") if any(name in one for one in curves.values())]
    if not panels:
        return None
    figure, axes = _figure(len(panels), width=6.0)
    labels = {"ndcg@10": "validation ndcg@10", "loss": "training loss (mean over batches)"}
    for axis, panel in zip(axes, panels, strict=True):
        for place, (label, one) in enumerate(sorted(curves.items())):
            if panel in one:
                _curve(axis, one[panel], label, COLOURS[place % len(COLOURS)], mark=panel == "ndcg@10")
        axis.set_xlabel("epoch (ring: the best, which is kept)" if panel == "ndcg@10" else "epoch")
        axis.set_ylabel(labels[panel])
    axes[-1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.suptitle(title)
    return figure


def _curve(axis: Axes, points: Sequence[tuple[int, float]], label: str, colour: str, *, mark: bool) -> None:
    step, value = np.array(points).T
    axis.plot(step, value, color=colour, label=label, linewidth=1.6, marker="." if mark else "")
    if mark:
        best = int(np.argmax(value))
        axis.plot(step[best], value[best], "o", color=colour, markersize=7, markerfacecolor="white")


def recall_by_popularity(reports: Mapping[str, Mapping[str, Any]], title: str) -> Figure | None:
    """Bars of recall by decile of item popularity with 95% intervals; `reports`: model -> its full report."""
    shown = {name: report["items"]["popularity"] for name, report in reports.items()}
    names = [group["name"] for group in max(shown.values(), key=lambda one: len(one["groups"]))["groups"]]
    if not names:
        return None
    figure, (axis,) = _figure(1, width=8.0)
    width = 0.8 / len(shown)
    for place, (model, one) in enumerate(shown.items()):
        for group in one["groups"]:
            x = names.index(group["name"]) + (place - (len(shown) - 1) / 2) * width
            error = [[max(0.0, group["value"] - group["low"])], [max(0.0, group["high"] - group["value"])]]
            axis.bar(x, group["value"], width, color=COLOURS[place], yerr=error, capsize=2,
                     error_kw={"elinewidth": 0.8}, label=model if group is one["groups"][0] else None)  # fmt: skip
    short = [name.removeprefix("decile ") for name in names]
    axis.set_xticks(range(len(names)), short)
    axis.set_xlabel("items by popularity in train: 1 the least popular tenth, 10 the most popular; new: never met")
    measure = next(iter(shown.values()))["measure"]
    axis.set_ylabel(f"{measure} (95% interval over users)")
    axis.set_title(title)
    axis.legend(frameon=False, loc="upper left")
    return figure


def calibration(names: Sequence[str], history: NDArray[np.float64], listed: NDArray[np.float64], title: str) -> Figure:
    """Mean share of each category in what users chose and in what they are shown, the commonest first."""
    order = np.argsort(-history, kind="stable")[:MOST_SHOWN][::-1]
    figure, (axis,) = _figure(1, width=7.5, height=max(2.6, 1.4 + 0.3 * len(order)))
    place = np.arange(len(order))
    axis.barh(place + 0.2, history[order], 0.38, color=COLOURS[7], label="in the users' histories")
    axis.barh(place - 0.2, listed[order], 0.38, color=COLOURS[0], label="in the lists shown")
    axis.set_yticks(place, [_short(names[row]) for row in order])
    axis.set_xlabel("mean share over users")
    axis.set_ylabel("category")
    axis.set_title(title)
    axis.legend(frameon=False, loc="lower right")
    axis.grid(visible=False, axis="y")
    return figure


def embedding_map(
    vectors: NDArray[np.float32], category: NDArray[np.int64], names: Sequence[str], title: str, *, seed: int = 42
) -> Figure:
    """Items on the two principal components of their vectors, coloured by category (-1: none); rows of zeros left out.

    The seven commonest categories have a colour. Beyond `MOST_POINTS` items a sample is shown.
    """
    there = np.flatnonzero(np.abs(vectors).sum(1) > 0)
    if len(there) > MOST_POINTS:
        there = np.sort(np.random.default_rng(seed).choice(there, MOST_POINTS, replace=False))
    points, share = principal(vectors[there])
    category = category[there]
    figure, (axis,) = _figure(1, width=8.5, height=6.0)
    sizes = np.bincount(category[category >= 0], minlength=len(names)) if len(names) else np.empty(0, np.int64)
    common = [int(one) for one in np.argsort(-sizes, kind="stable")[: len(COLOURS) - 1] if sizes[one] > 0]
    rest = ~np.isin(category, common)
    size = float(np.clip(20_000 / max(1, len(there)), 6, 40))
    if rest.any():
        axis.scatter(
            points[rest, 0],
            points[rest, 1],
            s=size,
            color=GREY,
            label=f"other or none ({int(rest.sum()):,})",
            linewidths=0,
        )
    for colour, one in zip(COLOURS, common, strict=False):
        mine = category == one
        axis.scatter(points[mine, 0], points[mine, 1], s=size, color=colour, alpha=0.75, linewidths=0,
                     label=f"{_short(names[one])} ({int(mine.sum()):,})")  # fmt: skip
    axis.set_xlabel(f"first principal component ({share[0]:.0%} of the variance)")
    axis.set_ylabel(f"second principal component ({share[1]:.0%})")
    axis.set_title(title)
    axis.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5), markerscale=2)
    return figure


def principal(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 2) coordinates on the first two principal components, and the share of the variance that each holds."""
    centred = vectors - vectors.mean(0)
    values, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    if len(values) < 2:
        return np.column_stack([centred[:, 0], np.zeros(len(centred))]), np.array([1.0, 0.0])
    order = np.argsort(-values)[:2]
    return centred @ axes[:, order], values[order] / max(float(values.sum()), 1e-12)


def _figure(panels: int, *, width: float, height: float = 4.0) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * panels if panels > 1 else width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, panels, place + 1) for place in range(panels)]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(visible=True, color="#EEEEEE", linewidth=0.8)
        axis.set_axisbelow(True)
    return figure, axes


def _short(text: str, most: int = 28) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
