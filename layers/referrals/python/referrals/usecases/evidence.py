"""Touches: what tokens, codes, coupons and named advocates prove, once they were looked up."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from referrals.domain.attribution import Touch
from referrals.domain.clicks import Click, ClickKey, ClickTokenError, opened
from referrals.domain.decisions import Reason
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.links import LinkStatus, ShareLink, is_code, normalized
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.programs import TouchKind
from referrals.domain.reports import Evidence
from referrals.store import advocates, links
from referrals.store.transactions import Wanted
from referrals.usecases.keys import Keys


class EvidenceReading:
    """What evidence names: wanted first, so that it joins a round of reads.

    A coupon is looked up like a code: it is evidence when it is the code of an advocate.
    """

    def __init__(self, evidence: Evidence, *, program_id: ProgramId, keys: Keys) -> None:
        self._program_id = program_id
        self._clicks = [_opened(token, keys.click) for token in evidence.clicks]
        self._codes = [normalized(code) for code in evidence.codes]
        self._coupons = [normalized(coupon) for coupon in evidence.coupons]
        self._stated = [person_id(each, key=keys.identity) for each in evidence.stated]
        named = {click.code for click in self._clicks if click} | {*self._codes, *self._coupons}
        self._links: Mapping[str, Wanted[ShareLink]] = {
            code: links.wanted(code) for code in sorted(named) if is_code(code)
        }
        self._advocates: Mapping[PersonId, Wanted[Advocate]] = {
            each: advocates.wanted(program_id, each) for each in self._stated
        }

    @property
    def wanted(self) -> tuple[Wanted[Any], ...]:
        return (*self._links.values(), *self._advocates.values())

    def touches(self, occurred_at: datetime) -> Iterator[Touch]:
        """Give the touches as told: clicks at their own time, all else at the conversion's.

        To be called once what is wanted was read.
        """
        for click in self._clicks:
            if click is None:
                yield _not_genuine(occurred_at)
            else:
                yield self._touch(TouchKind.CLICK, click.code, click.channel, click.clicked_at)
        for code in self._codes:
            yield self._touch(TouchKind.CODE, code, "code", occurred_at)
        for coupon in self._coupons:
            yield self._touch(TouchKind.COUPON, coupon, "coupon", occurred_at)
        for stated in self._stated:
            yield self._stated_touch(stated, occurred_at)

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

    def _stated_touch(self, stated: PersonId, at: datetime) -> Touch:
        advocate = self._advocates[stated].value
        flaw = None
        if advocate is None:
            flaw = Reason.UNKNOWN_ADVOCATE
        elif advocate.status is not AdvocateStatus.ACTIVE:
            flaw = Reason.CODE_PAUSED
        return Touch(
            kind=TouchKind.STATED,
            at=at,
            code=advocate.code if advocate else "",
            channel="stated",
            advocate_id=stated,
            program_id=self._program_id,
            flaw=flaw,
        )


def _not_genuine(at: datetime) -> Touch:
    return Touch(kind=TouchKind.CLICK, at=at, code="", channel="", flaw=Reason.CLICK_NOT_GENUINE)


def _opened(token: str, keys: tuple[ClickKey, ...]) -> Click | None:
    try:
        return opened(token, keys=keys)
    except ClickTokenError:
        return None
