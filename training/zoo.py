"""Every model there is, as data: the command line, `auto`, the docs and the contract tests read this dict.

Classes are imported when a model is built, so that naming the models costs no torch import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast

from graph.errors import InvalidData, NotFound
from training.data import TrainingData
from training.recommender import Recommender
from training.space import Space


@dataclass(frozen=True)
class Model:
    """One entry: where its class is, what is fixed in its config, what it needs, and what it is in a few words.

    `needs`: parts of `SideInformation` without which it cannot be fitted (`triples`, or a modality); `any` means at
    least one embedding. `reads_side`: side information that is there goes in, needed or not. `slow`: gradient training,
    not a closed form. `most_items`: with more items its dense item by item matrix would not fit in 16 GB.
    `least_items`: with fewer another model does the same sooner, so that `auto` leaves this one out. `by_name`: another
    always does better on what somebody met, as far as we measured: it is fitted where it is named. `reads_feedback`:
    without several kinds or values of interactions it is another model, so that `auto` leaves it out.
    """

    name: str
    module: str
    cls: str
    about: str
    needs: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    slow: bool = False
    reads_side: bool = False
    most_items: int | None = None
    least_items: int = 0
    by_name: bool = False
    reads_feedback: bool = False

    def config(self, overrides: Mapping[str, Any] | None = None) -> Any:
        """Its config dataclass with `overrides` set; an unknown name raises `InvalidData` with those that exist."""
        cls = self._get(f"{self.cls}Config")
        known = {item.name: item for item in fields(cls)}
        for name in overrides or {}:
            if name not in known:
                raise InvalidData(
                    f"model {self.name!r} has no setting {name!r}",
                    valid=", ".join(sorted(known)),
                    remedy="see docs/reference/models.md",
                )
        return cls(**{**self.fixed, **(overrides or {})})

    def grid(self) -> tuple[Any, ...]:
        """The configs that validation chooses from."""
        return tuple(replace(config, **self.fixed) for config in self._get("GRID"))

    def space(self) -> Space:
        """What `training.tune` searches: settings that are not fixed, and what each may be."""
        return {name: one for name, one in self._get("SPACE").items() if name not in self.fixed}

    def build(self, config: Any | None = None) -> Recommender:
        """A fresh, unfitted model."""
        recommender = self._get(self.cls)(self.config() if config is None else config)
        recommender.name = self.name
        return cast(Recommender, recommender)

    def fits(self, data: TrainingData) -> bool:
        """Does the data have what this model needs, and not more than it can hold."""
        side = data.side
        there = {name for name, table in side.embeddings.items() if table.present.any()}
        if len(side.triples):
            there.add("triples")
        if side.profiles is not None and side.profiles.shape[1]:
            there.add("profiles")
        if side.embeddings:
            there.add("any")
        return set(self.needs) <= there and data.num_items <= (self.most_items or data.num_items)

    def in_auto(self, data: TrainingData) -> bool:
        """Does `auto` try it on this data unasked."""
        told = not self.reads_feedback or data.histories.said is not None
        return told and not self.by_name and data.num_items >= self.least_items and self.fits(data)

    @property
    def reads_content(self) -> bool:
        """Can it say anything of an item that nobody met."""
        return bool(set(self.needs) - {"profiles"}) or self.reads_side

    def reads_part(self, part: str, data: TrainingData) -> bool:
        """Would it be another model without this part (`triples`, `friendships` or a modality) of the data."""
        return (
            self.reads_side
            or part in self.needs
            or ("any" in self.needs and part in {*data.side.embeddings, "triples"})
        )

    def _get(self, name: str) -> Any:
        return getattr(import_module(f"training.models.{self.module}"), name)


_CONTENT = "content_knn"

ZOO: Mapping[str, Model] = MappingProxyType(
    {
        model.name: model
        for model in (
            Model("popularity", "popularity", "Popularity", "what most people interacted with"),
            Model(
                "profile",
                "profile",
                "Profile",
                "what people of the same profile like, for those of whom nothing else is known",
                ("profiles",),
                by_name=True,
            ),
            Model(
                "ppca",
                "ppca",
                "PPCA",
                "factor analysis in closed form, which reads what newcomers were shown and left, too",
                by_name=True,
            ),
            Model(
                "dp-popularity",
                "dp_popularity",
                "DPPopularity",
                "popularity with differential privacy: nobody's part in it can be told",
                by_name=True,
            ),
            Model("item-knn", "item_knn", "ItemKNN", "items that the same people liked, by shrunk cosine or BM25"),
            Model("content-text", _CONTENT, "ContentKNN", "items whose text is alike", ("text",), {"modality": "text"}),
            Model("content-image", _CONTENT, "ContentKNN", "items that look alike", ("image",), {"modality": "image"}),
            Model(
                "content-graph",
                _CONTENT,
                "ContentKNN",
                "items that share rare attributes in the knowledge graph",
                ("triples",),
                {"modality": "graph"},
            ),
            Model(
                "knowledge-paths",
                "knowledge_paths",
                "KnowledgePaths",
                "items joined by typed paths in the knowledge graph, weights learned",
                ("triples",),
            ),
            Model("content-fused", _CONTENT, "ContentKNN", "all modalities together", ("any",), {"modality": "fused"}),
            *(
                Model(
                    f"ridge-{name}", "content_ridge", "ContentRidge", about, (need,), {"modality": name}, by_name=True
                )
                for name, need, about in (
                    ("text", "text", "what is liked as a linear function of items' texts"),
                    ("image", "image", "the same of their pictures"),
                    ("graph", "triples", "the same of their attributes in the knowledge graph"),
                    ("counts", "triples", "the same of how many attributes of each kind they have"),
                    ("fused", "any", "the same of everything that is known of them"),
                )
            ),
            *(
                Model(
                    f"inherit-{name}",
                    "ease_inherit",
                    "EASEInherit",
                    about,
                    (need,),
                    {"modality": name},
                    most_items=25_000,
                    by_name=True,
                )
                for name, need, about in (
                    ("graph", "triples", "EASE, and what nobody met inherits from items of like attributes"),
                    ("fused", "any", "the same by everything that is known of items"),
                )
            ),
            Model("ease", "ease", "EASE", "closed-form linear autoencoder over items", most_items=25_000),
            Model(
                "ease-feedback",
                "ease_feedback",
                "FeedbackEASE",
                "EASE on all that people did, each kind and value counting what was learned that it says",
                most_items=25_000,
                reads_feedback=True,
            ),
            Model(
                "dp-ease",
                "dp_ease",
                "DPEASE",
                "EASE with differential privacy, from co-occurrence counts with noise",
                by_name=True,
            ),
            Model(
                "ease-sparse",
                "ease_sparse",
                "SparseEASE",
                "EASE from each item's nearest items, in bounded memory",
                least_items=25_000,
            ),
            Model(
                "graph-filter",
                "graph_filter",
                "GraphFilter",
                "closed-form low-pass filter on the graph of items",
                most_items=25_000,
            ),
            Model(
                "linear-sequence",
                "linear_sequence",
                "LinearSequence",
                "closed-form model of what comes next",
                most_items=25_000,
            ),
            Model("ials", "ials", "IALS", "implicit matrix factorisation by alternating least squares"),
            Model("bpr", "bpr", "BPR", "matrix factorisation by pairs: what was met above what was not"),
            Model(
                "dp-autoencoder",
                "dp_autoencoder",
                "DPAutoencoder",
                "item vectors by gradient descent with differential privacy (DP-SGD), no vector of anybody",
                by_name=True,
            ),
            Model(
                "distilled",
                "distilled",
                "Distilled",
                "a small factor model taught by a larger one, which is fitted first",
                by_name=True,
            ),
            Model(
                "sasrec",
                "sasrec",
                "SASRec",
                "causal self-attention over what somebody met, in order",
                slow=True,
                reads_side=True,
            ),
            Model(
                "bert4rec",
                "bert4rec",
                "BERT4Rec",
                "bidirectional attention that guesses hidden items",
                slow=True,
                reads_side=True,
            ),
            Model("embedding-mlp", "embedding_mlp", "EmbeddingMLP", "hidden layers, softmax over items", slow=True),
            Model(
                "two-tower",
                "two_tower",
                "TwoTower",
                "content of a history against content of an item, contrastive",
                ("any",),
                slow=True,
                by_name=True,
            ),
            Model("lightgcn", "lightgcn", "LightGCN", "linear graph convolution over users and items", slow=True),
            Model(
                "xsimgcl",
                "xsimgcl",
                "XSimGCL",
                "the same, and noisy views of a node must be alike",
                slow=True,
                by_name=True,
            ),
            Model(
                "kge",
                "kge",
                "KGE",
                "users, items and attributes embedded in one complex space",
                ("triples",),
                slow=True,
            ),
            Model(
                "gnn",
                "gnn",
                "GNN",
                "relational, knowledge-aware, multimodal graph network with gated fusion",
                slow=True,
                reads_side=True,
            ),
        )
    }
)


def find(name: str) -> Model:
    """The model of this name; raises `NotFound` with the names that exist."""
    if name not in ZOO:
        raise NotFound(f"no model {name!r}", valid=f"auto, {', '.join(ZOO)}", remedy="choose one of these")
    return ZOO[name]
