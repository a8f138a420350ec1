"""Program documents, written: a program as YAML that reads as the same program again.

What was shorthand for it (`segments`, `timing`, `first`) is written out.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from referrals.domain.catalogue import CatalogueItem
from referrals.domain.fraud.terms import FraudTerms
from referrals.domain.payouts import BALANCE, PayoutSchedule, PayoutTerms
from referrals.domain.programs import (
    AttributionTerms,
    Eligibility,
    Experiment,
    MessageText,
    Program,
    ReminderTerms,
    Weights,
)
from referrals.domain.rules import (
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

_Content = dict[str, Any]


class _Writer(yaml.SafeDumper):
    """Writes for readers of YAML 1.2, to whom `on` and `off` are words."""

    yaml_implicit_resolvers: dict[str, Any] = {  # noqa: RUF012 - as PyYAML has it
        first: [(tag, form) for tag, form in known if first in "tTfF" or not tag.endswith(":bool")]
        for first, known in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as PyYAML calls it
        return True


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return writer.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


_Writer.add_multi_representer(str, _text)
_Writer.add_representer(str, _text)


def document_of(program: Program) -> str:
    """Give a program's terms as a document; its version is not in it."""
    content = _program(program)
    return yaml.dump(content, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=100)


def _said(**fields: Any) -> _Content:
    """Leave out what says nothing; a number always says something."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value is not False and value not in ("", (), [], {})
    }


def _program(program: Program) -> _Content:
    landing = program.landing
    return _said(
        program=program.program_id,
        name=program.name,
        shop=program.shop_name,
        currency=program.currency,
        status=landing.status,
        starts_at=landing.starts_at and landing.starts_at.isoformat(),
        ends_at=landing.ends_at and landing.ends_at.isoformat(),
        landing_page=landing.landing_page,
        allowed_hosts=landing.allowed_hosts,
        fallback_url=landing.fallback_url,
        link_parameter=landing.link_parameter,
        preview=_said(
            title=landing.preview.title,
            description=landing.preview.description,
            image_url=landing.preview.image_url,
        ),
        eligibility=_eligibility(program.eligibility),
        attribution=_attribution(program.attribution),
        rules=[_rule(each) for each in program.rules],
        caps=[_cap(each) for each in program.caps],
        budget=_said(
            total_minor=program.budget.total_minor, per_day_minor=program.budget.per_day_minor
        ),
        experiment=program.experiment and _experiment(program.experiment),
        fraud=_fraud(program.fraud),
        messages=dict.fromkeys(program.silent_messages, "off"),
        texts=_texts(program.texts),
        reminders=_reminders(program.reminders),
        payouts=program.payouts and _payouts(program.payouts),
        partners={name: {"url": terms.url} for name, terms in program.partners.items()},
        catalogue=[_item(each) for each in program.catalogue],
        low_stock=program.low_stock,
        goals=_said(
            purchases=program.goals.purchases,
            max_cost_per_purchase_minor=program.goals.max_cost_per_purchase_minor,
            max_cost_share_bps=program.goals.max_cost_share_bps,
        ),
    )


def _eligibility(eligibility: Eligibility) -> _Content:
    return {
        "advocates": _said(segments=eligibility.segments, min_purchases=eligibility.min_purchases),
        "friends": {"new_customers_only": eligibility.is_new_customers_only},
    }


def _attribution(terms: AttributionTerms) -> _Content:
    weights = terms.weights
    own = {"first": weights.first, "middle": weights.middle, "last": weights.last}
    return _said(
        model=terms.model,
        window_days=terms.window_days,
        weights=None if weights == Weights() else own,
        precedence=terms.precedence,
    )


def _rule(rule: RewardRule) -> _Content:
    return _said(
        id=rule.rule_id,
        on=rule.on,
        to=rule.to,
        kind=rule.kind,
        reward=_amount(rule.reward),
        pool=rule.pool,
        partner=rule.partner,
        ships=rule.ships,
        hold_days=rule.hold_days,
        expires_after_days=rule.expires_after_days,
        first_purchase_only=rule.is_first_purchase_only,
        min_amount_minor=rule.min_amount_minor or None,
        max_amount_minor=rule.max_amount_minor,
        first_months=rule.first_months,
        milestone=rule.milestone and _milestone(rule.milestone),
        leaderboard=rule.leaderboard and _leaderboard(rule.leaderboard),
        only=_conditions(rule.only),
        caps=[_cap(each) for each in rule.caps],
    )


def _amount(amount: Amount) -> _Content:
    match amount:
        case Flat(amount_minor=amount_minor):
            return {"amount_minor": amount_minor}
        case Percent(rate_bps=rate_bps, max_minor=max_minor):
            return _said(rate_bps=rate_bps, max_minor=max_minor)
        case Tiers(tiers=tiers):
            return {"tiers": [{"from": tier.from_count, **_amount(tier.amount)} for tier in tiers]}
        case Places(amounts_minor=amounts_minor):
            return {"places": amounts_minor}


def _milestone(milestone: Milestone) -> _Content:
    return _said(count=milestone.count, at=milestone.at, every=milestone.every)


def _leaderboard(leaderboard: Leaderboard) -> _Content:
    return {"per": leaderboard.per, "by": leaderboard.by}


def _conditions(only: Conditions) -> _Content:
    return _said(
        segments=only.segments,
        except_segments=only.except_segments,
        countries=only.countries,
        products=only.products,
        channels=only.channels,
        variants=only.variants,
    )


def _cap(cap: Cap) -> _Content:
    return _said(per=cap.per, rewards=cap.rewards, amount_minor=cap.amount_minor)


def _experiment(experiment: Experiment) -> _Content:
    return _said(
        name=experiment.name,
        variants=[{"name": each.name, "share_bps": each.share_bps} for each in experiment.variants],
        holdout_bps=experiment.holdout_bps,
    )


def _fraud(terms: FraudTerms) -> _Content:
    return {
        name: {"mode": terms.mode(name), "limit": terms.limits[name]}
        if name in terms.limits
        else terms.mode(name)
        for name in sorted({*terms.modes, *terms.limits})
    }


def _texts(texts: Mapping[str, Mapping[str, MessageText]]) -> _Content:
    return {
        kind: {
            language: _said(subject=text.subject, heading=text.heading, body=text.body)
            for language, text in of_kind.items()
        }
        for kind, of_kind in texts.items()
    }


def _reminders(terms: ReminderTerms) -> _Content | str:
    return {"after_days": terms.after_days} if terms.after_days else "off"


def _payouts(terms: PayoutTerms) -> _Content:
    return _said(
        provider=terms.provider,
        every=terms.every,
        on_day=None if terms.every is PayoutSchedule.DAILY else terms.on_day,
        minimum_minor=terms.minimum_minor,
        campaign_id=terms.campaign_id,
        products=terms.products,
        funding_source=None if terms.funding_source == BALANCE else terms.funding_source,
    )


def _item(item: CatalogueItem) -> _Content:
    return _said(
        id=item.item_id,
        name=item.name,
        points=item.points,
        kind=item.kind,
        amount_minor=item.amount_minor,
        pool=item.pool,
        partner=item.partner,
        ships=item.ships,
    )
