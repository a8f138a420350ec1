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
}


def decision(
    rule: str, version: int, reason: Reason | None = None, **inputs: EventValue
) -> Decision:
    """Note what `rule` of terms `version` said about `inputs`."""
    return Decision(rule=rule, version=version, reason=reason, inputs=inputs)
