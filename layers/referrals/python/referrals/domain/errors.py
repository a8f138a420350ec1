"""What can go wrong with a request, as opposed to a decision that says no.

ReferralError
├── NotFoundError
│   ├── ProgramNotFoundError
│   ├── AdvocateNotFoundError
│   ├── PersonNotFoundError
│   ├── ConversionNotFoundError
│   ├── RewardNotFoundError
│   ├── RedemptionNotFoundError
│   ├── DispatchNotFoundError
│   └── DifferenceNotFoundError
├── DuplicateError
│   ├── DuplicateConversionError    same natural key, other content
│   ├── DuplicateCodeError          the code belongs to somebody else
│   ├── DuplicateAdvocateError      enrolled already, with another code
│   ├── DuplicateRedemptionError    same id, other content
│   ├── DuplicateHandOverError      handed over already, in another way
│   ├── CameBackError               handed over under this reference, and it came back
│   └── DuplicatePayoutWordError    people said something else of a payout before
└── NotAllowedError
    ├── CodeNotAllowedError         a vanity code that cannot be given
    ├── TermsNotAllowedError        a program document that contradicts itself
    ├── MoveNotAllowedError         a reward cannot go from this state to that one
    ├── DispatchMoveNotAllowedError likewise a dispatch
    ├── AnswerMayComeError          what a provider was asked for may still be done
    ├── PaidInPayoutsError          cash that is sent with other cash, and not by hand
    ├── NotInReviewError            a conversion that waits for nobody's decision
    ├── PersonForgottenError        somebody whose data was deleted
    ├── NumberNotAllowedError       consent to text messages without a number to send them to
    ├── AlreadyBoundError           a friend belongs to an advocate for ever
    └── NotAttributableError        an attribution by hand that the rules refuse
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with one field; `field` is a path such as `friend.email`."""

    field: str
    says: str


class ReferralError(Exception):
    """A request that cannot be carried out; says why, and which fields are at fault."""

    code = "not_possible"

    def __init__(self, says: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(says)
        self.faults = tuple(faults)


class NotFoundError(ReferralError):
    code = "not_found"


class ProgramNotFoundError(NotFoundError):
    code = "program_not_found"

    def __init__(self, program_id: str) -> None:
        super().__init__(
            f"no program is called {program_id}",
            faults=[Fault(field="program", says="names no program")],
        )


class AdvocateNotFoundError(NotFoundError):
    code = "advocate_not_found"

    def __init__(self, program_id: str) -> None:
        super().__init__(f"nobody with this id is an advocate in program {program_id}")


class PersonNotFoundError(NotFoundError):
    code = "person_not_found"

    def __init__(self) -> None:
        super().__init__("nobody with this id is known in any program")


class ConversionNotFoundError(NotFoundError):
    code = "conversion_not_found"

    def __init__(self, natural_key: str) -> None:
        super().__init__(f"nothing was reported as {natural_key}")


class RewardNotFoundError(NotFoundError):
    code = "reward_not_found"

    def __init__(self, reward_id: str) -> None:
        super().__init__(f"nobody was promised a reward {reward_id} here")


class RedemptionNotFoundError(NotFoundError):
    code = "redemption_not_found"

    def __init__(self, reference: str) -> None:
        super().__init__(f"this customer spent nothing as {reference}")


class DispatchNotFoundError(NotFoundError):
    code = "dispatch_not_found"

    def __init__(self, dispatch_id: str) -> None:
        super().__init__(f"no provider is asked for anything as {dispatch_id}")


class DifferenceNotFoundError(NotFoundError):
    code = "difference_not_found"

    def __init__(self, difference_id: str) -> None:
        super().__init__(f"no books differ by {difference_id}")


class DuplicateError(ReferralError):
    code = "already_there"


class DuplicateConversionError(DuplicateError):
    code = "same_key_other_content"

    def __init__(self, natural_key: str) -> None:
        super().__init__(f"{natural_key} was reported before, with other content")


class DuplicateCodeError(DuplicateError):
    code = "code_taken"

    def __init__(self, code: str) -> None:
        super().__init__(
            f"the code {code} belongs to another advocate",
            faults=[Fault(field="code", says="is taken")],
        )


class DuplicateAdvocateError(DuplicateError):
    code = "enrolled_with_another_code"

    def __init__(self, code: str) -> None:
        super().__init__(
            f"this customer is an advocate already, with the code {code}",
            faults=[Fault(field="code", says="differs from the advocate's code")],
        )


class DuplicateRedemptionError(DuplicateError):
    code = "same_key_other_content"

    def __init__(self, reference: str) -> None:
        super().__init__(f"{reference} was redeemed before, with other content")


class DuplicateHandOverError(DuplicateError):
    code = "handed_over_otherwise"

    def __init__(self, reward_id: str) -> None:
        super().__init__(f"reward {reward_id} was handed over before, and not with this reference")


class CameBackError(DuplicateError):
    code = "came_back"

    def __init__(self, reward_id: str) -> None:
        super().__init__(f"what was sent of reward {reward_id} under this reference came back")


class DuplicatePayoutWordError(DuplicateError):
    code = "payout_decided_otherwise"

    def __init__(self, dispatch_id: str) -> None:
        super().__init__(f"of {dispatch_id} something else was said before")


class NotAllowedError(ReferralError):
    code = "not_allowed"


class CodeNotAllowedError(NotAllowedError):
    code = "code_not_allowed"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"this code cannot be given: it {why}", faults=[Fault(field="code", says=why)]
        )


class TermsNotAllowedError(NotAllowedError):
    code = "terms_not_allowed"

    def __init__(self, faults: Sequence[Fault]) -> None:
        listed = "; ".join(f"{fault.field} {fault.says}" for fault in faults)
        super().__init__(f"the program contradicts itself: {listed}", faults=faults)


class MoveNotAllowedError(NotAllowedError):
    code = "move_not_allowed"

    def __init__(self, reward_id: str, before: str, after: str) -> None:
        super().__init__(f"reward {reward_id} cannot go from {before} to {after}")


class DispatchMoveNotAllowedError(NotAllowedError):
    code = "move_not_allowed"

    def __init__(self, dispatch_id: str, before: str, after: str) -> None:
        super().__init__(f"{dispatch_id} cannot go from {before} to {after}")


class AnswerMayComeError(NotAllowedError):
    code = "answer_may_come"

    def __init__(self, dispatch_id: str, surely_at: datetime) -> None:
        super().__init__(f"{dispatch_id} may still be done until {surely_at:%F %T} UTC")


class PaidInPayoutsError(NotAllowedError):
    code = "paid_in_payouts"

    def __init__(self, reward_id: str) -> None:
        super().__init__(f"reward {reward_id} is cash of a program that pays in payouts")


class NotInReviewError(NotAllowedError):
    code = "not_in_review"

    def __init__(self, conversion_id: str) -> None:
        super().__init__(f"conversion {conversion_id} does not wait for a review")


class PersonForgottenError(NotAllowedError):
    code = "forgotten"

    def __init__(self) -> None:
        super().__init__("this customer's data was deleted for good; they cannot take part again")


class NumberNotAllowedError(NotAllowedError):
    code = "no_telephone_number"

    def __init__(self) -> None:
        super().__init__("text messages need a telephone number such as +4915112345678")


class AlreadyBoundError(NotAllowedError):
    code = "already_bound"

    def __init__(self, referral_id: str) -> None:
        super().__init__(f"this friend is bound already, by referral {referral_id}")


class NotAttributableError(NotAllowedError):
    code = "not_attributable"

    def __init__(self, why: str) -> None:
        super().__init__(f"this friend cannot be attributed so: {why}")
