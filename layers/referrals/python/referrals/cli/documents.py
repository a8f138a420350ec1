"""Program documents: YAML that people write, checked to the last field, turned into a program."""

import json
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from referrals.domain.errors import Fault, TermsNotAllowedError
from referrals.domain.ids import ProgramId
from referrals.domain.programs import (
    AttributionModel,
    AttributionTerms,
    Cap,
    ConversionKind,
    Flat,
    Landing,
    Percent,
    Preview,
    Program,
    ProgramStatus,
    RewardKind,
    RewardRule,
    Side,
    checked,
)
from referrals.runtime.bodies import Slug

Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Amount = Annotated[int, Field(strict=True, ge=0, le=10**12)]
Parameter = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FlatPart(_Part):
    amount_minor: Amount


class PercentPart(_Part):
    rate_bps: Amount
    max_minor: Amount | None = None


class CapPart(_Part):
    rewards: Amount | None = None
    amount_minor: Amount | None = None


class RulePart(_Part):
    id: Slug
    on: ConversionKind
    to: Side
    kind: RewardKind
    reward: FlatPart | PercentPart
    hold_days: Amount = 0
    min_amount_minor: Amount = 0
    first_purchase_only: bool = False
    cap: CapPart = CapPart()
    pool: Slug | None = None

    def rule(self) -> RewardRule:
        reward: Flat | Percent
        match self.reward:
            case FlatPart(amount_minor=amount_minor):
                reward = Flat(amount_minor=amount_minor)
            case PercentPart(rate_bps=rate_bps, max_minor=max_minor):
                reward = Percent(rate_bps=rate_bps, max_minor=max_minor)
        return RewardRule(
            rule_id=self.id,
            on=self.on,
            to=self.to,
            kind=self.kind,
            reward=reward,
            hold_days=self.hold_days,
            min_amount_minor=self.min_amount_minor,
            is_first_purchase_only=self.first_purchase_only,
            cap=Cap(rewards=self.cap.rewards, amount_minor=self.cap.amount_minor),
            pool=self.pool,
        )


class PreviewPart(_Part):
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    image_url: str | None = None


class AttributionPart(_Part):
    model: AttributionModel = AttributionModel.LAST_CLICK
    window_days: Amount = 30


class ProgramDocument(_Part):
    """What stands in a program's file."""

    program: Slug
    name: Line
    shop: Line
    currency: str
    status: ProgramStatus = ProgramStatus.ACTIVE
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    landing_page: str
    allowed_hosts: Annotated[tuple[str, ...], Field(min_length=1)]
    fallback_url: str | None = None
    link_parameter: Parameter = "via"
    preview: PreviewPart = PreviewPart()
    attribution: AttributionPart = AttributionPart()
    rules: tuple[RulePart, ...]

    def terms(self) -> Program:
        """Give the program; TermsNotAllowedError when it contradicts itself."""
        landing = Landing(
            program_id=ProgramId(self.program),
            status=self.status,
            landing_page=self.landing_page,
            allowed_hosts=tuple(host.lower() for host in self.allowed_hosts),
            fallback_url=self.fallback_url,
            link_parameter=self.link_parameter,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            preview=Preview(
                title=self.preview.title or self.name,
                description=self.preview.description,
                image_url=self.preview.image_url,
            ),
        )
        return checked(
            Program(
                program_id=ProgramId(self.program),
                version=1,
                name=self.name,
                shop_name=self.shop,
                currency=self.currency,
                landing=landing,
                rules=tuple(rule.rule() for rule in self.rules),
                attribution=AttributionTerms(
                    model=self.attribution.model, window_days=self.attribution.window_days
                ),
            )
        )


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice: the last one would win in silence, and it may be money."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001 - as PyYAML calls it
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.YAMLError(
                    f"{key} stands twice, again in line {key_node.start_mark.line + 1}"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def schema() -> str:
    """Give the JSON Schema (2020-12) of program documents, as editors read it."""
    document = ProgramDocument.model_json_schema()
    named = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A referral program",
        **{key: value for key, value in document.items() if key != "title"},
    }
    return json.dumps(named, indent=2)


def read_program(text: str, **changes: Any) -> Program:
    """Read a program from YAML; TermsNotAllowedError names every field at fault.

    `changes` take the place of fields of the document, for a program that runs somewhere else.
    """
    try:
        content = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        fault = Fault(field="document", says=f"is not YAML: {error}")
        raise TermsNotAllowedError([fault]) from error
    if not isinstance(content, dict):
        raise TermsNotAllowedError([Fault(field="document", says="is not a mapping")])
    try:
        return ProgramDocument.model_validate(_text_keys({**content, **changes})).terms()
    except ValidationError as error:
        raise TermsNotAllowedError([_fault(each) for each in error.errors()]) from error


def read_program_file(path: Path, **changes: Any) -> Program:
    return read_program(path.read_text(encoding="utf-8"), **changes)


def _text_keys(value: Any) -> Any:
    """Give `on` back its name: YAML 1.1 reads the bare word as a boolean."""
    if isinstance(value, dict):
        return {("on" if key is True else key): _text_keys(each) for key, each in value.items()}
    return [_text_keys(each) for each in value] if isinstance(value, list) else value


def _fault(error: Any) -> Fault:
    field = ".".join(str(part) for part in error["loc"]) or "document"
    return Fault(field=field, says=str(error["msg"]))
