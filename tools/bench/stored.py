"""Many stored referrals in little time: one that really happened, copied with other ids.

A copy has every item of the original in every table, and all its ids are exchanged in step, so the
copies hang together as the original does. Ten friends share an advocate, if nothing else is said.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from infra.local.templates import ACCOUNT, REGION
from referrals.domain.ids import person_id
from referrals.settings import table_name
from tools.bench import shop

TABLES = (
    *("advocates", "balances", "conversions", "events", "journals", "links", "people"),
    *("referrals", "rewards"),
)
_ADVOCATE, _FRIEND, _CODE = "advocate-original", "friend-original", "ORIGINAL"
_NAMED = re.compile(
    rf"\b(?:[a-z]{{3}}_[a-z2-7]{{24}}|{_ADVOCATE}|{_FRIEND}|{_CODE})", re.IGNORECASE
)
_FRIENDS_OF_ONE = 10

Items = dict[str, list[dict[str, Any]]]  # by short name of the table, as the API has them


def fill(
    referrals: int, *, friends_of_one: int = _FRIENDS_OF_ONE, tables: Sequence[str] = TABLES
) -> None:
    """Store referrals, each with its sign-up, its purchase, two rewards and their journal.

    Nothing else is in the tables yet. An advocate whom friends share has the balance of one.
    """
    shop.enrol(_ADVOCATE, _CODE)
    shop.sign_up(_FRIEND, _CODE)
    shop.buy(_FRIEND)
    original = json.dumps({table: list(_items(table)) for table in tables})
    for number in range(1, referrals):
        for table, items in _copied(original, number, friends_of_one).items():
            for item in items:
                _table(table).put_item(item, overwrite=True)


def _table(name: str) -> Any:
    return dynamodb_backends[ACCOUNT][REGION].tables[table_name(name)]


def _items(table: str) -> Iterator[dict[str, Any]]:
    for item in _table(table).all_items():
        yield item.to_json()["Attributes"]


def _copied(original: str, number: int, friends_of_one: int) -> Items:
    advocate = person_id(_ADVOCATE, key=shop.KEYS.identity)
    shared = {_ADVOCATE, _CODE, _ADVOCATE.title(), advocate}
    exchanged: dict[str, str] = {}

    def exchange(found: re.Match[str]) -> str:
        old = found.group()
        if old not in exchanged:
            exchanged[old] = _other(old, number // friends_of_one if old in shared else number)
        return exchanged[old]

    copied: Items = json.loads(_NAMED.sub(exchange, original))
    return copied


def _other(name: str, number: int) -> str:
    """Give another name of the same length."""
    prefix, has_prefix, _ = name.partition("_")
    if has_prefix:
        digest = hashlib.sha256(f"{name}{number}".encode()).digest()[:15]
        return f"{prefix}_{base64.b32encode(digest).decode().lower()}"
    digits = f"{number:06d}"
    return name[: -len(digits)] + digits


def count(table: str) -> int:
    """Give how many items a table has."""
    items: Mapping[str, Any] = _table(table).items
    return sum(len(each) if isinstance(each, dict) else 1 for each in items.values())


def bodies(table: str) -> Iterator[Mapping[str, Any]]:
    """Read what the rows of a table hold beside their keys."""
    for item in _items(table):
        yield json.loads(item["body"]["S"])
