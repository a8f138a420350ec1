"""Signals of an honest conversion, to be changed by each case, and how a rule is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from referrals.domain.fraud.signals import FlagInputs, FraudRule, Signals
from referrals.domain.ids import PersonId

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ANNA, BORIS, CLARA, DORA = (PersonId(f"per_{name}") for name in ("anna", "boris", "clara", "dora"))

HONEST = Signals(
    friend_id=BORIS,
    advocate_id=ANNA,
    signed_up_at=NOON,
    clicked_at=NOON - timedelta(minutes=4),
    recent_signups=1,
    recent_signups_day=1,
    friend_customer_id="c-2",
    advocate_customer_id="c-1",
    friend_name="Boris Orlov",
    advocate_name="Anna Petrova",
    landing_url="https://shop.example/welcome?via=ANNA10&ch=whatsapp",
)


def some_signals(**changes: Any) -> Signals:
    return replace(HONEST, **changes)


def seen(rule: FraudRule, limit: int | None = None, **changes: Any) -> FlagInputs | None:
    """Ask a rule about an honest conversion with some changes, at its default limit."""
    return rule.look(some_signals(**changes), limit or rule.default_limit or 0)
