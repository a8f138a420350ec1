"""What a decision is made against, read in as few rounds as it takes: usually one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from referrals.domain.budgets import Budget, slice_of, slices_from
from referrals.domain.conversions import Conversion, Surroundings
from referrals.domain.eligibility import Candidate, climbed
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.ledger import Balance
from referrals.domain.people import Advocate
from referrals.domain.programs import Program
from referrals.domain.referrals import Bond
from referrals.store import advocates, budgets, ledger, programs, referrals
from referrals.store.transactions import MOST_READ_AT_ONCE, Wanted, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The candidates for a friend's bond, and what a credit is decided against."""

    surroundings: Surroundings
    candidates: Mapping[PersonId, Candidate] = field(default_factory=dict)


def look_around(conversion: Conversion, *, program: Program, bond: Bond) -> Around:
    """Read what is needed to decide a conversion, as far as is known who may take part in it."""
    named = _named(conversion, bond)
    reading = _Reading(
        program,
        people={*named, conversion.friend_id},
        advocates=named if program.asks_for_segments else (),
        bonds=named if bond.referral is None else (),
        slices=_slices(program, conversion.conversion_id),
    )
    reading.run()
    return Around(
        surroundings=Surroundings(
            balances=reading.balances, segments=reading.segments, budget=reading.budget
        ),
        candidates=_candidates(program.program_id, reading),
    )


def read_candidates(
    program: Program, advocate_ids: Iterable[PersonId]
) -> dict[PersonId, Candidate]:
    """Read what eligibility asks about some advocates."""
    named = set(advocate_ids)
    reading = _Reading(
        program, people=(), advocates=named if program.asks_for_segments else (), bonds=named
    )
    reading.run()
    return _candidates(program.program_id, reading)


def with_everybody(around: Around, everybody: Iterable[PersonId], *, program: Program) -> Around:
    """Read the balances of participants who were not thought of: usually nobody."""
    missing = set(everybody) - around.surroundings.balances.keys()
    if not missing:
        return around
    balances = {
        **around.surroundings.balances,
        **read_balances(program.program_id, missing),
    }
    return replace(around, surroundings=replace(around.surroundings, balances=balances))


def with_whole_budget(around: Around, program: Program) -> Around:
    """Read all slices of the budget anew, together with the balances that go with them."""
    reading = _Reading(
        program,
        people=around.surroundings.balances.keys(),
        slices=_all_slices(around.surroundings.budget),
        is_whole=True,
    )
    reading.run()
    return replace(
        around,
        surroundings=replace(around.surroundings, balances=reading.balances, budget=reading.budget),
    )


def look_at(
    advocate_id: PersonId, *, program: Program, natural_key: str, is_whole: bool = False
) -> Surroundings:
    """Read what a promise to one advocate alone is decided against, all at one moment.

    Of a budget the slice of `natural_key` is read, or all of them, that one first.
    """
    slices = _slices(program, natural_key)
    if is_whole and slices:
        slices = slices_from(slices[0])
    reading = _Reading(
        program,
        people={advocate_id},
        advocates={advocate_id} if program.asks_for_segments else (),
        slices=slices,
        is_whole=is_whole,
    )
    reading.run()
    return Surroundings(balances=reading.balances, segments=reading.segments, budget=reading.budget)


def read_balances(program_id: ProgramId, person_ids: Iterable[PersonId]) -> dict[PersonId, Balance]:
    """Read what some people have in a program, all at one moment; nothing yet is an empty one."""
    wanted = {each: ledger.wanted_balance(program_id, each) for each in sorted(person_ids)}
    if wanted:
        read(*wanted.values())
    return {
        each: balance.value or Balance(program_id=program_id, person_id=each)
        for each, balance in wanted.items()
    }


def read_slices(program_id: ProgramId, numbers: Iterable[int]) -> Budget | None:
    """Read some slices of a budget; None when none is asked for."""
    wanted = [budgets.wanted(program_id, number) for number in sorted(set(numbers))]
    if not wanted:
        return None
    read(*wanted)
    return Budget(slices=budgets.found(wanted), is_whole=False)


def read_whole_budget(program: Program, natural_key: str) -> Budget | None:
    """Read a program's budget, the slice of a key first; None when the live terms have none."""
    if not has_budget(program):
        return None
    wanted = budgets.wanted_all(program.program_id, first=slice_of(natural_key))
    read(*wanted)
    return Budget(slices=budgets.found(wanted), is_whole=True)


def has_budget(program: Program) -> bool:
    """Whether grants under some terms are bounded: the budget is the live program's at all times.

    It follows changes of the live program within a minute.
    """
    return programs.get_live(program.program_id).budget.is_limited


def read_segments(program: Program, person_ids: Iterable[PersonId]) -> dict[PersonId, str | None]:
    """Read the segments of some advocates, when the terms ask for them."""
    if not program.asks_for_segments:
        return {}
    wanted = {each: advocates.wanted(program.program_id, each) for each in sorted(person_ids)}
    read(*wanted.values())
    return {each: _segment(advocate.value) for each, advocate in wanted.items()}


class _Reading:
    """One round of reads: balances, and of advocates and the budget what the terms ask for."""

    def __init__(
        self,
        program: Program,
        *,
        people: Iterable[PersonId],
        advocates: Iterable[PersonId] = (),
        bonds: Iterable[PersonId] = (),
        slices: Iterable[int] = (),
        is_whole: bool = False,
    ) -> None:
        program_id = program.program_id
        self._program_id, self._is_whole = program_id, is_whole
        self._balances = {each: ledger.wanted_balance(program_id, each) for each in sorted(people)}
        self._advocates = {each: _wanted_advocate(program_id, each) for each in sorted(advocates)}
        self._bonds = {each: referrals.wanted(program_id, each) for each in sorted(bonds)}
        self._slices = [budgets.wanted(program_id, number) for number in slices]

    def run(self) -> None:
        read(
            *self._balances.values(),
            *self._advocates.values(),
            *self._bonds.values(),
            *self._slices,
        )

    @property
    def balances(self) -> dict[PersonId, Balance]:
        return {
            each: wanted.value or Balance(program_id=self._program_id, person_id=each)
            for each, wanted in self._balances.items()
        }

    @property
    def segments(self) -> dict[PersonId, str | None]:
        return {each: _segment(wanted.value) for each, wanted in self._advocates.items()}

    @property
    def bonds(self) -> dict[PersonId, Bond]:
        return {
            each: wanted.value or Bond(program_id=self._program_id, friend_id=each)
            for each, wanted in self._bonds.items()
        }

    @property
    def budget(self) -> Budget | None:
        slices = budgets.found(self._slices)
        return Budget(slices=slices, is_whole=self._is_whole) if slices else None


def _named(conversion: Conversion, bond: Bond) -> set[PersonId]:
    """Name the advocates whom a conversion may be credited to."""
    if bond.referral is not None:
        named = {part.advocate_id for part in bond.referral.shared_by}
        second_level_id = bond.referral.second_level_id
        return named | ({second_level_id} if second_level_id else set())
    return {touch.advocate_id for touch in conversion.touches if touch.advocate_id}


def _slices(program: Program, natural_key: str) -> tuple[int, ...]:
    return (slice_of(natural_key),) if has_budget(program) else ()


def _all_slices(seen: Budget | None) -> tuple[int, ...]:
    """Give the numbers of all slices, beginning with the one that was seen."""
    return slices_from(seen.slices[0].number if seen and seen.slices else 0)


def _candidates(program_id: ProgramId, reading: _Reading) -> dict[PersonId, Candidate]:
    """Climb from each advocate to whoever brought them, and so on to the top."""
    known = dict(reading.bonds)

    def bonds_of(people: Sequence[PersonId]) -> Mapping[PersonId, Bond]:
        for start in range(0, len(people), MOST_READ_AT_ONCE):
            missing = [
                each for each in people[start : start + MOST_READ_AT_ONCE] if each not in known
            ]
            wanted = {each: referrals.wanted(program_id, each) for each in missing}
            if wanted:
                read(*wanted.values())
            known.update(
                (each, bond.value or Bond(program_id=program_id, friend_id=each))
                for each, bond in wanted.items()
            )
        return known

    return {
        advocate_id: climbed(
            Candidate(
                advocate_id=advocate_id,
                segment=reading.segments.get(advocate_id),
                orders=bond.orders,
            ),
            bonds_of,
        )
        for advocate_id, bond in reading.bonds.items()
    }


def _wanted_advocate(program_id: ProgramId, person_id: PersonId) -> Wanted[Advocate]:
    return advocates.wanted(program_id, person_id)


def _segment(advocate: Advocate | None) -> str | None:
    return advocate.segment if advocate else None
