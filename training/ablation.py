"""What the knowledge graph, friends and each modality bring to a blend: each is taken away in turn.

After `training.auto` has chosen. Members that read a part are fitted again without it, with the settings and as many
epochs as were chosen; those that cannot be fitted without it leave; the weights are learned anew. So what is measured
is what the part adds to the best that can be done without it, and not how much the blend happened to lean on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

from training.blend import Blend, BlendConfig, MemberConfig
from training.data import HeldOut, SideInformation, TrainingData
from training.evaluate import evaluate
from training.metrics import TARGET
from training.recommender import Recommender
from training.refit import fit_again
from training.significance import paired_test
from training.stacking import candidates, learn
from training.zoo import find


def parts_of(side: SideInformation) -> Iterator[str]:
    """Names of the side information that is there: `triples`, `friendships`, modalities."""
    for name in ("triples", "friendships"):
        if len(getattr(side, name)):
            yield name
    yield from (name for name, table in sorted(side.embeddings.items()) if table.present.any())


def ablate(
    blend: Blend, data: TrainingData, held_out: HeldOut, *, progress: Callable[[str], None] = lambda _text: None
) -> dict[str, dict[str, float]]:
    """By part: the paired comparison (`difference`, `low`, `high`, `p_value`) of validation ndcg@10 with and without.

    Parts that no member reads are left out.
    """
    whole = evaluate(blend, held_out, ks=(10,)).per_user[TARGET]
    found = {}
    for part in parts_of(data.side):
        if not any(find(member.name).reads_part(part, data) for member in blend.config.members):
            continue
        progress(f"the blend without {part}")
        rest = evaluate(without(blend, data, held_out, part), held_out, ks=(10,)).per_user[TARGET]
        found[part] = asdict(paired_test(whole, rest, seed=data.seed))
    return found


def without(blend: Blend, data: TrainingData, held_out: HeldOut, part: str) -> Recommender:
    """The blend as it is when `part` is not known."""
    less = replace(data, side=data.side.without(part))
    kept: list[tuple[MemberConfig, Recommender]] = []
    for config, member in zip(blend.config.members, blend.members, strict=True):
        model = find(config.name)
        if not model.reads_part(part, data):
            kept.append((config, member))
        elif model.fits(less):
            kept.append((config, fit_again(member, model.config(config.settings), less)))
    if not kept:
        return find("popularity").build().fit(less)
    weights = learn(candidates([member for _, member in kept], held_out, seed=data.seed), seed=data.seed)
    configs = tuple(replace(config, weight=float(one)) for (config, _), one in zip(kept, weights, strict=True))
    return Blend(BlendConfig(configs), [member for _, member in kept])
