"""Webhooks: which lane an event is in, how long the pauses are, when an endpoint is disabled."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import EndpointId, EventId, ProgramId
from referrals.domain.webhooks import (
    PAUSES,
    DisabledReason,
    Endpoint,
    EndpointStatus,
    Lane,
    LaneKey,
    Pending,
    SecretRotatingError,
    Try,
    after_failure,
    after_success,
    enabled,
    endpoint_event,
    groups_of,
    joined,
    leased,
    pause_after,
    put_off,
    rotated,
    subject_of,
    without,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ID = EndpointId("end_shop")
KEY = LaneKey(endpoint_id=ID, subject="rwd_1")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def an_endpoint(**changes: object) -> Endpoint:
    made = Endpoint(endpoint_id=ID, url="https://hooks.shop.example/in?k=secret", created_at=NOON)
    return replace(made, **changes)  # type: ignore[arg-type]


def an_event(name: EventName = EventName.REWARD_HELD, *, program: str = "tea") -> DomainEvent:
    return DomainEvent(
        event_id=EventId("evt_1"),
        name=name,
        program_id=ProgramId(program),
        occurred_at=NOON,
        data={},
    )


def a_lane(*events: str, tries: int = 0) -> Lane:
    pending = [Pending(event_id=EventId(each), occurred_at=NOON) for each in events]
    pending[0] = replace(pending[0], tries=tries)
    return Lane(key=KEY, pending=tuple(pending), due_at=NOON)


def order_of(lane: Lane) -> list[str]:
    return [each.event_id for each in lane.pending]


def test_ten_tries_take_75_hours() -> None:
    assert len(PAUSES) == 9
    assert sum(PAUSES, timedelta()) == timedelta(hours=75)


def test_a_pause_is_longer_or_shorter_by_a_tenth_at_most_and_not_the_same_for_all() -> None:
    pauses = [pause_after(5, f"end_shop:evt_{number}") for number in range(500)]
    assert min(pauses) >= timedelta(hours=4, minutes=30)
    assert max(pauses) <= timedelta(hours=5, minutes=30)
    assert min(pauses) < timedelta(hours=4, minutes=33)
    assert max(pauses) > timedelta(hours=5, minutes=27)
    assert len(set(pauses)) > 400


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        ({"reward_id": "rwd_1", "conversion_id": "cnv_1", "advocate_id": "per_1"}, "rwd_1"),
        ({"conversion_id": "cnv_1", "advocate_id": "per_1"}, "cnv_1"),
        ({"dispatch_id": "pay_1", "person_id": "per_1"}, "pay_1"),
        ({"advocate_id": "per_1", "person_id": "per_2"}, "per_1"),
        ({"reward_id": None, "person_id": "per_2"}, "per_2"),
        ({}, "tea"),
    ],
)
def test_an_event_is_about_the_smallest_object_that_it_names(
    data: dict[str, str | None], subject: str
) -> None:
    assert subject_of(replace(an_event(), data=data)) == subject


@pytest.mark.parametrize(
    ("endpoint", "happened", "is_wanted"),
    [
        (an_endpoint(), an_event(), True),
        (an_endpoint(events=(EventName.REWARD_HELD,)), an_event(), True),
        (an_endpoint(events=(EventName.REWARD_VOIDED,)), an_event(), False),
        (an_endpoint(programs=(ProgramId("tea"),)), an_event(), True),
        (an_endpoint(programs=(ProgramId("tea"),)), an_event(program="coffee"), False),
        (an_endpoint(status=EndpointStatus.DISABLED), an_event(), False),
        (an_endpoint(), an_event(EventName.WEBHOOK_FAILING), False),
        (an_endpoint(), an_event(EventName.WEBHOOK_DISABLED), False),
    ],
)
def test_an_endpoint_wants_what_it_asked_for(
    endpoint: Endpoint, happened: DomainEvent, *, is_wanted: bool
) -> None:
    assert endpoint.wants(happened) is is_wanted


def test_what_happened_earlier_goes_first_however_late_it_comes() -> None:
    lane = None
    for name, minutes in (("evt_b", 2), ("evt_c", 3), ("evt_a", 1), ("evt_b2", 2)):
        lane = joined(lane, KEY, EventId(name), NOON + timedelta(minutes=minutes), NOON)
    assert lane is not None
    assert order_of(lane) == ["evt_a", "evt_b", "evt_b2", "evt_c"]


def test_a_lane_that_waits_for_its_next_try_goes_on_waiting_when_something_joins_it() -> None:
    waiting = replace(a_lane("evt_1"), due_at=NOON + HOUR)
    assert joined(waiting, KEY, EventId("evt_2"), NOON, NOON).due_at == NOON + HOUR


def test_a_lane_is_leased_to_one_until_the_lease_ends() -> None:
    taken = leased(a_lane("evt_1"), now=NOON)
    assert taken is not None
    assert taken.leased_until == NOON + timedelta(seconds=90)
    assert leased(taken, now=NOON + timedelta(seconds=89)) is None
    assert leased(taken, now=NOON + timedelta(seconds=90)) is not None


def test_what_failed_stays_first_and_is_tried_after_the_pause() -> None:
    again = put_off(a_lane("evt_1", "evt_2", tries=4), EventId("evt_1"), now=NOON)
    assert again is not None
    assert order_of(again) == ["evt_1", "evt_2"]
    assert [each.tries for each in again.pending] == [5, 0]
    assert timedelta(hours=4.5) <= again.due_at - NOON <= timedelta(hours=5.5)


@pytest.mark.parametrize(
    ("tries", "asked_for", "shortest", "longest"),
    [
        # the pause that is planned is a minute, and five hours: each a tenth longer or shorter
        (0, timedelta(0), timedelta(seconds=54), timedelta(seconds=66)),
        (0, timedelta(seconds=50), timedelta(seconds=54), timedelta(seconds=66)),
        (0, timedelta(hours=-9), timedelta(seconds=54), timedelta(seconds=66)),
        (0, timedelta(hours=2), timedelta(hours=2), timedelta(hours=2)),
        (4, timedelta(hours=2), timedelta(hours=4.5), timedelta(hours=5.5)),
        (4, timedelta(hours=7), timedelta(hours=7), timedelta(hours=7)),
        (0, timedelta(hours=24), timedelta(hours=24), timedelta(hours=24)),
        (0, timedelta(hours=24, seconds=1), timedelta(hours=24), timedelta(hours=24)),
        (0, timedelta(days=10_000), timedelta(hours=24), timedelta(hours=24)),
        (8, timedelta(days=10_000), timedelta(hours=24), timedelta(hours=26.4)),
    ],
)
def test_who_asks_for_time_gets_a_longer_pause_and_a_day_at_most(
    tries: int, asked_for: timedelta, shortest: timedelta, longest: timedelta
) -> None:
    lane = a_lane("evt_1", tries=tries)
    again = put_off(lane, EventId("evt_1"), now=NOON, not_before=NOON + asked_for)
    assert again is not None
    assert shortest <= again.due_at - NOON <= longest
    assert [each.tries for each in again.pending] == [tries + 1]


def test_who_asks_for_time_at_the_last_try_gets_no_other() -> None:
    lane = a_lane("evt_1", tries=9)
    assert put_off(lane, EventId("evt_1"), now=NOON, not_before=NOON + HOUR) is None


@pytest.mark.parametrize(
    ("status", "may"), [(429, True), (503, True), (500, False), (302, False), (None, False)]
)
def test_only_who_is_too_busy_may_ask_for_time(status: int | None, *, may: bool) -> None:
    assert Try(at=NOON, duration_ms=1, status=status).may_ask_for_time is may


def test_after_ten_tries_there_is_no_other_and_the_next_event_is_due() -> None:
    lane = a_lane("evt_1", "evt_2", tries=9)
    assert put_off(lane, EventId("evt_1"), now=NOON) is None
    left = without(lane, [EventId("evt_1")], now=NOON + HOUR)
    assert (order_of(left), left.due_at) == (["evt_2"], NOON + HOUR)


def test_lanes_share_four_groups_of_their_endpoint_and_none_of_another() -> None:
    used = {LaneKey(endpoint_id=ID, subject=f"rwd_{number}").group for number in range(100)}
    assert used == set(groups_of(ID))
    assert sorted(used) == ["end_shop.0", "end_shop.1", "end_shop.2", "end_shop.3"]


def test_a_new_secret_signs_beside_the_one_before_for_a_day() -> None:
    changed = rotated(an_endpoint(), now=NOON)
    both = ("webhook:end_shop:2", "webhook:end_shop:1")
    assert an_endpoint().secret_labels(NOON) == ("webhook:end_shop:1",)
    assert changed.secret_labels(NOON + timedelta(hours=23, minutes=59)) == both
    assert changed.secret_labels(NOON + DAY) == ("webhook:end_shop:2",)


def test_a_secret_that_was_promised_to_sign_for_a_day_is_not_cut_short() -> None:
    changed = rotated(an_endpoint(), now=NOON)
    with pytest.raises(SecretRotatingError, match="end_shop signs until 2026-05-05 12:00:00 UTC"):
        rotated(changed, now=NOON + timedelta(hours=23, minutes=59))
    again = rotated(changed, now=NOON + DAY)
    assert again.secret_labels(NOON + DAY) == ("webhook:end_shop:3", "webhook:end_shop:2")


def failing(*hours: float) -> tuple[Endpoint, list[tuple[float, EventName]]]:
    """Let an endpoint fail after so many hours, and give what operators hear, and when."""
    endpoint, heard = an_endpoint(), []
    for each in hours:
        endpoint, name = after_failure(endpoint, is_gone=False, now=NOON + each * HOUR)
        if name is not None:
            heard.append((each, name))
    return endpoint, heard


def test_operators_hear_of_an_endpoint_after_one_day_and_three_and_it_is_disabled_after_five() -> (
    None
):
    endpoint, heard = failing(*range(0, 130, 6))
    assert heard == [
        (24, EventName.WEBHOOK_FAILING),
        (72, EventName.WEBHOOK_FAILING),
        (120, EventName.WEBHOOK_DISABLED),
    ]
    assert endpoint.disabled_reason is DisabledReason.FAILING


def test_a_success_ends_a_failure() -> None:
    endpoint, _ = failing(0, 24, 60)
    again = after_success(endpoint, now=NOON + 61 * HOUR)
    assert (again.failing_since, again.warnings) == (None, 0)
    assert again.succeeded_at == NOON + 61 * HOUR
    assert after_failure(again, is_gone=False, now=NOON + 121 * HOUR)[1] is None


def test_a_failure_long_after_the_last_one_is_a_failure_of_its_own() -> None:
    endpoint, heard = failing(0, 30, 300)
    assert endpoint.is_active
    assert endpoint.failing_since == NOON + 300 * HOUR
    assert heard == [(30, EventName.WEBHOOK_FAILING)]


def test_an_endpoint_that_is_gone_for_good_is_disabled_at_once() -> None:
    endpoint, name = after_failure(an_endpoint(), is_gone=True, now=NOON)
    assert (endpoint.disabled_reason, name) == (DisabledReason.GONE, EventName.WEBHOOK_DISABLED)
    assert after_failure(endpoint, is_gone=True, now=NOON) == (endpoint, None)


def test_health_is_written_once_an_hour_at_most() -> None:
    fine = after_success(an_endpoint(), now=NOON)
    assert after_success(fine, now=NOON + timedelta(minutes=59)) is fine
    assert after_success(fine, now=NOON + HOUR) != fine
    broken, _ = failing(0)
    assert after_failure(broken, is_gone=False, now=NOON + timedelta(minutes=59)) == (broken, None)
    assert after_failure(broken, is_gone=False, now=NOON + HOUR)[0] != broken


def test_an_endpoint_that_is_enabled_begins_anew() -> None:
    disabled, _ = failing(*range(0, 130, 6))
    again = enabled(disabled)
    assert again.is_active
    assert after_failure(again, is_gone=False, now=NOON + 130 * HOUR)[1] is None


def test_operators_are_told_of_an_endpoint_without_its_address() -> None:
    endpoint, _ = failing(0, 24)
    told = endpoint_event(
        EventName.WEBHOOK_FAILING, endpoint, program_id=ProgramId("tea"), now=NOON + DAY
    )
    assert told.data == {
        "endpoint_id": "end_shop",
        "failing_since": "2026-05-04T12:00:00+00:00",
        "reason": None,
    }


@pytest.mark.parametrize(
    ("status", "is_success"), [(200, True), (204, True), (299, True), (302, False), (None, False)]
)
def test_only_an_answer_in_the_two_hundreds_is_a_success(
    status: int | None, *, is_success: bool
) -> None:
    assert Try(at=NOON, duration_ms=1, status=status).is_success is is_success
