"""What people are told of money on its way to them: it left, came back, or goes elsewhere from now.

Neither an account nor what operators wrote of a return is told.
"""

from collections.abc import Iterator
from dataclasses import replace

from referrals.domain.details import DetailsKind
from referrals.domain.message_kinds import MessageKind
from referrals.domain.payouts import PayoutProvider
from referrals.domain.people import Person
from referrals.notify.message_values import About, PayeeChange, PayoutNews, PayoutReturn, Sum
from referrals.notify.portal_links import DetailsWanted, details_link
from referrals.usecases.announcements.told import Told
from referrals.usecases.letters import Letter, own_code, to_advocate


def sent(told: Told) -> Iterator[Letter]:
    """Tell of money that was sent, once for all rewards that were in it."""
    person, paid = told.find_person("person_id"), _paid(told)
    if person is None or not paid.amount_minor:
        return
    about = PayoutNews(
        paid=paid,
        provider=PayoutProvider(told.text("provider")),
        reference=told.text("reference") or None,
    )
    yield _to(person, told, MessageKind.PAYOUT_SENT, about)


def returned(told: Told) -> Iterator[Letter]:
    """Tell of money that came back, and where to look whether it can arrive the next time.

    Of what was taken back altogether meanwhile they know already: nothing of it goes out again.
    """
    person, again_minor = told.find_person("person_id"), told.number("again_minor")
    if person is None or not again_minor:
        return
    is_by_bank = told.text("provider") == PayoutProvider.BANK
    link = _payee_link(told, person) if is_by_bank else None
    paid = _paid(told)
    is_less = again_minor < paid.amount_minor
    again = replace(paid, amount_minor=again_minor) if is_less else None
    about = PayoutReturn(paid=paid, again=again, details_link=link)
    yield _to(person, told, MessageKind.PAYOUT_RETURNED, about)


def payee_changed(told: Told) -> Iterator[Letter]:
    """Tell of another account, so that nobody can lead money away unseen."""
    person = told.find_person("person_id")
    if person is None:
        return
    about = PayeeChange(changed_at=told.event.occurred_at)
    yield _to(person, told, MessageKind.PAYEE_CHANGED, about)


def _paid(told: Told) -> Sum:
    return Sum(amount_minor=told.number("amount_minor"), unit=told.text("unit"))


def _payee_link(told: Told, person: Person) -> str:
    asked = DetailsWanted(
        person_id=person.person_id, program_id=told.event.program_id, kind=DetailsKind.PAYEE.value
    )
    return details_link(asked, keys=told.keys.portal, now=told.now)


def _to(person: Person, told: Told, kind: MessageKind, about: About) -> Letter:
    code = own_code(told.event.program_id, person.person_id)
    return to_advocate(kind, person, told.program, cause=told.cause, code=code, about=about)
