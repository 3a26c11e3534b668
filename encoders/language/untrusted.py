"""Catalogue words on their way into a prompt: bounded, without control characters and chat marks, as JSON data.

Two lines of defence. What `as_data` gives cannot leave its block: no character in it can close the block or begin a
chat template's token. `instructs` finds texts that address a model; an item with such a text is not asked about at all.
It is no proof: what holds when it finds nothing is said in `encoders.language.reorder` and `encoders.language.answers`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Data: TypeAlias = Mapping[str, str | Sequence[str]]

LONGEST = 600
"""Characters of one text in a prompt."""
BEGIN, END = "<data>", "</data>"
_MARKS = re.compile(
    r"<\s*[|\uff5c][^>]{0,60}[|\uff5c]\s*>"  # ChatML, Llama 3, Qwen, DeepSeek
    r"|\[/?\s*(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\s*\]"  # Mistral, Llama 2
    r"|<</?\s*SYS\s*>>|</?s>|<\s*/?\s*(?:start|end)_of_turn\s*>|<\s*/?\s*(?:bos|eos|pad|unk)\s*>",
    re.IGNORECASE,
)
_WORDS = (
    r"\b(?:ignore|disregard|override|bypass)\b.{0,40}\b(?:instruction|prompt|previous|prior|rule|above)",
    r"\bforget\b.{0,20}\b(?:instructions|prompt|above)\b",
    r"\b(?:ignoriere|vergiss|ignorez|oubliez|ignora|olvida)\b.{0,40}\b(?:anweisung|regel|consigne|instruc|istruzion)",
    r"(?:忽略|无视|無視).{0,12}(?:指令|指示|说明)|指示を(?:無視|忘)|(?:игнорируй|забудь).{0,20}(?:инструкц|указан)",
    r"\b(?:system|developer) (?:prompt|message|override)\b",
    r"(?:^|[.!?\"'{\[>]\s?)(?:system|assistant)\s?:",
    r"\b(?:you are(?: now)?|act as)(?: an?)? (?:assistant|language model|llm|ai|recommender|ranker|chatbot|dan)\b",
    r"\bas an? (?:ai|llm|(?:large )?language model)\b",
    r"\b(?:dear|hey|note to(?: the)?|attention,?) (?:ai|llm|language model|assistant|ranker|recommender)\b",
    r"\b(?:rank|score|place|move) (?:this|it)(?: (?:item|film|movie|product|book|song|track|title))?"
    r"(?: (?:at|to|as))?(?: the)? (?:first|top|highest|number one|10|ten|100|maximum)\b(?! (?:of|shelf))",
    r"\b(?:always|must|only) (?:answer|respond|reply)\b.{0,12}\b(?:yes|\d+|with|json)\b",
    r"\b(?:answer|respond|reply|output|return|print)\b.{0,12}\b(?:json|score (?:of )?\d+)\b",
    r"[\"'](?:score|summary|profile|reason|role|content|tool_calls?)[\"']\s?:",
    r"\b(?:new|updated|real|actual) (?:instruction|task)s?\s?:",
    r"\bend of data\b",
)
_INSTRUCTS = re.compile("|".join(f"(?:{one})" for one in _WORDS), re.IGNORECASE | re.DOTALL)
_ENCODED = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}|(?:\\x[0-9a-f]{2}){6}|(?:&#x?[0-9a-f]{2,6};){4}", re.IGNORECASE)
_HIDDEN = re.compile(r"[\U000E0000-\U000E007F\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


def plain(text: str, longest: int = LONGEST) -> str:
    """One line of visible characters (NFKC), without chat templates' marks, at most `longest` characters."""
    shown = unicodedata.normalize("NFKC", text[: 8 * longest].encode("utf-8", "replace").decode())
    shown = _HIDDEN.sub("", shown)
    shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in shown)
    while (less := _MARKS.sub(" ", shown)) != shown:  # What is left may join to another mark.
        shown = less
    return " ".join(shown.split())[:longest].rstrip()


def as_data(fields: Data) -> str:
    """The fields as one JSON object between `<data>` and `</data>`; only these two hold `<` or `>`."""
    cleaned = {
        name: plain(value) if isinstance(value, str) else [plain(one, 80) for one in value]
        for name, value in fields.items()
    }
    kept = {name: value for name, value in cleaned.items() if value}
    found = json.dumps(kept, ensure_ascii=False)
    for char in "<>\uff5c":
        found = found.replace(char, f"\\u{ord(char):04x}")
    return f"{BEGIN}\n{found}\n{END}"


def instructs(*texts: str) -> bool:
    """Whether one of the texts reads as if it spoke to a model, hides characters, or carries an encoded block."""
    return any(_suspicious(text) for text in texts if text)


def _suspicious(text: str) -> bool:
    read = text[: 16 * LONGEST]
    if _MARKS.search(read) or _HIDDEN.search(read) or _ENCODED.search(read):
        return True
    shown = plain(read, 16 * LONGEST)
    return bool(_INSTRUCTS.search(shown) or _MARKS.search(shown))
