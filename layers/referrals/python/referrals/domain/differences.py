"""Differences: the terms of a program in words, and what a new version changes of them.

Rules are told apart by their id, and lists that are sets in truth are sorted: who only moves lines
about in a document changes nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from referrals.domain.catalogue import CatalogueItem
from referrals.domain.landings import Landing
from referrals.domain.money import written
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import (
    AttributionModel,
    AttributionTerms,
    Experiment,
    MessageText,
    Program,
    ReminderTerms,
    Weights,
)
from referrals.domain.rules import (
    POINTS_UNIT,
    Amount,
    Cap,
    Conditions,
    Flat,
    Leaderboard,
    Milestone,
    Percent,
    Places,
    RewardRule,
    Tiers,
)

# Where one thing of the terms stands in a document, and what it says; None when it says nothing.
_Words = Iterator[tuple[str, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that two versions say differently, in words; None where one says nothing of it."""

    path: str
    before: str | None
    after: str | None


def differences(live: Program | None, new: Program) -> tuple[Difference, ...]:
    """Name what `new` changes of the `live` version, sorted by path; all of it when none is live.

    A rule, an item of the catalogue or the payouts that come or go are one difference, with all
    they say; of what stays, each field that changes is.
    """
    before = {} if live is None else terms_in_words(live)
    after = terms_in_words(new)
    for path in set(_wholes(live) if live else ()) ^ set(_wholes(new)):
        _fold(before, path)
        _fold(after, path)
    return tuple(
        Difference(path=path, before=before.get(path), after=after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    )


def terms_in_words(program: Program) -> dict[str, str]:
    """Say everything that a version says, by its path in a document, in the order of documents."""
    return {path: says for path, says in _terms(program) if says is not None}


def _wholes(program: Program) -> Iterator[str]:
    """Name what comes and goes as a whole, by its path."""
    yield from (f"rules.{rule.rule_id}" for rule in program.rules)
    yield from (f"catalogue.{item.item_id}" for item in program.catalogue)
    if program.payouts is not None:
        yield "payouts"


def _fold(words: dict[str, str], path: str) -> None:
    """Put what is said of the parts of `path` into one line."""
    parts = [each for each in words if each.startswith(f"{path}.")]
    if parts:
        line = "; ".join(f"{each.removeprefix(f'{path}.')} {words.pop(each)}" for each in parts)
        words[path] = line


def _terms(program: Program) -> _Words:
    currency, eligibility, goals = program.currency, program.eligibility, program.goals
    yield "name", program.name
    yield "shop", program.shop_name or None
    yield "currency", currency
    yield from _landing(program.landing)
    yield "eligibility.advocates.segments", _listed(eligibility.segments)
    yield "eligibility.advocates.min_purchases", str(eligibility.min_purchases)
    yield "eligibility.friends.new_customers_only", _yes(eligibility.is_new_customers_only)
    yield from _attribution(program.attribution)
    for rule in program.rules:
        for field, says in _rule(rule, currency):
            yield f"rules.{rule.rule_id}.{field}", says
    yield from _caps(program.caps, currency)
    yield "budget.total_minor", _money(program.budget.total_minor, currency)
    yield "budget.per_day_minor", _money(program.budget.per_day_minor, currency)
    if program.experiment is not None:
        yield from _experiment(program.experiment)
    for name in sorted({*program.fraud.modes, *program.fraud.limits}):
        yield f"fraud.{name}.mode", program.fraud.mode(name)
        yield f"fraud.{name}.limit", _number(program.fraud.limits.get(name))
    for kind in sorted(program.silent_messages):
        yield f"messages.{kind}", "off"
    yield from _texts(program.texts)
    yield "reminders", _reminders(program.reminders)
    if program.payouts is not None:
        yield from _payouts(program.payouts, currency)
    for name in sorted(program.partners):
        yield f"partners.{name}.url", program.partners[name].url
    for item in program.catalogue:
        for field, says in _item(item, currency):
            yield f"catalogue.{item.item_id}.{field}", says
    yield "low_stock", str(program.low_stock)
    yield "goals.purchases", _number(goals.purchases)
    cost_minor = goals.max_cost_per_purchase_minor
    yield "goals.max_cost_per_purchase_minor", _money(cost_minor, currency)
    yield "goals.max_cost_share_bps", _share(goals.max_cost_share_bps)


def _landing(landing: Landing) -> _Words:
    yield "status", landing.status.value
    yield "starts_at", _moment(landing.starts_at)
    yield "ends_at", _moment(landing.ends_at)
    yield "landing_page", landing.landing_page
    yield "allowed_hosts", _listed(landing.allowed_hosts)
    yield "fallback_url", landing.fallback_url
    yield "link_parameter", landing.link_parameter
    yield "preview.title", landing.preview.title or None
    yield "preview.description", landing.preview.description or None
    yield "preview.image_url", landing.preview.image_url


def _attribution(terms: AttributionTerms) -> _Words:
    yield "attribution.model", terms.model.value
    yield "attribution.window_days", str(terms.window_days)
    if terms.model is AttributionModel.POSITION or terms.weights != Weights():
        weights = terms.weights
        yield (
            "attribution.weights",
            f"first {weights.first}%, middle {weights.middle}%, last {weights.last}%",
        )
    yield "attribution.precedence", ", then ".join(terms.precedence)


def _rule(rule: RewardRule, currency: str) -> _Words:
    unit = rule.unit(currency)
    yield "on", rule.on.value
    yield "to", rule.to.value
    yield "kind", rule.kind.value
    yield "reward", _amount(rule.reward, unit)
    yield "pool", rule.pool
    yield "partner", rule.partner
    yield "ships", "yes" if rule.ships else None
    yield "hold_days", str(rule.hold_days)
    yield "expires_after_days", _number(rule.expires_after_days)
    yield "first_purchase_only", "yes" if rule.is_first_purchase_only else None
    yield "min_amount_minor", _money(rule.min_amount_minor or None, currency)
    yield "max_amount_minor", _money(rule.max_amount_minor, currency)
    yield "first_months", _number(rule.first_months)
    yield "milestone", _milestone(rule.milestone) if rule.milestone else None
    yield "leaderboard", _leaderboard(rule.leaderboard) if rule.leaderboard else None
    yield from _conditions(rule.only)
    yield from _caps(rule.caps, unit)


def _amount(amount: Amount, unit: str) -> str:
    match amount:
        case Flat(amount_minor=amount_minor):
            return written(amount_minor, unit)
        case Percent(rate_bps=rate_bps, max_minor=None):
            return percent(rate_bps)
        case Percent(rate_bps=rate_bps, max_minor=int(max_minor)):
            return f"{percent(rate_bps)}, at most {written(max_minor, unit)}"
        case Tiers(tiers=tiers):
            return "; ".join(
                f"from {tier.from_count}: {_amount(tier.amount, unit)}" for tier in tiers
            )
        case Places(amounts_minor=amounts):
            return "; ".join(
                f"place {place}: {written(each, unit)}" for place, each in enumerate(amounts, 1)
            )
    raise AssertionError(amount)


def _milestone(milestone: Milestone) -> str:
    if milestone.every is not None:
        return f"every {milestone.every} {milestone.count}"
    return f"at {', '.join(str(count) for count in milestone.at)} {milestone.count}"


def _leaderboard(leaderboard: Leaderboard) -> str:
    return f"by {leaderboard.by} per {leaderboard.per}"


def _conditions(only: Conditions) -> _Words:
    yield "only.segments", _listed(only.segments)
    yield "only.except_segments", _listed(only.except_segments)
    yield "only.countries", _listed(only.countries)
    yield "only.products", _listed(only.products)
    yield "only.channels", _listed(only.channels)
    yield "only.variants", _listed(only.variants)


def _caps(caps: Iterable[Cap], unit: str) -> _Words:
    for cap in caps:
        yield f"caps.{cap.per}.rewards", _number(cap.rewards)
        yield f"caps.{cap.per}.amount_minor", _money(cap.amount_minor, unit)


def _experiment(experiment: Experiment) -> _Words:
    yield "experiment.name", experiment.name
    # in their order: who is in which group depends on it
    variants = [f"{each.name} {percent(each.share_bps)}" for each in experiment.variants]
    yield "experiment.variants", ", ".join(variants) or None
    yield "experiment.holdout_bps", percent(experiment.holdout_bps)


def _texts(texts: Mapping[str, Mapping[str, MessageText]]) -> _Words:
    for kind in sorted(texts):
        for language in sorted(texts[kind]):
            text, path = texts[kind][language], f"texts.{kind}.{language}"
            yield f"{path}.subject", _quoted(text.subject)
            yield f"{path}.heading", _quoted(text.heading)
            yield f"{path}.body", _quoted(text.body)


def _reminders(terms: ReminderTerms) -> str:
    if not terms.after_days:
        return "off"
    return f"after {', '.join(str(days) for days in terms.after_days)} days"


def _payouts(terms: PayoutTerms, currency: str) -> _Words:
    yield "payouts.provider", terms.provider.value
    yield "payouts.every", terms.every.value
    yield "payouts.on_day", None if terms.every is PayoutSchedule.DAILY else str(terms.on_day)
    yield "payouts.minimum_minor", written(terms.minimum_minor, currency)
    yield "payouts.campaign_id", terms.campaign_id
    yield "payouts.products", _listed(terms.products)
    is_by_bank = terms.provider is PayoutProvider.BANK
    yield "payouts.funding_source", None if is_by_bank else terms.funding_source


def _item(item: CatalogueItem, currency: str) -> _Words:
    yield "name", item.name
    yield "points", written(item.points, POINTS_UNIT)
    yield "kind", item.kind.value
    yield "amount_minor", written(item.amount_minor, currency)
    yield "pool", item.pool
    yield "partner", item.partner
    yield "ships", "yes" if item.ships else None


def percent(bps: int) -> str:
    """Write ten-thousandths for people: 1250 is `12.5%`."""
    whole, rest = divmod(bps, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def _share(bps: int | None) -> str | None:
    return None if bps is None else percent(bps)


def _money(amount_minor: int | None, unit: str) -> str | None:
    return None if amount_minor is None else written(amount_minor, unit)


def _number(number: int | None) -> str | None:
    return None if number is None else str(number)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%F %T} UTC"


def _quoted(text: str | None) -> str | None:
    """Write a text in one line in which every space and line break of it can be seen."""
    return None if text is None else json.dumps(text, ensure_ascii=False)


def _yes(claim: bool) -> str:  # noqa: FBT001 - the claim is all there is
    return "yes" if claim else "no"


def _listed(values: Iterable[str]) -> str | None:
    return ", ".join(sorted(values)) or None
