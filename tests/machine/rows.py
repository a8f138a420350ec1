"""What is stored, read straight from the engine's tables, and the rules that it must keep.

Nothing here knows what happened. A row is parsed again only when it changed, so that looking at
everything after each step costs little.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from infra.local import engine
from referrals.domain.ids import PersonId, person_id
from tests.conftest import PREFIX
from tests.shop import KEYS

NOTHING_BEFORE = "0" * 64
Row = Mapping[str, Any]


class Rows:
    """The rows of the tables with money in them, each parsed once per writing of it."""

    def __init__(self, names: Iterator[str]) -> None:
        self.names = {person_id(name, key=KEYS.identity): name for name in names}
        self._parsed: dict[tuple[str, Any], tuple[str, Any]] = {}
        self._ledger = _Ledger()

    def name_of(self, person: str) -> str:
        return self.names[PersonId(person)]

    def read(self, table: str) -> dict[Any, Any]:
        """Read the bodies of a table's items, by their keys."""
        found = {}
        for key, item in _items(table):
            text = item.attrs["body"].value
            known = self._parsed.get((table, key))
            if known is None or known[0] != text:
                known = self._parsed[table, key] = (text, json.loads(text))
            found[key] = known[1]
        return found

    def check(self) -> None:
        """Look at everything that must hold whatever happened."""
        rewards, balances = self.read("rewards"), self.read("balances")
        self._ledger.take(self.read("journals"), dict(_digests()))
        self._ledger.check_balances(balances)
        _check_rewards(rewards.values())
        _check_caps(rewards.values(), balances.values())
        _check_budget(rewards.values(), self.read("budgets").values())


def _items(table: str) -> Iterator[tuple[Any, Any]]:
    shelf = engine._backend().tables[f"{PREFIX}{table}"]
    for hash_key, at in shelf.items.items():
        if shelf.has_range_key:
            yield from (((hash_key.value, key.value), item) for key, item in at.items())
        else:
            yield hash_key.value, at


def _digests() -> Iterator[tuple[Any, str]]:
    for key, item in _items("journals"):
        yield key, item.attrs["digest"].value


class _Ledger:
    """What the journals come to: every account, and the head of everybody's chain."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._sums: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._heads: defaultdict[str, list[Any]] = defaultdict(lambda: [0, None, NOTHING_BEFORE])

    def take(self, journals: Mapping[str, Row], digests: Mapping[str, str]) -> None:
        assert self._known.keys() <= journals.keys(), "a journal is gone"
        assert all(self._known[key] == digests[key] for key in self._known), "a journal changed"
        new = [key for key in journals if key not in self._known]
        while new:
            ready = [key for key in new if self._follows(journals[key])]
            assert ready, f"no chain leads to {new}"
            self._add(ready[0], journals[ready[0]], digests[ready[0]])
            new.remove(ready[0])

    def _follows(self, journal: Row) -> bool:
        return all(self._heads[person] == link for person, link in journal["previous"].items())

    def _add(self, key: str, journal: Row, digest: str) -> None:
        text = json.dumps(journal, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == digest, f"{key} was changed"
        people = set()
        for source, destination, amount, unit in journal["postings"]:
            assert amount > 0, f"{key} posts {amount}"
            assert source != destination, f"{key} posts from {source} to itself"
            self._sums[source, unit] -= amount
            self._sums[destination, unit] += amount
            people |= {each.split(":")[1] for each in (source, destination) if "person:" in each}
        assert people == journal["previous"].keys(), f"{key} is not chained to all in it"
        for person, link in journal["previous"].items():
            self._heads[person] = [link[0] + 1, key, digest]
        self._known[key] = digest
        units = {unit for _, unit in self._sums}
        for unit in units:
            total = sum(amount for (_, each), amount in self._sums.items() if each == unit)
            assert total == 0, f"all accounts of {unit} add up to {total}"

    def check_balances(self, balances: Mapping[str, Row]) -> None:
        held: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (account, unit), amount in self._sums.items():
            kind, person, place = account.split(":")
            if kind == "person" and amount:
                held[person][f"{place}:{unit}"] = amount
        for balance in balances.values():
            person = balance["person_id"]
            stored = {key: amount for key, amount in balance["amounts"].items() if amount}
            assert stored == held.pop(person, {}), f"{person} has not what the journals say"
            assert all(
                amount >= 0 for key, amount in stored.items() if not key.startswith("debt:")
            ), f"{person} has less than nothing: {stored}"
            head = [balance["journals"], balance["last_journal_id"], balance["last_hash"]]
            assert head == self._heads[person], f"the chain of {person} ends elsewhere"
        assert not held, f"nobody's balances: {held}"


def _left(reward: Row) -> int:
    return int(reward["amount_minor"] - reward["voided_minor"] - reward["clawed_back_minor"])


def _chain(reward: Row) -> tuple[Any, ...]:
    source = reward["conversion_id"] if reward["step"] is None else reward["step"]
    if reward["trigger"] == "redemption":
        source = reward["reward_id"]  # each is paid for by itself
    return (reward["owner_id"], reward["rule_id"], source)


def _check_rewards(rewards: Any) -> None:
    """See that nothing is promised twice, and nobody gives back more than they got."""
    chains: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for reward in rewards:
        assert _left(reward) >= 0, f"more than {reward['reward_id']} was taken back"
        for part in ("voided_minor", "clawed_back_minor"):
            assert 0 <= reward[part] <= reward["amount_minor"], f"{part} of {reward['reward_id']}"
        # below 0 it takes along what its owner had paid too much
        assert reward["netted_minor"] <= reward["amount_minor"], reward["reward_id"]
        chains[_chain(reward)].append(reward)
    for key, chain in chains.items():
        generations = sorted(each["generation"] for each in chain)
        assert generations == list(range(1, len(chain) + 1)), f"{key} twice: {generations}"
        first = next(each for each in chain if each["generation"] == 1)
        if first["step"] is None:
            total = sum(_left(each) for each in chain)
            assert total <= first["amount_minor"], f"{key} stands at {total}"


def _check_caps(rewards: Any, balances: Any) -> None:
    """Compare what is counted of caps with what stands."""
    standing: defaultdict[tuple[str, str], dict[tuple[Any, ...], int]] = defaultdict(dict)
    for reward in rewards:
        if reward["trigger"] == "redemption":
            continue  # what is paid for is counted by no cap
        of_money = _left(reward) if reward["unit"] == "EUR" else 0
        names = [(reward["rule_id"], _left(reward))]
        if reward["side"] != "friend":
            names.append(("*", of_money))
        for name, amount in names:
            if _left(reward):
                used = standing[reward["owner_id"], name]
                used[_chain(reward)] = used.get(_chain(reward), 0) + amount
    for balance in balances:
        for name, use in balance["caps"].items():
            chains = standing.pop((balance["person_id"], name), {})
            counted = (use["all_time"]["rewards"], use["all_time"]["amount_minor"])
            assert counted == (len(chains), sum(chains.values())), f"caps of {name} say {counted}"
    assert not any(standing.values()), f"not counted: {standing}"


def _check_budget(rewards: Any, slices: Any) -> None:
    """Compare what is spent of each slice with what rewards drew from it, and still stand for."""
    drawn: defaultdict[int, int] = defaultdict(int)
    for reward in rewards:
        of_this = 0
        for draw in reward["draws"]:
            drawn[draw["slice"]] += draw["amount_minor"]
            of_this += draw["amount_minor"]
        assert of_this <= _left(reward), f"{reward['reward_id']} stands in the budget for {of_this}"
    for each in slices:
        number = each["number"]
        assert each["spent_minor"] == drawn.pop(number, 0), f"slice {number}: {each}"
        assert each["spent_today_minor"] >= 0, f"slice {number}: {each}"
    assert not any(drawn.values()), f"drawn from slices that are not there: {drawn}"
