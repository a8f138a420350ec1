"""Decisions: for every rule that was looked at, what came of it and why, in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from referrals.domain.events import EventValue

REFUND_RULE = "refund"


class Outcome(StrEnum):
    """What became of a conversion."""

    CREDITED = "credited"
    DECLINED = "declined"
    WAITING = "waiting"


class Reason(StrEnum):
    """Why a rule said no, or not yet."""

    PROGRAM_NOT_RUNNING = "program_not_running"
    OTHER_CURRENCY = "other_currency"
    NO_TOUCH = "no_touch"
    NO_SIGNUP_YET = "no_signup_yet"
    NO_PURCHASE_YET = "no_purchase_yet"
    CLICK_NOT_GENUINE = "click_not_genuine"
    UNKNOWN_CODE = "unknown_code"
    CODE_PAUSED = "code_paused"
    OTHER_PROGRAM = "other_program"
    OUTSIDE_WINDOW = "outside_window"
    AFTER_CONVERSION = "after_conversion"
    SELF_REFERRAL = "self_referral"
    NOT_THE_LAST = "not_the_last"
    BEFORE_REFERRAL = "before_referral"
    BELOW_MINIMUM = "below_minimum"
    NOT_FIRST_PURCHASE = "not_first_purchase"
    ROUNDS_TO_NOTHING = "rounds_to_nothing"
    CAP_REACHED = "cap_reached"
    NOTHING_TO_REVERSE = "nothing_to_reverse"
    NOT_THE_FIRST = "not_the_first"
    WEAKER_EVIDENCE = "weaker_evidence"
    KIND_NOT_CONSIDERED = "kind_not_considered"
    NOT_AMONG_THE_LARGEST = "not_among_the_largest"
    UNKNOWN_ADVOCATE = "unknown_advocate"
    NOT_NEW_CUSTOMER = "not_new_customer"
    CIRCLE = "circle"
    ADVOCATE_NOT_ELIGIBLE = "advocate_not_eligible"
    NOT_ENOUGH_PURCHASES = "not_enough_purchases"
    ABOVE_MAXIMUM = "above_maximum"
    OTHER_SEGMENT = "other_segment"
    OTHER_COUNTRY = "other_country"
    OTHER_PRODUCT = "other_product"
    OTHER_CHANNEL = "other_channel"
    OTHER_VARIANT = "other_variant"
    HOLDOUT = "holdout"
    BUDGET_EXHAUSTED = "budget_exhausted"
    IN_REVIEW = "in_review"
    SUSPECTED_FRAUD = "suspected_fraud"
    REJECTED_IN_REVIEW = "rejected_in_review"
    NO_SECOND_LEVEL = "no_second_level"
    TOO_LATE_IN_SUBSCRIPTION = "too_late_in_subscription"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One rule, what it was given, and what it said; `reason` is None when it granted."""

    rule: str
    version: int
    reason: Reason | None = None
    inputs: Mapping[str, EventValue] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return "granted" if self.reason is None else "declined"

    @property
    def says(self) -> str:
        """One sentence that is safe to show the advocate."""
        if self.reason is not None:
            return SAYS_TO_ADVOCATE[self.reason]
        return "The refund is taken into account." if self.rule == REFUND_RULE else "This counts."

    @property
    def says_to_operator(self) -> str:
        """One line with everything that was looked at."""
        looked_at = ", ".join(f"{name}={value}" for name, value in self.inputs.items())
        verdict = "granted" if self.reason is None else f"no: {self.reason}"
        return f"{self.rule} (terms v{self.version}) {verdict}" + (
            f" [{looked_at}]" if looked_at else ""
        )


SAYS_TO_ADVOCATE: Mapping[Reason, str] = {
    Reason.PROGRAM_NOT_RUNNING: "The program was not running at that time.",
    Reason.OTHER_CURRENCY: "The program does not reward orders in this currency.",
    Reason.NO_TOUCH: "No share link or code came with it.",
    Reason.NO_SIGNUP_YET: "We keep it until we know of a sign-up through a share link or code.",
    Reason.NO_PURCHASE_YET: "We keep the refund until we know of its order.",
    Reason.CLICK_NOT_GENUINE: "The click could not be verified.",
    Reason.UNKNOWN_CODE: "Nobody has this code.",
    Reason.CODE_PAUSED: "The code is not active.",
    Reason.OTHER_PROGRAM: "The code belongs to another program.",
    Reason.OUTSIDE_WINDOW: "The link was followed too long before.",
    Reason.AFTER_CONVERSION: "The link was followed only afterwards.",
    Reason.SELF_REFERRAL: "One's own link does not count for oneself.",
    Reason.NOT_THE_LAST: "Another link was followed later.",
    Reason.BEFORE_REFERRAL: "It happened before the recommendation.",
    Reason.BELOW_MINIMUM: "The order is below the minimum for this reward.",
    Reason.NOT_FIRST_PURCHASE: "Only the first purchase earns this reward.",
    Reason.ROUNDS_TO_NOTHING: "The share of so small an order is nothing.",
    Reason.CAP_REACHED: "The most that one person can earn by this rule is reached.",
    Reason.NOTHING_TO_REVERSE: "Nothing was earned with this order.",
    Reason.NOT_THE_FIRST: "Another link was followed earlier.",
    Reason.WEAKER_EVIDENCE: "Something that counts for more came with it.",
    Reason.KIND_NOT_CONSIDERED: "The program does not look at recommendations of this kind.",
    Reason.NOT_AMONG_THE_LARGEST: "Others had a larger part in the recommendation.",
    Reason.UNKNOWN_ADVOCATE: "Whoever was named does not take part in the program.",
    Reason.NOT_NEW_CUSTOMER: "The program rewards new customers only.",
    Reason.CIRCLE: "Two people cannot recommend the shop to each other.",
    Reason.ADVOCATE_NOT_ELIGIBLE: "The program is not open to this advocate.",
    Reason.NOT_ENOUGH_PURCHASES: "An advocate has to buy something before this counts.",
    Reason.ABOVE_MAXIMUM: "The order is above the maximum for this reward.",
    Reason.OTHER_SEGMENT: "This reward is for other groups of customers.",
    Reason.OTHER_COUNTRY: "This reward is for other countries.",
    Reason.OTHER_PRODUCT: "This reward is for other products.",
    Reason.OTHER_CHANNEL: "This reward is for recommendations sent another way.",
    Reason.OTHER_VARIANT: "This reward is not part of this advocate's offer.",
    Reason.HOLDOUT: "No rewards are offered to this advocate at present.",
    Reason.BUDGET_EXHAUSTED: "The budget of the program is used up for now.",
    Reason.IN_REVIEW: "It is being looked at before the reward is confirmed.",
    Reason.SUSPECTED_FRAUD: "It does not meet the terms of the program.",
    Reason.REJECTED_IN_REVIEW: "It was looked at and does not count.",
    Reason.NO_SECOND_LEVEL: "Nobody in the program brought the advocate.",
    Reason.TOO_LATE_IN_SUBSCRIPTION: "Only earlier months of a subscription earn this reward.",
    Reason.FORGOTTEN: "Whose data was deleted is promised nothing more.",
}


def decision(
    rule: str, version: int, reason: Reason | None = None, **inputs: EventValue
) -> Decision:
    """Note what `rule` of terms `version` said about `inputs`."""
    return Decision(rule=rule, version=version, reason=reason, inputs=inputs)
