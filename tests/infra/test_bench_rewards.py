"""What a reward may cost: the benchmark's own count, of few, held against budgets."""

from collections.abc import Iterator

import pytest

from infra.local.cloud import LocalCloud
from infra.local.straight_line import straight_line
from tools.bench import rewards


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """Give a cloud in which twenty rewards are held and more can be counted."""
    with straight_line(), rewards.a_cloud(20) as started:
        yield started


@pytest.fixture(scope="module")
def costs(cloud: LocalCloud) -> dict[str, rewards.Cost]:
    """Count one of each kind, as the benchmark does it with more of them."""
    return {"a credit": rewards.credit_cost(cloud, rewards=20)} | rewards.other_costs(cloud)


@pytest.mark.parametrize(
    ("kind", "budget"),
    [
        pytest.param("a credit", (24, 30, 20, 1), id="credit: three writes and one mail"),
        pytest.param("a coupon", (24, 34, 20, 1), id="a coupon: a code of its pool, too"),
        pytest.param("a payout of ten, for each", (6, 10, 10, 0.1), id="ten in one payout"),
        pytest.param("a redemption", (2, 8, 6, 0), id="a redemption: one read, one write"),
        pytest.param("a webhook", (9, 16, 15, 0), id="a webhook: queued, leased, written off"),
    ],
)
def test_a_reward_stays_within_its_budget(
    costs: dict[str, rewards.Cost], kind: str, budget: tuple[float, float, float, float]
) -> None:
    calls, write_units, read_units, mails = budget
    cost = costs[kind].per_one()
    assert sum(costs[kind].calls_per_one().values()) <= calls
    assert float(cost["write units"]) + float(cost["in indexes"]) <= write_units
    assert float(cost["read units"]) <= read_units
    assert cost["mails"] == mails


def test_a_credit_is_moved_in_three_transactions_and_mailed_under_one_claim(
    costs: dict[str, rewards.Cost],
) -> None:
    calls = costs["a credit"].calls_per_one()
    assert calls["dynamodb TransactWriteItems"] == 3
    assert calls["dynamodb PutItem"] == 1
    assert calls["sesv2 SendEmail"] == 1


def test_every_reward_that_is_held_is_handed_over_and_mailed_once(cloud: LocalCloud) -> None:
    run = rewards.run_all(cloud, 20)
    assert (run.fulfilled, run.mails) == (20, 20)
