"""What rewards are worth, as messages tell it."""

from referrals.domain.offers import first_amount
from referrals.domain.rewards import Reward
from referrals.domain.rules import Flat, Percent, RewardRule
from referrals.notify.message_values import Worth


def worth_of_rule(rule: RewardRule, currency: str) -> Worth:
    """Give what a rule promises for the first time that it is followed."""
    match first_amount(rule):
        case Flat(amount_minor=amount_minor):
            return Worth(kind=rule.kind, unit=rule.unit(currency), amount_minor=amount_minor)
        case Percent(rate_bps=rate_bps):
            return Worth(kind=rule.kind, unit=rule.unit(currency), rate_bps=rate_bps)
        case None:
            return Worth(kind=rule.kind, unit=rule.unit(currency))


def worth_of(reward: Reward) -> Worth:
    """Give what of a reward reaches its owner: the rest of it paid a debt."""
    return Worth(kind=reward.kind, unit=reward.unit, amount_minor=reward.to_hand_over_minor)


def worth_that_lapses(reward: Reward) -> Worth:
    """Give what of a reward is lost when it expires: not what its owner had paid too much."""
    alone_minor = reward.to_hand_over_minor + min(reward.netted_minor, 0)
    return Worth(kind=reward.kind, unit=reward.unit, amount_minor=alone_minor)
