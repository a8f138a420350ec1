"""What a DynamoDB must do for us: the patched moto, or the engine that AWS_ENDPOINT_URL names."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.local import engine

TABLE = "sarafan-test-conformance"
THREADS = 16
# one session, because each new one reads the service models from disk again
SESSION = boto3.session.Session()
CONFIG = Config(retries={"max_attempts": 1}, max_pool_connections=THREADS)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    if os.environ.get("AWS_ENDPOINT_URL"):
        yield from a_table()
        return
    engine.install()
    with mock_aws():
        yield from a_table()


def a_table() -> Iterator[Any]:
    client = SESSION.client("dynamodb", config=CONFIG)
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "due", "at")
        ],
        KeySchema=key_schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_due",
                "KeySchema": key_schema("due", "at"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    yield client
    client.delete_table(TableName=TABLE)


def key_schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]


def an_item(pk: str, sk: str = "-", **attributes: str | int) -> dict[str, Any]:
    values = {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in attributes.items()
    }
    return {"pk": {"S": pk}, "sk": {"S": sk}} | values


def a_new(pk: str, sk: str = "-", **attributes: str | int) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": TABLE,
            "Item": an_item(pk, sk, **attributes),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def an_increment(pk: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": TABLE,
            "Key": an_item(pk),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }


def a_check(pk: str, condition: str) -> dict[str, Any]:
    return {
        "ConditionCheck": {
            "TableName": TABLE,
            "Key": an_item(pk),
            "ConditionExpression": condition,
        }
    }


def find(client: Any, pk: str, sk: str = "-") -> dict[str, Any] | None:
    found: dict[str, Any] | None = client.get_item(
        TableName=TABLE, Key=an_item(pk, sk), ConsistentRead=True
    ).get("Item")
    return found


def count(client: Any, pk: str) -> int:
    item = find(client, pk)
    return int(item["n"]["N"]) if item else 0


def refusal(call: Callable[..., Any], **arguments: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value


def code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def race(work: Callable[[Any], str]) -> Counter[str]:
    """Run `work` in sixteen threads that start together; count what they say."""
    said: list[str] = []
    start = threading.Barrier(THREADS)
    clients = [SESSION.client("dynamodb", config=CONFIG) for _ in range(THREADS)]

    def run(client: Any) -> None:
        start.wait()
        said.append(work(client))

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(said)


class Stream:
    """A reader that stays open, as an event source mapping's does."""

    def __init__(self, client: Any) -> None:
        table = client.describe_table(TableName=TABLE)["Table"]
        self.client = SESSION.client("dynamodbstreams", config=CONFIG)
        arn = table["LatestStreamArn"]
        shard = self.client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]
        self.position = self.client.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def read(self) -> list[str]:
        answer = self.client.get_records(ShardIterator=self.position)
        self.position = answer["NextShardIterator"]
        return [
            f"{record['eventName']} {record['dynamodb']['Keys']['pk']['S']}"
            for record in answer["Records"]
        ]


def test_of_sixteen_racing_inserts_exactly_one_wins(dynamodb: Any) -> None:
    def insert(client: Any) -> str:
        try:
            client.put_item(
                TableName=TABLE, Item=an_item("a"), ConditionExpression="attribute_not_exists(pk)"
            )
        except ClientError as error:
            return code(error)
        return "won"

    assert race(insert) == {"won": 1, "ConditionalCheckFailedException": 15}


def test_of_sixteen_racing_transactions_exactly_one_wins_and_counts_once(dynamodb: Any) -> None:
    def transact(client: Any) -> str:
        try:
            client.transact_write_items(TransactItems=[a_new("a"), an_increment("counter")])
        except ClientError as error:
            return code(error)
        return "won"

    assert race(transact)["won"] == 1
    assert count(dynamodb, "counter") == 1


def test_no_addition_is_lost_in_a_race(dynamodb: Any) -> None:
    def add_ten_times(client: Any) -> str:
        for _ in range(10):
            client.update_item(**an_increment("counter")["Update"])
        return "done"

    race(add_ten_times)
    assert count(dynamodb, "counter") == 160


def test_a_failed_condition_leaves_nothing_of_its_transaction(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item=an_item("a"))
    error = refusal(
        dynamodb.transact_write_items, TransactItems=[an_increment("counter"), a_new("a")]
    )
    assert code(error) == "TransactionCanceledException"
    reasons = [reason["Code"] for reason in error.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert find(dynamodb, "counter") is None


def test_a_write_that_fails_midway_leaves_nothing_of_its_transaction(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item=an_item("word", n="not a number"))
    dynamodb.put_item(TableName=TABLE, Item=an_item("deleted"))
    deletion = {"Delete": {"TableName": TABLE, "Key": an_item("deleted")}}
    refusal(
        dynamodb.transact_write_items,
        TransactItems=[a_new("a"), an_increment("b"), deletion, an_increment("word")],
    )
    assert find(dynamodb, "a") is None
    assert find(dynamodb, "b") is None
    assert find(dynamodb, "deleted") == an_item("deleted")
    assert find(dynamodb, "word") == an_item("word", n="not a number")


def test_an_update_that_fails_leaves_no_stub_of_a_new_item(dynamodb: Any) -> None:
    refusal(
        dynamodb.update_item,
        TableName=TABLE,
        Key=an_item("a"),
        UpdateExpression="SET big = :big",
        ExpressionAttributeValues={":big": {"S": "x" * 410_000}},
    )
    assert find(dynamodb, "a") is None


def test_a_cancelled_transaction_gives_the_old_item_when_asked(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item=an_item("a", colour="blue"))
    insert = a_new("a", colour="red")
    insert["Put"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    error = refusal(dynamodb.transact_write_items, TransactItems=[insert])
    assert error.response["CancellationReasons"][0]["Item"] == an_item("a", colour="blue")


def test_a_condition_check_decides_about_the_others(dynamodb: Any) -> None:
    check = a_check("program", "attribute_exists(pk)")
    error = refusal(dynamodb.transact_write_items, TransactItems=[check, a_new("a")])
    assert code(error) == "TransactionCanceledException"

    dynamodb.put_item(TableName=TABLE, Item=an_item("program"))
    dynamodb.transact_write_items(TransactItems=[check, a_new("a")])
    assert find(dynamodb, "a") == an_item("a")


def test_a_transaction_with_a_known_client_token_is_not_applied_again(dynamodb: Any) -> None:
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[an_increment("a")], ClientRequestToken="t")
    assert count(dynamodb, "a") == 1


def test_a_client_token_is_refused_for_another_request(dynamodb: Any) -> None:
    dynamodb.transact_write_items(TransactItems=[an_increment("a")], ClientRequestToken="t")
    error = refusal(
        dynamodb.transact_write_items, TransactItems=[an_increment("b")], ClientRequestToken="t"
    )
    assert code(error) == "IdempotentParameterMismatchException"


def test_a_client_token_of_a_cancelled_transaction_can_be_used_again(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item=an_item("a"))
    refusal(dynamodb.transact_write_items, TransactItems=[a_new("a")], ClientRequestToken="t")
    dynamodb.delete_item(TableName=TABLE, Key=an_item("a"))
    dynamodb.transact_write_items(TransactItems=[a_new("a")], ClientRequestToken="t")
    assert find(dynamodb, "a") == an_item("a")


def test_a_transaction_names_an_item_once_and_has_at_most_a_hundred(dynamodb: Any) -> None:
    twice = refusal(dynamodb.transact_write_items, TransactItems=[a_new("a"), an_increment("a")])
    too_many = refusal(
        dynamodb.transact_write_items, TransactItems=[a_new(str(i)) for i in range(101)]
    )
    assert (code(twice), code(too_many)) == ("ValidationException", "ValidationException")


def test_items_of_a_transaction_are_read_together(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item=an_item("a"))
    gets = [{"Get": {"TableName": TABLE, "Key": an_item(pk)}} for pk in ("a", "nobody")]
    responses = dynamodb.transact_get_items(TransactItems=gets)["Responses"]
    assert [response.get("Item") for response in responses] == [an_item("a"), None]


def test_a_batch_writes_at_most_twenty_five_items(dynamodb: Any) -> None:
    puts = [{"PutRequest": {"Item": an_item(str(i))}} for i in range(26)]
    error = refusal(dynamodb.batch_write_item, RequestItems={TABLE: puts})
    assert code(error) == "ValidationException"
    assert dynamodb.batch_write_item(RequestItems={TABLE: puts[:25]})["UnprocessedItems"] == {}


def test_a_query_reads_one_partition_in_order(dynamodb: Any) -> None:
    for pk, sk in (("a", "2"), ("b", "1"), ("a", "1"), ("a", "3")):
        dynamodb.put_item(TableName=TABLE, Item=an_item(pk, sk))
    answer = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk AND sk > :sk",
        ExpressionAttributeValues={":pk": {"S": "a"}, ":sk": {"S": "1"}},
        ScanIndexForward=False,
    )
    assert [item["sk"]["S"] for item in answer["Items"]] == ["3", "2"]


def due(client: Any, **arguments: Any) -> list[str]:
    names: list[str] = []
    pages = client.get_paginator("query").paginate(
        TableName=TABLE,
        IndexName="by_due",
        KeyConditionExpression="due = :due",
        ExpressionAttributeValues={":due": {"S": "yes"}},
        **arguments,
    )
    for page in pages:
        names += [item["pk"]["S"] for item in page["Items"]]
    return names


def test_an_index_holds_the_items_that_have_its_key_in_its_order(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item=an_item("late", due="yes", at="2"))
    dynamodb.put_item(TableName=TABLE, Item=an_item("early", due="yes", at="1"))
    dynamodb.put_item(TableName=TABLE, Item=an_item("done"))
    dynamodb.put_item(TableName=TABLE, Item=an_item("undated", due="yes"))
    assert due(dynamodb) == ["early", "late"]
    assert due(dynamodb, PaginationConfig={"PageSize": 1}) == ["early", "late"]


def test_an_item_leaves_and_enters_an_index_with_its_key(dynamodb: Any) -> None:
    for pk in ("deleted", "finished", "failed"):
        dynamodb.put_item(TableName=TABLE, Item=an_item(pk, due="yes", at="1"))
    dynamodb.put_item(TableName=TABLE, Item=an_item("reopened", at="2"))
    dynamodb.delete_item(TableName=TABLE, Key=an_item("deleted"))
    dynamodb.update_item(TableName=TABLE, Key=an_item("finished"), UpdateExpression="REMOVE due")
    dynamodb.update_item(
        TableName=TABLE,
        Key=an_item("reopened"),
        UpdateExpression="SET due = :due",
        ExpressionAttributeValues={":due": {"S": "yes"}},
    )
    removal = {"Delete": {"TableName": TABLE, "Key": an_item("failed")}}
    refusal(
        dynamodb.transact_write_items,
        TransactItems=[removal, a_check("nobody", "attribute_exists(pk)")],
    )
    assert due(dynamodb) == ["failed", "reopened"]


def test_an_open_stream_reader_sees_on_after_a_failed_transaction(dynamodb: Any) -> None:
    stream = Stream(dynamodb)
    dynamodb.put_item(TableName=TABLE, Item=an_item("word", n="not a number"))
    refusal(dynamodb.transact_write_items, TransactItems=[a_new("lost"), an_increment("word")])
    dynamodb.put_item(TableName=TABLE, Item=an_item("after"))
    assert stream.read() == ["INSERT word", "INSERT after"]
    dynamodb.transact_write_items(TransactItems=[a_new("later"), an_increment("count")])
    assert stream.read() == ["INSERT later", "INSERT count"]


def test_a_write_that_changes_nothing_makes_no_stream_record(dynamodb: Any) -> None:
    stream = Stream(dynamodb)
    for _ in range(2):
        dynamodb.put_item(TableName=TABLE, Item=an_item("a"))
    dynamodb.put_item(TableName=TABLE, Item=an_item("a", colour="red"))
    assert stream.read() == ["INSERT a", "MODIFY a"]


def test_an_update_that_creates_an_item_makes_one_stream_record(dynamodb: Any) -> None:
    stream = Stream(dynamodb)
    for _ in range(2):
        dynamodb.update_item(**an_increment("a")["Update"])
    assert stream.read() == ["INSERT a", "MODIFY a"]
