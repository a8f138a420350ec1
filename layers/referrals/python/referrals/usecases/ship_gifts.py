"""Gifts that are to be sent: what is packed, where it goes, and that it went."""

from collections.abc import Iterator
from dataclasses import dataclass

from referrals.domain.details import ShippingDetails
from referrals.domain.errors import DuplicateHandOverError, RewardNotFoundError
from referrals.domain.ids import ProgramId, RewardId
from referrals.domain.rules import RewardKind
from referrals.store import details, parcels, programs
from referrals.store.parcels import Parcel
from referrals.store.transactions import commit, until_settled
from referrals.usecases.refill_pool import pools_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ToShip:
    """A parcel and its address: personal data, and None when its owner was forgotten since."""

    parcel: Parcel
    address: ShippingDetails | None


def iter_to_ship(program_id: ProgramId) -> Iterator[ToShip]:
    """Read what is to be sent in a program, stock by stock, the oldest promise first."""
    for parcel in _iter_parcels(program_id):
        yield ToShip(parcel=parcel, address=details.find_shipping(parcel.key.owner_id))


def note_shipped(program_id: ProgramId, reward_id: RewardId, *, reference: str) -> None:
    """Note under which reference, such as a carrier's, a gift was sent.

    Saying it again changes nothing. RewardNotFoundError when it is not to be sent,
    DuplicateHandOverError when it was sent under another reference.
    """
    until_settled(lambda: _note(program_id, reward_id, reference))


def _note(program_id: ProgramId, reward_id: RewardId, reference: str) -> None:
    for stock in _stocks(program_id):
        known = parcels.find_reference(program_id, stock, reward_id)
        if known is not None and known != reference:
            raise DuplicateHandOverError(reward_id)
        if known is not None:
            return
    for parcel in _iter_parcels(program_id):
        if parcel.key.reward_id == reward_id:
            commit(*parcels.send(parcel, reference))
            return
    raise RewardNotFoundError(reward_id)


def _iter_parcels(program_id: ProgramId) -> Iterator[Parcel]:
    for stock in _stocks(program_id):
        yield from parcels.iter_here(program_id, stock)


def _stocks(program_id: ProgramId) -> list[str]:
    """Name the stocks of all versions: what an older one promised is sent, too."""
    versions = [program for program, _ in programs.list_versions(program_id)]
    return sorted({stock for each in versions for stock in pools_of(each, kinds={RewardKind.GIFT})})
