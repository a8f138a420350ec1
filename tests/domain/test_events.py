"""Domain events: one id per cause and subject, names that subscribers rely on."""

from referrals.domain.events import DomainEvent, EventName, EventValue, event
from tests.factories import NOW, TEA


def an_event(
    name: EventName = EventName.REWARD_HELD,
    *,
    cause: str = "conversion:cnv_order",
    **data: EventValue,
) -> DomainEvent:
    return event(name, cause=cause, program_id=TEA, occurred_at=NOW, **data)


def test_subscribers_know_these_names() -> None:
    assert {name.value for name in EventName} == {
        "advocate.enrolled",
        "advocate.moved",
        "person.forgotten",
        "referral.created",
        "conversion.recorded",
        "conversion.declined",
        "conversion.waiting",
        "conversion.reviewed",
        "refund.recorded",
        "refund.waiting",
        "reward.in_review",
        "reward.queued",
        "reward.held",
        "reward.available",
        "reward.extended",
        "reward.netted",
        "reward.expired",
        "reward.fulfilled",
        "reward.returned",
        "reward.voided",
        "reward.clawed_back",
        "credit.redeemed",
        "credit.restored",
        "payout.reserved",
        "payout.sent",
        "payout.failed",
        "payout.returned",
        "payout.stuck",
        "payout.difference",
        "payee.changed",
        "webhook.failing",
        "webhook.disabled",
    }


def test_an_event_says_what_happened_where_when_and_to_what() -> None:
    told = an_event(reward_id="rwd_1", amount_minor=1_000)
    assert told.name is EventName.REWARD_HELD
    assert (told.program_id, told.occurred_at) == ("tea", NOW)
    assert told.data == {"reward_id": "rwd_1", "amount_minor": 1_000}


def test_the_same_cause_makes_the_same_event_however_often_it_is_handled() -> None:
    assert an_event(reward_id="rwd_1").event_id == an_event(reward_id="rwd_1").event_id


def test_what_else_is_told_does_not_make_another_event() -> None:
    told, told_again = an_event(reward_id="rwd_1", amount_minor=1), an_event(reward_id="rwd_1")
    assert told.event_id == told_again.event_id


def test_another_cause_name_reward_or_conversion_makes_another_event() -> None:
    ids = {
        an_event(reward_id="rwd_1", conversion_id="cnv_order").event_id,
        an_event(reward_id="rwd_2", conversion_id="cnv_order").event_id,
        an_event(conversion_id="cnv_order").event_id,
        an_event(conversion_id="cnv_other").event_id,
        an_event(reward_id="rwd_1", cause="refund:cnv_order:refund-1").event_id,
        an_event(EventName.REWARD_VOIDED, reward_id="rwd_1").event_id,
    }
    assert len(ids) == 6
    assert all(each.startswith("evt_") for each in ids)
