"""A friend signed up."""

from datetime import datetime

from referrals.domain.conversions import Conversion, signup_id
from referrals.domain.ids import person_id
from referrals.domain.programs import ConversionKind
from referrals.domain.reports import SignupReport
from referrals.store import programs
from referrals.usecases.answers import Recorded, recorded_conversion
from referrals.usecases.keys import Keys
from referrals.usecases.settlement import Told, record_once


def record_signup(report: SignupReport, *, keys: Keys, now: datetime) -> Recorded:
    """Record a sign-up once, bind its friend, and take up what waited for that.

    ProgramNotFoundError; DuplicateConversionError when it was reported before with other content.
    """
    program = programs.get_live(report.program_id)
    friend_id = person_id(report.friend.customer_id, key=keys.identity)
    draft = Conversion(
        conversion_id=signup_id(program.program_id, friend_id),
        program_id=program.program_id,
        version=program.version,
        kind=ConversionKind.SIGNUP,
        friend_id=friend_id,
        occurred_at=report.occurred_at or now,
        recorded_at=now,
        fingerprint=report.fingerprint,
        circumstances=report.circumstances,
    )
    told = Told(friend=report.friend, evidence=report.evidence, signals=report.signals)
    conversion, is_new = record_once(draft, told=told, keys=keys, now=now)
    return recorded_conversion(conversion, is_new=is_new)
