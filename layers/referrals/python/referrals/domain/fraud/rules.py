"""All fraud rules, in the order in which their flags are told, and what terms may say of them."""

from collections.abc import Iterator

from referrals.domain.errors import Fault
from referrals.domain.fraud.disposable_address import DISPOSABLE_ADDRESS
from referrals.domain.fraud.paid_traffic import PAID_TRAFFIC
from referrals.domain.fraud.same_email import SAME_EMAIL
from referrals.domain.fraud.same_network import SAME_NETWORK
from referrals.domain.fraud.same_payment import SAME_PAYMENT
from referrals.domain.fraud.same_person import SAME_PERSON
from referrals.domain.fraud.signals import FraudRule
from referrals.domain.fraud.similar_names import SIMILAR_NAMES
from referrals.domain.fraud.terms import FraudTerms
from referrals.domain.fraud.too_fast import TOO_FAST
from referrals.domain.fraud.velocity import VELOCITY

RULES: tuple[FraudRule, ...] = (
    SAME_PERSON,
    SAME_EMAIL,
    SAME_PAYMENT,
    DISPOSABLE_ADDRESS,
    VELOCITY,
    SIMILAR_NAMES,
    TOO_FAST,
    PAID_TRAFFIC,
    SAME_NETWORK,
)
_BY_NAME = {rule.name: rule for rule in RULES}


def fraud_faults(terms: FraudTerms) -> Iterator[Fault]:
    """Name rules that do not exist, and limits that make no sense, as `fraud.<rule>`."""
    for name in sorted({*terms.modes, *terms.limits} - {*_BY_NAME}):
        yield Fault(field=f"fraud.{name}", says="names no fraud rule")
    for name, limit in sorted(terms.limits.items()):
        if name in _BY_NAME:
            yield from _limit_faults(_BY_NAME[name], limit)


def _limit_faults(rule: FraudRule, limit: int) -> Iterator[Fault]:
    field = f"fraud.{rule.name}.limit"
    if rule.default_limit is None:
        yield Fault(field=field, says="is set, and the rule has none")
    elif limit < 1:
        yield Fault(field=field, says="is below 1")
    elif rule.max_limit is not None and limit > rule.max_limit:
        yield Fault(field=field, says=f"is above {rule.max_limit}")
