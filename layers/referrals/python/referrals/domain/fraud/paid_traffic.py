"""The friend came by an advertisement: somebody bids for the shop's own name with a share link.

`fbclid` is no mark of it: Facebook puts it on every link, paid for or not. Neither are `igshid` and
`mc_eid`. The marks below are put on the clicks of advertisements only.
"""

import re
from urllib.parse import parse_qsl, urlsplit

from referrals.domain.fraud.signals import FlagInputs, FraudRule, Signals

_CLICK_IDS = frozenset(
    {
        *("gclid", "gbraid", "wbraid", "dclid", "gclsrc", "gad_source", "gad_campaignid"),  # Google
        *("msclkid", "yclid", "ttclid", "twclid", "li_fat_id", "rdt_cid", "sccid"),
    }
)
# as Google Analytics sorts channels into paid ones and display
_PAID_MEDIUM = re.compile(r"cp[acmv]|ppc|paid.*|retargeting|remarketing|display|banner")


def _look(signals: Signals, _limit: int) -> FlagInputs | None:
    if not signals.landing_url:
        return None
    parameters = _parameters(signals.landing_url)
    click_ids = sum(name in _CLICK_IDS for name, _ in parameters)
    is_paid_medium = any(
        name == "utm_medium" and _PAID_MEDIUM.fullmatch(value) for name, value in parameters
    )
    if not click_ids and not is_paid_medium:
        return None
    return {"click_ids": click_ids, "is_paid_medium": is_paid_medium}


def _parameters(url: str) -> set[tuple[str, str]]:
    """Read the query, that of a page within the fragment too; parameters without value are none."""
    parts = urlsplit(url)
    queries = (parts.query, parts.fragment.partition("?")[2])
    return {
        (name.casefold(), value.strip().casefold())
        for query in queries
        for name, value in parse_qsl(query)
    }


PAID_TRAFFIC = FraudRule(name="paid_traffic", look=_look)
