"""CPU seconds, memory and quality of the classic models beside their rivals', in one run on one machine.

    python -m benchmarks.speed SPLITS ml-100k ml-1m [--peers VENVS --peer-scripts DIR --data DIR] [--json]

SPLITS are the rivals' fixed splits (`benchmarks.peer_splits`), VENVS and DIR their environments and runners, which are
started as they are; --data is the folder of the published data, which RecBole's wants. Every model runs in fresh
processes of one thread each: one chooses the settings on validation, one times (median of `--repeats` fits and
rankings, compiled code from numba's cache on disk), one times the first fit with an empty cache: what an installation
pays once. Rivals run with the settings their own tables chose; `--rivals cornac,implicit` runs those alone. BPR is also
compared by the epoch, at the rival's number of factors.

Prints Markdown: a ratio is ours over the rival's. A limit is what `benchmarks.limits` says that the machine allows our
own algorithm, and in brackets the share of it that is reached.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import peers
from benchmarks.limits import Phase, cpu, fit_phases, machine, rank_phases, seconds
from benchmarks.peer_splits import PeerSplit, load_peer_split
from training.auto import choose
from training.evaluate import BLOCK_CELLS, evaluate
from training.recommender import Recommender
from training.topk import top_k
from training.zoo import ZOO, find

DEPTH = 20
COLUMNS = ("data", "model", "rival", "ndcg@10, ours / rival", "fit CPU s", "ratio", "limit", "rank CPU s", "ratio",
           "limit", "peak MiB")  # fmt: skip
EPOCH_COLUMNS = ("data", "model", "rival", "factors", "CPU s an epoch, ours / rival", "ratio", "limit")


def main() -> None:
    options = _options()
    if options.child:
        print(json.dumps(_child(options)))
        return
    found = _read(options.told) if options.told else list(_told(_all(options)))
    lines, epochs = ([line for line in found if ("size" in line) == by_epoch] for by_epoch in (False, True))
    if options.json:
        print(json.dumps({"runs": lines, "epochs": epochs}))
        return
    print(machine(), _table(COLUMNS, map(_row, lines)), sep="\n\n")
    if epochs:
        print("", _table(EPOCH_COLUMNS, map(_epoch_row, epochs)), sep="\n")
    print("", _first_fits(lines), sep="\n")


def _all(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for dataset in options.datasets:
        for name in (name for name in options.models.split(",") if name in ZOO):
            yield from _compare(name, dataset, options)
            yield from _compare_epochs(name, dataset, options)


def _read(told: Path) -> list[dict[str, Any]]:
    """What a run has told so far; other lines of standard error are passed over."""
    return [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines() if line.startswith("{")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("splits", type=Path)
    parser.add_argument("datasets", nargs="+", choices=peers.DATASETS)
    parser.add_argument("--models", default=",".join(peers.RIVALS))
    parser.add_argument("--peers", type=Path, help="folder of the rivals' environments")
    parser.add_argument("--peer-scripts", type=Path, help="folder of the rivals' runners")
    parser.add_argument("--data", type=Path, help="folder of the published data, as run_recbole.py wants it")
    parser.add_argument("--rivals", default="implicit,cornac,lenskit,recbole")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--told", type=Path, help="run nothing: the tables of what runs told on standard error")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=["choose", "time", "compile", "epoch"], help=argparse.SUPPRESS)
    parser.add_argument("--place", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--overrides", type=json.loads, default={}, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(name: str, dataset: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line for each rival, ours in every one; a line without a rival where there is none."""
    place = str(_own(name, dataset, options, "choose")["place"])
    ours = _own(name, dataset, options, "time", "--place", place)
    with tempfile.TemporaryDirectory() as empty:
        first = _own(name, dataset, options, "compile", "--place", place, environment={"NUMBA_CACHE_DIR": empty})
    ours["compile_cpu_s"] = round(first["fit_cpu_s"] - ours["fit_cpu_s"], 2)
    line = {"dataset": dataset, "model": name, "ours": ours}
    rivals = _rivals(name, options)
    for rival in rivals:
        found = peers.run(rival, dataset, options)
        found["fit_cpu_s"] = found.pop("train_cpu_s")
        yield {**line, "rival": rival.peer, "theirs": found}
    if not rivals:
        yield line


def _compare_epochs(name: str, dataset: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The same by the epoch, for models whose number of epochs is each library's own."""
    for rival in (rival for rival in _rivals(name, options) if rival.epochs):
        size = rival.setting(dataset)[rival.size]
        ours = _own(name, dataset, options, "epoch", "--overrides", json.dumps({"embedding_size": size}))
        theirs = peers.seconds_an_epoch(rival, dataset, options)
        yield {"dataset": dataset, "model": name, "rival": rival.peer, "size": size, "ours": ours, "theirs": theirs}


def _rivals(name: str, options: argparse.Namespace) -> list[peers.Rival]:
    wanted = options.rivals.split(",") if options.peers else ()
    return [rival for rival in peers.RIVALS[name] if rival.peer in wanted]


def _told(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each line also to standard error, as soon as it is there: a run takes long."""
    for line in lines:
        print(json.dumps(line), file=sys.stderr, flush=True)
        yield line


def _own(
    name: str, dataset: str, options: argparse.Namespace, task: str, *more: str,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.speed", str(options.splits), dataset, "--models", name]
    return peers.last_line([*command, "--child", task, "--repeats", str(options.repeats), *more], environment)


def _child(options: argparse.Namespace) -> dict[str, Any]:
    model, split = find(options.models), load_peer_split(options.splits, *options.datasets)
    if options.child == "choose":
        return {"place": model.grid().index(choose(model, split.data).config)}
    config = model.grid()[options.place]
    _ = split.data.matrix, split.test.histories.matrix  # the rivals get their matrices ready made, too
    if options.child == "compile":
        return {"fit_cpu_s": cpu(lambda: model.build(config).fit(split.data))[1]}
    if options.child == "epoch":
        return _epoch(lambda epochs: model.build(model.config({**options.overrides, "epochs": epochs})), split, options)
    return _timed(lambda: model.build(config), split, options.repeats) | {"setting": config.__dict__}


def _epoch(build: Callable[[int], Recommender], split: PeerSplit, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of one epoch: the slope between a short and a long fit, median of several."""
    short, long = 2, 12
    build(1).fit(split.data)  # compiled code is read
    slopes = []
    for _ in range(options.repeats):
        few, many = (cpu(lambda: build(epochs).fit(split.data)) for epochs in (short, long))  # noqa: B023
        slopes.append((many[1] - few[1]) / (long - short))
    return {"epoch_cpu_s": round(median(slopes), 5), "epoch_phases": _plain(fit_phases(build(1), split.data.matrix))}


def _timed(build: Callable[[], Recommender], split: PeerSplit, repeats: int) -> dict[str, Any]:
    fits, ranks = [], []
    for _ in range(repeats):
        recommender, fit = cpu(lambda: build().fit(split.data))
        _, rank = cpu(lambda: _rank(recommender, split))  # noqa: B023 - called at once
        fits.append(fit)
        ranks.append(rank)
    return {
        "peak_mib": _peak_mib(),
        "ndcg@10": round(evaluate(recommender, split.test, ks=(10,)).metrics["ndcg@10"], 4),
        "fit_cpu_s": round(median(fits), 4),
        "fit_phases": _plain(fit_phases(recommender, split.data.matrix)),
        "rank_cpu_s": round(median(ranks), 4),
        "rank_phases": _plain(rank_phases(recommender, split.test.histories.matrix)),
    }


def _plain(phases: list[Phase]) -> list[dict[str, float]]:
    return [asdict(phase) for phase in phases]


def _seconds(phases: list[dict[str, float]]) -> float:
    """Of what a process found; here, so that one measure of the machine serves a whole table."""
    return seconds(Phase(**phase) for phase in phases)


def _rank(recommender: Recommender, split: PeerSplit) -> None:
    """What the rivals' runners do: 20 unseen items for every test user."""
    step = max(1, BLOCK_CELLS // split.data.num_items)
    for start in range(0, len(split.test), step):
        rows = slice(start, start + step)
        top_k(recommender.score(split.test.batch(rows)), split.test.excluded[rows], DEPTH)


def _peak_mib() -> int:
    """This process's own high-water mark (Linux): `ru_maxrss` would carry the parent's over."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def _row(line: Mapping[str, Any]) -> list[str]:
    ours, theirs = line["ours"], line.get("theirs")
    cells = [line["dataset"], line["model"], line.get("rival", ""), _both(ours, theirs, "ndcg@10", "{:.4f}")]
    for part in ("fit", "rank"):
        spent = ours[f"{part}_cpu_s"]
        cells += [_both(ours, theirs, f"{part}_cpu_s", "{:.3g}"), _ratio(spent, theirs and theirs[f"{part}_cpu_s"])]
        cells.append(_limit(_seconds(ours[f"{part}_phases"]), spent))
    return [*cells, _both(ours, theirs, "peak_mib", "{}")]


def _epoch_row(line: Mapping[str, Any]) -> list[str]:
    spent, theirs = line["ours"]["epoch_cpu_s"], line["theirs"]
    start = [line["dataset"], line["model"], line["rival"], str(line["size"]), f"{spent:.3g} / {theirs:.3g}"]
    return [*start, _ratio(spent, theirs), _limit(_seconds(line["ours"]["epoch_phases"]), spent)]


def _both(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None, name: str, form: str) -> str:
    return " / ".join(form.format(side[name]) for side in (ours, theirs) if side)


def _ratio(ours: float, theirs: float | None) -> str:
    return "" if theirs is None else f"{ours / max(1e-9, theirs):.2f}"


def _limit(limit: float, spent: float) -> str:
    return f"{limit:.2g} ({limit / max(1e-9, spent):.0%})"


def _first_fits(lines: list[dict[str, Any]]) -> str:
    once = {(line["dataset"], line["model"]): line["ours"] for line in lines}
    told = [f"{data} {model} {ours['compile_cpu_s']}" for (data, model), ours in once.items()]
    return f"Compiling once an installation, CPU s: {', '.join(told)}."


def _table(columns: tuple[str, ...], rows: Any) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- ", "|---").replace("|--- ", "|---")


if __name__ == "__main__":
    main()
