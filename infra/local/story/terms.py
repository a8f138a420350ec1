"""Who takes part in the story, and the terms of its two programs: the examples, served here."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from infra.local.fakes import Fakes
from infra.manifest import ROOT
from referrals.cli.documents import read_program_file
from referrals.domain.ids import ProgramId
from referrals.domain.programs import Program
from referrals.runtime import clock
from referrals.runtime.secrets import keys
from referrals.store import coupons
from referrals.usecases.apply_program import apply_program
from referrals.usecases.show_advocate import Standing, show_advocate

# from its first step to its last; the first act takes all but the last two days of it
LASTS, ARRIVALS_LAST = timedelta(days=17), timedelta(days=2)
PROGRAM, CLUB = ProgramId("tea"), ProgramId("club")
ADVOCATE, CODE, CLUB_CODE = "anna", "ANNA10", "COPPER"
FRIEND = "boris"
ORDER = "A-1001"
ANNA_MAIL, BORIS_MAIL = "anna@customer.example", "boris@customer.example"
# customers of the shop whom the story has made; everybody else is known by their address
CUSTOMERS = {ANNA_MAIL: ADVOCATE, BORIS_MAIL: FRIEND}
_STOCKS = (
    (PROGRAM, "welcome", "TEA", 40),
    (CLUB, "pans", "PAN", 6),
    (CLUB, "ladles", "LADLE", 6),
)
_PAYOUTS = {
    "provider": "tremendous",
    "every": "daily",
    "minimum_minor": 1000,
    "products": ["OKMHM2X2OHYV"],
}


def apply_terms(base_url: str) -> None:
    """Make both programs live; landing pages, payer and partner are those served here.

    The club holds nothing and pays every day, so that nobody has to wait.
    """
    _apply(_terms(PROGRAM, base_url, page="shop"))
    partners = {"cinema": {"url": f"{base_url}{Fakes.PARTNERS}/cinema/codes"}}
    club = {"hold_days": 0, "payouts": _PAYOUTS, "partners": partners}
    _apply(_terms(CLUB, base_url, page="shop/club", **club))
    for program_id, pool, name, count in _STOCKS:
        for number in range(1, count + 1):
            coupons.add(program_id, pool, f"{name}-{number:03}")


def _terms(program_id: ProgramId, base_url: str, *, page: str, **changes: Any) -> Program:
    here = f"{base_url}/{page}"
    return read_program_file(
        ROOT / "examples" / "programs" / f"{program_id}.yaml",
        allowed_hosts=[urlsplit(base_url).netloc],
        landing_page=here,
        fallback_url=here,
        **changes,
    )


def _apply(terms: Program) -> None:
    # the story is the same on every day, also when it is told at the beginning of a month
    silent = (*terms.silent_messages, "monthly_summary")
    apply_program(replace(terms, silent_messages=silent), now=clock.utc_now())


def advocate_standing(program_id: ProgramId = PROGRAM) -> Standing:
    """Give what the advocate of the story has now."""
    return show_advocate(ADVOCATE, program_id, keys=keys())
