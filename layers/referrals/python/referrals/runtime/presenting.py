"""The answers of the HTTP contract, from what use cases give."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from chalice import Response

from referrals import settings
from referrals.domain.decisions import Decision
from referrals.domain.granting import RewardNote
from referrals.domain.ledger import Balance, Place, handed_over_minor, spendable_minor
from referrals.domain.rewards import Reward
from referrals.usecases.answers import Recorded
from referrals.usecases.enrol_advocate import Enrolled
from referrals.usecases.show_advocate import Standing
from referrals.usecases.spendings import Redeemed


def timestamp(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def recorded(answer: Recorded) -> Response:
    """Answer a hook: 201 the first time, 200 again. A no is a success too."""
    body = {
        "outcome": answer.outcome,
        "reason": answer.reason,
        "referral_id": answer.referral_id,
        "advocate_id": answer.advocate,
        "conversion_id": answer.conversion_id,
        "rewards": [_reward_note(note) for note in answer.rewards],
        "decisions": [_decision(each) for each in answer.decisions],
    }
    return _answer(_without_none(body), is_new=answer.is_new)


def enrolled(answer: Enrolled, *, customer_id: str) -> Response:
    """Answer an enrolment: 201 the first time, 200 when the advocate is known."""
    return _answer(
        {
            "id": customer_id,
            "program": answer.advocate.program_id,
            "code": answer.advocate.code,
            "link": settings.share_link(answer.advocate.code),
            "status": answer.advocate.status,
            "created_at": timestamp(answer.advocate.created_at),
            "rewards": [_promised(reward) for reward in answer.rewards],
        },
        is_new=answer.is_new,
    )


def standing(answer: Standing, *, currency: str) -> Response:
    """Answer with everything somebody has; the program's currency is there even when empty.

    Who never enrolled has no code and no link: both are null.
    """
    units = sorted({currency, *answer.balance.units})
    code = answer.advocate.code if answer.advocate else None
    body = {
        "id": answer.customer_id,
        "program": answer.balance.program_id,
        "code": code,
        "link": settings.share_link(code) if code else None,
        "status": answer.status,
        "balances": [_balance(answer.balance, unit) for unit in units],
        "counts": {
            "clicks": answer.clicks.clicks,
            "signups": answer.balance.signups,
            "purchases": answer.balance.purchases,
        },
        "referrals": [
            {
                "id": line.referral_id,
                "friend_id": line.friend,
                "state": line.state,
                "since": timestamp(line.since),
            }
            for line in answer.referrals
        ],
        "rewards": [_reward(reward) for reward in answer.rewards],
    }
    return _answer(body, is_new=False)


def redemption(answer: Redeemed) -> Response:
    """Answer what was spent: 201 the first time, 200 again. A no is a success too."""
    known = answer.redemption
    body = {
        "outcome": answer.outcome,
        "reason": answer.reason,
        "redemption_id": answer.reference,
        "unit": answer.unit,
        "amount_minor": answer.amount_minor,
        "credit_minor": answer.credit_minor,
        "item": answer.item_id,
        "order_id": known.order_id if known else None,
        "redeemed_at": timestamp(known.redeemed_at) if known else None,
        "restored_at": timestamp(known.restored_at) if known and known.restored_at else None,
        "reward": _promised(answer.reward) if answer.reward else None,
    }
    return _answer(_without_none(body), is_new=answer.is_new)


def _balance(balance: Balance, unit: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "held_minor": balance.amount(Place.HELD, unit),
        "available_minor": balance.amount(Place.AVAILABLE, unit),
        "credit_minor": spendable_minor(balance, unit),
        "paid_minor": handed_over_minor(balance, unit),
        "debt_minor": -balance.amount(Place.DEBT, unit),
    }


def _reward_note(note: RewardNote) -> dict[str, Any]:
    return {
        "id": note.reward_id,
        "to": note.to,
        "kind": note.kind,
        "state": note.state,
        "amount_minor": note.amount_minor,
        "unit": note.unit,
        "held_until": timestamp(note.held_until),
    }


def _reward(reward: Reward) -> dict[str, Any]:
    return _without_none(
        {
            "id": reward.reward_id,
            "kind": reward.kind,
            "state": reward.state,
            "amount_minor": reward.remaining_minor,
            "granted_minor": reward.amount_minor,
            "unit": reward.unit,
            "held_until": timestamp(reward.held_until),
            "because": reward.because,
            "order_id": reward.order_id,
        }
    )


def _promised(reward: Reward) -> dict[str, Any]:
    return _without_none(
        {
            "id": reward.reward_id,
            "kind": reward.kind,
            "state": reward.state,
            "amount_minor": reward.remaining_minor,
            "unit": reward.unit,
            "held_until": timestamp(reward.held_until),
            "coupon_code": (reward.handed_over or {}).get("coupon_code"),
        }
    )


def _decision(decision: Decision) -> dict[str, Any]:
    return _without_none(
        {
            "rule": decision.rule,
            "outcome": decision.outcome,
            "reason": decision.reason,
            "says": decision.says,
        }
    )


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def _answer(body: dict[str, Any], *, is_new: bool) -> Response:
    status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return Response(body=body, status_code=status.value, headers={"Cache-Control": "no-store"})
