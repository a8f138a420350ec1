"""Secrets: fetched from Secrets Manager when first needed, kept for ten minutes, never logged.

A secret is JSON with `current` and, while it is being rotated, `previous`: what is made is made
with the current one, what is checked may have been made with either.
"""

import json
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import TTLCache

from referrals import settings
from referrals.clients import client
from referrals.domain.clicks import ClickKey, key_name
from referrals.usecases.keys import Keys, MailKeys

_KEPT_SECONDS = 600
# Whoever sends rubbish must not make us fetch secrets at will.
_RENEWED_AT_MOST_EVERY_SECONDS = 30


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """The live values of a secret, the current one first."""

    values: tuple[str, ...]

    @property
    def current(self) -> str:
        return self.values[0]


_kept: TTLCache[str, Secret] = TTLCache(16, _KEPT_SECONDS, timer=time.monotonic)
_renewed_at: dict[str, float] = {}
_click_keys: dict[Secret, tuple[ClickKey, ...]] = {}


def secret(name: str) -> Secret:
    """Give a secret by its short name, one of those that `settings.secret_id` knows."""
    known = _kept.get(name)
    if known is None:
        known = _kept[name] = _fetched(settings.secret_id(name))
    return known


def renewed_secret(name: str) -> Secret:
    """Give a secret that may have been rotated since: fetched anew, at most every 30 seconds.

    For checks that failed with what is kept here; until then a process trusts it for ten minutes.
    """
    now = time.monotonic()
    if now - _renewed_at.get(name, -math.inf) > _RENEWED_AT_MOST_EVERY_SECONDS:
        _renewed_at[name] = now
        _kept.pop(name, None)
    return secret(name)


def _fetched(secret_id: str) -> Secret:
    manager = client("secretsmanager", read_timeout_seconds=1.5)
    answer = manager.get_secret_value(SecretId=secret_id)
    content = json.loads(answer["SecretString"])
    values = (content["current"], content.get("previous"))
    return Secret(values=tuple(value for value in values if value))


def click_keys() -> tuple[ClickKey, ...]:
    """Give the keys that click tokens are sealed with, the current one first."""
    live = secret("click_key")
    if live not in _click_keys:
        _click_keys.clear()
        _click_keys[live] = tuple(ClickKey(value) for value in live.values)
    return _click_keys[live]


def keys(tokens: Iterable[str] = ()) -> Keys:
    """Give the keys that use cases work with, fresh enough to know those that sealed `tokens`."""
    known = {key.name for key in click_keys()}
    if any(key_name(token) not in {None, *known} for token in tokens):
        renewed_secret("click_key")
    return Keys(
        click=click_keys(),
        identity=secret("identity_key").current.encode(),
        signal=tuple(value.encode() for value in secret("signal_key").values),
    )


def mail_keys() -> MailKeys:
    """Give the keys that mails are made with."""
    return MailKeys(
        identity=secret("identity_key").current.encode(), portal=secret("portal_key").values
    )


def forget() -> None:
    """Fetch every secret anew the next time."""
    _kept.clear()
    _renewed_at.clear()
    _click_keys.clear()
