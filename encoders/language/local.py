"""A language model in this process: any causal model of transformers, from a folder or the hub's cache.

Safetensors alone, no code from the model's repository, greedy. A prompt goes through the tokenizer's own chat template
where it has one. Prompts of one batch are padded on the left and answered without sight of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.base import Lazy
from encoders.devices import pick_device
from encoders.language.provider import Completion, Likelihood, Prompt
from encoders.weights import folder_version
from graph.errors import Unsupported

if TYPE_CHECKING:
    import torch

BATCH = 8
MAX_TOKENS_IN = 4096
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Loaded:
    """The model, its tokenizer, and the first tokens of yes and no."""

    model: Any
    tokenizer: Any
    yes: int
    no: int


class LocalCausal:
    """A causal model in a folder; loaded by the first call that needs it. The version is that of the folder's files."""

    def __init__(self, name: str, folder: Path, *, device: str | None = None) -> None:
        self._name = name
        self._folder = folder
        self._device = device
        self._version = Lazy(lambda: folder_version(folder, "language 1"))
        self._tokenizer = Lazy(self._load_tokenizer)
        self._loaded = Lazy(self._load)

    @property
    def name(self) -> str:
        return f"{self._name}@{self._version.get()}"

    def count_tokens(self, prompt: Prompt) -> int:
        return len(_ids(self._tokenizer.get(), prompt))

    def complete(self, prompts: Sequence[Prompt]) -> list[Completion]:
        import torch

        found: list[Completion] = []
        for batch in _batches(prompts):
            loaded = self._loaded.get()
            ids, mask = self._padded([_ids(loaded.tokenizer, prompt) for prompt in batch])
            with torch.inference_mode():
                out = loaded.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    do_sample=False,
                    num_beams=1,
                    max_new_tokens=max(prompt.max_tokens for prompt in batch),
                    pad_token_id=_pad(loaded.tokenizer),
                    stop_strings=["}"],  # The answers asked for are one flat JSON object.
                    tokenizer=loaded.tokenizer,
                )
            for prompt, row, real in zip(batch, out[:, ids.shape[1] :].tolist(), mask.sum(1).tolist(), strict=True):
                found.append(_completion(loaded.tokenizer, prompt, row, real))
        return found

    def close(self) -> None: ...

    def likelihoods(self, prompts: Sequence[Prompt]) -> list[Likelihood]:
        """Of yes against no, by the logits of the first token after `prompt.start`."""
        import torch

        found: list[Likelihood] = []
        for batch in _batches(prompts):
            loaded = self._loaded.get()
            ids, mask = self._padded([_ids(loaded.tokenizer, prompt) for prompt in batch])
            places = (mask.cumsum(1) - 1).clamp(min=0)
            # The last place's logits alone, where the model can leave the others out: a vocabulary is wide.
            last = {"logits_to_keep": 1} if "logits_to_keep" in signature(loaded.model.forward).parameters else {}
            with torch.inference_mode():
                shown = loaded.model(input_ids=ids, attention_mask=mask, position_ids=places, **last).logits
            logits = shown[:, -1].float()
            shares = torch.softmax(logits[:, [loaded.yes, loaded.no]], dim=1)[:, 0].tolist()
            found += [Likelihood(*pair) for pair in zip(shares, mask.sum(1).tolist(), strict=True)]
        return found

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, longest) token ids and mask, on the model's device; raises `Unsupported` for one that is too long."""
        import torch

        loaded = self._loaded.get()
        limit = min(MAX_TOKENS_IN, getattr(loaded.model.config, "max_position_embeddings", MAX_TOKENS_IN))
        if any(len(row) > limit for row in rows):
            raise Unsupported(
                f"a prompt of {max(map(len, rows)):,} tokens is too long for {self._name}",
                valid=f"at most {limit:,} tokens",
                remedy="name a model with a longer context",
            )
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), _pad(loaded.tokenizer))
        mask = torch.zeros((len(rows), longest), dtype=torch.int64)
        for place, row in enumerate(rows):
            ids[place, longest - len(row) :] = torch.tensor(row)
            mask[place, longest - len(row) :] = 1
        return ids.to(loaded.model.device), mask.to(loaded.model.device)

    def _load_tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._from_folder(
            lambda: AutoTokenizer.from_pretrained(str(self._folder), local_files_only=True, trust_remote_code=False)
        )

    def _load(self) -> Loaded:
        import torch
        from transformers import AutoModelForCausalLM

        device = pick_device(self._device)
        model = self._from_folder(
            lambda: AutoModelForCausalLM.from_pretrained(
                str(self._folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32 if device.type == "cpu" else torch.bfloat16,
            )
        )
        tokenizer = self._tokenizer.get()
        yes, no = (tokenizer(word, add_special_tokens=False)["input_ids"] for word in (YES, NO))
        if not yes or not no or yes[0] == no[0]:
            raise Unsupported(
                f"the tokenizer of {self._name} does not tell {YES!r} from {NO!r} by their first tokens",
                valid="a model that writes English",
                remedy="name another model",
            )
        return Loaded(model.to(device).eval(), tokenizer, yes[0], no[0])

    def _from_folder(self, load: Callable[[], Any]) -> Any:
        from encoders.text import quiet_loading

        try:
            with quiet_loading():
                return load()
        except (OSError, ValueError, KeyError) as error:
            raise Unsupported(
                f"the language model in {self._folder} cannot be loaded: {error}",
                valid="a folder with a tokenizer and a causal model of transformers, safetensors weights",
                remedy="name another model, or save this one with save_pretrained(..., safe_serialization=True)",
            ) from error


def _batches(prompts: Sequence[Prompt]) -> Iterator[Sequence[Prompt]]:
    for begin in range(0, len(prompts), BATCH):
        yield prompts[begin : begin + BATCH]


def _pad(tokenizer: Any) -> int:
    found = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return int(found or 0)


def _ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Token ids of the prompt up to where the answer goes on behind `prompt.start`."""
    shown = _chat(tokenizer, prompt) if getattr(tokenizer, "chat_template", None) else _plain(prompt)
    return list(tokenizer(shown + prompt.start, add_special_tokens=False)["input_ids"])


def _plain(prompt: Prompt) -> str:
    return f"{prompt.system}\n\n{prompt.user}\n\n"


def _chat(tokenizer: Any, prompt: Prompt) -> str:
    """In the tokenizer's own template; one that knows no system role gets both texts as the user's."""
    from jinja2 import TemplateError

    turns = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    try:
        return str(tokenizer.apply_chat_template(turns, **options))
    except TemplateError:
        return str(tokenizer.apply_chat_template([{"role": "user", "content": _plain(prompt)}], **options))


def _completion(tokenizer: Any, prompt: Prompt, row: Sequence[int], tokens_in: int) -> Completion:
    """What was written up to the end-of-text token, behind `prompt.start`."""
    row = row[: prompt.max_tokens]  # The batch went on for the one that may be longest.
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id} - {None}
    length = next((place for place, token in enumerate(row) if token in ends), len(row))
    text = tokenizer.decode(row[:length], skip_special_tokens=True)
    return Completion(prompt.start + text, tokens_in, length)
