"""Whatever is done to a ledger, its verification names it."""

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.entries import LogEntry, read_entry
from referrals.domain.exports import Kind, NotAnExportError, Written, verify_export
from referrals.domain.ids import JournalId
from referrals.domain.ledger import Journal, read_journal
from referrals.domain.verification import MOST_FAULTS, Findings, Verification
from tests.domain.books import (
    NEXT_DAY,
    Books,
    is_signed,
    promised,
    signature_of,
    some_books,
)
from tests.factories import ANNA, BORIS, NOW

DAY, LAST_DAY = NOW.date(), NEXT_DAY.date()


def changed(books: Books, number: int, old: str, new: str) -> None:
    """Change the text of a journal and give it a fitting digest, as a forger would."""
    text, _ = books.journals[number]
    assert old in text
    forged = text.replace(old, new)
    books.journals[number] = (forged, read_journal(forged).digest)


def id_of(books: Books, number: int) -> JournalId:
    return read_journal(books.journals[number][0]).journal_id


def test_a_sound_ledger_has_no_fault_and_adds_up_to_nothing() -> None:
    findings = some_books().verified()
    assert findings.faults == ()
    assert findings.is_sound
    assert (findings.journals, findings.entries, findings.balances, findings.roots) == (4, 5, 2, 2)
    assert (findings.sealed_until, findings.unsealed_entries) == (LAST_DAY, 0)
    assert findings.accounts == {
        ("program:tea:expense", "EUR"): -700,
        ("people:tea:held", "EUR"): 300,
        ("people:tea:available", "EUR"): 0,
        ("people:tea:paid", "EUR"): 500,
        ("people:tea:debt", "EUR"): -100,
    }
    assert findings.total("EUR") == 0


def test_an_empty_ledger_is_sound() -> None:
    findings = Books().verified()
    assert (findings.is_sound, findings.sealed_until) == (True, None)


@given(st.randoms(use_true_random=False))
def test_the_order_within_a_kind_does_not_matter(shuffle: random.Random) -> None:
    books = some_books()
    shuffle.shuffle(books.journals)
    shuffle.shuffle(books.entries)
    shuffle.shuffle(books.roots)
    assert books.verified().faults == ()


def test_a_journal_that_was_changed_is_named() -> None:
    books = some_books()
    text, digest = books.journals[1]
    books.journals[1] = (text.replace("500", "501"), digest)
    assert f"journal {id_of(books, 1)} was changed: its digest differs" in books.verified().faults


def test_a_forged_journal_breaks_the_chain_at_the_one_after_it() -> None:
    books = some_books()
    changed(books, 1, "rwd_1", "rwd_2")
    faults = books.verified().faults
    assert (
        f"the chain of per_anna breaks at journal {id_of(books, 2)}: "
        f"it does not follow {id_of(books, 1)}"
    ) in faults
    assert any("names journal" in fault and "not there as it was" in fault for fault in faults)
    assert f"journal {id_of(books, 1)} is named by no entry of the log" in faults


def test_a_forged_last_journal_is_not_the_one_that_the_balance_names() -> None:
    books = some_books()
    changed(books, 3, "R-1", "R-2")
    assert any(
        fault.startswith("the chain of per_anna breaks at its end")
        for fault in books.verified().faults
    )


def test_a_journal_that_is_gone_leaves_a_gap_with_a_name() -> None:
    books = some_books()
    del books.journals[1]
    faults = books.verified().faults
    assert (
        f"the chain of per_anna breaks before journal {id_of(books, 1)}: "
        "it is number 2 and 1 was to come"
    ) in faults
    assert "per_anna has 3 journals, balance counts 4" in faults


def test_a_journal_that_is_there_twice_is_found() -> None:
    books = some_books()
    books.journals.append(books.journals[0])
    assert any("the chain of per_boris breaks" in fault for fault in books.verified().faults)


def test_a_journal_that_is_stored_under_another_id_is_named() -> None:
    verification = Verification()
    (text, digest), *_ = some_books().journals
    verification.take_journal(text, digest, journal_id="jrn_other")
    own_id = read_journal(text).journal_id
    assert f"journal {own_id} was changed: it is stored as jrn_other" in (
        verification.findings().faults
    )


def test_a_journal_that_is_linked_to_somebody_who_is_not_in_it_is_named() -> None:
    books = some_books()
    stranger = '"previous":{"per_clara":[0,null,"' + "0" * 64 + '"],'
    changed(books, 3, '"previous":{', stranger)
    assert f"journal {id_of(books, 3)} is not linked to just those who are in it" in (
        books.verified().faults
    )


@pytest.mark.parametrize("amount", ["0", "-5", "true", "1.5", '"5"'])
def test_a_posting_of_something_else_than_an_amount_is_named(amount: str) -> None:
    verification = Verification()
    text, digest = some_books().journals[1]
    verification.take_journal(text.replace("500", amount), digest)
    assert any("has a posting that is none" in fault for fault in verification.findings().faults)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"journal_id":"jrn_1"}', "{" * 9])
def test_what_is_no_journal_is_a_fault_and_no_crash(text: str) -> None:
    verification = Verification()
    verification.take_journal(text, "00" * 32, journal_id="jrn_9")
    assert any("jrn_9 was changed" in fault for fault in verification.findings().faults)


def test_a_balance_that_was_changed_is_named() -> None:
    books = some_books()
    anna = books.balances[ANNA]
    books.balances[ANNA] = replace(anna, amounts={**anna.amounts, "paid:EUR": 10**6})
    assert books.verified().faults == (
        "people and programs in EUR add up to 999500 and not to 0",
        "per_anna has 1000000 in paid:EUR and the journals say 500",
    )


def test_a_balance_that_is_gone_is_named() -> None:
    books = some_books()
    del books.balances[BORIS]
    assert "per_boris has journals in tea and no balance" in books.verified().faults


def test_a_balance_that_is_stored_as_somebody_elses_is_named() -> None:
    verification = Verification()
    body = '{"program_id":"tea","person_id":"per_anna","amounts":{},"journals":0,'
    body += f'"last_hash":"{"0" * 64}","last_journal_id":null}}'
    verification.take_balance(body, owner_key="tea#per_boris")
    assert verification.findings().faults == (
        "the balance of tea#per_boris was changed: it says it is per_anna's",
    )


@pytest.mark.parametrize("body", ["", "null", "{}", '{"program_id":"tea","person_id":1}'])
def test_what_is_no_balance_is_a_fault_and_no_crash(body: str) -> None:
    verification = Verification()
    verification.take_balance(body, owner_key="tea#per_anna")
    assert any("tea#per_anna" in fault for fault in verification.findings().faults)


def test_an_entry_that_was_changed_is_named_and_its_day_too() -> None:
    books = some_books()
    text, digest = books.entries[2]
    books.entries[2] = (text.replace('"[]"', '"[1]"'), digest)
    assert books.verified().faults == (
        f"the log's entry {read_entry(text).position} was changed: its digest differs",
        f"the root of {DAY} is not what the log's entries of that day come to",
    )


def test_an_entry_that_was_forged_or_added_after_the_day_was_sealed_is_found() -> None:
    books = some_books()
    books.log(None)
    assert books.verified().faults == (f"the root of {DAY} covers 3 entries and the log has 4",)


def test_a_journal_that_the_log_does_not_name_is_found_once_it_names_any() -> None:
    books = some_books()
    del books.entries[1]
    assert f"journal {id_of(books, 1)} is named by no entry of the log" in books.verified().faults


def test_a_journal_that_the_log_names_twice_is_found() -> None:
    books = some_books()
    books.log(read_journal(books.journals[0][0]), days=2)
    assert any(fault.endswith("a second time") for fault in books.verified().faults)


def test_an_entry_that_names_one_journal_and_vouches_for_another_is_found() -> None:
    books = some_books()
    entry = replace(read_entry(books.entries[0][0]), journal_id=id_of(books, 1))
    books.entries[0] = (entry.canonical, entry.digest)
    assert any("vouches for" in fault for fault in books.verified().faults)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '["x","y","z",null,null]', "7"])
def test_what_is_no_entry_is_a_fault_and_no_crash(text: str) -> None:
    verification = Verification()
    verification.take_entry(text, "00" * 32)
    assert any("an entry of the log" in fault for fault in verification.findings().faults)


def test_a_root_without_the_right_signature_is_named() -> None:
    books = some_books()
    books.roots[0] = replace(books.roots[0], signature=signature_of(books.roots[1]))
    assert books.verified().faults == (
        f"the root of {DAY} is not signed by the key of this ledger",
    )


def test_a_root_that_is_gone_is_missed() -> None:
    first, last = some_books(), some_books()
    del first.roots[0]
    assert first.verified().faults == (f"the roots before {LAST_DAY} are missing",)
    last.book("hold:rwd_2", promised(ANNA, 1), days=3)
    last.seal(DAY + timedelta(days=3))
    assert f"the root of {DAY + timedelta(days=3)} is not for the day after {LAST_DAY}" in (
        last.verified().faults
    )


def test_a_day_that_was_sealed_anew_does_not_lead_to_the_next() -> None:
    books = some_books()
    books.log(None)
    sealed_anew = Books(entries=books.entries)
    sealed_anew.seal(DAY)
    books.roots[0] = sealed_anew.roots[0]
    assert books.verified().faults == (f"the root of {LAST_DAY} does not follow that of {DAY}",)


def test_what_is_not_sealed_yet_is_counted_and_no_fault() -> None:
    books = some_books()
    books.book("hold:rwd_2", promised(BORIS, 10), days=2)
    findings = books.verified()
    assert (findings.faults, findings.unsealed_entries) == ((), 1)


def test_some_days_of_a_ledger_are_verified_without_what_came_before() -> None:
    books = some_books()
    part = Books(journals=books.journals[2:], entries=books.entries[3:], roots=books.roots[1:])
    findings = part.verified(Verification(is_whole=False, is_signed=is_signed))
    assert findings.faults == ()
    changed(part, 0, "rwd_1", "rwd_2")
    assert part.verified(Verification(is_whole=False)).faults != ()


def test_faults_without_end_are_counted_and_the_first_are_named() -> None:
    verification = Verification()
    for number in range(MOST_FAULTS + 5):
        verification.take_entry("", str(number))
    findings = verification.findings()
    assert (len(findings.faults), findings.fault_count) == (MOST_FAULTS, MOST_FAULTS + 5)


class Counting:
    """A check of something else: it is told of everything and asked at the end."""

    def __init__(self) -> None:
        self.causes: list[str] = []
        self.positions: list[str] = []

    def take_journal(self, journal: Journal) -> None:
        self.causes.append(journal.cause)

    def take_entry(self, entry: LogEntry) -> None:
        self.positions.append(entry.position)

    def faults(self) -> Iterable[str]:
        yield "this is not projected right"


def test_another_check_sees_everything_and_adds_its_faults() -> None:
    check = Counting()
    findings = some_books().verified(Verification(checks=[check]))
    assert findings.faults == ("this is not projected right",)
    assert check.causes == [
        "conversion:cnv_1",
        "hold:rwd_1",
        "fulfilment:rwd_1",
        "refund:cnv_1:R-1",
    ]
    assert len(check.positions) == 5


def verified(content: bytes) -> Findings:
    return verify_export(BytesIO(content), is_signed_with=lambda _: is_signed)


def test_an_export_is_verified_like_what_it_was_made_from() -> None:
    books = some_books()
    findings = verified(b"".join(books.exported()))
    assert findings == books.verified()


def test_every_byte_of_an_export_counts_and_the_line_of_a_changed_bit_is_named() -> None:
    content = b"".join(some_books().exported())
    drawn = random.Random(20260520)
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << drawn.randrange(8)
        line = content.count(b"\n", 0, at) + 1
        if line == 1:
            with pytest.raises(NotAnExportError):
                verified(bytes(flipped))
            continue
        faults = verified(bytes(flipped)).faults
        assert any(f"line {line}" in fault for fault in faults), (at, content[at], faults)


@given(st.data())
def test_any_bit_of_an_export_counts(data: st.DataObject) -> None:
    content = bytearray(b"".join(some_books().exported()))
    first = content.index(b"\n") + 1
    content[data.draw(st.integers(first, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not verified(bytes(content)).is_sound


def test_a_file_that_is_cut_is_not_sound_wherever_it_is_cut() -> None:
    content = b"".join(some_books().exported())
    first = content.index(b"\n") + 1
    for length in range(first, len(content)):
        assert not verified(content[:length]).is_sound


def test_a_line_that_is_gone_moved_or_added_is_noticed() -> None:
    lines = list(some_books().exported())
    gone = [*lines[:3], *lines[4:]]
    moved = [*lines[:2], lines[6], *lines[2:6], *lines[7:]]
    added = [*lines, lines[-1]]
    for tampered in (gone, moved, added, [*lines[:1], *lines]):
        assert not verified(b"".join(tampered)).is_sound


@pytest.mark.parametrize(
    "changes",
    [{"public_keys": []}, {"version": 2}, {"since": 7}, {"exported_at": "today"}, {"format": "x"}],
    ids=str,
)
def test_a_head_that_was_made_up_is_none(changes: dict[str, object]) -> None:
    first, *rest = some_books().exported()
    head = {**json.loads(first)["head"], **changes}
    forged = Written().line(Kind.HEAD, json.dumps(head))
    with pytest.raises(NotAnExportError):
        verified(b"".join([forged, *rest]))


def test_an_empty_or_foreign_file_is_no_export() -> None:
    for content in (b"", b"{}\n", b"\xff\xfe\n", json.dumps({"format": "x"}).encode() + b"\n"):
        with pytest.raises(NotAnExportError):
            verified(content)
