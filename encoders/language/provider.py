"""The contract of a language model: prompts in, texts with their token counts out.

`encoders.language.remote` is any endpoint that speaks OpenAI's chat protocol, `encoders.language.local` a transformers
causal model in this process. None is used unless the settings name one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from graph.errors import InvalidData, Unsupported

FAMILIES = "openai:MODEL (with a base URL), local:FOLDER or local:HUB-NAME"


@dataclass(frozen=True)
class Prompt:
    """One question. `name` and `version` say which of `encoders.language.prompts` it is.

    `system` is ours alone; `user` holds the catalogue's words as data. `start` is how the answer has to begin, for a
    model that can be made to. `max_tokens` bounds the answer.
    """

    name: str
    version: int
    system: str
    user: str
    start: str = ""
    max_tokens: int = 96


@dataclass(frozen=True)
class Completion:
    """An answer as the model gave it, unchecked, and what it took. `failed`: why there is none, in our own words."""

    text: str
    tokens_in: int
    tokens_out: int
    failed: str = ""


@dataclass(frozen=True)
class Likelihood:
    """`yes`: probability in [0, 1] that the model's next word is yes rather than no. `tokens_in`: tokens read."""

    yes: float
    tokens_in: int


class Provider(Protocol):
    """`name` goes into cache keys and the graph: it changes whenever another model would answer."""

    @property
    def name(self) -> str: ...

    def complete(self, prompts: Sequence[Prompt]) -> list[Completion]:
        """One answer a prompt, in order; each prompt is answered without sight of the others.

        Raises `ProviderUnavailable` when the model cannot be reached, `Forbidden` for a refused key.
        """
        ...

    def count_tokens(self, prompt: Prompt) -> int:
        """Tokens that the prompt has, or about so many where only the endpoint knows. Asks nobody."""
        ...

    def close(self) -> None:
        """Ends connections; a local model has none."""
        ...


@runtime_checkable
class Judge(Protocol):
    """A provider that shows probabilities: needs no words to say how likely yes is."""

    def likelihoods(self, prompts: Sequence[Prompt]) -> list[Likelihood]:
        """Of each prompt by itself, in order."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Where an `openai:` provider is: `url` ends before `/chat/completions`; `timeout` in seconds for one answer."""

    url: str = ""
    key: SecretStr | None = None
    timeout: float = 60.0
    parallel: int = 4


def open_provider(name: str, endpoint: Endpoint | None = None, *, device: str | None = None) -> Provider:
    """The provider of that name; a local model is loaded at its first answer.

    Raises `Unsupported` for an empty name (none is set), `InvalidData` for one that means nothing.
    """
    family, _, reference = name.partition(":")
    if not name:
        raise Unsupported(
            "no language model is set: this part of Interlace is off",
            valid=FAMILIES,
            remedy="set INTERLACE_LANGUAGE_PROVIDER, or name one with --provider",
        )
    if family == "local" and reference:
        from encoders.language.local import LocalCausal
        from encoders.weights import model_folder

        folder = model_folder(reference)
        # A path on this machine is nobody's business: its last part, and the version tell the model.
        known = folder.resolve().name if Path(reference).expanduser().is_dir() else reference
        return LocalCausal(f"local:{known}", folder, device=device)
    if family == "openai" and reference:
        from encoders.language.remote import OpenAICompatible

        return OpenAICompatible(reference, endpoint or Endpoint())
    raise InvalidData(f"no language model {name!r}", valid=FAMILIES, remedy="correct the name")
