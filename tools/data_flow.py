"""docs/guide/data-flow.md, made from the code: `python -m tools.data_flow`; with `--check` nothing is written.

Who writes and reads each file that holds something of people is read off the imports: a module that uses such a file
imports the module that owns it. The steps of a refresh are `serving.refresh_steps.STEPS`, in their order. A file of a
home that no line of `KEPT` explains is an error, so that nothing of people is kept that the picture does not show.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from serving.refresh_steps import STEPS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "guide" / "data-flow.md"
PACKAGES = ("graph", "encoders", "training", "serving")
_FILE = re.compile(r"[a-z-]+\.(sqlite|jsonl|key|pub)")


@dataclass(frozen=True)
class Kept:
    """A file: the module that owns it, what of people it holds ('' for nothing), and how it is bounded."""

    owner: str
    holds: str
    bound: str = ""


DELETED = "deletion of the user"
BOTH = f"retention, {DELETED}"
KEPT: Mapping[str, Kept] = MappingProxyType(
    {
        "events.sqlite": Kept("serving.events", "what users did, until every index holds it", BOTH),
        "overlay.sqlite": Kept("serving.overlay", "users put over the API, private properties encrypted", DELETED),
        "consent.sqlite": Kept("serving.consent", "what users agree to", DELETED),
        "corrections.sqlite": Kept("serving.corrections", "interests users removed", DELETED),
        "exposures.sqlite": Kept("serving.exposures", "what was shown to whom", BOTH),
        "audit.jsonl": Kept("serving.access.audit", "who wrote what", "retention"),
        "audit-events.jsonl": Kept("serving.access.audit", "who sent events", "retention"),
        "audit-strangers.jsonl": Kept("serving.access.audit", "who was refused", "retention"),
        "keys.sqlite": Kept("serving.access.keys", "names of API keys, hashes of secrets"),
        "experiments.sqlite": Kept("serving.experiment_runs", ""),
        "embeddings.sqlite": Kept("encoders.encode", ""),
        "language.sqlite": Kept("encoders.language.cache", "answers of a language model, by their question's hash"),
        "log.key": Kept("serving.observe.logs", ""),
        "signing.key": Kept("serving.signing", ""),
        "signing.pub": Kept("serving.signing", ""),
        "graph.jsonl": Kept("graph.sources.graph_lines", ""),
    }
)
"""By name. `graph.jsonl` is what an export writes where it is told to, no file of a home."""
PARTS = (
    ("serving.cli", "commands"),
    ("serving.refresh", "refresh"), ("serving.workflow", "refresh"), ("serving.publish", "refresh"),
    ("serving.flush", "refresh"), ("serving.events_flush", "refresh"), ("serving.consent_graph", "refresh"),
    ("serving.retention", "refresh"), ("serving.private_rotation", "commands"), ("serving.all_lists", "commands"),
    ("serving.business", "commands"),
    ("encoders", "encoders"), ("serving", "server"),
)  # fmt: skip
"""Which part a module belongs to: the first prefix that fits."""


@cache
def sources() -> Mapping[str, ast.Module]:
    """Every module of the product by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """What each module imports."""
    return {
        name: frozenset(node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
        for name, tree in sources().items()
    }


def files_named() -> set[str]:
    """Names of files that the code writes as texts."""
    return {
        node.value
        for tree in sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _FILE.fullmatch(node.value)
    }


def users_of(owner: str) -> set[str]:
    """Parts that import a module."""
    return {part_of(name) for name, named in imports().items() if name != owner and owner in named}


def part_of(module: str) -> str:
    """The part of the product that a module belongs to."""
    return next((part for prefix, part in PARTS if module.startswith(prefix)), module.partition(".")[0])


def page() -> str:
    """The whole page. Raises `SystemExit` for a file that nobody explains."""
    if unknown := sorted(files_named() - KEPT.keys()):
        sys.exit(f"tools/data_flow.py: {', '.join(unknown)}: not in KEPT: say what of people it holds")
    shown = {name: one for name, one in KEPT.items() if one.holds}
    lines = ["flowchart LR", "  sources[Your files] --> ingest", "  callers[Callers with keys] --> server"]
    names = list(STEPS)
    lines += [f"  {one} --> {other}" for one, other in pairwise(names)]
    lines += ["  subgraph refresh [interlace refresh]", *(f"    {name}([{name}])" for name in names), "  end"]
    lines += ["  refresh <--> store[(graph)]", "  server[server] --> store", "  publish --> index[(index, signed)]",
              "  index --> server", "  train --> mlflow[(MLflow)]"]  # fmt: skip
    for name, one in shown.items():
        lines.append(f"  {_id(name)}[({name})]")
        lines += [f"  {part} --- {_id(name)}" for part in sorted(users_of(one.owner))]
    rows = [f"| `{name}` | {one.holds} | {', '.join(sorted(users_of(one.owner)))} | {one.bound or 'kept'} |"
            for name, one in shown.items()]  # fmt: skip
    return "\n".join([
        "# Where data about people flows", "",
        "<!-- Written by `python -m tools.data_flow`; change the program, not this page. -->", "",
        "Made from the code: the steps of a refresh in their order, and for each file of a home that holds something",
        "of people which parts of the program touch it. The [threat model](threat-model.md) says what protects it.", "",
        "```mermaid", *lines, "```", "",
        "| file of the home | holds | touched by | bounded by |", "|---|---|---|---|", *rows, "",
        "Beside these: the graph, its [change log](refresh.md) and snapshots hold what users did and their properties,",
        "[private ones](security.md#private-properties) encrypted; the index what is served of it; MLflow measures by",
        "positions, no ids. [Consent](consent.md) decides what a snapshot holds, [retention](retention.md) for how",
        "long.", "",
    ])  # fmt: skip


def _id(name: str) -> str:
    return re.sub(r"[^a-z]", "_", name)


def main() -> None:
    """Writes the page, or says that it is old."""
    made = page()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made else "run python -m tools.data_flow")
    PAGE.write_text(made, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
