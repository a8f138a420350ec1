"""Statements: every line has a cause in words, and what was left adds up to the balance."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.ids import JournalId
from referrals.domain.ledger import Journal, Link, Place, Posting, account_of, read_journal
from referrals.domain.statements import (
    BrokenChainError,
    TrialLine,
    cause_in_words,
    proved,
    statement_of,
    trial_balance,
)
from tests.domain.books import EXPENSE, Books, promised, some_books
from tests.factories import ANNA, BORIS, a_balance

HELD, AVAILABLE, CREDIT, PAID, DEBT = Place


def newest_first(books: Books) -> list[Journal]:
    journals = [read_journal(text) for text, _ in books.journals]
    return [journal for journal in reversed(journals) if ANNA in journal.people]


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ("conversion:cnv_1", "Earned: conversion cnv_1"),
        ("refund:cnv_1:R-1", "Taken back: refund R-1 of cnv_1"),
        ("refund:cnv_1:R:1", "Taken back: refund R:1 of cnv_1"),
        ("hold:rwd_1", "Hold ended: rwd_1"),
        ("fulfilment:rwd_1", "Handed over: rwd_1"),
        ("put back:rwd_1:3", "Put back, not handed over: rwd_1"),
        ("refund:cnv_1:chargeback:D-1:opened", "Taken back: chargeback D-1 of cnv_1"),
        ("refund:cnv_1:chargeback:D:1:won", "Promised anew: chargeback D:1 of cnv_1, won"),
        ("refund:cnv_1:chargeback:D-1", "Taken back: refund chargeback:D-1 of cnv_1"),
        ("expiry:rwd_1", "Expired: rwd_1"),
        ("jubilee:rwd_1", "jubilee:rwd_1"),
        ("refund:cnv_1", "refund:cnv_1"),
        ("hold", "hold"),
        ("", ""),
        ("hold:{0}", "Hold ended: {0}"),
    ],
)
def test_a_cause_is_said_in_words_and_an_unknown_one_as_it_is(cause: str, says: str) -> None:
    assert cause_in_words(cause) == says


@given(st.text())
def test_no_cause_is_too_odd_to_be_said(cause: str) -> None:
    assert isinstance(cause_in_words(cause), str)


def test_a_statement_has_every_change_and_what_was_left_after_it() -> None:
    books = some_books()
    statement = statement_of(books.balances[ANNA], newest_first(books))
    assert [(line.says, dict(line.changes)) for line in statement.lines] == [
        ("Earned: conversion cnv_1", {HELD: 500}),
        ("Hold ended: rwd_1", {HELD: -500, AVAILABLE: 500}),
        ("Handed over: rwd_1", {AVAILABLE: -500, PAID: 500}),
        ("Taken back: refund R-1 of cnv_1", {DEBT: -100}),
    ]
    assert [dict(line.balance) for line in statement.lines] == [
        {HELD: 500, AVAILABLE: 0, CREDIT: 0, PAID: 0, DEBT: 0},
        {HELD: 0, AVAILABLE: 500, CREDIT: 0, PAID: 0, DEBT: 0},
        {HELD: 0, AVAILABLE: 0, CREDIT: 0, PAID: 500, DEBT: 0},
        {HELD: 0, AVAILABLE: 0, CREDIT: 0, PAID: 500, DEBT: -100},
    ]
    assert statement.is_whole
    assert statement.closing == {"EUR": {HELD: 0, AVAILABLE: 0, CREDIT: 0, PAID: 500, DEBT: -100}}


def test_the_newest_lines_begin_with_what_was_there_before() -> None:
    books = some_books()
    statement = statement_of(books.balances[ANNA], newest_first(books)[:2])
    assert not statement.is_whole
    assert statement.opening == {"EUR": {HELD: 0, AVAILABLE: 500, CREDIT: 0, PAID: 0, DEBT: 0}}
    assert [line.cause for line in statement.lines] == ["fulfilment:rwd_1", "refund:cnv_1:R-1"]


def test_each_unit_has_a_line_and_a_balance_of_its_own() -> None:
    books = Books()
    books.book("conversion:cnv_1", promised(ANNA, 500), promised(ANNA, 7, unit="points"))
    statement = statement_of(books.balances[ANNA], newest_first(books))
    assert [(line.unit, line.balance[HELD]) for line in statement.lines] == [
        ("EUR", 500),
        ("points", 7),
    ]
    assert statement.units == ("EUR", "points")


def test_somebody_with_nothing_has_an_empty_statement() -> None:
    statement = statement_of(a_balance(), [])
    assert (statement.lines, statement.is_whole, statement.units) == ((), True, ())


def test_journals_that_do_not_begin_with_nothing_are_no_statement() -> None:
    books = some_books()
    balance = books.balances[ANNA]
    richer = replace(balance, amounts={**balance.amounts, "paid:EUR": 501})
    with pytest.raises(BrokenChainError, match="before the first journal"):
        statement_of(richer, newest_first(books))


def test_a_journal_is_taken_when_it_is_what_the_link_says() -> None:
    books = some_books()
    journal = newest_first(books)[0]
    assert proved(books.balances[ANNA].last_link, journal, ANNA) == journal


@pytest.mark.parametrize(
    ("digest", "number"),
    [
        pytest.param("ab" * 32, 4, id="another hash"),
        pytest.param(None, 9, id="another number"),
    ],
)
def test_a_journal_that_is_not_what_the_link_says_is_named(digest: str | None, number: int) -> None:
    books = some_books()
    journal = newest_first(books)[0]
    last = books.balances[ANNA].last_link
    said = replace(last, digest=digest or last.digest, number=number)
    with pytest.raises(BrokenChainError, match=f"at journal {journal.journal_id}"):
        proved(said, journal, ANNA)


def test_a_journal_that_is_gone_is_named() -> None:
    link = Link(number=1, journal_id=JournalId("jrn_gone"), digest="ab" * 32)
    with pytest.raises(BrokenChainError, match="at journal jrn_gone"):
        proved(link, None, ANNA)


def test_a_trial_balance_has_an_account_on_one_side_and_both_sides_agree() -> None:
    journals = newest_first(some_books())
    lines = trial_balance(journals)
    assert lines == (
        TrialLine(account="people:tea:available", unit="EUR", debit_minor=0, credit_minor=0),
        TrialLine(account="people:tea:debt", unit="EUR", debit_minor=100, credit_minor=0),
        TrialLine(account="people:tea:held", unit="EUR", debit_minor=0, credit_minor=300),
        TrialLine(account="people:tea:paid", unit="EUR", debit_minor=0, credit_minor=500),
        TrialLine(account="program:tea:expense", unit="EUR", debit_minor=700, credit_minor=0),
    )


ACCOUNTS = [EXPENSE, *(account_of(person, place) for person in (ANNA, BORIS) for place in Place)]
POSTINGS = st.builds(
    lambda ends, amount_minor, unit: Posting(
        source=ends[0], destination=ends[1], amount_minor=amount_minor, unit=unit
    ),
    st.lists(st.sampled_from(ACCOUNTS), min_size=2, max_size=2, unique=True),
    st.integers(min_value=1, max_value=10**9),
    st.sampled_from(["EUR", "points"]),
)


@given(st.lists(st.lists(POSTINGS, min_size=1, max_size=3), max_size=6), st.integers(0, 6))
def test_whatever_happened_lines_lead_from_the_opening_to_the_balance(
    events: list[list[Posting]], most: int
) -> None:
    books = Books()
    for number, postings in enumerate(events):
        books.book(f"event:{number}", *postings)
    if ANNA not in books.balances:
        return
    statement = statement_of(books.balances[ANNA], newest_first(books)[:most])
    for unit in statement.units:
        running = dict(statement.opening[unit])
        for line in statement.lines:
            if line.unit == unit:
                running = {place: running[place] + line.changes.get(place, 0) for place in Place}
                assert running == line.balance
        assert running == statement.closing[unit]


@given(st.lists(st.lists(POSTINGS, min_size=1, max_size=3), max_size=6))
def test_debits_and_credits_always_agree(events: list[list[Posting]]) -> None:
    books = Books()
    for number, postings in enumerate(events):
        books.book(f"event:{number}", *postings)
    lines = trial_balance(read_journal(text) for text, _ in books.journals)
    for unit in ("EUR", "points"):
        of_unit = [line for line in lines if line.unit == unit]
        assert sum(line.debit_minor for line in of_unit) == sum(
            line.credit_minor for line in of_unit
        )
