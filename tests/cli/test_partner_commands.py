"""`referrals partners`: what a partner's system checks our calls with."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from referrals import settings
from referrals.cli.main import app
from referrals.domain.programs import PartnerTerms
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.shop import NOON

CINEMA = PartnerTerms(url="https://cinema.example/codes")
SHOW_CINEMA = ["partners", "secret", "tea", "cinema"]


@pytest.fixture(autouse=True)
def _program(tables: None) -> None:
    secret: Any = boto3.client("secretsmanager")
    content = json.dumps({"current": "an outgoing key of this test suite"})
    secret.create_secret(Name=settings.table_name("outgoing-key"), SecretString=content)
    apply_program(replace(shop.a_program(), partners={"cinema": CINEMA}), now=NOON)


def test_each_partner_has_a_secret_of_its_own_that_stays_the_same() -> None:
    first, again = (CliRunner().invoke(app, SHOW_CINEMA) for _ in "12")
    assert first.output == again.output
    assert first.output == "whsec_hx20pfmq5ZyAZ00QsKFRTEknLmH3KTtZvzbld/Z2maw=\n"


def test_after_the_outgoing_key_rotated_the_new_secret_is_shown_and_the_one_before() -> None:
    rotated = CliRunner().invoke(app, ["secrets", "rotate", "outgoing-key"])
    assert rotated.exit_code == 0
    assert "partners secret" in rotated.output
    current, before = CliRunner().invoke(app, SHOW_CINEMA).output.splitlines()
    assert current.startswith("whsec_")
    assert before == "whsec_hx20pfmq5ZyAZ00QsKFRTEknLmH3KTtZvzbld/Z2maw= (before; signs too)"


@pytest.mark.parametrize(
    ("program", "partner", "says"),
    [
        pytest.param("tea", "theatre", "program tea names no partner theatre", id="no partner"),
        pytest.param("coffee", "cinema", "no program is called coffee", id="no program"),
    ],
)
def test_whoever_is_unknown_has_no_secret(program: str, partner: str, says: str) -> None:
    refused = CliRunner().invoke(app, ["partners", "secret", program, partner])
    assert refused.exit_code == 1
    assert says in refused.output
