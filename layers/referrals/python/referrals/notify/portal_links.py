"""Signed links in mails: to unsubscribe, to choose what to be written about, to give details.

A token is what itsdangerous makes of opaque ids: it holds no personal data, is safe in a URL, and
each use has its own salt, so that a token for one page opens no other. It is made with the current
portal key and read with the previous one, too.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from referrals import settings
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.message_kinds import MessageKind, Purpose, purpose_of
from referrals.domain.preferences import OPTIONAL

DETAILS_VALID_FOR = timedelta(days=60)
_LONGEST_TOKEN = 512
_UNSUBSCRIBE, _PREFERENCES, _DETAILS = "unsubscribe", "preferences", "details"
_Part = str | int


class BadLinkError(Exception):
    """A token that this deployment did not make for this use, or that is too old."""

    def __init__(self, *, is_too_old: bool = False) -> None:
        super().__init__("the link is too old" if is_too_old else "the link is not one of ours")
        self.is_too_old = is_too_old


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLinks:
    """The links of one mail's recipient, all None for operators.

    `unsubscribe` is None in mails that people wait for.
    """

    unsubscribe: str | None = None
    preferences: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribing:
    """Who no longer wants which messages."""

    person_id: PersonId
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsWanted:
    """Whose details, of which kind (`shipping` or `payee`), a program needs."""

    person_id: PersonId
    program_id: ProgramId
    kind: str


def mail_links(person_id: PersonId | None, kind: MessageKind, *, keys: Sequence[str]) -> MailLinks:
    """Give the links that belong into a mail."""
    if person_id is None:
        return MailLinks()
    purpose = purpose_of(kind)
    return MailLinks(
        unsubscribe=unsubscribe_link(person_id, purpose, keys=keys)
        if purpose in OPTIONAL
        else None,
        preferences=preferences_link(person_id, keys=keys),
    )


def unsubscribe_link(person_id: PersonId, purpose: Purpose, *, keys: Sequence[str]) -> str:
    """Give the link that turns one purpose off; it works as long as its key, in old mails too."""
    return _link(_UNSUBSCRIBE, keys, person_id, purpose.value)


def preferences_link(person_id: PersonId, *, keys: Sequence[str]) -> str:
    """Give the link to what somebody wants to be written about."""
    return _link(_PREFERENCES, keys, person_id)


def preferences_path(person_id: PersonId, *, keys: Sequence[str]) -> str:
    """Give the same below the portal's address, for its own pages: they need not know where it is.

    Without a slash in front.
    """
    return _path(_PREFERENCES, keys, person_id)


def details_link(wanted: DetailsWanted, *, keys: Sequence[str], now: datetime) -> str:
    """Give the link to a form for somebody's details; it works for 60 days."""
    until = int((now + DETAILS_VALID_FOR).timestamp())
    return _link(_DETAILS, keys, wanted.person_id, wanted.program_id, wanted.kind, until)


def read_unsubscribe(token: str, *, keys: Sequence[str]) -> Unsubscribing:
    """Read the token of an unsubscribe link; BadLinkError."""
    person_id, purpose = _read(_UNSUBSCRIBE, token, keys)
    return Unsubscribing(person_id=PersonId(str(person_id)), purpose=Purpose(str(purpose)))


def read_preferences(token: str, *, keys: Sequence[str]) -> PersonId:
    """Read the token of a preferences link; BadLinkError."""
    (person_id,) = _read(_PREFERENCES, token, keys)
    return PersonId(str(person_id))


def read_details(token: str, *, keys: Sequence[str], now: datetime) -> DetailsWanted:
    """Read the token of a details link; BadLinkError, also when it is older than 60 days."""
    person_id, program_id, kind, until = _read(_DETAILS, token, keys)
    if now > datetime.fromtimestamp(int(until), UTC):
        raise BadLinkError(is_too_old=True)
    return DetailsWanted(
        person_id=PersonId(str(person_id)), program_id=ProgramId(str(program_id)), kind=str(kind)
    )


def _link(use: str, keys: Sequence[str], *parts: _Part) -> str:
    return settings.portal_link(f"/{_path(use, keys, *parts)}")


def _path(use: str, keys: Sequence[str], *parts: _Part) -> str:
    token = _serializer(use, keys).dumps(list(parts))
    return f"{use}/{token if isinstance(token, str) else token.decode()}"


def _read(use: str, token: str, keys: Sequence[str]) -> list[_Part]:
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        raise BadLinkError
    try:
        parts: list[_Part] = _serializer(use, keys).loads(token)
    except BadData:
        raise BadLinkError from None
    return parts


def _serializer(use: str, keys: Sequence[str]) -> URLSafeSerializer:
    """Make what signs and reads; itsdangerous wants the newest key last, and ours comes first."""
    return URLSafeSerializer(
        list(reversed(keys)),
        salt=f"sarafan.portal.{use}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
