"""Keys that more than one table is looked up by."""

from referrals.domain.ids import PersonId, ProgramId


def owner_key(program_id: ProgramId, person_id: PersonId) -> str:
    """Give the key of what one person has in one program."""
    return f"{program_id}#{person_id}"


def pool_key(program_id: ProgramId, pool: str) -> str:
    """Give the key of what one pool of coupons, or one stock of gifts, holds."""
    return f"{program_id}#{pool}"
