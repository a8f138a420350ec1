"""Rewards that are due: holds end, rewards are handed over. At night the day before is sealed.

Prizes of leaderboards are awarded at night, too.
"""

from typing import Any

from referrals.fulfil import queue
from referrals.runtime import clock
from referrals.runtime.batches import BatchAnswer, each_message
from referrals.runtime.observability import count, logger, metrics
from referrals.runtime.problems import ProblemApp
from referrals.usecases.award_prizes import award_prizes as award
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.queue_due_rewards import queue_due_rewards as queue_due
from referrals.usecases.seal_day import seal_finished_days

app = ProblemApp("reward_fulfilment")


@app.lambda_function(name="queue_due_rewards")
@metrics.log_metrics
def queue_due_rewards(_event: Any, _context: Any) -> None:
    """Queue whatever is due now; the clock calls."""
    count("RewardsQueued", queue_due(now=clock.utc_now()))


@app.lambda_function(name="fulfil_rewards")
@metrics.log_metrics
def fulfil_rewards(event: Any, context: Any) -> BatchAnswer:
    """Take each reward of a batch as far as it goes."""
    return each_message(event, context, _fulfil)


@app.lambda_function(name="seal_days")
@metrics.log_metrics
def seal_days(_event: Any, _context: Any) -> None:
    """Seal every day that is over and has no root yet; the clock calls at night."""
    count("DaysSealed", seal_finished_days(now=clock.utc_now()))


@app.lambda_function(name="award_prizes")
@metrics.log_metrics
def award_prizes(_event: Any, _context: Any) -> None:
    """Award the prizes of leaderboards whose period is over; the clock calls at night."""
    count("PrizesAwarded", award(now=clock.utc_now()))


def _fulfil(body: str) -> None:
    key = queue.read(body)
    state = fulfil_reward(key, now=clock.utc_now())
    logger.info("reward looked after", extra={"reward_id": key.reward_id, "state": state})
    count("RewardsLookedAfter")
