"""What an advocate has: link, balances, referrals, rewards and the reason for each."""

from dataclasses import dataclass
from datetime import datetime

from referrals.domain.errors import AdvocateNotFoundError
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.ledger import Balance
from referrals.domain.people import Advocate
from referrals.domain.rewards import Reward
from referrals.domain.tallies import Tally
from referrals.store import advocates, counters, ledger, people, programs, referrals, rewards
from referrals.store.transactions import read, until_settled
from referrals.usecases.keys import Keys

MOST_REFERRALS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralLine:
    """One friend, by the shop's customer id; by the opaque id once they are forgotten."""

    referral_id: str
    friend: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    advocate: Advocate
    customer_id: str
    balance: Balance
    clicks: Tally
    referrals: tuple[ReferralLine, ...]
    rewards: tuple[Reward, ...]


def show_advocate(customer_id: str, program_id: ProgramId, *, keys: Keys) -> Standing:
    """Show an advocate by the shop's customer id; the newest thousand referrals.

    ProgramNotFoundError, AdvocateNotFoundError.
    """
    programs.get_live(program_id)
    advocate_id = person_id(customer_id, key=keys.identity)
    advocate = advocates.find(program_id, advocate_id)
    if advocate is None:
        raise AdvocateNotFoundError(program_id)
    wanted_balance = ledger.wanted_balance(program_id, advocate_id)
    wanted_total = counters.wanted_total(advocate.code)
    until_settled(lambda: read(wanted_balance, wanted_total))
    return Standing(
        advocate=advocate,
        customer_id=customer_id,
        balance=wanted_balance.value or Balance(program_id=program_id, person_id=advocate_id),
        clicks=wanted_total.value or Tally(),
        referrals=_referral_lines(program_id, advocate_id),
        rewards=tuple(rewards.list_of_owner(program_id, advocate_id)),
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
