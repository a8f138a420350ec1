"""Runs the fraud rules: what each flags, and what all flags together do.

Shadow flags have no effect. A rule that fails holds, unless it is only a shadow. One that only
supports others has no effect unless another rule, that did not fail, has one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from referrals.domain.fraud.rules import RULES
from referrals.domain.fraud.signals import FraudRule, Signals
from referrals.domain.fraud.terms import Flag, FraudMode, FraudTerms

FAILED = "failed"
_ONLY_SUPPORT = frozenset(rule.name for rule in RULES if rule.only_supports)
_WITH_EFFECT = (FraudMode.BLOCK, FraudMode.REVIEW)  # the stronger first


def flags_of(
    signals: Signals, terms: FraudTerms, *, rules: Sequence[FraudRule] = RULES
) -> tuple[Flag, ...]:
    """Run every rule that is not off; a flag's mode is the effect that it has."""
    flags = (_flag(rule, signals, terms) for rule in rules)
    return _as_they_count([flag for flag in flags if flag is not None])


def verdict(flags: Iterable[Flag]) -> FraudMode:
    """Say what flags do together: BLOCK, else REVIEW, and OFF when none has any effect."""
    modes = {flag.mode for flag in _as_they_count(tuple(flags))}
    return next((mode for mode in _WITH_EFFECT if mode in modes), FraudMode.OFF)


def with_modes_of(terms: FraudTerms, flags: Iterable[Flag]) -> Iterator[Flag]:
    """Give flags of old with the effect that they have under other terms, unless that is none."""
    for flag in flags:
        mode = terms.mode(flag.rule)
        if mode is not FraudMode.OFF:
            yield replace(flag, mode=_held(mode) if flag.inputs.get(FAILED, False) else mode)


def _held(mode: FraudMode) -> FraudMode:
    """Give what a rule does that failed: what it could not judge must wait."""
    return FraudMode.SHADOW if mode is FraudMode.SHADOW else FraudMode.REVIEW


def _flag(rule: FraudRule, signals: Signals, terms: FraudTerms) -> Flag | None:
    mode = terms.mode(rule.name)
    if mode is FraudMode.OFF:
        return None
    limit = terms.limits.get(rule.name, rule.default_limit or 0)
    try:
        inputs = rule.look(signals, limit)
    except Exception:  # noqa: BLE001 - whatever breaks in a rule, what it could not judge must wait
        return Flag(rule=rule.name, mode=_held(mode), inputs={FAILED: True})
    return None if inputs is None else Flag(rule=rule.name, mode=mode, inputs=inputs)


def _as_they_count(flags: Sequence[Flag]) -> tuple[Flag, ...]:
    """Make shadows of flags that may only support others and have nothing to support."""
    if any(_stands_alone(flag) for flag in flags):
        return tuple(flags)
    return tuple(
        replace(flag, mode=FraudMode.SHADOW) if _is_support(flag) else flag for flag in flags
    )


def _stands_alone(flag: Flag) -> bool:
    """Whether a flag is evidence that has an effect; a failure is no evidence."""
    return (
        flag.mode in _WITH_EFFECT
        and flag.rule not in _ONLY_SUPPORT
        and not flag.inputs.get(FAILED, False)
    )


def _is_support(flag: Flag) -> bool:
    return flag.rule in _ONLY_SUPPORT and not flag.inputs.get(FAILED, False)
