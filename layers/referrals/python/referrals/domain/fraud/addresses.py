"""E-mail addresses, names and networks brought into one form, to compare and never to write to.

Two people may share a normalised address, so it is a signal and not a key.
"""

import unicodedata
from ipaddress import IPv6Address, ip_address, ip_network

_SAME_PROVIDER = {"googlemail.com": "gmail.com"}
_DOTS_MEAN_NOTHING = {"gmail.com"}
_APOSTROPHES = "'`\u2018\u2019\u02bc"
# a proxy of the shop's own: everybody comes from there
_INNER_NETWORKS = tuple(
    ip_network(each)
    for each in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "0.0.0.0/32"),
        *("fc00::/7", "fe80::/10", "::1/128", "::/128"),
    )
)
_HOUSEHOLD_BITS = 64  # what a provider gives to one line; a device changes the rest daily


def normalized_email(address: str) -> str | None:
    """Give the mailbox behind an address: lower-case, without tags; None when it is no address.

    Gmail delivers `a.n.n.a+tea@googlemail.com` to `anna@gmail.com`. Elsewhere dots count, and what
    stands after a plus is a tag with nearly every provider.
    """
    local, at, _ = _folded(address).rpartition("@")
    domain = email_domain(address)
    if not at or not local or not domain:
        return None
    domain = _SAME_PROVIDER.get(domain, domain)
    local = (local.partition("+")[0] or local).strip(".") or local
    if domain in _DOTS_MEAN_NOTHING:
        local = local.replace(".", "")
    return f"{local}@{domain}"


def email_domain(address: str) -> str | None:
    """Give an address's domain as DNS has it: lower-case ASCII, without a dot at the end."""
    _, at, domain = _folded(address).rpartition("@")
    domain = domain.rstrip(".")
    if not at or not domain:
        return None
    try:
        return domain.encode("idna").decode()
    except UnicodeError:  # a label that is empty or too long: no such domain, but still a text
        return domain


def normalized_name(name: str) -> tuple[str, ...]:
    """Give the words of a name in alphabetical order: lower-case letters, without accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = (_letter(sign) for sign in plain if sign not in _APOSTROPHES)
    return tuple(sorted("".join(kept).split()))


def normalized_network(address: str) -> str | None:
    """Give the network that an IP address stands for; None when it says nothing of a person.

    For IPv6 these are the first 64 bits, because devices change the others every day (RFC 8981).
    """
    try:
        found = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if any(found in network for network in _INNER_NETWORKS):
        return None
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _HOUSEHOLD_BITS), strict=False))
    return str(found)


def _folded(address: str) -> str:
    return unicodedata.normalize("NFKC", address).strip().casefold()


def _letter(sign: str) -> str:
    """Keep letters and the vowel signs of some scripts; drop accents and digits; part words."""
    if unicodedata.combining(sign) or sign.isdigit():
        return ""
    return sign if unicodedata.category(sign)[0] in "LM" else " "
