"""Documents in JSON, and in YAML with CloudFormation's tags, as values that have a JSON form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..common import json_text
from .errors import InvalidProject

EXTRA = "install it with: pip install 'awslambdaric-lite[project]'"

_STANDARD = "tag:yaml.org,2002:"
_MAX_NODES = 1_000_000  # of a document whose aliases are expanded; a template of 1 MB, AWS's limit, has fewer


def read_document(file: Path) -> Any:
    """Read a file.

    Raises:
        InvalidProject: it cannot be read, or is neither JSON nor YAML; the message has the line.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidProject(f"{file} cannot be read: {error.strerror}; correct the path") from None
    except UnicodeDecodeError as error:
        raise InvalidProject(f"{file} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    return parse_document(text, str(file))


def parse_document(text: str, name: str) -> Any:
    """Parse the text of a document; `name` is that of its file.

    Raises:
        InvalidProject: it is neither JSON nor YAML.
    """
    if text.lstrip().startswith(("{", "[")):
        try:
            return json_text.parse(text)
        except ValueError as error:
            if name.endswith(".json"):
                raise InvalidProject(f"{name} is not JSON: {error}; correct it") from None
    return _parse_yaml(text, name)


def _parse_yaml(text: str, name: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError:
        raise InvalidProject(f"{name} needs PyYAML; {EXTRA}") from None
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        loader = base(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _Values(loader, name).of(node)[0]
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f", line {mark.line + 1}"
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InvalidProject(f"{name}{place}: not YAML: {reason}; correct it") from None
    except RecursionError:
        raise InvalidProject(f"{name} is nested too deeply; make it flatter") from None


class _Values:
    """The values of YAML nodes; dates stay text, keys are text."""

    def __init__(self, loader: Any, name: str) -> None:
        self._loader = loader
        self._name = name
        self._known: dict[int, tuple[Any, int]] = {}
        self._unfinished: set[int] = set()

    def of(self, node: Any) -> tuple[Any, int]:
        """Return the value of a node, and the number of its nodes with all aliases expanded."""
        if node.id == "scalar":
            return self._scalar(node), 1
        if (known := self._known.get(id(node))) is not None:
            return known
        if id(node) in self._unfinished:
            raise self._error(node, "an alias refers to the node that contains it; remove it")
        self._unfinished.add(id(node))
        value, size = self._sequence(node) if node.id == "sequence" else self._mapping(node)
        if size > _MAX_NODES:
            raise self._error(node, f"aliases make more than {_MAX_NODES} nodes; write it without them")
        value = _tagged(node.tag, value)
        self._unfinished.remove(id(node))
        self._known[id(node)] = (value, size)
        return value, size

    def _sequence(self, node: Any) -> tuple[list[Any], int]:
        pairs = [self.of(each) for each in node.value]
        return [value for value, _ in pairs], 1 + sum(size for _, size in pairs)

    def _mapping(self, node: Any) -> tuple[dict[str, Any], int]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        total = 1
        for key_node, value_node in node.value:
            value, size = self.of(value_node)
            total += size
            if key_node.id != "scalar":
                raise self._error(key_node, "a key is not text; write it as text")
            if key_node.tag == f"{_STANDARD}merge":
                for each in reversed(value if isinstance(value, list) else [value]):
                    if not isinstance(each, dict):
                        raise self._error(key_node, "<< needs a mapping; name the anchor of one")
                    merged |= each
                continue
            key = key_node.value
            if key in own:
                raise self._error(key_node, f"the key {key!r} is there twice; remove one")
            own[key] = value
        return merged | own, total

    def _scalar(self, node: Any) -> Any:
        tag = node.tag
        if tag.startswith("!") and len(tag) > 1:
            return _tagged(tag, node.value)
        kind = tag.removeprefix(_STANDARD)
        if kind in ("int", "float", "bool"):
            try:
                return getattr(self._loader, f"construct_yaml_{kind}")(node)
            except (ValueError, KeyError):
                raise self._error(node, f"{node.value!r} is not of the type {kind}; quote it") from None
        return None if kind == "null" else node.value

    def _error(self, node: Any, text: str) -> InvalidProject:
        return InvalidProject(f"{self._name}, line {node.start_mark.line + 1}: {text}")


def _tagged(tag: str, value: Any) -> Any:
    """Return the long form of a value with one of CloudFormation's tags, e.g. `!Sub`."""
    if not tag.startswith("!") or len(tag) == 1:
        return value
    if tag in ("!Ref", "!Condition"):
        return {tag[1:]: value}
    if tag == "!GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{tag[1:]}": value}
