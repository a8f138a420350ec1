"""How long a text message may be, and what ends them."""

import pytest

from referrals.domain.text_messages import fits_one, is_number, is_stop


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop", " Stop. ", "STOP!", "Stop sending me this", "stop all", "STOPALL"),
        *("STOPP", "ARRET", "arrêt", "ARRÊT!", "parar", "unsubscribe", "END", "quit", "cancel"),
        *("СТОП", "стоп", "Стоп!!!", "отписка", "спри", "Oprește", "dezabonare", "opt-out"),
    ],
)
def test_an_answer_that_ends_text_messages(text: str) -> None:
    assert is_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "?",
        "START",
        "YES",
        "Thank you!",
        "Don't stop",
        "end of May?",
        "спасибо",
        "🛑",
        "1",
    ],
)
def test_an_answer_that_ends_nothing(text: str) -> None:
    assert not is_stop(text)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * 160, True),
        ("a" * 161, False),
        ("€" * 80, True),
        ("€" * 81, False),
        ("ж" * 70, True),
        ("ж" * 71, False),
        ("a" * 69 + "ж", True),
        ("a" * 70 + "ж", False),
        ("\N{GRINNING FACE}" * 35, True),
        ("\N{GRINNING FACE}" * 36, False),
    ],
)
def test_one_message_takes_160_signs_of_gsm_or_70_units_of_ucs2(text: str, *, fits: bool) -> None:
    assert fits_one(text) is fits


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("+4915112345678", True),
        ("+35988123456", True),
        ("4915112345678", False),
        ("+0151123456", False),
        ("+49151", False),
        ("+491511234567890123", False),
        ("+49 151 12345678", False),
        ("+4915112345678\n", False),
        ("", False),
    ],
)
def test_a_number_is_written_in_e164(text: str, *, is_one: bool) -> None:
    assert is_number(text) is is_one
