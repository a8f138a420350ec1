"""Rewards that are due: holds end, rewards are handed over."""

from typing import Any

from referrals.fulfil import queue
from referrals.runtime import clock
from referrals.runtime.batches import BatchAnswer, each_message
from referrals.runtime.observability import count, logger, metrics
from referrals.runtime.problems import ProblemApp
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.queue_due_rewards import queue_due_rewards as queue_due

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


def _fulfil(body: str) -> None:
    key = queue.read(body)
    state = fulfil_reward(key, now=clock.utc_now())
    logger.info("reward looked after", extra={"reward_id": key.reward_id, "state": state})
    count("RewardsLookedAfter")
