"""Evidence: what tokens, codes, coupons and named advocates prove once they were looked up."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from referrals.domain.attribution import Touch
from referrals.domain.clicks import ClickKey, sealed
from referrals.domain.decisions import Reason
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.links import LinkStatus
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.programs import TouchKind
from referrals.domain.reports import Evidence
from referrals.store import advocates, links
from referrals.store.transactions import commit, read
from referrals.usecases.evidence import EvidenceReading
from referrals.usecases.keys import Keys
from tests.factories import NOW, TEA, a_click, a_share_link

pytestmark = pytest.mark.usefixtures("tables")

CLICK_KEY = ClickKey("a click key of this test suite")
KEYS = Keys(click=(CLICK_KEY,), identity=b"an identity key of this test suite")
COFFEE = ProgramId("coffee")
ANNA = person_id("anna", key=KEYS.identity)
AN_HOUR_AGO = NOW - timedelta(hours=1)


def enrol(
    advocate_id: PersonId = ANNA,
    *,
    code: str = "ANNA10",
    program_id: ProgramId = TEA,
    status: LinkStatus = LinkStatus.ACTIVE,
) -> None:
    """Make an advocate and the link they share, as enrolment leaves them."""
    advocate = Advocate(
        person_id=advocate_id,
        program_id=program_id,
        code=code,
        status=AdvocateStatus.ACTIVE,
        created_at=NOW,
    )
    link = a_share_link(code=code, program_id=program_id, advocate_id=advocate_id, status=status)
    commit(advocates.insert(advocate), links.insert(link))


def touches_of(
    *,
    clicks: Sequence[str] = (),
    codes: Sequence[str] = (),
    coupons: Sequence[str] = (),
    stated: Sequence[str] = (),
) -> list[Touch]:
    evidence = Evidence(
        clicks=tuple(clicks), codes=tuple(codes), coupons=tuple(coupons), stated=tuple(stated)
    )
    reading = EvidenceReading(evidence, program_id=TEA, keys=KEYS)
    if reading.wanted:
        read(*reading.wanted)
    return list(reading.touches(NOW))


def a_token(code: str = "ANNA10") -> str:
    return sealed(a_click(code=code, clicked_at=AN_HOUR_AGO), key=CLICK_KEY)


def test_each_kind_of_evidence_leads_to_its_advocate() -> None:
    enrol()
    found = touches_of(clicks=[a_token()], codes=["anna-10"], coupons=["Anna 10"], stated=["anna"])
    assert [(each.kind, each.at, each.channel) for each in found] == [
        (TouchKind.CLICK, AN_HOUR_AGO, "whatsapp"),
        (TouchKind.CODE, NOW, "code"),
        (TouchKind.COUPON, NOW, "coupon"),
        (TouchKind.STATED, NOW, "stated"),
    ]
    proved = {(each.advocate_id, each.program_id, each.code, each.flaw) for each in found}
    assert proved == {(ANNA, TEA, "ANNA10", None)}


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        pytest.param({"clicks": ["forged"]}, Reason.CLICK_NOT_GENUINE, id="a forged click"),
        pytest.param({"codes": ["NOBODY"]}, Reason.UNKNOWN_CODE, id="a code that nobody has"),
        pytest.param({"codes": ["\u0410\u041d\u041d\u0410"]}, Reason.UNKNOWN_CODE, id="no code"),
        pytest.param({"coupons": ["SUMMER5"]}, Reason.UNKNOWN_CODE, id="a discount code"),
        pytest.param({"stated": ["nobody"]}, Reason.UNKNOWN_ADVOCATE, id="a stranger's name"),
    ],
)
def test_what_leads_to_nobody_says_so(evidence: dict[str, list[str]], reason: Reason) -> None:
    enrol()
    (touch,) = touches_of(**evidence)
    assert touch.flaw is reason


def test_a_paused_code_is_found_and_says_that_it_is_paused() -> None:
    enrol(status=LinkStatus.PAUSED)
    for touch in touches_of(codes=["ANNA10"], coupons=["ANNA10"]):
        assert (touch.advocate_id, touch.flaw) == (ANNA, Reason.CODE_PAUSED)


def test_a_code_of_another_program_is_found_as_such() -> None:
    enrol(program_id=COFFEE)
    (touch,) = touches_of(codes=["ANNA10"])
    assert (touch.program_id, touch.flaw) == (COFFEE, None)


def test_an_advocate_of_another_program_is_not_one_of_this() -> None:
    enrol(program_id=COFFEE)
    (touch,) = touches_of(stated=["anna"])
    assert touch.flaw is Reason.UNKNOWN_ADVOCATE


def test_nothing_told_wants_nothing_read() -> None:
    assert EvidenceReading(Evidence(), program_id=TEA, keys=KEYS).wanted == ()
    assert touches_of() == []


def test_what_is_named_several_times_is_read_once() -> None:
    evidence = Evidence(
        clicks=(a_token(), a_token()),
        codes=("ANNA10",),
        coupons=("anna10",),
        stated=("anna", "anna"),
    )
    assert len(EvidenceReading(evidence, program_id=TEA, keys=KEYS).wanted) == 2
