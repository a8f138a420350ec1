"""What a program's terms say of fraud rules: how each is used, and where its limit is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FraudMode(StrEnum):
    """What a flag does: nothing is looked at, it is recorded, rewards wait, or it is a no."""

    OFF = "off"
    SHADOW = "shadow"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudTerms:
    """Modes and limits by the name of the rule; a rule that is not named is off."""

    modes: Mapping[str, FraudMode] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)

    def mode(self, rule: str) -> FraudMode:
        return self.modes.get(rule, FraudMode.OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """What a fraud rule saw; `inputs` hold counts, ratios and seconds, never personal data."""

    rule: str
    mode: FraudMode
    inputs: Mapping[str, str | int | bool | None] = field(default_factory=dict)
