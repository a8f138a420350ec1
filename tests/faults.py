"""Faults at the botocore level: what a process that dies, or AWS, can do between two calls."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

_PATCHED = "_make_api_call"


class KilledError(BaseException):
    """The process ended here: nothing catches this."""


def _patched(
    monkeypatch: pytest.MonkeyPatch, around: Callable[[Callable[[], Any], str, int], Any]
) -> list[str]:
    """Let `around` decide about every AWS call; the list of operations fills as they come."""
    real, made = getattr(botocore.client.BaseClient, _PATCHED), list[str]()

    def call(client: Any, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return around(lambda: real(client, operation, parameters), operation, len(made))

    monkeypatch.setattr(botocore.client.BaseClient, _PATCHED, call)
    return made


@contextlib.contextmanager
def calls_counted() -> Iterator[list[str]]:
    """Collect the operations of every AWS call made inside the block."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield _patched(monkeypatch, lambda do, _operation, _number: do())


@contextlib.contextmanager
def killed(*, at_call: int, is_after: bool) -> Iterator[None]:
    """End the process right before or right after its call number `at_call`, counted from 1."""

    def around(do: Callable[[], Any], _operation: str, number: int) -> Any:
        if number != at_call:
            return do()
        if is_after:
            do()
        raise KilledError

    with pytest.MonkeyPatch.context() as monkeypatch:
        _patched(monkeypatch, around)
        yield


@contextlib.contextmanager
def refused_once(operation: str, code: str, *, reasons: list[str] | None = None) -> Iterator[None]:
    """Let AWS answer the first call of an operation with an error, without doing it."""
    seen = list[int]()

    def around(do: Callable[[], Any], name: str, number: int) -> Any:
        if name != operation or seen:
            return do()
        seen.append(number)
        answer: Any = {"Error": {"Code": code, "Message": "injected"}}
        if reasons:
            answer["CancellationReasons"] = [{"Code": each} for each in reasons]
        raise ClientError(answer, operation)

    with pytest.MonkeyPatch.context() as monkeypatch:
        _patched(monkeypatch, around)
        yield


@contextlib.contextmanager
def refused(*, at_call: int, code: str) -> Iterator[None]:
    """Let AWS answer call number `at_call`, counted from 1, with an error, without doing it.

    A transaction is cancelled with `code` as its reason; any other call has it as its error.
    """

    def around(do: Callable[[], Any], name: str, number: int) -> Any:
        if number != at_call:
            return do()
        answer: Any = {"Error": {"Code": code, "Message": "injected"}}
        if name.startswith("Transact") and code != "InternalServerError":
            answer["Error"]["Code"] = "TransactionCanceledException"
            answer["CancellationReasons"] = [{"Code": code}]
        raise ClientError(answer, name)

    with pytest.MonkeyPatch.context() as monkeypatch:
        _patched(monkeypatch, around)
        yield


@contextlib.contextmanager
def unheard(operation: str, code: str) -> Iterator[None]:
    """Let AWS do the first call of an operation, and answer it with an error."""
    seen = list[int]()

    def around(do: Callable[[], Any], name: str, number: int) -> Any:
        answer = do()
        if name != operation or seen:
            return answer
        seen.append(number)
        raise ClientError({"Error": {"Code": code, "Message": "injected"}}, operation)

    with pytest.MonkeyPatch.context() as monkeypatch:
        _patched(monkeypatch, around)
        yield


@contextlib.contextmanager
def overtaken(*, at_call: int, by: Callable[[], object]) -> Iterator[None]:
    """Let somebody else do something right before call number `at_call`, counted from 1."""

    def around(do: Callable[[], Any], _operation: str, number: int) -> Any:
        if number == at_call:
            by()
        return do()

    with pytest.MonkeyPatch.context() as monkeypatch:
        _patched(monkeypatch, around)
        yield


def every_kill(action: Callable[[], object]) -> int:
    """Count the AWS calls of an action, so that a test can kill it at each of them."""
    with calls_counted() as made:
        action()
    return len(made)


@contextlib.contextmanager
def dying(fate: Callable[[], str | None]) -> Iterator[None]:
    """End the process before or after an AWS call, as `fate` says of each; None lets it live."""

    def around(do: Callable[[], Any], _operation: str, _number: int) -> Any:
        when = fate()
        if when == "before":
            raise KilledError
        answer = do()
        if when == "after":
            raise KilledError
        return answer

    with pytest.MonkeyPatch.context() as monkeypatch:
        _patched(monkeypatch, around)
        yield
