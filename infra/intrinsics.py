"""CloudFormation's YAML read as plain data: `!Ref X` becomes `{"Ref": "X"}`."""

from pathlib import Path
from typing import Any

import yaml

_WITHOUT_PREFIX = {"Ref", "Condition"}


class _Loader(yaml.SafeLoader):
    """A safe loader that knows the short tags."""


def load(path: Path) -> dict[str, Any]:
    """Give the template in `path` with its short tags written out."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - it is safe
    return template


def _intrinsic(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    key = name if name in _WITHOUT_PREFIX else f"Fn::{name}"
    return {key: _argument(loader, name, node)}


def _argument(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    value = str(node.value)
    # only the first dot separates: State.Outputs.Name is [State, Outputs.Name]
    return value.split(".", 1) if name == "GetAtt" else value


_Loader.add_multi_constructor("!", _intrinsic)
