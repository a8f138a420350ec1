"""A day is sealed once, in its turn, by a key in KMS; what came before it can be proved."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import boto3
import pytest

from infra.local import templates
from referrals import settings
from referrals.cli.signatures import KeyNotAllowedError, signed_by
from referrals.domain.roots import DailyRoot, RootNotAllowedError
from referrals.seal.signing import current_public_key, public_keys
from referrals.store import events, ledger, roots
from referrals.store.transactions import commit
from referrals.usecases.seal_day import MOST_DAYS, seal_day, seal_finished_days
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.conftest import PREFIX
from tests.factories import a_journal
from tests.faults import refused_once
from tests.shop import NOON, a_click_of, buy, sign_up

DAY = NOON.date()
A_DAY = timedelta(days=1)
NIGHT = NOON + timedelta(hours=12, minutes=15)


@pytest.fixture(autouse=True)
def _root_key(tables: None) -> None:
    """Create the key and its alias as infra/state.yaml has them."""
    stack = templates.Stack(templates.read(templates.INFRA / "state.yaml"), {"Prefix": PREFIX})
    stack.ref("RootKeyAlias")


@pytest.fixture
def _orders(_root_key: None) -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()


def days_sealed() -> list[date]:
    return [root.day for root in roots.iter_all()]


@pytest.mark.usefixtures("_orders")
def test_a_day_is_sealed_over_every_entry_of_the_log_and_signed() -> None:
    root = seal_day(DAY, now=NIGHT)
    assert root.entries == len(list(events.iter_day(DAY))) > 0
    assert roots.find(DAY) == root
    assert signed_by([current_public_key()])(root)


@pytest.mark.usefixtures("_orders")
def test_a_sealed_ledger_is_sound_and_says_until_when_it_is_sealed() -> None:
    seal_finished_days(now=NIGHT)
    findings = verify_ledger(is_signed=signed_by([current_public_key()]))
    assert (findings.faults, findings.sealed_until, findings.unsealed_entries) == ((), DAY, 0)


@pytest.mark.usefixtures("_orders")
def test_sealing_a_day_again_gives_the_root_that_it_has() -> None:
    first = seal_day(DAY, now=NIGHT)
    assert seal_day(DAY, now=NIGHT + A_DAY) == first
    assert seal_finished_days(now=NIGHT) == 0


@pytest.mark.usefixtures("_orders")
def test_of_two_who_seal_a_day_at_once_one_does_and_both_get_the_same() -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: seal_day(DAY, now=NIGHT), range(2)))
    assert made[0] == made[1] == roots.find(DAY)


def test_a_day_without_entries_is_sealed_too() -> None:
    assert seal_finished_days(now=NIGHT) == 1
    root = roots.find(DAY)
    assert root is not None
    assert root.entries == 0
    assert signed_by([current_public_key()])(root)


def test_days_that_were_missed_are_made_up_for_each_chained_to_the_one_before() -> None:
    seal_finished_days(now=NIGHT)
    assert seal_finished_days(now=NIGHT + 3 * A_DAY) == 3
    found = list(roots.iter_all())
    assert [root.day for root in found] == [DAY + number * A_DAY for number in range(4)]
    assert [root.previous for root in found[1:]] == [root.digest for root in found[:-1]]


def test_a_long_absence_is_made_up_for_some_days_at_a_time() -> None:
    seal_finished_days(now=NIGHT)
    later = NIGHT + (MOST_DAYS + 5) * A_DAY
    assert [seal_finished_days(now=later) for _ in range(3)] == [MOST_DAYS, 5, 0]


def test_an_interrupted_run_is_taken_up_by_the_next() -> None:
    seal_finished_days(now=NIGHT)
    with (
        refused_once("Sign", "KMSInternalException"),
        pytest.raises(Exception, match="KMSInternal"),
    ):
        seal_finished_days(now=NIGHT + 2 * A_DAY)
    assert days_sealed() == [DAY]
    assert seal_finished_days(now=NIGHT + 2 * A_DAY) == 2


def test_a_day_that_is_not_over_is_not_sealed() -> None:
    with pytest.raises(RootNotAllowedError, match="it is not over"):
        seal_day(DAY, now=NIGHT - timedelta(minutes=1))
    assert days_sealed() == []


def test_no_day_is_left_out() -> None:
    seal_day(DAY, now=NIGHT)
    with pytest.raises(RootNotAllowedError, match="the last sealed day is 2026-05-04"):
        seal_day(DAY + 2 * A_DAY, now=NIGHT + 9 * A_DAY)


@pytest.fixture
def _sealed(_orders: None) -> None:
    seal_finished_days(now=NIGHT)


def _items(table: str) -> tuple[Any, str, list[Any]]:
    client: Any = boto3.client("dynamodb")
    name = settings.table_name(table)
    return client, name, client.scan(TableName=name)["Items"]


@pytest.mark.usefixtures("_sealed")
def test_an_entry_that_is_changed_with_its_digest_is_not_what_was_sealed() -> None:
    client, name, items = _items("events")
    entry, _ = next(iter(events.iter_day(DAY)))
    forged = replace(entry, body="[]")
    (item,) = [item for item in items if item["position"]["S"] == entry.position]
    changed = {**item, "body": {"S": "[]"}, "digest": {"S": forged.digest}}
    client.put_item(TableName=name, Item=changed)
    assert verify_ledger(checks=()).faults == (
        f"the root of {DAY} is not what the log's entries of that day come to",
    )


@pytest.mark.usefixtures("_sealed")
def test_a_root_that_is_made_anew_without_the_key_is_not_signed() -> None:
    client, name, (item,) = _items("roots")
    client.put_item(TableName=name, Item={**item, "signature": {"S": "bm8="}})
    findings = verify_ledger(is_signed=signed_by([current_public_key()]))
    assert findings.faults == (f"the root of {DAY} is not signed by the key of this ledger",)


def test_a_signature_is_of_one_root_alone() -> None:
    root = seal_day(DAY, now=NIGHT)
    is_signed = signed_by([current_public_key()])
    others: list[DailyRoot] = [
        replace(root, day=DAY + A_DAY),
        replace(root, entries=1),
        replace(root, digest="ab" * 32),
        replace(root, previous="ab" * 32),
        replace(root, signature=None),
        replace(root, signature="not base64!"),
    ]
    assert [is_signed(other) for other in others] == [False] * len(others)


def test_each_key_that_signed_has_a_public_half_by_its_name() -> None:
    root = seal_day(DAY, now=NIGHT)
    assert public_keys([root.key_id or "", root.key_id or ""]) == {
        root.key_id: current_public_key()
    }


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_what_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(KeyNotAllowedError):
        signed_by([pem])


def test_a_journal_without_events_is_named_by_the_log_too() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    journal = a_journal()
    commit(events.append([], now=NOON, journal=journal))
    named = [entry for entry, _ in events.iter_entries() if entry.journal_id == journal.journal_id]
    assert [(entry.body, entry.journal_digest) for entry in named] == [("[]", journal.digest)]


def test_nothing_is_appended_when_nothing_happened() -> None:
    assert events.append([], now=NOON) is None
    assert list(ledger.iter_journals()) == []
