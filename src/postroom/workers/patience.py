"""Patience: recurring work goes on, whatever becomes of one turn of it."""

from collections.abc import Awaitable, Callable

from postroom import observe
from postroom.errors import PostroomError


class Patience:
    """Does one kind of work again and again, and keeps what fails from ending it.

    A database can be away for minutes: trouble is told when it begins, when it becomes another,
    and when it is over, not at every turn.
    """

    def __init__(self, work: str) -> None:
        self._work = work
        self._trouble: str | None = None

    async def do(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Do the work once; return whether it could be done."""
        try:
            await work()
        except PostroomError as problem:
            if str(problem) != self._trouble:
                observe.log.warning("put off", work=self._work, reason=str(problem))
            self._trouble = str(problem)
        except Exception:  # noqa: BLE001  # whatever it is, the next turn may do better
            observe.log.exception("failed", work=self._work)
        else:
            if self._trouble is not None:
                observe.log.warning("goes on", work=self._work)
            self._trouble = None
            return True
        return False
