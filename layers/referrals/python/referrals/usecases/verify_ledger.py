"""Whether the money of this deployment is right, by `domain/verification.py`."""

from collections.abc import Sequence

from referrals.domain.verification import Check, Findings, SignatureCheck, Verification
from referrals.store import events, ledger, roots
from referrals.usecases.compare_projections import ProjectionCheck


def verify_ledger(
    *, is_signed: SignatureCheck | None = None, checks: Sequence[Check] | None = None
) -> Findings:
    """Derive every balance, root, reward state, cap, budget and count anew, and compare.

    One pass over each table. Without `is_signed`, signatures are not looked at; `checks` are what
    is asked beside the journals, by default everything that the log can rebuild.
    """
    asked = [ProjectionCheck()] if checks is None else checks
    verification = Verification(is_signed=is_signed, checks=asked)
    for journal_id, canonical, digest in ledger.iter_journals():
        verification.take_journal(canonical, digest, journal_id=journal_id)
    for entry, digest in events.iter_entries():
        verification.take_entry(entry.canonical, digest)
    for owner_key, body in ledger.iter_balance_bodies():
        verification.take_balance(body, owner_key=owner_key)
    for root in roots.iter_all():
        verification.take_root(root.canonical)
    return verification.findings()
