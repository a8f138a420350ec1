"""What an advocate or a friend has: link, balances, referrals, rewards and why."""

from dataclasses import dataclass
from datetime import datetime

from referrals.domain.errors import AdvocateNotFoundError
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.ledger import Balance
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.rewards import Reward
from referrals.domain.tallies import Tally
from referrals.store import advocates, counters, ledger, people, programs, referrals, rewards
from referrals.store.transactions import read, until_settled
from referrals.usecases.keys import Keys

MOST_REFERRALS = 1_000
NOT_ENROLLED = "not_enrolled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralLine:
    """One friend, by the shop's customer id; by the opaque id once they are forgotten."""

    referral_id: str
    friend: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What somebody has; `advocate` is None of a friend who never enrolled."""

    advocate: Advocate | None
    customer_id: str
    balance: Balance
    clicks: Tally
    referrals: tuple[ReferralLine, ...]
    rewards: tuple[Reward, ...]

    @property
    def status(self) -> str:
        """An advocate's status; of whoever is none `not_enrolled`, or also `forgotten`."""
        if self.advocate is not None:
            return self.advocate.status
        return AdvocateStatus.FORGOTTEN if self.balance.is_closed else NOT_ENROLLED


def show_advocate(customer_id: str, program_id: ProgramId, *, keys: Keys) -> Standing:
    """Show somebody by the shop's customer id; of an advocate the newest thousand referrals.

    ProgramNotFoundError; AdvocateNotFoundError when they neither enrolled nor have a balance.
    """
    programs.get_live(program_id)
    owner_id = person_id(customer_id, key=keys.identity)
    advocate = advocates.find(program_id, owner_id)
    if advocate is None:
        return _friend(program_id, owner_id, customer_id)
    wanted_balance = ledger.wanted_balance(program_id, owner_id)
    wanted_total = counters.wanted_total(advocate.code)
    until_settled(lambda: read(wanted_balance, wanted_total))
    return Standing(
        advocate=advocate,
        customer_id=customer_id,
        balance=wanted_balance.value or Balance(program_id=program_id, person_id=owner_id),
        clicks=wanted_total.value or Tally(),
        referrals=_referral_lines(program_id, owner_id),
        rewards=tuple(rewards.list_of_owner(program_id, owner_id)),
    )


def _friend(program_id: ProgramId, owner_id: PersonId, customer_id: str) -> Standing:
    wanted_balance = ledger.wanted_balance(program_id, owner_id)
    until_settled(lambda: read(wanted_balance))
    if wanted_balance.value is None:
        raise AdvocateNotFoundError(program_id)
    return Standing(
        advocate=None,
        customer_id=customer_id,
        balance=wanted_balance.value,
        clicks=Tally(),
        referrals=(),
        rewards=tuple(rewards.list_of_owner(program_id, owner_id)),
    )


def _referral_lines(program_id: ProgramId, advocate_id: PersonId) -> tuple[ReferralLine, ...]:
    bonds = referrals.list_of_advocate(program_id, advocate_id, most=MOST_REFERRALS)
    known = people.find_all(bond.friend_id for bond in bonds) if bonds else {}
    return tuple(
        ReferralLine(
            referral_id=bond.referral.referral_id,
            friend=known[bond.friend_id].customer_id if bond.friend_id in known else bond.friend_id,
            state=bond.state,
            since=bond.referral.since,
        )
        for bond in bonds
        if bond.referral is not None
    )
