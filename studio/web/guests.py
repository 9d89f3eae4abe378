"""Those who come by one invitation: its key and password, whom it let in, and how much each may ask.

A key lives as long as its link. Each use makes a painter of its own, known by a 256-bit cookie; somebody who
was here before and brings the new key finds her gallery again. No right depends on an address. Beside the
password, which many may be told, a ticket stands for it once.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from studio.errors import BadInput, LimitReached, NotFound
from studio.identity import Painters

Asking = Literal["look", "change", "live"]
# At once, and from then on a second. Looking is cheap: a page opens with a wall of thumbnails.
RATES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"look": (900, 15), "change": (150, 5), "live": (90, 45), "wrong": (10, 1 / 6), "join": (20, 1 / 3)}
)
TICKET_SECONDS = 86_400.0  # a ticket is void after a day
OPEN = 48  # requests of one guest that are answered at the same time, event streams included


USED_UP = "This link let somebody in before, or is too old: type the password, or ask for a new link."


@dataclass(slots=True)
class Bucket:
    """Tokens that come back with time: `left` of them at the moment `at`."""

    left: float
    at: float

    def take(self, burst: float, a_second: float, now: float) -> bool:
        """Takes one if there is one."""
        self.left = min(burst, self.left + (now - self.at) * a_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Guests:
    """One link's guests. Safe from any thread; all of it is forgotten when the link ends."""

    def __init__(
        self, painters: Painters, password: str, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.key, self.password = secrets.token_urlsafe(24), password
        self._painters, self._most, self._clock = painters, most, clock
        self._lock = threading.Lock()
        self._inside: dict[str, int] = {}  # painter -> her number, in order of coming
        self._open: dict[str, int] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._came = 0
        self._tickets: dict[str, float] = {}  # ticket -> when it was made
        self._shown = ""

    def knows_key(self, key: str) -> bool:
        """Whether this is the invitation's key."""
        return same(key, self.key)

    def find(self, cookie: str | None) -> str | None:
        """The guest whom this cookie names, if this link let her in."""
        painter = self._painters.find(cookie)
        with self._lock:
            return painter if painter in self._inside else None

    def ticket(self) -> str:
        """The ticket to show: a new one once the last was used, given away, or is half a day old."""
        with self._lock:
            made = self._tickets.get(self._shown)
            if made is None or self._clock() - made > TICKET_SECONDS / 2:
                self._show_another()
            return self._shown

    def give_away(self) -> None:
        """The ticket that is shown was given to somebody: it stays good, and another is shown."""
        with self._lock:
            self._show_another()

    def _show_another(self) -> None:
        now = self._clock()
        self._tickets = {one: made for one, made in self._tickets.items() if now - made < TICKET_SECONDS}
        self._shown = secrets.token_urlsafe(32)
        self._tickets[self._shown] = now

    def enter(self, key: str, password: str, cookie: str | None, ticket: str = "") -> str | None:
        """Lets somebody in; returns the cookie she gets, None when she keeps the one she has.

        A ticket stands for the password, and is used up by whoever comes in by it. Raises `NotFound` for a
        wrong key, `BadInput` for a wrong password or ticket, `LimitReached` after too many tries, or when the
        studio is full.
        """
        if not self.knows_key(key):
            raise NotFound("This invitation is not valid any more.")
        known = self._painters.find(cookie)
        with self._lock:  # of two who bring one ticket, one comes in
            used = self._check(password, ticket) if self.password else ""
            if known is not None and known in self._inside:
                return None
            if len(self._inside) >= self._most:
                raise LimitReached("The studio is full; please ask its owner.")
            if not self._take("", "join"):
                raise LimitReached("Many people are coming in just now; please try again in a minute.")
            returning = known is not None and self._painters.is_guest(known)
            painter = known if known is not None and returning else self._painters.join("guest")
            self._came += 1
            new = None if returning else self._painters.admit(painter)
            self._inside[painter] = self._came
            self._tickets.pop(used, None)
            return new

    def _check(self, password: str, ticket: str) -> str:
        """The ticket that is right, or "" when the password is. The lock is the caller's."""
        now = self._clock()
        # Each is compared, whether one was found or not: time tells nothing.
        found = [
            one for one, made in self._tickets.items() if same(ticket, one) and now - made < TICKET_SECONDS
        ]
        right = same(password, self.password)
        # Counted for everybody together: addresses and cookies cost an attacker nothing.
        bucket = self._bucket("", "wrong")
        bucket.take(RATES["wrong"][0], RATES["wrong"][1], now)
        if bucket.left < 1:
            raise LimitReached("Too many passwords were tried; please wait a minute.")
        if not found and not right:
            raise BadInput(USED_UP if ticket and not password else "This is not the password.")
        bucket.left += 1
        return found[0] if found and not right else ""

    def may_ask(self, painter: str, asking: Asking) -> bool:
        """Whether this guest may ask once more now."""
        with self._lock:
            return self._take(painter, asking)

    def begin(self, painter: str) -> bool:
        """One more of her requests is being answered; False, not counting it, when there are too many."""
        with self._lock:
            if self._open.get(painter, 0) >= OPEN:
                return False
            self._open[painter] = self._open.get(painter, 0) + 1
            return True

    def end(self, painter: str) -> None:
        """One of her requests was answered."""
        with self._lock:
            self._open[painter] -= 1

    def inside(self) -> dict[str, int]:
        """The painters whom this link let in, each with her number."""
        with self._lock:
            return dict(self._inside)

    def send_away(self, number: int) -> str:
        """Shows a guest the door: her cookie opens nothing any more. Raises `NotFound`."""
        with self._lock:
            found = [painter for painter, n in self._inside.items() if n == number]
            if not found:
                raise NotFound("This guest is no longer here.")
        self.leave(found[0])
        return found[0]

    def leave(self, painter: str) -> None:
        """A guest goes: her cookie opens nothing any more."""
        with self._lock:
            self._inside.pop(painter, None)
        self._painters.forget(painter)

    def _bucket(self, painter: str, kind: str) -> Bucket:
        return self._buckets.setdefault((painter, kind), Bucket(RATES[kind][0], self._clock()))

    def _take(self, painter: str, kind: str) -> bool:
        return self._bucket(painter, kind).take(*RATES[kind], self._clock())


def same(given: str, ours: str) -> bool:
    """Whether somebody brought this secret, in a time that tells nothing of it."""
    return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), ours.encode())
