"""What the redirect loads at a cold start: nothing that a redirect does not need."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "aws_lambda_powertools",
    "babel",
    "boto3",
    "crawleruseragents",
    "email_validator",
    "jinja2",
    "pydantic",
)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Give the packages that a fresh interpreter has loaded once it imported the redirect."""
    code = "import sys, functions.link_redirect.app; print(*sys.modules)"
    search = f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'layers/referrals/python')]}; "
    answer = subprocess.run(  # noqa: S603 - this interpreter, with arguments of our own
        [sys.executable, "-c", search + code], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in answer.stdout.split()}


def test_the_redirect_itself_was_loaded(loaded: set[str]) -> None:
    assert {"functions", "chalice", "pynamodb", "referrals"} <= loaded


@pytest.mark.parametrize("package", HEAVY)
def test_the_redirect_does_not_load(package: str, loaded: set[str]) -> None:
    assert package not in loaded
