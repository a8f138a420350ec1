"""The ledger: whatever is posted, nothing appears and nothing is lost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.caps import CapUse
from referrals.domain.ids import JournalId, PersonId, ProgramId
from referrals.domain.ledger import (
    NOTHING_BEFORE,
    Balance,
    Journal,
    Link,
    Place,
    Posting,
    account_of,
    after,
    expense_of,
    journal_for,
    moved,
    owner_of,
    people_in,
    read_journal,
)
from tests.factories import (
    ANNA,
    ANNA_AVAILABLE,
    ANNA_HELD,
    BORIS,
    EXPENSE,
    NOW,
    TEA,
    a_balance,
    a_journal,
    a_posting,
)

PEOPLE = [ANNA, BORIS, PersonId("per_clara")]
ACCOUNTS = [EXPENSE, *(account_of(person, place) for person in PEOPLE for place in Place)]
POSTINGS = st.builds(
    lambda ends, amount_minor, unit: Posting(
        source=ends[0], destination=ends[1], amount_minor=amount_minor, unit=unit
    ),
    st.lists(st.sampled_from(ACCOUNTS), min_size=2, max_size=2, unique=True),
    st.integers(min_value=1, max_value=10**12),
    st.sampled_from(["EUR", "JPY", "points"]),
)
EVENTS = st.lists(st.lists(POSTINGS, min_size=1, max_size=3), max_size=5)


def booked(events: list[list[Posting]]) -> tuple[dict[PersonId, Balance], list[Journal]]:
    """Write a journal of each event, with everybody's balances carried along."""
    balances = {person: a_balance(person_id=person) for person in PEOPLE}
    journals = []
    for number, postings in enumerate(events):
        journal = journal_for(
            f"event:{number}", postings, program_id=TEA, version=1, now=NOW, balances=balances
        )
        balances.update({each: after(balances[each], journal) for each in journal.people})
        journals.append(journal)
    return balances, journals


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_a_posting_moves_more_than_nothing(amount_minor: int) -> None:
    with pytest.raises(ValueError, match="not a posting"):
        a_posting(amount_minor=amount_minor)


def test_a_posting_moves_from_one_account_to_another() -> None:
    with pytest.raises(ValueError, match="not a posting"):
        a_posting(source=ANNA_HELD, destination=ANNA_HELD)


def test_accounts_are_named_by_owner_and_place() -> None:
    assert expense_of(TEA) == "program:tea:expense"
    assert account_of(ANNA, Place.HELD) == "person:per_anna:held"


@pytest.mark.parametrize("place", Place)
def test_an_account_says_whose_it_is(place: Place) -> None:
    assert owner_of(account_of(ANNA, place)) == ("per_anna", place)


def test_an_account_of_a_program_is_nobodys() -> None:
    assert owner_of(EXPENSE) is None


def test_people_in_postings_are_named_once_and_in_a_fixed_order() -> None:
    postings = [
        a_posting(destination=account_of(BORIS, Place.HELD)),
        a_posting(),
        a_posting(source=ANNA_HELD, destination=ANNA_AVAILABLE),
    ]
    assert people_in(postings) == ("per_anna", "per_boris")


def test_postings_add_up_to_what_each_account_gains() -> None:
    postings = [
        a_posting(amount_minor=1_000),
        a_posting(source=ANNA_HELD, destination=ANNA_AVAILABLE, amount_minor=400),
        a_posting(amount_minor=50, unit="points"),
    ]
    assert moved(postings) == {
        (EXPENSE, "EUR"): -1_000,
        (ANNA_HELD, "EUR"): 600,
        (ANNA_AVAILABLE, "EUR"): 400,
        (EXPENSE, "points"): -50,
        (ANNA_HELD, "points"): 50,
    }


@given(st.lists(POSTINGS, max_size=20))
def test_all_accounts_of_a_unit_add_up_to_nothing(postings: list[Posting]) -> None:
    totals: Counter[str] = Counter()
    for (_, unit), gain in moved(postings).items():
        totals[unit] += gain
    assert set(totals.values()) <= {0}


def test_a_journal_carries_its_cause_its_terms_and_its_time() -> None:
    journal = journal_for(
        "conversion:cnv_order",
        [a_posting()],
        program_id=TEA,
        version=3,
        now=NOW,
        balances={ANNA: a_balance()},
    )
    assert (journal.cause, journal.version, journal.recorded_at) == (
        "conversion:cnv_order",
        3,
        NOW,
    )
    assert journal.postings == (a_posting(),)


def test_a_journal_names_the_one_before_of_everybody_in_it() -> None:
    postings = [a_posting(), a_posting(destination=account_of(BORIS, Place.HELD))]
    before = Link(number=3, journal_id=JournalId("jrn_before"), digest="aa")
    anna = replace(a_balance(last_hash="aa"), journals=3, last_journal_id=before.journal_id)
    balances = {ANNA: anna, BORIS: a_balance(person_id=BORIS)}
    journal = journal_for(
        "conversion:cnv_order", postings, program_id=TEA, version=1, now=NOW, balances=balances
    )
    assert journal.previous == {
        "per_anna": before,
        "per_boris": Link(number=0, journal_id=None, digest=NOTHING_BEFORE),
    }


def test_one_cause_makes_one_journal_whatever_it_posts() -> None:
    balances = {ANNA: a_balance()}
    once = journal_for(
        "hold:rwd_1", [a_posting()], program_id=TEA, version=1, now=NOW, balances=balances
    )
    again = journal_for(
        "hold:rwd_1",
        [a_posting(amount_minor=1)],
        program_id=TEA,
        version=2,
        now=NOW + timedelta(days=1),
        balances=balances,
    )
    assert once.journal_id == again.journal_id


def test_another_cause_or_program_makes_another_journal() -> None:
    ids = {
        journal_for(
            cause,
            [a_posting()],
            program_id=program,
            version=1,
            now=NOW,
            balances={ANNA: a_balance()},
        ).journal_id
        for cause in ("hold:rwd_1", "fulfilment:rwd_1")
        for program in (TEA, ProgramId("coffee"))
    }
    assert len(ids) == 4
    assert all(each.startswith("jrn_") for each in ids)


def test_a_journal_is_stored_and_hashed_as_one_line_of_json() -> None:
    assert a_journal().canonical == (
        '{"cause":"conversion:cnv_order","journal_id":"jrn_1",'
        '"postings":[["program:tea:expense","person:per_anna:held",1000,"EUR"]],'
        f'"previous":{{"per_anna":[0,null,"{NOTHING_BEFORE}"]}},'
        '"program_id":"tea","recorded_at":"2026-05-20T12:00:00+00:00","version":1}'
    )


def test_a_digest_stays_what_it_was_in_earlier_versions() -> None:
    assert a_journal().digest == "633c255c0583ff8081e2aa1e1a1a7a3d3081d90ab706f2545df2957fdbcc9677"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"journal_id": JournalId("jrn_2")}, id="id"),
        pytest.param({"program_id": ProgramId("coffee")}, id="program"),
        pytest.param({"version": 2}, id="version"),
        pytest.param({"cause": "conversion:cnv_other"}, id="cause"),
        pytest.param({"recorded_at": NOW + timedelta(microseconds=1)}, id="time"),
        pytest.param({"postings": (a_posting(amount_minor=1_001),)}, id="amount"),
        pytest.param({"postings": (a_posting(unit="USD"),)}, id="unit"),
        pytest.param({"postings": (a_posting(destination=ANNA_AVAILABLE),)}, id="destination"),
        pytest.param({"postings": (a_posting(source=ANNA_AVAILABLE),)}, id="source"),
        pytest.param({"postings": (a_posting(), a_posting())}, id="a posting more"),
        pytest.param({"postings": ()}, id="a posting less"),
        pytest.param({"previous": {ANNA: Link(digest="aa")}}, id="the hash before"),
        pytest.param({"previous": {ANNA: Link(number=1)}}, id="how many before"),
        pytest.param(
            {"previous": {ANNA: Link(journal_id=JournalId("jrn_2"))}}, id="the journal before"
        ),
        pytest.param({"previous": {}}, id="nobody before"),
        pytest.param({"previous": {BORIS: Link()}}, id="somebody else before"),
    ],
)
def test_a_change_of_any_field_changes_the_digest(changes: Mapping[str, Any]) -> None:
    assert replace(a_journal(), **changes).digest != a_journal().digest


@given(st.lists(POSTINGS, max_size=4), st.lists(POSTINGS, max_size=4))
def test_digests_are_the_same_when_all_postings_are(
    one: list[Posting], other: list[Posting]
) -> None:
    first, second = (
        replace(a_journal(), postings=tuple(one)),
        replace(a_journal(), postings=tuple(other)),
    )
    assert (first.digest == second.digest) is (one == other)


def test_a_digest_does_not_depend_on_how_people_are_listed() -> None:
    one = a_journal(previous={ANNA: Link(number=1), BORIS: Link(number=2)})
    other = a_journal(previous={BORIS: Link(number=2), ANNA: Link(number=1)})
    assert one.digest == other.digest


def test_a_balance_gains_what_a_journal_moves_there() -> None:
    balance = after(a_balance(amounts={"held:EUR": 250}), a_journal())
    assert balance.amounts == {"held:EUR": 1_250}


def test_a_balance_counts_its_journals_and_remembers_the_last() -> None:
    journal = a_journal()
    balance = after(a_balance(), journal)
    assert (balance.journals, balance.last_hash) == (1, journal.digest)
    assert balance.last_link == Link(number=1, journal_id=journal.journal_id, digest=journal.digest)


def test_a_journal_leaves_other_peoples_amounts_alone() -> None:
    postings = (a_posting(), a_posting(destination=account_of(BORIS, Place.HELD), amount_minor=7))
    balance = after(a_balance(person_id=BORIS), a_journal(*postings))
    assert balance.amounts == {"held:EUR": 7}


def test_a_debt_is_negative() -> None:
    journal = a_journal(a_posting(source=account_of(ANNA, Place.DEBT), destination=EXPENSE))
    assert after(a_balance(), journal).amount(Place.DEBT, "EUR") == -1_000


def test_a_place_that_nothing_was_moved_to_holds_nothing() -> None:
    assert a_balance().amount(Place.PAID, "EUR") == 0


def test_a_balance_names_the_units_it_has() -> None:
    balance = a_balance(amounts={"held:points": 1, "held:EUR": 2, "paid:EUR": 3})
    assert balance.units == ("EUR", "points")


@given(EVENTS)
def test_a_balance_is_the_sum_of_what_was_moved(events: list[list[Posting]]) -> None:
    balances, journals = booked(events)
    sums = moved(posting for journal in journals for posting in journal.postings)
    assert {
        (account_of(person, place), unit): balance.amount(place, unit)
        for person, balance in balances.items()
        for place in Place
        for unit in ("EUR", "JPY", "points")
        if balance.amount(place, unit)
    } == {key: gain for key, gain in sums.items() if gain and key[0] != EXPENSE}


@given(EVENTS)
def test_everybody_and_the_program_together_hold_nothing(events: list[list[Posting]]) -> None:
    balances, journals = booked(events)
    spent = moved(posting for journal in journals for posting in journal.postings)
    for unit in ("EUR", "JPY", "points"):
        held = sum(each.amount(place, unit) for each in balances.values() for place in Place)
        assert held + spent[EXPENSE, unit] == 0


@given(EVENTS)
def test_each_persons_journals_form_one_chain(events: list[list[Posting]]) -> None:
    balances, journals = booked(events)
    for person, balance in balances.items():
        last = Link(number=0, journal_id=None, digest=NOTHING_BEFORE)
        theirs = [journal for journal in journals if person in journal.people]
        for number, journal in enumerate(theirs, start=1):
            assert journal.previous[person] == last
            last = Link(number=number, journal_id=journal.journal_id, digest=journal.digest)
        assert balance.last_link == last


@given(EVENTS)
def test_a_journal_that_is_read_is_the_one_that_was_written(events: list[list[Posting]]) -> None:
    _, journals = booked(events)
    for journal in journals:
        assert read_journal(journal.canonical) == journal


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"journal_id":"jrn_1"}', "1"])
def test_what_is_no_journal_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_journal(text)


def test_a_cap_that_was_not_used_is_empty() -> None:
    assert a_balance().cap_use("advocate-tenth") == CapUse()
