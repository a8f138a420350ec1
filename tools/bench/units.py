"""What DynamoDB charges for a call: request units from item sizes, by its published rules.

Item sizes:      https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
Units per call:  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html

A local engine does not know these; it answers with constants.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Item = Mapping[str, Mapping[str, Any]]  # by attribute, as in the API: {"code": {"S": "ANNA10"}}

_WRITE_BYTES, _READ_BYTES = 1024, 4096
_DOCUMENT_BYTES, _ELEMENT_BYTES = 3, 1
_LONGEST_NUMBER_BYTES = 21
_TRANSACTIONAL = 2


class Read(Enum):
    """How a read is made; the value is what a unit of 4 KB costs."""

    EVENTUAL = 0.5
    CONSISTENT = 1.0
    TRANSACTIONAL = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A global secondary index: its key attributes and what it copies, None for everything."""

    keys: tuple[str, ...]
    projected: frozenset[str] | None


def item_bytes(item: Item) -> int:
    """Give the size of an item: names in UTF-8, and their values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            size = len(content.encode())
        case "N":
            size = _number_bytes(content)
        case "B":
            size = len(content)
        case "BOOL" | "NULL":
            size = 1
        case "L":
            size = _DOCUMENT_BYTES + sum(_ELEMENT_BYTES + _value_bytes(each) for each in content)
        case "M":
            size = _DOCUMENT_BYTES + item_bytes(content) + _ELEMENT_BYTES * len(content)
        case _:
            size = sum(_value_bytes({kind[0]: each}) for each in content)
    return size


def _number_bytes(digits: str) -> int:
    """Give a byte per two significant digits and one more, "approximately", as AWS says."""
    significant = digits.lstrip("-").replace(".", "").strip("0")
    sign = 1 if digits.startswith("-") else 0
    return min((len(significant) + 1) // 2 + 1 + sign, _LONGEST_NUMBER_BYTES)


def read_units(size: int, how: Read) -> float:
    """Give the units of reading one item; one that does not exist costs as much as a small one."""
    return max(1, -(-size // _READ_BYTES)) * how.value


def query_units(sizes: Iterable[int], how: Read) -> float:
    """Give the units of a query: its items are added up before rounding."""
    return read_units(sum(sizes), how)


def write_units(before: Item | None, after: Item | None, *, is_transactional: bool) -> int:
    """Give the units of one write in a table: the larger of the item before and after counts."""
    size = max(item_bytes(item) if item else 0 for item in (before, after))
    return _kilobytes(size) * (_TRANSACTIONAL if is_transactional else 1)


def index_write_units(before: Item | None, after: Item | None, index: Index) -> int:
    """Give the units that a write of an item costs in one index, which is never transactional.

    Nothing when the entry stays as it is, a write for an entry that comes, goes or changes, and two
    when its key changes: the old entry goes, the new one comes.
    """
    old, new = _entry(before, index), _entry(after, index)
    if old == new:
        return 0
    is_moved = old and new and any(old[key] != new[key] for key in index.keys)
    if is_moved:
        return _entry_units(old) + _entry_units(new)
    return max(_entry_units(old), _entry_units(new))


def _entry(item: Item | None, index: Index) -> Item:
    if item is None or any(key not in item for key in index.keys):
        return {}
    if index.projected is None:
        return item
    return {name: value for name, value in item.items() if name in index.projected}


def _entry_units(entry: Item) -> int:
    return _kilobytes(item_bytes(entry)) if entry else 0


def _kilobytes(size: int) -> int:
    return max(1, -(-size // _WRITE_BYTES))
