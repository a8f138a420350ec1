"""The secrets that use cases work with; where they come from is the runtime's business."""

from dataclasses import dataclass

from referrals.domain.clicks import ClickKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """`click` and `signal` hold every live key, the current one first; `identity` never changes."""

    click: tuple[ClickKey, ...]
    identity: bytes
    signal: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailKeys:
    """What mails are made with: `portal` signs links in them, the current key first.

    `identity` turns addresses into marks, by which suppressed ones are recognised.
    """

    identity: bytes
    portal: tuple[str, ...]
