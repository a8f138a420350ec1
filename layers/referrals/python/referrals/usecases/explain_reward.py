"""How a reward came to its amount, worked out once more from what was recorded."""

from dataclasses import dataclass

from referrals.domain.conversions import Conversion
from referrals.domain.errors import RewardNotFoundError
from referrals.domain.explanations import Explanation, Record, explain, names
from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.domain.leaderboards import Award, Ranking, leaderboard_of, period_before
from referrals.domain.ledger import Balance, Journal
from referrals.domain.redemptions import Redemption
from referrals.domain.referrals import Referral
from referrals.domain.rewards import Reward
from referrals.domain.rules import Trigger
from referrals.store import ledger, programs, rankings, redemptions, referrals, rewards
from referrals.store.rewards import RewardKey
from referrals.store.transactions import read, until_settled
from referrals.usecases.fulfil_reward import read_reward
from referrals.usecases.reversals import read_case, read_rewards
from referrals.usecases.show_statement import MOST_JOURNALS, walked_back

# A prize may have been awarded late, but not by years.
_PERIODS_BACK = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a reward is: to know it saves reading all rewards there are."""

    program_id: ProgramId
    person_id: PersonId


def explain_reward(reward_id: RewardId, *, owner: Owner | None = None) -> Explanation:
    """Explain a reward; without its owner, the whole table of rewards is read to find it.

    RewardNotFoundError; BrokenChainError when its owner's journals are not what they were.
    """
    return until_settled(lambda: explain(_recorded(_found(reward_id, owner))))


def _found(reward_id: RewardId, owner: Owner | None) -> Reward:
    if owner is None:
        reward = next((each for each in rewards.iter_all() if each.reward_id == reward_id), None)
    else:
        key = RewardKey(program_id=owner.program_id, owner_id=owner.person_id, reward_id=reward_id)
        reward = read_reward(key)
    if reward is None:
        raise RewardNotFoundError(reward_id)
    return reward


def _recorded(reward: Reward) -> Record:
    program = programs.get_version(reward.program_id, reward.version)
    case = read_case(reward.conversion_id) if reward.conversion_id else None
    conversion = case.conversion if case else None
    balance = ledger.find_balance(reward.program_id, reward.owner_id)
    balance = balance or Balance(program_id=reward.program_id, person_id=reward.owner_id)
    redemption = _redeemed(reward) if reward.trigger is Trigger.REDEMPTION else None
    ranking, award = _won(reward) if reward.trigger is Trigger.PERIOD_END else (None, None)
    return Record(
        reward=reward,
        program=program,
        balance=balance,
        case=case,
        siblings=tuple(read_rewards(conversion)) if conversion else (),
        referral=_referral(conversion) if conversion else None,
        ranking=ranking,
        award=award,
        redemption=redemption,
        journals=tuple(_journals(reward, balance, redemption)),
    )


def _referral(conversion: Conversion) -> Referral | None:
    bond = referrals.wanted(conversion.program_id, conversion.friend_id)
    read(bond)
    return bond.value.referral if bond.value else None


def _won(reward: Reward) -> tuple[Ranking | None, Award | None]:
    """Find the leaderboard that a prize was won in, from when it was awarded backwards."""
    program = programs.get_version(reward.program_id, reward.version)
    per, day = leaderboard_of(program.rule(reward.rule_id)).per, reward.granted_at.date()
    for _ in range(_PERIODS_BACK):
        label, day, _ = period_before(per, day)
        ranking = rankings.find(reward.program_id, reward.rule_id, label)
        award = _award(ranking, reward) if ranking else None
        if award is not None:
            return ranking, award
    return None, None


def _award(ranking: Ranking, reward: Reward) -> Award | None:
    wanted = rankings.wanted_award(ranking, reward.owner_id)
    read(wanted)
    award = wanted.value
    is_it = award and award.reward and award.reward.reward_id == reward.reward_id
    return award if is_it else None


def _redeemed(reward: Reward) -> Redemption | None:
    """Find what its owner spent on it."""
    spent = redemptions.list_of_owner(reward.program_id, reward.owner_id)
    return next((each for each in spent if each.reward_id == reward.reward_id), None)


def _journals(reward: Reward, balance: Balance, redemption: Redemption | None) -> list[Journal]:
    """Walk back through all of the owner's journals, and keep those about the reward."""
    walked = walked_back(balance, MOST_JOURNALS)
    return [journal for journal in reversed(walked) if names(journal.cause, reward, redemption)]
