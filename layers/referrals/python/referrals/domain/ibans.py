"""Numbers of bank accounts as ISO 13616 has them (IBAN): read, checked, and shown in part."""

import re

# SWIFT IBAN Registry, release 101: how long an IBAN of each country is; the same in stdnum/iban.dat
# of python-stdnum 2.2, which is generated from it. A country that is not here has none, and what
# belongs to one has its letters: an account on Martinique begins with FR.
_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})([0-9]{2})",
        """
        AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27
        DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28
        IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22
        MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24
        SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
        """,
    )
}
# 00, 01 and 99 leave the same remainder as 97, 98 and 02, and are never given
_SHAPE = re.compile(r"[A-Z]{2}(?:0[2-9]|[1-8][0-9]|9[0-8])[A-Z0-9]+")
_SHOWN = 4


def read_iban(text: str) -> str | None:
    """Give an IBAN in capitals and without spaces, None when it is none.

    The country's length and the two check digits (ISO 7064, MOD 97-10) have to be right.
    """
    iban = re.sub(r"[ \t\u00a0-]", "", text).upper()
    if len(iban) != _LENGTHS.get(iban[:2]) or not _SHAPE.fullmatch(iban):
        return None
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return iban if int(digits) % 97 == 1 else None


def shown_in_part(iban: str) -> str:
    """Write the country and the last four characters, by which its owner knows an account."""
    return f"{iban[:2]}…{iban[-_SHOWN:]}"
