"""The names that words know: values as people read them, in their language."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import singledispatch

from referrals.domain.decisions import SAYS_TO_ADVOCATE, Reason
from referrals.domain.message_kinds import OPERATOR_KINDS, MessageKind
from referrals.domain.rules import POINTS_UNIT, RewardKind, Side
from referrals.notify import languages
from referrals.notify.message_values import (
    Ask,
    BudgetLow,
    Decline,
    DetailsRequest,
    EndpointDisabled,
    EndpointFailing,
    Expiry,
    MailRates,
    MessageValues,
    MonthFigures,
    NextMilestone,
    Offer,
    OpenDifferences,
    OrderNews,
    PayeeChange,
    PayoutNews,
    PayoutReturn,
    PayoutStuck,
    ReviewsWaiting,
    RewardNews,
    StockLow,
    Sum,
    TakenBack,
    Worth,
)
from referrals.notify.names import first_name, one_line, shown_name
from referrals.notify.words import NEW_PARAGRAPH, words

Spoken = dict[str, object]

_SYSTEM = "Sarafan"


def spoken_of(kind: MessageKind, language: str, values: MessageValues) -> Spoken:
    """Give everything that the words of a message may name; what is not known is None."""
    is_to_friend = values.side is Side.FRIEND
    common: Spoken = {
        "new_paragraph": NEW_PARAGRAPH,
        "is_to_operator": kind in OPERATOR_KINDS,
        "can_unsubscribe": values.unsubscribe_link is not None,
        "program": one_line(values.program_name),
        "shop": signed(values),
        "side": values.side.value,
        "recipient": shown_name(values.recipient_name),
        "friend": None if is_to_friend else first_name(values.friend_name),
        "own_code": values.code,
    }
    return common | _names_of(values.about, language, common)


def signed(values: MessageValues) -> str:
    """Give who signs a message: the shop, else the program, else this system."""
    return one_line(values.shop_name) or one_line(values.program_name) or _SYSTEM


@singledispatch
def _names_of(about: object, _language: str, _common: Spoken) -> Spoken:
    raise TypeError(f"nothing to say about {type(about).__name__}")


@_names_of.register
def _(_about: None, _language: str, _common: Spoken) -> Spoken:
    return {}


@_names_of.register
def _(about: RewardNews, language: str, common: Spoken) -> Spoken:
    balance = None
    if about.balance_minor:  # who has nothing left, because of what they owe, is not told so
        balance = _named(replace(about.worth, amount_minor=about.balance_minor), language)
    names = _of_worth(about.worth, language) | {
        "trigger": about.trigger.value,
        "step": about.step,
        "counted": about.counted.value,
        "held_until": _date(about.held_until, language),
        "hold_days": about.hold_days,
        "ships": about.ships,
        "reward_code": about.code,
        "valid_until": _date(about.valid_until, language),
        "balance": balance,
        "has_catalogue": about.has_catalogue,
        "item": one_line(about.item_name or ""),
    }
    spoken = common | names
    return names | words("thanks", language, spoken) | words("promise", language, spoken)


@_names_of.register
def _(about: OrderNews, language: str, _common: Spoken) -> Spoken:
    return _of_worth(about.worth, language) | {"reason": _reason(about.reason, language)}


@_names_of.register
def _(about: NextMilestone, language: str, _common: Spoken) -> Spoken:
    return _of_worth(about.worth, language) | {
        "count": about.count,
        "counted": about.counted.value,
    }


@_names_of.register
def _(about: Expiry, language: str, _common: Spoken) -> Spoken:
    minimum = None
    if about.minimum_minor:
        minimum = _sum(Sum(amount_minor=about.minimum_minor, unit=about.worth.unit), language)
    return _of_worth(about.worth, language) | {
        "expires_on": _date(about.expires_at, language),
        "wanted": about.wanted.value if about.wanted else None,
        "minimum": minimum,
    }


@_names_of.register
def _(about: Decline, language: str, _common: Spoken) -> Spoken:
    return {"reason": _reason(about.reason, language)}


@_names_of.register
def _(about: TakenBack, language: str, _common: Spoken) -> Spoken:
    left = owed = None
    if about.left_minor:
        left = _named(replace(about.worth, amount_minor=about.left_minor), language)
    if about.owed_minor:
        owed = _sum(Sum(amount_minor=about.owed_minor, unit=about.worth.unit), language)
    return _of_worth(about.worth, language) | {
        "because": about.because.value,
        "left": left,
        "owed": owed,
    }


@_names_of.register
def _(about: DetailsRequest, language: str, _common: Spoken) -> Spoken:
    return _of_worth(about.worth, language) | {"wanted": about.wanted.value}


@_names_of.register
def _(about: PayoutNews, language: str, _common: Spoken) -> Spoken:
    return {
        "amount": _sum(about.paid, language),
        "payer": about.provider.value,
        "reference": one_line(about.reference or ""),
    }


@_names_of.register
def _(about: PayoutReturn, language: str, _common: Spoken) -> Spoken:
    return {
        "amount": _sum(about.paid, language),
        "again": _sum(about.again, language) if about.again else None,
        "is_by_bank": about.details_link is not None,
    }


@_names_of.register
def _(about: PayeeChange, language: str, _common: Spoken) -> Spoken:
    return {
        "changed_on": _date(about.changed_at, language),
        "changed_at": languages.time_of_day(about.changed_at, language=language),
    }


@_names_of.register
def _(about: MonthFigures, language: str, _common: Spoken) -> Spoken:
    return {
        "month": languages.month(about.month, language=language),
        "clicks": about.clicks,
        "clicks_shown": languages.number(about.clicks, language=language),
        "signups": about.signups,
        "signups_shown": languages.number(about.signups, language=language),
        "purchases": about.purchases,
        "purchases_shown": languages.number(about.purchases, language=language),
        "earned": _sums(about.earned, language),
        "available": _sums(about.available, language),
    }


@_names_of.register
def _(about: Ask, language: str, _common: Spoken) -> Spoken:
    return _of_worth(about.worth, language) | {"is_last": about.is_last}


@_names_of.register
def _(about: Offer, language: str, _common: Spoken) -> Spoken:
    return _of_worth(about.worth, language) | {
        "advocate": first_name(about.advocate_name),
        "trigger": about.trigger.value,
        "reward_code": about.code,
    }


@_names_of.register
def _(about: ReviewsWaiting, language: str, _common: Spoken) -> Spoken:
    return {
        "program_id": about.program_id,
        "count": about.count,
        "oldest_on": _date(about.oldest_at, language),
    }


@_names_of.register
def _(about: StockLow, _language: str, _common: Spoken) -> Spoken:
    return {
        "program_id": about.program_id,
        "pool": one_line(about.pool),
        "left": about.left,
        "reward_kind": about.kind.value,
    }


@_names_of.register
def _(about: BudgetLow, language: str, _common: Spoken) -> Spoken:
    used = Sum(amount_minor=about.used_minor, unit=about.currency)
    limit = Sum(amount_minor=about.limit_minor, unit=about.currency)
    return {
        "program_id": about.program_id,
        "used": _sum(used, language),
        "limit": _sum(limit, language),
        "share": languages.share(about.used_minor, about.limit_minor, language=language),
        "is_of_day": about.is_of_day,
    }


@_names_of.register
def _(about: PayoutStuck, language: str, _common: Spoken) -> Spoken:
    return {
        "dispatch_id": about.dispatch_id,
        "provider": one_line(about.provider),
        "amount": _sum(about.worth, language),
        "is_back": about.is_back,
    }


@_names_of.register
def _(about: OpenDifferences, language: str, _common: Spoken) -> Spoken:
    return {
        "provider": one_line(about.provider),
        "count": about.count,
        "oldest_on": _date(about.oldest_at, language),
    }


@_names_of.register
def _(about: MailRates, language: str, _common: Spoken) -> Spoken:
    return {
        "days": about.days,
        "sent_shown": languages.number(about.sent, language=language),
        "bounces_shown": languages.number(about.bounces, language=language),
        "complaints_shown": languages.number(about.complaints, language=language),
        "bounce_share": languages.share(about.bounces, about.sent, language=language),
        "complaint_share": languages.share(about.complaints, about.sent, language=language),
        "is_braked": about.is_braked,
    }


@_names_of.register
def _(about: EndpointFailing, language: str, _common: Spoken) -> Spoken:
    return {
        "endpoint_id": about.endpoint_id,
        "host": one_line(about.host),
        "failing_since": _date(about.failing_since, language),
        "disabled_on": _date(about.disabled_at, language),
    }


@_names_of.register
def _(about: EndpointDisabled, _language: str, _common: Spoken) -> Spoken:
    return {
        "endpoint_id": about.endpoint_id,
        "host": one_line(about.host),
        "because": about.because.value,
    }


def _of_worth(worth: Worth | None, language: str) -> Spoken:
    """Give a reward's names: `amount` is money or a number of points, `reward` says what it is."""
    if worth is None:
        return dict.fromkeys(("reward_kind", "amount", "points", "share", "reward"))
    points = worth.amount_minor if worth.unit == POINTS_UNIT else None
    share = None
    if worth.rate_bps is not None:
        share = languages.share(worth.rate_bps, 10_000, language=language)
    names: Spoken = {
        "reward_kind": worth.kind.value,
        "amount": _amount(worth, language),
        "points": points,
        "share": share,
    }
    return names | {"reward": one_line(words("worth", language, names)["reward"])}


def _amount(worth: Worth, language: str) -> str | None:
    if not worth.amount_minor:
        return None
    if worth.unit == POINTS_UNIT:
        return languages.number(worth.amount_minor, language=language)
    return languages.money(worth.amount_minor, worth.unit, language=language)


def _named(worth: Worth, language: str) -> str:
    return str(_of_worth(worth, language)["reward"])


def _sum(of: Sum, language: str) -> str:
    """Write a sum by itself: money, or points with their name."""
    if of.unit == POINTS_UNIT:
        points = Worth(kind=RewardKind.POINTS, unit=of.unit, amount_minor=of.amount_minor)
        return _named(points, language)
    return languages.money(of.amount_minor, of.unit, language=language)


def _sums(sums: Iterable[Sum], language: str) -> tuple[str, ...]:
    return tuple(_sum(each, language) for each in sums)


def _reason(reason: Reason | None, language: str) -> str | None:
    if reason is None:
        return None
    return languages.translations(language).gettext(SAYS_TO_ADVOCATE[reason])


def _date(moment: datetime | None, language: str) -> str | None:
    return languages.long_date(moment, language=language) if moment else None
