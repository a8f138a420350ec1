"""Text messages: short words in each language, one message's length, handed to SNS once.

SmsError
├── SmsRefusedError             this message will never be accepted
└── SmsNotSentError             not accepted now; try again later
    ├── SmsHeldUpError          nor is any other message, whoever it is for
    └── SmsAnswerLostError      the answer got lost: accepted or not, nobody knows

Nothing that people typed is in a text message, and no link: who gets one cannot see where it leads.
What SNS says is kept from tracebacks, which are logged: its words may name the number.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

from referrals.clients import client
from referrals.domain.message_kinds import MessageKind
from referrals.domain.money import is_currency
from referrals.domain.text_messages import fits_one, is_number
from referrals.notify import languages
from referrals.notify.names import one_line

# More than any country takes for one message, and less than a mistake may cost.
_MOST_DOLLARS_EACH = "0.50"
_SHORTEST_SHOP = 10

_Words = tuple[str, str]  # with the amount, and without
_WORDS: Mapping[MessageKind, Mapping[str, _Words]] = {
    MessageKind.REWARD_READY: {
        "en": (
            "{shop}: your reward of {amount} is ready, see your e-mail. Reply STOP to end texts.",
            "{shop}: your reward is ready, see your e-mail. Reply STOP to end texts.",
        ),
        "ru": (
            "{shop}: награда {amount} готова, см. письмо. СТОП — отписка",
            "{shop}: награда готова, см. письмо. СТОП — отписка",
        ),
        "bg": (
            "{shop}: награда от {amount} Ви очаква, вижте имейла. СТОП = край",
            "{shop}: наградата Ви очаква, вижте имейла. СТОП = край",
        ),
        "ro": (
            "{shop}: recompensa de {amount} e gata, vezi mailul. STOP=dezabonare",
            "{shop}: recompensa ta e gata, vezi mailul. STOP=dezabonare",
        ),
    },
    MessageKind.PAYOUT_SENT: {
        "en": (
            "{shop}: {amount} is on its way to you, see your e-mail. Reply STOP to end texts.",
            "{shop}: your payout is on its way, see your e-mail. Reply STOP to end texts.",
        ),
        "ru": (
            "{shop}: выплата {amount} отправлена, см. письмо. СТОП — отписка",
            "{shop}: выплата отправлена, см. письмо. СТОП — отписка",
        ),
        "bg": (
            "{shop}: изпратихме Ви {amount}, вижте имейла. СТОП = край",
            "{shop}: изпратихме плащането, вижте имейла. СТОП = край",
        ),
        "ro": (
            "{shop}: plata de {amount} e pe drum, vezi mailul. STOP=dezabonare",
            "{shop}: plata e pe drum, vezi mailul. STOP=dezabonare",
        ),
    },
}


class SmsError(Exception):
    """A text message that SNS did not confirm; says why, and never to which number."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SmsRefusedError(SmsError):
    """This message will never be accepted."""


class SmsNotSentError(SmsError):
    """This message was not accepted now; it may be later."""


class SmsHeldUpError(SmsNotSentError):
    """No message is accepted now: too many at once, or SNS is not reached."""


class SmsAnswerLostError(SmsNotSentError):
    """The connection broke before the answer: another try may send it a second time."""


# Any other error is taken for one that passes, and for this message's alone.
_MEANINGS: Mapping[str, type[SmsError]] = {
    "InvalidParameter": SmsRefusedError,
    "InvalidParameterValue": SmsRefusedError,
    "ValidationException": SmsRefusedError,
    "Throttled": SmsHeldUpError,
    "Throttling": SmsHeldUpError,
    "ThrottlingException": SmsHeldUpError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsValues:
    """What a text message speaks of; an amount is told when its unit is money."""

    shop_name: str
    amount_minor: int | None = None
    unit: str | None = None


def written(kind: MessageKind, *, locale: str, values: SmsValues) -> str:
    """Write a text message that goes out as one, with the shop's name cut to what is left.

    KeyError for a kind that is not told by text message.
    """
    language = languages.negotiate(locale)
    with_amount, without = _WORDS[kind][language]
    shop = one_line(values.shop_name)
    amount = _amount(values, language)
    if amount is not None:
        told = _cut(with_amount.replace("{amount}", amount), shop)
        if told is not None:
            return told
    return _cut(without, shop, shortest=0) or without.replace("{shop}: ", "")


def _amount(values: SmsValues, language: str) -> str | None:
    if values.amount_minor is None or values.unit is None or not is_currency(values.unit):
        return None
    amount = languages.money(values.amount_minor, values.unit, language=language)
    return amount.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def _cut(words: str, shop: str, *, shortest: int = _SHORTEST_SHOP) -> str | None:
    """Put in as much of the shop's name as fits; None when that would be too little of it."""
    for length in range(len(shop), max(min(len(shop), shortest), 1) - 1, -1):
        told = words.replace("{shop}", shop[:length].rstrip())
        if fits_one(told):
            return told
    return None


def is_opted_out(number: str) -> bool:
    """Ask SNS whether a number answered STOP to anything of this account; SmsError."""
    _check(number)
    with _sms_errors():
        answer = client("sns", attempts=1).check_if_phone_number_is_opted_out(phoneNumber=number)
    return bool(answer["isOptedOut"])


def send_sms(number: str, text: str) -> None:
    """Send a text message once; SmsRefusedError, SmsNotSentError or SmsAnswerLostError."""
    _check(number)
    with _sms_errors():
        client("sns", attempts=1).publish(
            PhoneNumber=number,
            Message=text,
            MessageAttributes={
                "AWS.SNS.SMS.SMSType": _attribute("String", "Transactional"),
                "AWS.SNS.SMS.MaxPrice": _attribute("Number", _MOST_DOLLARS_EACH),
            },
        )


def _check(number: str) -> None:
    if not is_number(number):
        raise SmsRefusedError("the recipient is not a telephone number")


def _attribute(kind: str, text: str) -> dict[str, str]:
    return {"DataType": kind, "StringValue": text}


@contextmanager
def _sms_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise _MEANINGS.get(code, SmsNotSentError)(code) from None
    except NotConnectedError as error:
        raise SmsHeldUpError(type(error).__name__) from None
    except HTTPClientError as error:
        raise SmsAnswerLostError(type(error).__name__) from None
