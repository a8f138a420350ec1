"""Money: integer minor units, integer basis points, one rounding rule.

The rule is half to even (IEEE 754 roundTiesToEven, "banker's rounding"): over many orders it
favours neither the business nor the advocates. What must add up is split, not rounded.
"""

from collections.abc import Sequence

BASIS_POINTS = 10_000

# ISO 4217:2015, table A.1 with amendments to 2026: minor units of each active currency.
# Precious metals, funds without minor units and test codes are left out on purpose.
_TWO_DIGITS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR
PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP
TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DIGITS = "CLF UYW"

EXPONENTS: dict[str, int] = {
    code: exponent
    for exponent, codes in (
        (2, _TWO_DIGITS),
        (0, _NO_DIGITS),
        (3, _THREE_DIGITS),
        (4, _FOUR_DIGITS),
    )
    for code in codes.split()
}


def is_currency(unit: str) -> bool:
    """Whether `unit` is an ISO 4217 code of money that can be paid."""
    return unit in EXPONENTS


def divided(numerator: int, denominator: int) -> int:
    """Divide two whole numbers, rounding half to even; `denominator` is positive."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    is_up = twice > denominator or (twice == denominator and quotient % 2 == 1)
    return quotient + is_up


def percent_of(amount_minor: int, rate_bps: int) -> int:
    """Give `rate_bps` ten-thousandths of an amount, in minor units."""
    return divided(amount_minor * rate_bps, BASIS_POINTS)


def in_proportion(amount_minor: int, *, part: int, whole: int) -> int:
    """Give the share of an amount that `part` has in `whole`, in minor units."""
    return divided(amount_minor * part, whole)


def split(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split a whole number in proportion to `weights`, so that the parts add up to it exactly.

    By largest remainder, the method of Hamilton (Balinski and Young, Fair Representation, 1982):
    each part is its quota rounded down, and the units left over go to the largest remainders, of
    equal ones to the earlier. `total` and the weights are 0 or more, one of them is more than 0.
    """
    if len(weights) == 1:
        return (total,)
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    largest_first = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
    for place in largest_first[: total - sum(parts)]:
        parts[place] += 1
    return tuple(parts)


def shrunk(parts: Sequence[int], total: int) -> tuple[int, ...]:
    """Shrink parts in proportion, so that they add up to `total`, at most their sum, exactly.

    By the method of Webster (Balinski and Young, Fair Representation, 1982): unlike `split`, which
    is nearer to the quotas, it gives nobody more of a smaller total (the Alabama paradox), so a
    part that shrinks step by step ends where it would in one step.
    """
    whole, most_off = sum(parts), len(parts) // 2 + 1
    shares = [max(total * part // whole - most_off, 0) for part in parts]
    for _ in range(total - sum(shares)):
        shares[_next_in_turn(parts, shares)] += 1
    return tuple(shares)


def _next_in_turn(parts: Sequence[int], shares: Sequence[int]) -> int:
    """Say who has the most left for the next unit, part / (2 x share + 1); of equals the first."""
    first = 0
    for place in range(1, len(parts)):
        ahead = parts[place] * (2 * shares[first] + 1)
        if ahead > parts[first] * (2 * shares[place] + 1):
            first = place
    return first


def written(amount_minor: int, unit: str) -> str:
    """Write an amount for an operator, such as `12.50 GBP`; other units are written as points."""
    exponent = EXPONENTS.get(unit, 0)
    sign, digits = (
        ("-" if amount_minor < 0 else ""),
        str(abs(amount_minor)).rjust(exponent + 1, "0"),
    )
    whole, fraction = (digits[:-exponent], digits[-exponent:]) if exponent else (digits, "")
    return f"{sign}{whole}{'.' if fraction else ''}{fraction} {unit}"
