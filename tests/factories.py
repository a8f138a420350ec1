"""Values of the domain with sensible defaults: a test names only what it is about.

The program is Tea for two: Anna shares, Boris is her friend. All happens on 20 May 2026.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from referrals.domain.attribution import Touch
from referrals.domain.budgets import Budget, Draw, Slice
from referrals.domain.caps import CapUse, Use
from referrals.domain.clicks import Click
from referrals.domain.conversions import Case, Conversion, Refund, Review, purchase_id
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.eligibility import Candidate
from referrals.domain.granting import RewardNote
from referrals.domain.ids import ConversionId, JournalId, PersonId, ProgramId, ReferralId, RewardId
from referrals.domain.landings import Landing, Preview, ProgramStatus
from referrals.domain.ledger import (
    FIRST,
    NOTHING_BEFORE,
    Account,
    Balance,
    Journal,
    Link,
    Mark,
    Place,
    Posting,
    Score,
    account_of,
    expense_of,
)
from referrals.domain.links import LinkStatus, ShareLink
from referrals.domain.programs import (
    AttributionTerms,
    BudgetTerms,
    ConversionKind,
    Eligibility,
    Experiment,
    Program,
    TouchKind,
)
from referrals.domain.referrals import Bond, Part, Referral
from referrals.domain.reports import ChargebackStatus, Circumstances
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import (
    Amount,
    Cap,
    Conditions,
    Counted,
    Flat,
    Leaderboard,
    Milestone,
    Percent,
    Period,
    Places,
    RewardKind,
    RewardRule,
    Side,
    Trigger,
)
from referrals.domain.tallies import SeenClick

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)

TEA = ProgramId("tea")
ANNA = PersonId("per_anna")
BORIS = PersonId("per_boris")
CLARA = PersonId("per_clara")
ORDER = ConversionId("cnv_order")
SIGNUP = ConversionId("cnv_signup")
REWARD = RewardId("rwd_1")

A_TENTH = Percent(rate_bps=1_000)
FIVE_EURO = Flat(amount_minor=500)
ANYTHING = Conditions()
LAST_CLICK_IN_30_DAYS = AttributionTerms()
ANYBODY = Eligibility()
NO_BUDGET = BudgetTerms()
NOTHING_SPECIAL = Circumstances()
NO_PREVIEW = Preview()

EXPENSE = expense_of(TEA)
ANNA_HELD = account_of(ANNA, Place.HELD)
ANNA_AVAILABLE = account_of(ANNA, Place.AVAILABLE)
ANNA_CREDIT = account_of(ANNA, Place.CREDIT)
ANNA_PAID = account_of(ANNA, Place.PAID)
ANNA_DEBT = account_of(ANNA, Place.DEBT)


def a_rule(
    *,
    rule_id: str = "advocate-tenth",
    on: Trigger = Trigger.PURCHASE,
    to: Side = Side.ADVOCATE,
    kind: RewardKind = RewardKind.CREDIT,
    reward: Amount = A_TENTH,
    hold_days: int = 14,
    min_amount_minor: int = 0,
    max_amount_minor: int | None = None,
    is_first_purchase_only: bool = False,
    only: Conditions = ANYTHING,
    caps: tuple[Cap, ...] = (),
    pool: str | None = None,
    expires_after_days: int | None = None,
    first_months: int | None = None,
    milestone: Milestone | None = None,
    leaderboard: Leaderboard | None = None,
) -> RewardRule:
    return RewardRule(
        rule_id=rule_id,
        on=on,
        to=to,
        kind=kind,
        reward=reward,
        hold_days=hold_days,
        min_amount_minor=min_amount_minor,
        max_amount_minor=max_amount_minor,
        is_first_purchase_only=is_first_purchase_only,
        only=only,
        caps=caps,
        pool=pool,
        expires_after_days=expires_after_days,
        first_months=first_months,
        milestone=milestone,
        leaderboard=leaderboard,
    )


def a_welcome_rule(*, pool: str | None = "welcome") -> RewardRule:
    """Give the rule that a friend gets a coupon of five euro for signing up."""
    return a_rule(
        rule_id="friend-welcome",
        on=Trigger.SIGNUP,
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


def a_gift_rule(*, rule_id: str = "advocate-gift", caps: tuple[Cap, ...] = ()) -> RewardRule:
    """Give the rule that an advocate gets a gift of five euro for each purchase."""
    return a_rule(
        rule_id=rule_id, kind=RewardKind.GIFT, reward=FIVE_EURO, hold_days=0, caps=caps, pool="cups"
    )


def a_second_level_rule() -> RewardRule:
    """Give the rule that whoever brought the advocate gets a twentieth."""
    return a_rule(rule_id="second-twentieth", to=Side.SECOND_LEVEL, reward=Percent(rate_bps=500))


def a_milestone_rule(
    *,
    rule_id: str = "milestone",
    at: tuple[int, ...] = (),
    every: int | None = None,
    count: Counted = Counted.PURCHASES,
    reward: Amount = FIVE_EURO,
    caps: tuple[Cap, ...] = (),
) -> RewardRule:
    """Give the rule that an advocate gets five euro at some counts of purchases."""
    return a_rule(
        rule_id=rule_id,
        on=Trigger.MILESTONE,
        reward=reward,
        hold_days=0,
        caps=caps,
        milestone=Milestone(count=count, at=at, every=every),
    )


def a_leaderboard_rule(
    *,
    rule_id: str = "top",
    per: Period = Period.MONTH,
    by: Counted = Counted.PURCHASES,
    places: tuple[int, ...] = (5_000, 2_000, 1_000),
) -> RewardRule:
    """Give the rule that the three best of a month get a prize."""
    return a_rule(
        rule_id=rule_id,
        on=Trigger.PERIOD_END,
        reward=Places(amounts_minor=places),
        hold_days=0,
        leaderboard=Leaderboard(per=per, by=by),
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
    eligibility: Eligibility = ANYBODY,
    caps: tuple[Cap, ...] = (),
    budget: BudgetTerms = NO_BUDGET,
    experiment: Experiment | None = None,
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
        eligibility=eligibility,
        caps=caps,
        budget=budget,
        experiment=experiment,
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
    parts: tuple[Part, ...] = (),
    second_level_id: PersonId | None = None,
) -> Referral:
    return Referral(
        referral_id=ReferralId("ref_1"),
        advocate_id=advocate_id,
        since=since,
        attributable_from=attributable_from,
        code=code,
        channel=channel,
        parts=parts,
        second_level_id=second_level_id,
    )


def a_bond(
    *,
    program_id: ProgramId = TEA,
    friend_id: PersonId = BORIS,
    referral: Referral | None = None,
    waiting: tuple[ConversionId, ...] = (),
    orders: int = 0,
    first_order_at: datetime | None = None,
    purchases: int = 0,
    is_signed_up: bool = False,
    is_in_review: bool = False,
) -> Bond:
    return Bond(
        program_id=program_id,
        friend_id=friend_id,
        referral=referral,
        waiting=waiting,
        orders=orders,
        first_order_at=first_order_at,
        purchases=purchases,
        is_signed_up=is_signed_up,
        is_in_review=is_in_review,
    )


def a_candidate(
    *,
    advocate_id: PersonId = ANNA,
    segment: str | None = None,
    orders: int = 0,
    brought_by: tuple[PersonId, ...] = (),
) -> Candidate:
    return Candidate(
        advocate_id=advocate_id,
        segment=segment,
        orders=orders,
        brought_by=brought_by,
        tops=brought_by[-1:] or (advocate_id,),
        second_level_id=brought_by[0] if brought_by else None,
    )


def candidates_of(*candidates: Candidate) -> dict[PersonId, Candidate]:
    """Give the candidates Anna, Boris and Clara, of whom nothing is known but for those named."""
    unknown = (a_candidate(advocate_id=each) for each in (ANNA, BORIS, CLARA))
    return {each.advocate_id: each for each in (*unknown, *candidates)}


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
    advocate_id: PersonId | None = None,
    rewards: tuple[RewardNote, ...] = (),
    circumstances: Circumstances = NOTHING_SPECIAL,
    channel: str | None = None,
    review: Review | None = None,
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
        advocate_id=advocate_id,
        rewards=rewards,
        circumstances=circumstances,
        channel=channel,
        review=review,
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
    chargeback_id: str | None = None,
    status: ChargebackStatus | None = None,
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
        chargeback_id=chargeback_id,
        status=status,
    )


def a_chargeback(
    status: ChargebackStatus = ChargebackStatus.OPENED,
    *,
    chargeback_id: str = "dispute-1",
    amount_minor: int = 10_000,
) -> Refund:
    """Make the report that a dispute over an order of 100 euro stands so."""
    return a_refund(
        refund_id=f"chargeback:{chargeback_id}:{status}",
        amount_minor=amount_minor,
        chargeback_id=chargeback_id,
        status=status,
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
    conversion_id: ConversionId | None = ORDER,
    order_id: str | None = "order-1",
    owner_id: PersonId = ANNA,
    side: Side = Side.ADVOCATE,
    kind: RewardKind = RewardKind.CREDIT,
    pool: str | None = None,
    unit: str = "EUR",
    amount_minor: int = 1_000,
    state: RewardState = RewardState.HELD,
    held_until: datetime = NOW + 14 * A_DAY,
    granted_at: datetime = NOW,
    due_at: datetime | None = NOW + 14 * A_DAY,
    voided_minor: int = 0,
    clawed_back_minor: int = 0,
    netted_minor: int = 0,
    draws: tuple[Draw, ...] = (),
    expires_after_days: int | None = None,
    expires_at: datetime | None = None,
    trigger: Trigger = Trigger.PURCHASE,
    step: int | None = None,
    generation: int = 1,
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
        held_until=held_until,
        granted_at=granted_at,
        due_at=due_at,
        voided_minor=voided_minor,
        clawed_back_minor=clawed_back_minor,
        netted_minor=netted_minor,
        draws=draws,
        expires_after_days=expires_after_days,
        expires_at=expires_at,
        trigger=trigger,
        step=step,
        generation=generation,
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
    previous: Mapping[PersonId, Link] | None = None,
) -> Journal:
    return Journal(
        journal_id=JournalId("jrn_1"),
        program_id=TEA,
        version=1,
        cause=cause,
        recorded_at=NOW,
        postings=postings or (a_posting(),),
        previous={ANNA: FIRST} if previous is None else previous,
    )


def a_use(
    rewards: int = 1, amount_minor: int = 0, *, on: date = TODAY, all_time: Use | None = None
) -> CapUse:
    """Make a use of caps that all happened on one day, but for what is said of all time."""
    used = Use(rewards=rewards, amount_minor=amount_minor)
    return CapUse(on=on, all_time=all_time or used, day=used, month=used, year=used)


def a_balance(
    *,
    program_id: ProgramId = TEA,
    person_id: PersonId = ANNA,
    amounts: Mapping[str, int] | None = None,
    caps: Mapping[str, CapUse] | None = None,
    milestones: Mapping[str, Mark] | None = None,
    scores: Mapping[str, Score] | None = None,
    signups: int = 0,
    purchases: int = 0,
    journals: int = 0,
    last_hash: str = NOTHING_BEFORE,
    last_journal_id: JournalId | None = None,
) -> Balance:
    return Balance(
        program_id=program_id,
        person_id=person_id,
        amounts=amounts or {},
        caps=caps or {},
        milestones=milestones or {},
        scores=scores or {},
        signups=signups,
        purchases=purchases,
        journals=journals,
        last_hash=last_hash,
        last_journal_id=last_journal_id,
    )


def balances_of(*balances: Balance) -> dict[PersonId, Balance]:
    """Give the balances of Anna, Boris and Clara, empty but for those named."""
    named = (*(a_balance(person_id=each) for each in (ANNA, BORIS, CLARA)), *balances)
    return {balance.person_id: balance for balance in named}


def a_slice(
    *,
    number: int = 0,
    total_minor: int | None = None,
    per_day_minor: int | None = None,
    spent_minor: int = 0,
    spent_today_minor: int = 0,
    on: date | None = None,
) -> Slice:
    return Slice(
        program_id=TEA,
        number=number,
        total_minor=total_minor,
        per_day_minor=per_day_minor,
        spent_minor=spent_minor,
        spent_today_minor=spent_today_minor,
        on=on,
    )


def a_budget(*totals_minor: int, is_whole: bool = True) -> Budget:
    """Make a budget of which nothing is spent, with slices of these totals."""
    slices = (a_slice(number=number, total_minor=each) for number, each in enumerate(totals_minor))
    return Budget(slices=tuple(slices), is_whole=is_whole)


def an_order_id(order_id: str) -> ConversionId:
    return purchase_id(TEA, order_id)
