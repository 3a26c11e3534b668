"""The steps of a refresh, in order: what each reads, what it does and when it need not be done.

    ingest -> encode -> tags -> snapshot -> train -> publish -> write-back

One set of steps for `interlace refresh` and `interlace demo`. Each step's inputs are named so that a person reads why
it runs; its result holds what later steps depend on, and `counts` for people. Every step can be killed anywhere and
done again to the same end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from graph.changes import mark_of
from graph.errors import InvalidData, NotFound
from graph.store import GraphStore
from serving.consent import Consents
from serving.corrections import removals
from serving.private import cipher_of
from serving.progress import Reporter, parts
from serving.refresh_choice import Choice, encoders_of
from serving.refresh_sources import Source
from serving.refresh_train import Training
from serving.retention import policy_of
from serving.retention import retain as remove_old
from serving.retention_file import DAY
from serving.settings import Settings
from serving.steps import Step, Steps, code_version, fingerprint

Result: TypeAlias = Mapping[str, Any]
COUNTED = ("sources", "nodes", "relationships", "changed", "deleted_nodes", "deleted_relationships", "refused")
"""What an ingest step counts, over all of its sources."""
PASSES = 3
"""Times the items are gone through at most until a pass finds nothing to encode."""


@dataclass
class Flow:
    """One run's steps. `results` are those of the steps that are done, by name; `steps` remembers them."""

    settings: Settings
    reporter: Reporter
    steps: Steps
    graph: GraphStore
    sources: tuple[Source, ...]
    choice: Choice
    run: str = ""
    full: bool = False
    results: dict[str, Result] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.settings.home

    def step(self, name: str) -> Step:
        """A step as it stands now that those before it are done."""
        return STEPS[name](self)


def ingest(flow: Flow) -> Step:
    """Sources whose files changed into the graph."""
    versions = {f"files of {one.path} ({one.platform})": (one.version(), _options(one)) for one in flow.sources}
    inputs = {**versions, "store": flow.settings.store_url, "code of ingest": _code_of_ingest()}
    inputs |= _private(flow)

    def work() -> Result:
        counts = dict.fromkeys(COUNTED, 0)
        for source in flow.sources:
            done = Steps(flow.home).do(_one_source(flow, source), "asked for: --full" if flow.full else "")
            if not done.reused:
                counts = {name: value + done.result.get(name, 0) for name, value in counts.items()}
        return {"sources": fingerprint(versions), "version": _version(flow.graph), "counts": counts}

    return Step("ingest", inputs, work, lambda result: _version(flow.graph) >= result["version"])


def _one_source(flow: Flow, source: Source) -> Step:
    """The record of one source, so that one that did not change is not read when another did."""
    name = f"ingest-{fingerprint({'': source.key})[:12]}"
    inputs = {"files": source.version(), "options": _options(source), "code of ingest": _code_of_ingest()}
    inputs |= _private(flow)

    def work() -> Result:
        from graph.ingest import ingest as load

        with flow.reporter.step(f"ingesting {source.path}") as step:
            report = load(
                flow.graph,
                source.path,
                platform=source.platform,
                home=flow.home,
                format=source.format,
                posters=source.posters,
                max_refused=source.max_refused,
                same_users=source.same_users,
                sync=source.sync,
                progress=step.advance,
                cipher=cipher_of(flow.settings),
            )
        found = asdict(report)
        numbers = {name: value for name, value in found.items() if isinstance(value, int)}
        return {
            **numbers,
            "sources": 1,
            "refused": sum(one.refused for one in report.files),
            "version": _version(flow.graph),
        }

    return Step(name, inputs, work, lambda result: _version(flow.graph) >= result["version"])


def _private(flow: Flow) -> dict[str, Any]:
    """Which properties are encrypted: sources are read again when it changes; nothing where none are."""
    names = flow.settings.private_properties
    return {"private properties": names} if names else {}


def _options(source: Source) -> dict[str, Any]:
    return {name: str(value) for name, value in asdict(source).items()}


def _code_of_ingest() -> str:
    return code_version("graph/ingest.py", "graph/sources", "graph/media.py", "graph/gather.py", "graph/plan.py")


def _version(graph: GraphStore) -> int:
    """Grows with every change of the graph: a store that was emptied or put back is behind what was recorded."""
    mark = mark_of(graph)
    return 0 if mark is None else mark.version


def _state(graph: GraphStore) -> Any:
    """What the graph is now: the token of its last change; before the first, how much there is."""
    mark = mark_of(graph)
    if mark is not None:
        return mark.token
    return [graph.query(name).rows[0][0] for name in ("node_count", "relationship_count")]


def retain(flow: Flow) -> Step:
    """What is older than `HOME/retention.yaml` allows goes; nothing where there is no such file."""
    policy = policy_of(flow.home)
    inputs: dict[str, Any] = {"policy": None if policy is None else policy.json()}
    if policy is not None:
        inputs |= {"graph": _state(flow.graph), "day": int(time.time()) // DAY}

    def work() -> Result:
        if policy is None:
            return {"counts": {}}
        with flow.reporter.step("removing what is too old"):
            counts = remove_old(flow.graph, flow.home, policy)
        inputs["graph"] = _state(flow.graph)
        return {"counts": {name: count for name, count in counts.items() if count}}

    return Step("retain", dict(inputs), work, settled=lambda: inputs, idle=policy is None)


def encode(flow: Flow) -> Step:
    """Texts and pictures that changed to vectors on the graph."""
    named = encoders_of(flow.home)
    inputs = {
        "graph": _state(flow.graph),
        "encoders": named,
        "code of encoders": code_version("encoders"),
    }

    def work() -> Result:
        from encoders.encode import encode_items

        counts: dict[str, int] = {}
        with flow.reporter.step("encoding text, images and sounds") as step:
            for _ in range(PASSES):
                inputs["graph"] = _state(flow.graph)
                report = encode_items(flow.graph, home=flow.home, names=named, progress=parts(step))
                for one in report.modalities:
                    counts[one.modality] = counts.get(one.modality, 0) + one.encoded
                if _state(flow.graph) == inputs["graph"]:  # nothing was written: this is the state that is encoded
                    break
        encoders = {one.modality: [one.encoder, one.version] for one in report.modalities}
        return {"encoders": encoders, "counts": counts}

    return Step("encode", dict(inputs), work, settled=lambda: inputs)


def tags(flow: Flow) -> Step:
    """Words of the graph onto items whose vectors changed; a graph without words or vectors is left without tags."""
    parts_of_code = [
        f"encoders/{name}.py" for name in ("zeroshot", "zeroshot_fit", "zeroshot_labels", "zeroshot_scores")
    ]
    inputs = {"graph": _state(flow.graph), "code of tags": code_version(*parts_of_code)}

    def work() -> Result:
        from encoders.zeroshot import tag_items

        with flow.reporter.step("tagging") as step:
            try:
                report = tag_items(flow.graph, home=flow.home, refit=flow.full, progress=parts(step))
            except (InvalidData, NotFound) as error:  # nothing to tag, or nothing to tag with
                return {"counts": {"none": error.what}}
        return {"counts": {"items": report.items, "compared": report.compared, "written": report.written}}

    return Step("tags", inputs, work)


def snapshot(flow: Flow) -> Step:
    """The graph as arrays, kept in the home."""
    from graph.snapshot_fresh import SNAPSHOTS
    from serving.workflow import freeze
    from training.environment import sizes

    inputs = {
        "graph": _state(flow.graph),
        "encoders": flow.results["encode"]["encoders"],
        "consent": _consent(flow),
        "code of the graph": code_version("graph"),
    }

    def work() -> Result:
        with flow.reporter.step("freezing the graph"):
            frozen = freeze(flow.graph, flow.home, flow.settings.consent_defaults, full=flow.full)
        counts = sizes(frozen.snapshot)
        return {"snapshot": frozen.hash, "dataset": frozen.dataset, "sizes": counts, "counts": _numbers(counts)}

    kept = flow.home / SNAPSHOTS
    return Step("snapshot", inputs, work, lambda result: (kept / result["snapshot"]).is_dir())


def _consent(flow: Flow) -> str:
    with closing(Consents(flow.home, flow.settings.consent_defaults)) as consents:
        return consents.fingerprint()


def train(flow: Flow) -> Step:
    """The recipe carried over or models chosen anew, measured, registered, through the gate."""
    frozen = flow.results["snapshot"]
    training = Training(flow.settings, flow.reporter, flow.choice, flow.full)

    def work() -> Result:
        found = training.run(frozen["snapshot"], frozen["dataset"])
        quality = found["metrics"].get("ndcg@10", 0.0)
        return {"notes": [], **found, "counts": {"version": found["version"], "ndcg@10": quality}}

    return Step("train", training.inputs(frozen["snapshot"]), work, training.holds, training.forget)


def publish(flow: Flow) -> Step:
    """The champion's index, by rename."""
    from serving.index import FOLDER, MANIFEST

    trained = flow.results["train"]
    parts_of_it = ("forms", "approximate", "events", "inherit", "lists", "newcomers", "people", "related", "sessions")
    files = (
        "consent_graph",
        "publish",
        *(f"publish_{name}" for name in parts_of_it),
        "forms",
        "inherit",
        "index",
        "catalogue",
        "neighbours",
        "session_parts",
        "related_parts",
        "coming",
        "together",
        "categories",
        "playlists/transitions",
        "all_lists",
        "all_retrieved",
        "all_scores",
    )
    counted = (
        "training/links.py",
        "training/covariance.py",
        "training/onboarding.py",
        "graph/answers.py",
        "training/sessions.py",
        "training/near.py",
        "training/rows.py",
        "training/events",
        "training/models/item_knn.py",
    )
    code = code_version(*(f"serving/{name}.py" for name in files), *counted)
    fewest = flow.settings.k_anonymity
    inputs = {"snapshot": trained["snapshot"], "model version": trained["version"], "code of publish": code,
              "k_anonymity": fewest}  # fmt: skip

    def work() -> Result:
        from serving.workflow import open_registry, publish_version, thaw

        with flow.reporter.step("publishing the index") as step:
            registry = open_registry(flow.settings.mlflow)
            champion = registry.find("champion")
            frozen = thaw(flow.home, trained["snapshot"])
            folder = publish_version(frozen, registry, champion, flow.home, step.note, k_anonymity=fewest)
        counts = {
            "users": flow.results["snapshot"]["counts"]["users"],
            "items": flow.results["snapshot"]["counts"]["items"],
        }
        return {"index": folder.name, "model": champion.model, "version": champion.version, "counts": counts}

    def holds(result: Result) -> bool:
        return (flow.home / FOLDER / str(result["index"]) / MANIFEST).is_file()

    return Step("publish", inputs, work, holds)


def write_back(flow: Flow) -> Step:
    """What the index says into the graph, for Cypher and people to read."""
    published = flow.results["publish"]
    code = code_version("serving/write_back.py", "serving/write_back_lists.py", "graph/derived.py")
    removed = removals(flow.home)
    inputs = {"index": published["index"], "code of write-back": code}
    if removed:
        inputs["removed interests"] = fingerprint(removed)

    def work() -> Result:
        from serving.index import open_index
        from serving.write_back import write_back as settle

        with flow.reporter.step("writing back") as step:
            index = open_index(flow.home, published["index"])
            model = f"{published['model']}:{published['version']}"
            report = settle(flow.graph, index, model=model, run=flow.run, removed=removed, progress=parts(step))
        return {"counts": {"users": report.users, "items": report.items, "written": report.written}}

    return Step("write-back", inputs, work)


def _numbers(values: Mapping[str, Any]) -> dict[str, int | float]:
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


STEPS: Mapping[str, Callable[[Flow], Step]] = MappingProxyType(
    {
        "ingest": ingest,
        "retain": retain,
        "encode": encode,
        "tags": tags,
        "snapshot": snapshot,
        "train": train,
        "publish": publish,
        "write-back": write_back,
    }
)
"""In the order in which they are done."""
