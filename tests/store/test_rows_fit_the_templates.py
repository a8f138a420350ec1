"""The rows of `store` against infra/state.yaml, which alone defines tables and indexes."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from pynamodb.indexes import Index

from referrals import settings, store
from referrals.store.rows import Row
from tests.shop import TABLES


def _rows() -> Iterator[type[Row]]:
    for module in pkgutil.iter_modules(store.__path__):
        importlib.import_module(f"{store.__name__}.{module.name}")
    yield from sorted(Row.__subclasses__(), key=lambda row: row.__name__)


ROWS = list(_rows())


def _keys(schema: Any) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in schema)


@pytest.fixture
def described(tables: None) -> dict[str, Any]:
    client: Any = boto3.client("dynamodb")
    return {
        name: client.describe_table(TableName=settings.table_name(name))["Table"] for name in TABLES
    }


def test_the_tables_of_the_template_are_those_that_rows_are_stored_in(
    described: dict[str, Any],
) -> None:
    client: Any = boto3.client("dynamodb")
    assert sorted(client.list_tables()["TableNames"]) == [settings.table_name(n) for n in TABLES]
    assert {row.Meta.table_name for row in ROWS} == {settings.table_name(n) for n in TABLES}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_row_has_the_keys_and_indexes_of_its_table(
    row: type[Row], described: dict[str, Any]
) -> None:
    short = row.Meta.table_name.removeprefix(settings.table_name(""))
    table, schema = described[short], row._get_schema()
    assert _keys(table["KeySchema"]) == _keys(schema["key_schema"])
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    for each in schema["attribute_definitions"]:
        assert types[each["AttributeName"]] == each["AttributeType"]
    indexes = {each["IndexName"]: each for each in table.get("GlobalSecondaryIndexes", [])}
    for index in _indexes(row):
        in_table = indexes[index.Meta.index_name]
        assert _keys(in_table["KeySchema"]) == _keys(index._get_schema()["key_schema"])
        projection = index.Meta.projection.projection_type
        assert in_table["Projection"]["ProjectionType"] == projection


def _indexes(row: type[Row]) -> list[Index[Any]]:
    return list(row._indexes.values())
