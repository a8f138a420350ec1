"""Program documents: YAML that people write, checked to the last field, turned into a program.

`segments`, `timing` and `first` are shorthand: a program has rules, eligibility and tiers alone.
What is wrong is told by its place in the document all the same.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from referrals.cli.delivery_parts import (
    ItemPart,
    Language,
    MessageName,
    OffOrReminders,
    PartnerPart,
    PayoutsPart,
    RemindersPart,
    Switch,
    TextPart,
    reminder_terms,
)
from referrals.cli.document_parts import (
    AttributionPart,
    BudgetPart,
    CapPart,
    Days,
    EligibilityPart,
    ExperimentPart,
    FraudName,
    GoalsPart,
    Line,
    ModeOrTerms,
    Moment,
    Number,
    Part,
    PreviewPart,
    RulePart,
    SegmentPart,
    fraud_terms,
)
from referrals.domain.errors import Fault, TermsNotAllowedError
from referrals.domain.ids import ProgramId
from referrals.domain.landings import Landing, ProgramStatus
from referrals.domain.programs import Eligibility, Program, checked
from referrals.domain.rules import RewardRule
from referrals.notify.texts import text_faults
from referrals.runtime.bodies import SLUG, Slug

Parameter = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Timing = Literal["pre_sale", "after_sale"]

# A text with one of these cannot be stored, nor sent.
_HALF_A_SIGN = re.compile("[\ud800-\udfff]")
# A program is one item of its table, with 400 KB for all it says.
_MOST_TEXT_BYTES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A rule, the part of the document it comes from, and where that stands."""

    rule: RewardRule
    part: RulePart
    path: str
    segment: str | None = None

    def renames(self, path: str) -> Iterator[tuple[str, str]]:
        """Say where in the document stands what the rule at `path` of the program has."""
        yield from self.part.renames(path, self.path)
        if self.segment is not None:
            yield f"{path}.only.segments", f"segments.{self.segment}"
        elif not self.part.only.except_segments:
            yield f"{path}.only.except_segments", self.path


class ProgramDocument(Part):
    """What stands in a program's file."""

    program: Slug = Field(
        description="The program's id, for good: small letters, digits, hyphens.", examples=["tea"]
    )
    name: Line = Field(
        description="The program's name, as people read it.", examples=["Tea for two"]
    )
    shop: Line = Field(description="The shop's name, as people read it.", examples=["Samovar"])
    currency: str = Field(
        description="The currency of all amounts and of orders that count (ISO 4217).",
        examples=["EUR", "GBP", "USD"],
    )
    status: ProgramStatus = Field(
        default=ProgramStatus.ACTIVE,
        description="`active`; while it is `paused` or `ended`, links lead to the fallback and "
        "nothing new is earned.",
    )
    starts_at: Moment | None = Field(
        default=None,
        description="When it starts, with the offset: nothing before that counts.",
        examples=["2026-11-01T00:00:00+01:00"],
    )
    ends_at: Moment | None = Field(
        default=None,
        description="When it ends, with the offset: nothing from then on counts.",
        examples=["2027-01-01T00:00:00+01:00"],
    )
    landing_page: str = Field(
        description="The page a share link leads to.", examples=["https://shop.example/welcome"]
    )
    allowed_hosts: tuple[str, ...] = Field(
        min_length=1,
        description="The hosts that links may lead to, with the port where there is one.",
        examples=[["shop.example"]],
    )
    fallback_url: str | None = Field(
        default=None,
        description="Where links lead while the program is not running; a page of ours unless set.",
    )
    link_parameter: Parameter = Field(
        default="via", description="The parameter in which the landing page gets the share code."
    )
    preview: PreviewPart = Field(
        default=PreviewPart(), description="What a messenger shows of a share link."
    )
    timing: Timing | None = Field(
        default=None,
        description="`pre_sale`: anybody may refer. `after_sale`: only who bought before, which is "
        "`eligibility.advocates.min_purchases: 1` unless more are set.",
    )
    eligibility: EligibilityPart = Field(
        default=EligibilityPart(), description="Who may refer, and who may be referred."
    )
    attribution: AttributionPart = Field(
        default=AttributionPart(), description="Whose a conversion is, and how long a click counts."
    )
    hold_days: Days = Field(
        default=0, description="The hold of all rules that do not set their own.", examples=[14]
    )
    rules: tuple[RulePart, ...] = Field(description="What is promised to whom, for what.")
    segments: dict[Slug, SegmentPart] = Field(
        default={},
        description="Terms of their own for segments of advocates, by the segment's name.",
    )
    caps: tuple[CapPart, ...] = Field(
        default=(),
        description="The most one advocate earns by all rules together; at most one cap a period.",
        examples=[[{"per": "year", "amount_minor": 60000}]],
    )
    budget: BudgetPart = Field(
        default=BudgetPart(), description="The most that the program promises, in all and per day."
    )
    experiment: ExperimentPart | None = Field(
        default=None, description="An A/B test of rules, by advocate."
    )
    fraud: dict[FraudName, ModeOrTerms] = Field(
        default={},
        description="How each fraud rule is used: a mode, or a mode and a limit. Rules that are "
        "not named are off.",
        examples=[{"same_person": "block", "velocity": {"mode": "review", "limit": 20}}],
    )
    messages: dict[MessageName, Switch] = Field(
        default={},
        description="Messages that are not to be sent; all are on unless set to `off`.",
        examples=[{"reward_earned": "off"}],
    )
    texts: dict[MessageName, Annotated[dict[Language, TextPart], Field(min_length=1)]] = Field(
        default={},
        description="Own words, by message and language: text, the names that the message knows "
        "(`{{ friend }}`), and `{% if %}`.",
        examples=[{"welcome": {"en": {"subject": "Welcome to {{ program }}"}}}],
    )
    reminders: OffOrReminders = Field(
        default=RemindersPart(),
        description="When an advocate whom nobody followed is asked to share again, or `off`.",
    )
    payouts: PayoutsPart | None = Field(
        default=None,
        description="How cash is paid out; unless set, people send it, and say so.",
    )
    partners: dict[Slug, PartnerPart] = Field(
        default={}, description="Systems outside that make codes for us, by name."
    )
    catalogue: tuple[ItemPart, ...] = Field(default=(), description="What points buy.")
    low_stock: Annotated[Number, Field(le=10_000)] = Field(
        default=10,
        description="Operators are told of a pool with fewer left than this; 0 for never.",
    )
    goals: GoalsPart = Field(
        default=GoalsPart(), description="What the business wants of the program."
    )

    def terms(self) -> Program:
        """Give the program; TermsNotAllowedError names what contradicts itself, and where."""
        placed = [*self._general_rules(), *self._segment_rules()]
        faults = [*self._timing_faults(), *_segment_faults(placed), *self._text_faults()]
        program = self._program(tuple(each.rule for each in placed))
        try:
            checked(program)
        except TermsNotAllowedError as error:
            faults += [_moved(fault, dict(_renames(placed))) for fault in error.faults]
        if faults:
            raise TermsNotAllowedError(faults)
        return program

    def _program(self, rules: tuple[RewardRule, ...]) -> Program:
        return Program(
            program_id=ProgramId(self.program),
            version=1,
            name=self.name,
            shop_name=self.shop,
            currency=self.currency,
            landing=self._landing(),
            rules=rules,
            attribution=self.attribution.attribution(),
            eligibility=self._eligibility(),
            caps=tuple(each.cap() for each in self.caps),
            budget=self.budget.budget(),
            experiment=self.experiment.experiment() if self.experiment else None,
            fraud=fraud_terms(self.fraud),
            goals=self.goals.goals(),
            silent_messages=tuple(
                sorted(kind for kind, switch in self.messages.items() if switch == "off")
            ),
            texts={
                kind.value: {language: part.text() for language, part in parts.items()}
                for kind, parts in self.texts.items()
            },
            reminders=reminder_terms(self.reminders),
            payouts=self.payouts.payouts() if self.payouts else None,
            partners={name: part.partner() for name, part in self.partners.items()},
            catalogue=tuple(each.item() for each in self.catalogue),
            low_stock=self.low_stock,
        )

    def _landing(self) -> Landing:
        return Landing(
            program_id=ProgramId(self.program),
            status=self.status,
            landing_page=self.landing_page,
            allowed_hosts=tuple(host.lower() for host in self.allowed_hosts),
            fallback_url=self.fallback_url,
            link_parameter=self.link_parameter,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            preview=self.preview.preview(self.name),
        )

    def _eligibility(self) -> Eligibility:
        advocates = self.eligibility.advocates
        least = 1 if self.timing == "after_sale" else 0
        return Eligibility(
            segments=advocates.segments,
            min_purchases=least if advocates.min_purchases is None else advocates.min_purchases,
            is_new_customers_only=self.eligibility.friends.new_customers_only,
        )

    def _timing_faults(self) -> Iterator[Fault]:
        min_purchases = self.eligibility.advocates.min_purchases
        if self.timing == "pre_sale" and min_purchases:
            yield Fault(field="timing", says="is pre_sale, and advocates must have bought before")
        if self.timing == "after_sale" and min_purchases == 0:
            yield Fault(field="timing", says="is after_sale, and advocates need not have bought")

    def _text_faults(self) -> Iterator[Fault]:
        length = 0
        for kind, parts in self.texts.items():
            for language, part in parts.items():
                path, text = f"texts.{kind}.{language}", part.text()
                words = [each for each in (text.subject, text.heading, text.body) if each]
                length += sum(len(each.encode()) for each in words)
                for fault in text_faults(kind, text):
                    yield replace(fault, field=f"{path}.{fault.field}")
        if length > _MOST_TEXT_BYTES:
            yield Fault(field="texts", says=f"are more than {_MOST_TEXT_BYTES} bytes")

    def _general_rules(self) -> Iterator[_Placed]:
        for position, part in enumerate(self.rules):
            rule = part.rule(hold_days=self.hold_days)
            replaced_in = tuple(
                name
                for name, segment in self.segments.items()
                if part.id in {own.id for own in segment.rules}
                and name not in rule.only.except_segments
            )
            only = replace(rule.only, except_segments=(*rule.only.except_segments, *replaced_in))
            yield _Placed(rule=replace(rule, only=only), part=part, path=f"rules.{position}")

    def _segment_rules(self) -> Iterator[_Placed]:
        for name, segment in self.segments.items():
            for position, part in enumerate(segment.rules):
                rule = part.rule(hold_days=self.hold_days)
                yield _Placed(
                    rule=replace(
                        rule,
                        rule_id=f"{part.id}-{name}",
                        only=replace(rule.only, segments=(name,)),
                    ),
                    part=part,
                    path=f"segments.{name}.rules.{position}",
                    segment=name,
                )


def _segment_faults(placed: Iterable[_Placed]) -> Iterator[Fault]:
    for each in placed:
        if each.segment is None:
            continue
        for name in ("segments", "except_segments"):
            if getattr(each.part.only, name):
                says = f"is set for a rule of the segment {each.segment} alone"
                yield Fault(field=f"{each.path}.only.{name}", says=says)
        if not SLUG.fullmatch(each.rule.rule_id):
            yield Fault(field=f"{each.path}.id", says="is too long with the segment's name")


def _renames(placed: Iterable[_Placed]) -> Iterator[tuple[str, str]]:
    yield "eligibility.min_purchases", "eligibility.advocates.min_purchases"
    for position, each in enumerate(placed):
        yield from each.renames(f"rules.{position}")


def _moved(fault: Fault, renames: dict[str, str]) -> Fault:
    """Name the place in the document of what is wrong with the program."""
    parts = fault.field.split(".")
    for length in range(len(parts), 0, -1):
        known = renames.get(".".join(parts[:length]))
        if known is not None:
            return replace(fault, field=".".join([known, *parts[length:]]))
    return fault


_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "str", "seq", "map"))


class _StrictLoader(yaml.SafeLoader):
    """Reads what editors read: YAML 1.2, where `on` and `off` and `NO` are words.

    Of numbers it knows whole ones without leading zeros: 0500 would be 320 in YAML 1.1. A key that
    stands twice is refused: the last one would win in silence, and it may be money.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML has it
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        tag: read
        for tag, read in yaml.SafeLoader.yaml_constructors.items()
        if tag in _KNOWN_TAGS or tag is None
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001 - as PyYAML calls it
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.YAMLError(f"a key is no word in line {key_node.start_mark.line + 1}")
            if key_node.value in seen:
                raise yaml.YAMLError(
                    f"{key_node.value} stands twice, again in line {key_node.start_mark.line + 1}"
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        said = str(super().construct_scalar(node))
        if _HALF_A_SIGN.search(said):
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"a sign is cut in two by \\u in line {line}: write it as it is")
        return said


for _name, _pattern, _first in (
    ("null", r"|~|null|Null|NULL", ["", "~", "n", "N"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("merge", r"<<", ["<"]),
):
    _StrictLoader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"^(?:{_pattern})$"), _first)


class _SchemaOfDocuments(GenerateJsonSchema):
    """Leaves titles out: they would repeat the names of fields and of our classes."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - as pydantic calls it
        return False


def schema() -> str:
    """Give the JSON Schema (2020-12) of program documents, as editors read it."""
    document = ProgramDocument.model_json_schema(schema_generator=_SchemaOfDocuments)
    for part in document["$defs"].values():
        part.pop("title", None)
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
        return ProgramDocument.model_validate({**content, **changes}).terms()
    except ValidationError as error:
        raise TermsNotAllowedError([_fault(each) for each in error.errors()]) from error


def read_program_file(path: Path, **changes: Any) -> Program:
    return read_program(path.read_text(encoding="utf-8"), **changes)


def _fault(error: Any) -> Fault:
    """Say in our words what pydantic found; parts of unions and keys have no name of their own."""
    steps = [str(step) for step in error["loc"]]
    field = ".".join(step for step in steps if not step.startswith(("<", "["))) or "document"
    return Fault(field=field, says=_says(error, steps[-1] if steps else ""))


def _says(error: Any, name: str) -> str:
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            near = get_close_matches(name, _field_names(), n=1)
            return "is no field here" + (f": is it {near[0]}?" if near and name not in near else "")
        case "model_type" | "dict_type":
            return "should be a mapping, with a name before each value"
        case "tuple_type":
            return "should be a list"
        case "string_pattern_mismatch" if SLUG.pattern in error["ctx"]["pattern"]:
            return "should be small letters, digits and hyphens"
        case _:
            says = str(error["msg"]).removeprefix("Value error, ")
            return re.sub(r"^[A-Z]\w+ should", "should", says)


@cache
def _field_names() -> tuple[str, ...]:
    document = json.loads(schema())
    parts = (document, *document["$defs"].values())
    return tuple(sorted({name for part in parts for name in part.get("properties", {})}))
