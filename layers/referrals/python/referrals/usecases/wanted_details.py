"""What has to be known of somebody before a reward can be sent, and the form that asks for it."""

from collections.abc import Mapping
from datetime import datetime

from referrals.domain.payouts import PayoutProvider
from referrals.domain.programs import Program
from referrals.domain.rewards import Reward
from referrals.domain.rules import Period, RewardKind
from referrals.notify import portal_links
from referrals.notify.message_values import WantedDetails
from referrals.notify.portal_links import DetailsWanted
from referrals.store import details
from referrals.usecases.keys import MailKeys

_FORMS: Mapping[WantedDetails, str] = {
    WantedDetails.ADDRESS: "shipping",
    WantedDetails.PAYEE: "payee",
}


def missing_details(reward: Reward, program: Program) -> WantedDetails | None:
    """Say what is missing before a reward can go out; None when nothing of its owner's is."""
    wanted = _wanted(reward, program)
    if wanted is None or details.is_given(reward.owner_id, _FORMS[wanted]):
        return None
    return wanted


def _wanted(reward: Reward, program: Program) -> WantedDetails | None:
    if reward.kind is RewardKind.GIFT and reward.ships:
        return WantedDetails.ADDRESS
    is_to_account = reward.kind is RewardKind.CASH and is_by_bank(program)
    return WantedDetails.PAYEE if is_to_account else None


def is_by_bank(program: Program) -> bool:
    return program.payouts is not None and program.payouts.provider is PayoutProvider.BANK


def details_cause(program: Program, wanted: WantedDetails, at: datetime) -> tuple[str, ...]:
    """Give the cause of asking: a form is for all rewards that wait, so once a month is enough."""
    return (program.program_id, wanted, Period.MONTH.label(at.date()))


def details_link(reward: Reward, wanted: WantedDetails, *, keys: MailKeys, now: datetime) -> str:
    """Give the link to the form in which the owner of a reward says it."""
    asked = DetailsWanted(
        person_id=reward.owner_id, program_id=reward.program_id, kind=_FORMS[wanted]
    )
    return portal_links.details_link(asked, keys=keys.portal, now=now)
