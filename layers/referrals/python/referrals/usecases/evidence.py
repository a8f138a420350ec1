"""Touches: what click tokens and typed codes prove, once their links were looked up."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from referrals.domain.attribution import Touch, TouchKind
from referrals.domain.clicks import Click, ClickKey, ClickTokenError, opened
from referrals.domain.decisions import Reason
from referrals.domain.links import LinkStatus, ShareLink, is_code, normalized
from referrals.domain.reports import Evidence
from referrals.store import links
from referrals.store.transactions import Wanted


class EvidenceReading:
    """The links that evidence names: wanted first, so that they join a round of reads."""

    def __init__(self, evidence: Evidence, *, keys: Iterable[ClickKey]) -> None:
        live_keys = tuple(keys)
        self._clicks = [_opened(token, live_keys) for token in evidence.clicks]
        self._codes = [normalized(code) for code in evidence.codes]
        named = {click.code for click in self._clicks if click} | set(self._codes)
        self._links: Mapping[str, Wanted[ShareLink]] = {
            code: links.wanted(code) for code in sorted(named) if is_code(code)
        }

    @property
    def wanted(self) -> tuple[Wanted[ShareLink], ...]:
        return tuple(self._links.values())

    def touches(self, occurred_at: datetime) -> Iterator[Touch]:
        """Give the touches in the order told: clicks at their own time, codes at the conversion's.

        To be called once the wanted links are read.
        """
        for click in self._clicks:
            if click is None:
                yield Touch(
                    kind=TouchKind.CLICK,
                    at=occurred_at,
                    code="",
                    channel="",
                    flaw=Reason.CLICK_NOT_GENUINE,
                )
            else:
                yield self._touch(TouchKind.CLICK, click.code, click.channel, click.clicked_at)
        for code in self._codes:
            yield self._touch(TouchKind.CODE, code, "code", occurred_at)

    def _touch(self, kind: TouchKind, code: str, channel: str, at: datetime) -> Touch:
        link = self._links[code].value if code in self._links else None
        flaw = None
        if link is None:
            flaw = Reason.UNKNOWN_CODE
        elif link.status is not LinkStatus.ACTIVE:
            flaw = Reason.CODE_PAUSED
        return Touch(
            kind=kind,
            at=at,
            code=code,
            channel=channel,
            advocate_id=link.advocate_id if link else None,
            program_id=link.program_id if link else None,
            flaw=flaw,
        )


def _opened(token: str, keys: tuple[ClickKey, ...]) -> Click | None:
    try:
        return opened(token, keys=keys)
    except ClickTokenError:
        return None
