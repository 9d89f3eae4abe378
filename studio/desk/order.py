"""Who is painted next: the painter served longest ago, and for one painter first come, first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job in line. `n` is its place of arrival; `begun`: it had started before a worker or server died."""

    job: str
    painter: str
    n: int
    begun: bool = False


def line(waiting: Iterable[Waiting], served: Mapping[str, int]) -> list[str]:
    """The ids of `waiting` in the order in which they will be painted.

    `served` says when each painter last got a turn (a rising count; absent: never). Every turn counts, so
    painters alternate picture by picture however many each has asked for. Jobs that had begun go first: their
    turn was already theirs.
    """
    ordered = sorted(waiting, key=lambda w: w.n)
    result = [w.job for w in ordered if w.begun]
    queues: dict[str, deque[Waiting]] = {}
    for one in ordered:
        if not one.begun:
            queues.setdefault(one.painter, deque()).append(one)
    turns = {painter: (served.get(painter, 0), queue[0].n) for painter, queue in queues.items()}
    latest = max((turn for turn, _ in turns.values()), default=0)
    while turns:
        painter = min(turns, key=lambda name: turns[name])
        queue = queues[painter]
        result.append(queue.popleft().job)
        latest += 1
        if queue:
            turns[painter] = (latest, queue[0].n)
        else:
            del turns[painter]
    return result
