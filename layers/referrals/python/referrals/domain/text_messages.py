"""Text messages: how long one may be, and which answers mean that no more are wanted."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from referrals.domain.message_kinds import MessageKind

# Nobody waits for the others at their telephone.
SMS_KINDS = frozenset({MessageKind.REWARD_READY, MessageKind.PAYOUT_SENT})

# 3GPP TS 23.038, section 6.2.1: the default alphabet, and what takes two of its places.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€")
_MOST_GSM, _MOST_UCS2 = 160, 70

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Carriers know the English ones; the others are what people write in our languages and next door.
_STOP_WORDS = frozenset(
    (
        *("stop", "stopp", "stopall", "unsubscribe", "optout", "cancel", "end", "quit", "revoke"),
        *("arret", "parar", "halt", "стоп", "отписка", "отписаться", "отмена"),
        *("спри", "спрете", "откажи", "отказ", "opreste", "oprire", "dezabonare", "dezaboneaza"),
    )
)
# `stop sending me this` is meant as it is said; `end of May?` is not.
_STOP_SENTENCES = ("stop", "stopp", "стоп", "спри", "arret", "unsubscribe")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsReply:
    """What somebody answered from a number."""

    number: str
    text: str
    sent_at: datetime


def is_number(text: str) -> bool:
    """Whether `text` is a telephone number in E.164, as `+4915112345678`."""
    return _E164.fullmatch(text) is not None


def fits_one(text: str) -> bool:
    """Whether a text goes out as one message: 160 signs of GSM, or 70 units of UCS-2."""
    if all(sign in _GSM or sign in _GSM_TWICE for sign in text):
        return sum(2 if sign in _GSM_TWICE else 1 for sign in text) <= _MOST_GSM
    return len(text.encode("utf-16-le")) // 2 <= _MOST_UCS2


def is_stop(text: str) -> bool:
    """Whether an answer says that no more messages are wanted, in any of our languages."""
    words = re.findall(r"\w+", _plain(text))
    if not words:
        return False
    return "".join(words) in _STOP_WORDS or words[0] in _STOP_SENTENCES


def _plain(text: str) -> str:
    """Give lower-case letters without accents: `ARRÊT!` is `arret!`; Cyrillic й stays и."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in folded if not unicodedata.combining(sign))
