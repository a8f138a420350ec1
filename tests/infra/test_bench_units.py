"""What DynamoDB charges, by its published rules."""

import pytest

from tools.bench.units import (
    Index,
    Item,
    Read,
    index_write_units,
    item_bytes,
    query_units,
    read_units,
    write_units,
)

BY_DUE = Index(keys=("due_shard", "due_at"), projected=frozenset({"due_shard", "due_at", "id"}))
EVERYTHING = Index(keys=("owner",), projected=None)


def an_item(size: int) -> Item:
    """Give an item of exactly `size` bytes."""
    return {"id": {"S": "x" * (size - 2)}}


def a_reward(*, due_at: str | None = "2026-05-18", body: str = "{}") -> Item:
    due = {"due_shard": {"S": "due#1"}, "due_at": {"S": due_at}} if due_at else {}
    return {"id": {"S": "rwd_1"}, "body": {"S": body}, **due}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        pytest.param({"S": "ANNA10"}, 6, id="a text has its bytes"),
        pytest.param({"S": "Ä"}, 2, id="in UTF-8"),
        pytest.param({"N": "7"}, 2, id="a digit is half a byte, rounded up, and one more"),
        pytest.param({"N": "1200"}, 2, id="zeros at the end are free"),
        pytest.param({"N": "-12.5"}, 4, id="a sign is a byte"),
        pytest.param({"BOOL": True}, 1, id="a truth value is a byte"),
        pytest.param({"NULL": True}, 1, id="nothing is a byte"),
        pytest.param({"B": b"1234"}, 4, id="bytes are bytes"),
        pytest.param({"SS": ["ab", "cde"]}, 5, id="a set has its elements"),
        pytest.param({"L": [{"S": "ab"}, {"S": "c"}]}, 8, id="a list has 3 bytes and 1 for each"),
        pytest.param({"M": {"a": {"S": "bc"}}}, 7, id="a map has names too"),
    ],
)
def test_an_attribute_weighs_its_name_and_its_value(value: dict[str, object], size: int) -> None:
    assert item_bytes({"name": value}) == 4 + size


@pytest.mark.parametrize(
    ("size", "how", "units"),
    [
        (0, Read.EVENTUAL, 0.5),
        (4_096, Read.EVENTUAL, 0.5),
        (4_097, Read.EVENTUAL, 1.0),
        (4_097, Read.CONSISTENT, 2.0),
        (4_097, Read.TRANSACTIONAL, 4.0),
    ],
)
def test_a_read_costs_by_four_kilobytes(size: int, how: Read, units: float) -> None:
    assert read_units(size, how) == units


def test_the_items_of_a_query_are_added_up_before_rounding() -> None:
    assert query_units([1_000, 1_000, 1_000], Read.CONSISTENT) == 1


@pytest.mark.parametrize(("size", "units"), [(10, 1), (1_024, 1), (1_025, 2), (3_000, 3)])
def test_a_write_costs_by_kilobytes_and_twice_in_a_transaction(size: int, units: int) -> None:
    item = an_item(size)
    assert item_bytes(item) == size
    assert write_units(None, item, is_transactional=False) == units
    assert write_units(None, item, is_transactional=True) == 2 * units


def test_an_update_costs_by_the_larger_of_before_and_after() -> None:
    assert write_units(an_item(3_000), an_item(100), is_transactional=False) == 3


def test_a_delete_costs_by_what_is_deleted() -> None:
    assert write_units(an_item(3_000), None, is_transactional=False) == 3


def test_an_item_without_the_keys_of_an_index_costs_nothing_there() -> None:
    assert index_write_units(None, a_reward(due_at=None), BY_DUE) == 0


def test_an_item_that_enters_or_leaves_an_index_costs_one_write_there() -> None:
    assert index_write_units(None, a_reward(), BY_DUE) == 1
    assert index_write_units(a_reward(), a_reward(due_at=None), BY_DUE) == 1


def test_a_new_key_in_an_index_costs_two_writes() -> None:
    assert index_write_units(a_reward(), a_reward(due_at="2026-06-01"), BY_DUE) == 2


def test_what_an_index_does_not_copy_costs_nothing_there() -> None:
    assert index_write_units(a_reward(), a_reward(body="{1}"), BY_DUE) == 0


def test_an_index_of_everything_costs_by_the_whole_item() -> None:
    item = {"owner": {"S": "per_anna"}, **an_item(1_500)}
    assert index_write_units(None, item, EVERYTHING) == 2
