"""Rewards, by owner; by due date while something is to be done; available cash by program."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind
from referrals.store.keys import due_shard, due_shards, owner_key, sortable
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write

_BODY = Body(Reward, left_out=frozenset({"revision"}))

# An answer of more would not fit through Lambda (6 MB).
MOST_LISTED = 5_000


class ByDue(GlobalSecondaryIndex["RewardRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class ByPayout(GlobalSecondaryIndex["RewardRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_payout"
        projection = KeysOnlyProjection()

    payout_key = UnicodeAttribute(hash_key=True)
    owner_key = UnicodeAttribute(range_key=True)


class RewardRow(Row):
    class Meta(RowMeta):
        table_name = TableName("rewards")

    owner_key = UnicodeAttribute(hash_key=True)
    reward_id = UnicodeAttribute(range_key=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    payout_key = UnicodeAttribute(null=True)
    body = UnicodeAttribute()
    revision = Revision()
    by_due = ByDue()
    by_payout = ByPayout()


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardKey:
    """What names a reward in a message: its program, its owner, itself."""

    program_id: ProgramId
    owner_id: PersonId
    reward_id: RewardId


def wanted(key: RewardKey) -> Wanted[Reward]:
    return Wanted(RewardRow, owner_key(key.program_id, key.owner_id), key.reward_id, _reward)


def list_of_owner(program_id: ProgramId, owner_id: PersonId) -> list[Reward]:
    """List what was promised to somebody in a program, oldest first; at most `MOST_LISTED`."""
    key = owner_key(program_id, owner_id)
    rows = RewardRow.query(key, consistent_read=True, limit=MOST_LISTED)
    return sorted(
        (_reward(row) for row in rows), key=lambda each: (each.granted_at, each.reward_id)
    )


def iter_all() -> Iterator[Reward]:
    """Read every reward there is, in no order."""
    for row in RewardRow.scan(consistent_read=True):
        yield _reward(row)


def iter_due(now: datetime) -> Iterator[RewardKey]:
    """Find, page by page, the rewards for which something is to be done by `now`.

    Each minute begins with another shard, so that none waits behind a long one.
    """
    for shard in due_shards(now):
        for row in RewardRow.by_due.query(shard, ByDue.due_at <= sortable(now)):
            yield _key(row)


def iter_cash(program_id: ProgramId) -> Iterator[RewardKey]:
    """Find, page by page, the cash of a program that can be sent, each owner's together.

    The index is a moment behind what is stored.
    """
    for row in RewardRow.by_payout.query(program_id):
        yield _key(row)


def _key(row: RewardRow) -> RewardKey:
    program_id, owner_id = row.owner_key.split("#")
    return RewardKey(
        program_id=ProgramId(program_id),
        owner_id=PersonId(owner_id),
        reward_id=RewardId(row.reward_id),
    )


def save(reward: Reward) -> Write:
    is_due = reward.due_at is not None
    row = RewardRow(
        owner_key=owner_key(reward.program_id, reward.owner_id),
        reward_id=reward.reward_id,
        due_shard=due_shard(reward.reward_id) if is_due else None,
        due_at=sortable(reward.due_at) if reward.due_at is not None else None,
        payout_key=reward.program_id if _can_be_sent(reward) else None,
        body=_BODY.write(reward),
        revision=reward.revision,
    )
    return lambda transaction: transaction.save(row)


def _can_be_sent(reward: Reward) -> bool:
    return reward.kind is RewardKind.CASH and reward.state is RewardState.AVAILABLE


def _reward(row: RewardRow) -> Reward:
    return replace(_BODY.read(row.body), revision=row.revision)
