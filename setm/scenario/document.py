"""A YAML file as plain values that still know their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from setm.errors import ConfigError
from setm.scenario.checks import Location


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping; YAML itself would take the last one silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the field {key.value!r} is doubled", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class Document:
    """The values of a scenario file, and where each of them stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror}); give the path of a scenario file"
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: is not text in UTF-8; save it as UTF-8") from error
        try:
            self._node = yaml.compose(text, Loader=_OnceLoader)
            values = yaml.load(text, Loader=_OnceLoader)
        except yaml.YAMLError as error:
            raise ConfigError(_syntax_line(path, error)) from error
        except ValueError as error:
            raise ConfigError(f"{path}: {error}; write a date like 2016-11-18") from error
        if not isinstance(values, dict):
            raise ConfigError(
                f"{path}: expected fields such as `name:` and `participants:`, found {values!r}"
            )
        self.values: dict[str, Any] = values

    def line(self, location: Location) -> int:
        """Return the line (from 1) of a field, or of the nearest part that holds it."""
        node, line = self._node, 1
        for step in location:
            if isinstance(node, yaml.MappingNode):
                found = [
                    (key, value)
                    for key, value in node.value
                    if isinstance(key, yaml.ScalarNode) and key.value == step
                ]
                if not found:
                    break
                key, node = found[0]
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and step in range(len(node.value)):
                node = node.value[int(step)]
                line = node.start_mark.line + 1
            else:
                break
        return line

    def message(self, location: Location, text: str) -> str:
        """Return one line: file, line, field and what is wrong with it."""
        field = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in location
        ).removeprefix(".")
        return f"{self.path}:{self.line(location)}: " + (f"{field}: " if field else "") + text


def _syntax_line(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{path}{place}: {problem}; check indentation, quotes and doubled fields there"
