"""Payouts by bank go into a file that people bring there: each into one file.

    looked at ── written down as ASKED, with the moment of the file ── in the file

In this order, one payout after the other: what is in a file was moved there by whoever wrote it,
and by nobody else. Who is cut off before the file is whole asks for that of its moment once more.
"""

from collections.abc import Callable
from datetime import datetime

from referrals.domain.dispatches import BANK, Dispatch, DispatchState, exported
from referrals.domain.ids import DispatchId
from referrals.fulfil.bank import BankFile, Transfer, bank_file, fault_of
from referrals.store import details, dispatches, programs
from referrals.store.transactions import commit, until_settled
from referrals.usecases.end_dispatch import reason_to_release, release
from referrals.usecases.start_payouts import can_be_reached


def export_payouts(*, now: datetime) -> BankFile:
    """Write the file of `now`: all payouts by bank that are in none yet.

    What was refunded since it was reserved is released. What no bank could carry out stays
    reserved.
    """
    return _file(lambda payout: until_settled(lambda: _put_in(payout.dispatch_id, now)))


def export_again(*, at: datetime) -> BankFile:
    """Write the file of a moment once more, without what somebody has said something of since."""
    return _file(lambda listed: _found_in(listed.dispatch_id, at))


def _file(transfer_of: Callable[[Dispatch], Transfer | None]) -> BankFile:
    found = (transfer_of(payout) for payout in dispatches.iter_of_provider(BANK))
    return bank_file(transfer for transfer in found if transfer is not None)


def _put_in(dispatch_id: DispatchId, now: datetime) -> Transfer | None:
    """Mark a payout as in the file of `now`; gives its transfer, None for one that is not for it.

    One with a fault is given and not marked: the file leaves it out.
    """
    payout = dispatches.find(dispatch_id)
    if payout is None or payout.state is not DispatchState.RESERVED:
        # marked by this very run, if it was and the answer to that got lost
        return _found_in(dispatch_id, now)
    is_reachable = can_be_reached(payout.owner_id, payout.provider)
    reason = reason_to_release(payout, is_reachable=is_reachable)
    if reason is not None:
        release(payout, reason=reason, now=now)
        return None
    transfer = _transfer(payout)
    if fault_of(transfer) is None:
        commit(dispatches.save(exported(payout, now=now)))
    return transfer


def _found_in(dispatch_id: DispatchId, at: datetime) -> Transfer | None:
    payout = dispatches.find(dispatch_id)
    if payout is None or payout.state is not DispatchState.ASKED or payout.asked_at != at:
        return None
    return _transfer(payout)


def _transfer(payout: Dispatch) -> Transfer:
    payee = details.find_payee(payout.owner_id)
    return Transfer(
        payout_id=payout.dispatch_id,
        name=payee.name if payee else "",
        iban=payee.iban if payee else "",
        amount_minor=payout.amount_minor,
        unit=payout.unit,
        reference=programs.get_version(payout.program_id, payout.version).name,
    )
