"""Time on a noisy machine: rounds in which every subject has its turn, medians, and ratios.

What slows the machine down for a while slows all subjects of a round, so the ratio within a round
says more than the microseconds do.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

Subject = Callable[[], object]
Samples = Mapping[str, Sequence[float]]

_TURN_SECONDS = 0.02


def cpu_us(subjects: Mapping[str, Subject], *, rounds: int) -> Samples:
    """Measure CPU microseconds of one call of each subject, once a round."""
    calls = {name: _calls_of_a_turn(subject) for name, subject in subjects.items()}
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            samples[name].append(_turn(subject, calls[name]))
    return samples


def _calls_of_a_turn(subject: Subject) -> int:
    calls = 1
    while (spent_us := _turn(subject, calls) * calls) < _TURN_SECONDS * 1e6:
        calls = max(calls + 1, min(calls * 10, int(calls * _TURN_SECONDS * 1.2e6 / spent_us)))
    return calls


def _turn(subject: Subject, calls: int) -> float:
    gc.collect()
    before = time.process_time_ns()
    for _ in range(calls):
        subject()
    return (time.process_time_ns() - before) / calls / 1000


def middle(samples: Sequence[float]) -> float:
    return float(median(samples))


def ratio(samples: Sequence[float], base: Sequence[float]) -> float:
    """Give the median of the ratios of each round."""
    return float(median(one / other for one, other in zip(samples, base, strict=True)))
