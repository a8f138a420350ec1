"""Click lines arrive from the redirect's log, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crawleruseragents import is_crawler

from referrals.domain.ids import derive
from referrals.domain.tallies import SeenClick, counted, sliced
from referrals.store.counters import SliceReading
from referrals.store.transactions import until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickLine:
    """One line of the redirect's log; `line_id` is the log's own and stays when it is resent."""

    line_id: str
    code: str
    channel: str
    visitor: str
    clicked_at: datetime
    agent: str
    is_prefetch: bool


def count_clicks(lines: Sequence[ClickLine], *, now: datetime) -> int:
    """Add a batch of lines to the daily counters exactly once; gives how many clicks are meant.

    Bots that the redirect let through and prefetches do not count.
    """
    batch_id = derive("clk", *(line.line_id for line in lines))
    # by code, so that a slice has few items; the sort is stable, so a batch is always cut the same
    meant = sorted((seen for seen in map(_seen, lines) if seen.is_meant), key=lambda s: s.code)
    for number, slice_ in enumerate(sliced(meant)):
        _count_slice(f"{batch_id}#{number}", slice_, now)
    return len(meant)


def _count_slice(slice_id: str, slice_: list[SeenClick], now: datetime) -> None:
    def attempt() -> None:
        reading = SliceReading(slice_id, (seen.hour for seen in slice_))
        if not reading.is_counted:
            reading.add(counted(slice_, visitors=reading.visitors), now=now)

    until_settled(attempt)


def _seen(line: ClickLine) -> SeenClick:
    return SeenClick(
        code=line.code,
        channel=line.channel,
        visitor=line.visitor,
        clicked_at=line.clicked_at,
        is_meant=not line.is_prefetch and is_person(line.agent),
    )


def is_person(agent: str) -> bool:
    """Whether an agent is a person's, by the crawler-user-agents list.

    Two things of the list are put right: it takes people in Viber's in-app browser for a crawler,
    and an empty agent for a person.
    """
    if not agent:
        return False
    return not is_crawler(agent.replace("Viber", ""))
