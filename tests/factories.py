"""Values of the domain with sensible defaults: a test names only what it is about.

The program is Tea for two: Anna shares, Boris is her friend. All happens on 20 May 2026.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from referrals.domain.attribution import Touch, TouchKind
from referrals.domain.clicks import Click
from referrals.domain.conversions import Case, Conversion, Refund, RewardNote, purchase_id
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.ids import ConversionId, JournalId, PersonId, ProgramId, ReferralId, RewardId
from referrals.domain.ledger import (
    NOTHING_BEFORE,
    Account,
    Balance,
    CapUse,
    Journal,
    Place,
    Posting,
    account_of,
    expense_of,
)
from referrals.domain.links import LinkStatus, ShareLink
from referrals.domain.programs import (
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
)
from referrals.domain.referrals import Bond, Referral
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.tallies import SeenClick

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)

TEA = ProgramId("tea")
ANNA = PersonId("per_anna")
BORIS = PersonId("per_boris")
ORDER = ConversionId("cnv_order")
SIGNUP = ConversionId("cnv_signup")
REWARD = RewardId("rwd_1")

A_TENTH = Percent(rate_bps=1_000)
FIVE_EURO = Flat(amount_minor=500)
NO_CAP = Cap()
LAST_CLICK_IN_30_DAYS = AttributionTerms()
NO_PREVIEW = Preview()

EXPENSE = expense_of(TEA)
ANNA_HELD = account_of(ANNA, Place.HELD)
ANNA_AVAILABLE = account_of(ANNA, Place.AVAILABLE)


def a_rule(
    *,
    rule_id: str = "advocate-tenth",
    on: ConversionKind = ConversionKind.PURCHASE,
    to: Side = Side.ADVOCATE,
    kind: RewardKind = RewardKind.CREDIT,
    reward: Flat | Percent = A_TENTH,
    hold_days: int = 14,
    min_amount_minor: int = 0,
    is_first_purchase_only: bool = False,
    cap: Cap = NO_CAP,
    pool: str | None = None,
) -> RewardRule:
    return RewardRule(
        rule_id=rule_id,
        on=on,
        to=to,
        kind=kind,
        reward=reward,
        hold_days=hold_days,
        min_amount_minor=min_amount_minor,
        is_first_purchase_only=is_first_purchase_only,
        cap=cap,
        pool=pool,
    )


def a_welcome_rule(*, pool: str | None = "welcome") -> RewardRule:
    """Give the rule that a friend gets a coupon of five euro for signing up."""
    return a_rule(
        rule_id="friend-welcome",
        on=ConversionKind.SIGNUP,
        to=Side.FRIEND,
        kind=RewardKind.COUPON,
        reward=FIVE_EURO,
        hold_days=0,
        pool=pool,
    )


def a_thanks_rule(*, min_amount_minor: int = 0) -> RewardRule:
    """Give the rule that a friend gets three euro of credit for buying."""
    return a_rule(
        rule_id="friend-thanks",
        to=Side.FRIEND,
        reward=Flat(amount_minor=300),
        min_amount_minor=min_amount_minor,
    )


def a_landing(
    *,
    program_id: ProgramId = TEA,
    status: ProgramStatus = ProgramStatus.ACTIVE,
    landing_page: str = "https://shop.example/welcome",
    allowed_hosts: tuple[str, ...] = ("shop.example",),
    fallback_url: str | None = None,
    link_parameter: str = "via",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    preview: Preview = NO_PREVIEW,
) -> Landing:
    return Landing(
        program_id=program_id,
        status=status,
        landing_page=landing_page,
        allowed_hosts=allowed_hosts,
        fallback_url=fallback_url,
        link_parameter=link_parameter,
        starts_at=starts_at,
        ends_at=ends_at,
        preview=preview,
    )


def a_program(
    *rules: RewardRule,
    program_id: ProgramId = TEA,
    version: int = 1,
    currency: str = "EUR",
    landing: Landing | None = None,
    attribution: AttributionTerms = LAST_CLICK_IN_30_DAYS,
) -> Program:
    """Make a program of these rules; of a tenth for the advocate when none is named."""
    return Program(
        program_id=program_id,
        version=version,
        name="Tea for two",
        shop_name="Samovar",
        currency=currency,
        landing=landing or a_landing(program_id=program_id),
        rules=rules or (a_rule(),),
        attribution=attribution,
    )


def a_share_link(
    *,
    code: str = "ANNA10",
    program_id: ProgramId = TEA,
    advocate_id: PersonId = ANNA,
    status: LinkStatus = LinkStatus.ACTIVE,
    created_at: datetime = NOW,
) -> ShareLink:
    return ShareLink(
        code=code,
        program_id=program_id,
        advocate_id=advocate_id,
        status=status,
        created_at=created_at,
    )


def a_click(
    *,
    code: str = "ANNA10",
    clicked_at: datetime = NOW,
    channel: str = "whatsapp",
    visitor: str = "0123456789abcdef",
) -> Click:
    return Click(code=code, clicked_at=clicked_at, channel=channel, visitor=visitor)


def a_seen_click(
    *,
    code: str = "ANNA10",
    channel: str = "link",
    visitor: str = "0123456789abcdef",
    clicked_at: datetime = NOW,
) -> SeenClick:
    return SeenClick(
        code=code, channel=channel, visitor=visitor, clicked_at=clicked_at, is_meant=True
    )


def a_touch(
    *,
    kind: TouchKind = TouchKind.CLICK,
    at: datetime = NOW - A_DAY,
    code: str = "ANNA10",
    channel: str = "link",
    advocate_id: PersonId | None = ANNA,
    program_id: ProgramId | None = TEA,
    flaw: Reason | None = None,
) -> Touch:
    return Touch(
        kind=kind,
        at=at,
        code=code,
        channel=channel,
        advocate_id=advocate_id,
        program_id=program_id,
        flaw=flaw,
    )


def a_referral(
    *,
    advocate_id: PersonId = ANNA,
    since: datetime = NOW,
    attributable_from: datetime = NOW - A_DAY,
    code: str = "ANNA10",
    channel: str = "link",
) -> Referral:
    return Referral(
        referral_id=ReferralId("ref_1"),
        advocate_id=advocate_id,
        since=since,
        attributable_from=attributable_from,
        code=code,
        channel=channel,
    )


def a_bond(
    *,
    program_id: ProgramId = TEA,
    friend_id: PersonId = BORIS,
    referral: Referral | None = None,
    waiting: tuple[ConversionId, ...] = (),
    purchases: int = 0,
    is_signed_up: bool = False,
    expires_at: datetime | None = None,
) -> Bond:
    return Bond(
        program_id=program_id,
        friend_id=friend_id,
        referral=referral,
        waiting=waiting,
        purchases=purchases,
        is_signed_up=is_signed_up,
        expires_at=expires_at,
    )


def a_conversion(
    *,
    conversion_id: ConversionId = ORDER,
    program_id: ProgramId = TEA,
    version: int = 1,
    kind: ConversionKind = ConversionKind.PURCHASE,
    friend_id: PersonId = BORIS,
    occurred_at: datetime = NOW,
    order_id: str | None = "order-1",
    amount_minor: int = 10_000,
    currency: str | None = "EUR",
    touches: tuple[Touch, ...] = (),
    outcome: Outcome = Outcome.WAITING,
    reason: Reason | None = None,
    rewards: tuple[RewardNote, ...] = (),
) -> Conversion:
    """Make the report of an order of 100 euro."""
    return Conversion(
        conversion_id=conversion_id,
        program_id=program_id,
        version=version,
        kind=kind,
        friend_id=friend_id,
        occurred_at=occurred_at,
        recorded_at=NOW,
        fingerprint="as-told",
        order_id=order_id,
        amount_minor=amount_minor,
        currency=currency,
        touches=touches,
        outcome=outcome,
        reason=reason,
        rewards=rewards,
    )


def a_signup(*, occurred_at: datetime = NOW, touches: tuple[Touch, ...] = ()) -> Conversion:
    return a_conversion(
        conversion_id=SIGNUP,
        kind=ConversionKind.SIGNUP,
        occurred_at=occurred_at,
        order_id=None,
        amount_minor=0,
        currency=None,
        touches=touches,
    )


def a_refund(
    *,
    refund_id: str = "refund-1",
    amount_minor: int = 2_500,
    currency: str = "EUR",
    is_applied: bool = False,
    reason: Reason | None = None,
) -> Refund:
    return Refund(
        refund_id=refund_id,
        amount_minor=amount_minor,
        currency=currency,
        occurred_at=NOW,
        recorded_at=NOW,
        fingerprint="as-told",
        is_applied=is_applied,
        reason=reason,
    )


def a_case(
    *,
    conversion_id: ConversionId = ORDER,
    conversion: Conversion | None = None,
    refunds: tuple[Refund, ...] = (),
) -> Case:
    return Case(conversion_id=conversion_id, conversion=conversion, refunds=refunds)


def a_reward(
    *,
    reward_id: RewardId = REWARD,
    rule_id: str = "advocate-tenth",
    conversion_id: ConversionId = ORDER,
    order_id: str | None = "order-1",
    owner_id: PersonId = ANNA,
    side: Side = Side.ADVOCATE,
    kind: RewardKind = RewardKind.CREDIT,
    pool: str | None = None,
    unit: str = "EUR",
    amount_minor: int = 1_000,
    state: RewardState = RewardState.HELD,
    due_at: datetime | None = NOW + 14 * A_DAY,
    voided_minor: int = 0,
    clawed_back_minor: int = 0,
) -> Reward:
    """Make ten euro that Anna is owed for an order of 100."""
    return Reward(
        reward_id=reward_id,
        program_id=TEA,
        version=1,
        rule_id=rule_id,
        conversion_id=conversion_id,
        order_id=order_id,
        owner_id=owner_id,
        side=side,
        kind=kind,
        pool=pool,
        unit=unit,
        amount_minor=amount_minor,
        state=state,
        held_until=NOW + 14 * A_DAY,
        granted_at=NOW,
        due_at=due_at,
        voided_minor=voided_minor,
        clawed_back_minor=clawed_back_minor,
    )


def a_posting(
    *,
    source: Account = EXPENSE,
    destination: Account = ANNA_HELD,
    amount_minor: int = 1_000,
    unit: str = "EUR",
) -> Posting:
    return Posting(source=source, destination=destination, amount_minor=amount_minor, unit=unit)


def a_journal(
    *postings: Posting,
    cause: str = "conversion:cnv_order",
    previous: Mapping[PersonId, str] | None = None,
) -> Journal:
    return Journal(
        journal_id=JournalId("jrn_1"),
        program_id=TEA,
        version=1,
        cause=cause,
        recorded_at=NOW,
        postings=postings or (a_posting(),),
        previous={ANNA: NOTHING_BEFORE} if previous is None else previous,
    )


def a_balance(
    *,
    program_id: ProgramId = TEA,
    person_id: PersonId = ANNA,
    amounts: Mapping[str, int] | None = None,
    caps: Mapping[str, CapUse] | None = None,
    last_hash: str = NOTHING_BEFORE,
) -> Balance:
    return Balance(
        program_id=program_id,
        person_id=person_id,
        amounts=amounts or {},
        caps=caps or {},
        last_hash=last_hash,
    )


def balances_of(*balances: Balance) -> dict[PersonId, Balance]:
    """Give the balances of Anna and Boris, empty but for those named."""
    named: Sequence[Balance] = (a_balance(), a_balance(person_id=BORIS), *balances)
    return {balance.person_id: balance for balance in named}


def an_order_id(order_id: str) -> ConversionId:
    return purchase_id(TEA, order_id)
