"""YAML files that people write (experiments, retention), read so that every error names the line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from graph.errors import InvalidData, NotFound


@dataclass(frozen=True)
class Entry:
    """A node of the file and where it stands."""

    path: Path
    node: yaml.Node

    def refuse(self, what: str, valid: str, remedy: str = "correct the file") -> InvalidData:
        line = self.node.start_mark.line + 1
        return InvalidData(f"{self.path.name}, line {line}: {what}", valid=valid, remedy=remedy)

    def items(self, known: Iterable[str] | None, what: str) -> dict[str, Entry]:
        """A mapping's parts; `known`: the keys there may be."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.refuse(f"{what} is no mapping", "key: value")
        found: dict[str, Entry] = {}
        for key, value in self.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            here = Entry(self.path, key)
            if known is not None and name not in known:
                raise here.refuse(f"unknown key {name!r} of {what}", ", ".join(known))
            if name in found:
                raise here.refuse(f"{name!r} is there twice", "each key once")
            found[name] = Entry(self.path, value)
        return found

    def entries(self, what: str) -> list[Entry]:
        """A list's parts."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.refuse(f"{what} is no list", "[a, b], or a line with - for each")
        return [Entry(self.path, one) for one in self.node.value]

    @property
    def value(self) -> Any:
        """As YAML reads a scalar: number, text, date."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(self.node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise self.refuse(f"{getattr(self.node, 'value', '')!r} cannot be read", "a plain value") from error

    def checked(self, what: str, valid: str, good: Callable[[Any], bool]) -> Any:
        """The value, when it is good."""
        value = self.value
        if not good(value):
            raise self.refuse(f"{what} cannot be {value!r}", valid)
        return value


def read_yaml(path: Path, remedy: str) -> Entry | None:
    """What a file holds, None for an empty one. Raises `NotFound` with this remedy, `InvalidData` naming the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFound(f"no file {str(path)!r}", valid="a file that is there", remedy=remedy) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise InvalidData(f"{path.name}, line {line}: {error.problem}", valid="YAML", remedy="correct it") from error
    return None if root is None else Entry(path, root)
