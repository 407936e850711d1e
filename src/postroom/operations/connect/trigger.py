"""Play stories on the Connect server: many envelopes at once, each created and lived through.

What is done takes the same way as what an SDK or a person does: `create`, then `step` by step.
"""

import asyncio
import copy
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

from postroom.clock import SECOND
from postroom.envelopes import lifecycle, scenes, stories
from postroom.envelopes.envelope import Action, Envelope, Sender, Step
from postroom.envelopes.scenes import Scene, Wishes
from postroom.errors import ConflictError, DocusignError, InvalidInputError
from postroom.model import Account, Json, Notification, Noun
from postroom.operations.connect import envelopes, living, script, senders, template_play
from postroom.operations.connect.living import ConnectServer, Enact, Living
from postroom.operations.connect.stage_time import AWAKE_EVERY_SECONDS, Time
from postroom.storage.port import KeptEnvelope

AT_ONCE = 64
"""Envelopes played at the same time; the store shares its commits among them."""
MAX_COUNT = 100_000
BULK_COUNT = 100
"""How many envelopes a story of many has where nobody says."""
TOLD_EVERY_SECONDS = 0.2
_SEED_BITS = 31


class TriggerRequest(Noun, frozen=True, kw_only=True):
    """What to play: one of an event, a story and a script; and how."""

    event: str | None = None
    story: str | None = None
    script: Json = None
    """A script's document (`operations.connect.script`)."""
    fields: tuple[tuple[str, str], ...] = ()
    sender: str | None = None
    account: str | None = None
    count: int | None = None
    seed: int | None = None
    rate_per_second: float | None = None
    """Envelopes begun a second; None: as fast as they go."""
    event_notification: Json = None
    is_real_time: bool = False
    """Sit through the waits of a story; otherwise they move a virtual clock, and nothing else."""


class Progress(Noun, frozen=True, kw_only=True):
    """How far it is."""

    played: int
    of: int
    """How many envelopes, or templates, there are to play."""
    told: int
    """Events told so far."""


class Played(Noun, frozen=True, kw_only=True):
    """An envelope that has been played."""

    envelope_id: str
    status: str
    events: tuple[str, ...]
    """In the order told."""


class PlayedTemplate(Noun, frozen=True, kw_only=True):
    """A template that has been played."""

    template_id: str
    events: tuple[str, ...]
    """In the order told."""


class TriggerReport(Noun, frozen=True, kw_only=True):
    """What was played."""

    account_id: str
    seed: int
    """Gives the same envelopes again, in a database that does not have them yet."""
    envelopes: tuple[Played, ...]
    templates: tuple[PlayedTemplate, ...] = ()
    totals: dict[str, int]
    """How many times each event was told."""


class Play(Noun, frozen=True, kw_only=True):
    """What a request comes to: the envelopes to be played, each with its sender."""

    account: str | None
    seed: int
    scenes: Iterable[Scene]
    count: int


Told = Callable[[Progress], None]


async def trigger(
    server: ConnectServer,
    request: TriggerRequest,
    *,
    is_busy: Callable[[], Awaitable[bool]],
    told: Told | None = None,
) -> TriggerReport:
    """Play a story, the way to an event, or a script; return what was told.

    `is_busy` says whether deliveries are under way: a virtual clock is not moved past them.
    Raises `InvalidInputError` for a request that cannot be played, and what the first envelope
    that cannot go on raises; those that were played before it stay.
    """
    play = planned(request)
    account = senders.account_of(server.registry(), play.account)
    time = Time(server.clock, is_busy=is_busy, is_real=request.is_real_time)
    stage = _Stage(server, account, request, play.count, time, told or (lambda _: None))
    played = await stage.play_all(play.scenes)
    totals = Counter(event for one in played for event in one.events)
    return TriggerReport(
        account_id=account.id,
        seed=play.seed,
        envelopes=tuple(one for one in played if isinstance(one, Played)),
        templates=tuple(one for one in played if isinstance(one, PlayedTemplate)),
        totals=dict(sorted(totals.items())),
    )


def planned(request: TriggerRequest) -> Play:
    """Return what a request comes to. Raises `InvalidInputError`."""
    given = [request.event, request.story, request.script]
    if sum(one is not None for one in given) != 1:
        raise InvalidInputError(
            "give one of: an event (such as envelope-completed), a story, a script"
        )
    if request.count is not None and not 1 <= request.count <= MAX_COUNT:
        raise InvalidInputError(f"the count is 1 to {MAX_COUNT}")
    if request.rate_per_second is not None and not 0 < request.rate_per_second <= MAX_COUNT:
        raise InvalidInputError(f"the rate is more than 0 and at most {MAX_COUNT} a second")
    wishes = Wishes(fields=request.fields, event_notification=request.event_notification)
    seed = secrets.randbits(_SEED_BITS) if request.seed is None else request.seed
    if request.script is None:
        return _of_story(request, wishes, seed)
    if request.count is not None:
        raise InvalidInputError(
            "a script says itself how many envelopes there are; leave out count"
        )
    read = script.read(request.script)
    seed = read.seed if request.seed is None and read.seed is not None else seed
    made = script.scenes(read, seed=seed, wishes=wishes)
    return Play(account=request.account or read.account, seed=seed, scenes=made, count=len(made))


def _of_story(request: TriggerRequest, wishes: Wishes, seed: int) -> Play:
    if request.event is not None:
        story = stories.story_for_event(request.event)
    else:
        story = stories.story_named(request.story or "")
    if story.template_beats and request.event_notification is not None:
        raise InvalidInputError("an eventNotification is an envelope's; a template has none")
    count = request.count or (BULK_COUNT if story.endings else 1)
    made = scenes.scenes(story, count=count, seed=seed, wishes=wishes)
    return Play(account=request.account, seed=seed, scenes=made, count=count)


class _Stage:
    """Where envelopes are played, a number of them at once."""

    def __init__(
        self,
        server: ConnectServer,
        account: Account,
        request: TriggerRequest,
        count: int,
        time: Time,
        told: Told,
    ) -> None:
        self._server = server
        self._time = time
        self._account = account
        self._request = request
        self._count = count
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._told_at = self._began_at
        self._played = 0
        self._events = 0
        self._has_failed = False
        # The first is created before the others begin: what is wrong with it is mostly wrong with
        # all, and it makes the listener of an `eventNotification` that they share.
        self._first_is_there = asyncio.Event()

    async def play_all(self, waiting: Iterable[Scene]) -> Sequence[Played | PlayedTemplate]:
        """Play all of them; nothing new is begun after the first that fails."""
        numbered = enumerate(waiting)
        played: dict[int, Played | PlayedTemplate] = {}

        async def work() -> None:
            for number, scene in numbered:
                if number:
                    await self._first_is_there.wait()
                await self._pace(number)
                if self._has_failed:
                    return
                try:
                    play = self._play_template if scene.template_beats else self._play
                    played[number] = await play(scene, number)
                except BaseException:
                    self._has_failed = True
                    raise
                finally:
                    self._first_is_there.set()
                self._tell(is_last=len(played) == self._count)

        workers = [work() for _ in range(min(AT_ONCE, self._count))]
        for ended in await asyncio.gather(*workers, return_exceptions=True):
            if ended is not None:
                raise ended
        return [played[number] for number in range(self._count)]

    async def _play(self, scene: Scene, number: int) -> Played:
        server, noted = _own_server(self._server, scene.seed)
        sender = senders.sender_of(self._account, scene.sender or self._request.sender)
        async with self._time.standing():
            due = server.clock.now()
            one = await _created(server, self._account.id, scene, sender)
        self._first_is_there.set()
        for beat in scene.beats:
            due += round(beat.after_seconds * SECOND)
            await self._time.pass_until(due, awake=self._tell)
            async with self._time.standing():
                try:
                    one = await _act(server, one, beat.action)
                except DocusignError as refused:
                    raise _placed(refused, number, beat.action) from None
        self._count_in(noted)
        return Played(
            envelope_id=one.envelope.id, status=one.envelope.status, events=tuple(noted.events)
        )

    async def _play_template(self, scene: Scene, _: int) -> PlayedTemplate:
        server, noted = _own_server(self._server, scene.seed)
        sender = senders.sender_of(self._account, self._request.sender)
        who = {"account_id": self._account.id, "user_id": sender.user_id}
        due = server.clock.now()
        for beat in scene.template_beats:
            due += round(beat.after_seconds * SECOND)
            await self._time.pass_until(due, awake=self._tell)
            async with self._time.standing():
                await template_play.play(server, scene, beat, **who)
            self._first_is_there.set()
        self._count_in(noted)
        return PlayedTemplate(template_id=template_play.id_of(scene), events=tuple(noted.events))

    def _count_in(self, noted: "_Noted") -> None:
        self._played += 1
        self._events += len(noted.events)

    async def _pace(self, number: int) -> None:
        rate = self._request.rate_per_second
        while rate is not None and not self._has_failed:
            left = self._began_at + number / rate - self._loop.time()
            if left <= 0:
                return
            await asyncio.sleep(min(left, AWAKE_EVERY_SECONDS))
            self._tell()

    def _tell(self, *, is_last: bool = False) -> None:
        now = self._loop.time()
        if is_last or now - self._told_at >= TOLD_EVERY_SECONDS:
            self._told_at = now
            self._told(Progress(played=self._played, of=self._count, told=self._events))


class _Noted:
    """Hands on what is enacted, and notes the events of what was kept."""

    def __init__(self, enact: Enact) -> None:
        self._enact = enact
        self.events: list[str] = []

    async def __call__(
        self,
        envelope: KeptEnvelope | None,
        notifications: Sequence[Notification],
        *,
        documents: tuple[tuple[str, bytes], ...] = (),
        dropped_documents: tuple[str, ...] = (),
    ) -> bool:
        is_kept = await self._enact(
            envelope, notifications, documents=documents, dropped_documents=dropped_documents
        )
        if is_kept:
            self.events += [one.event for one in notifications]
        return is_kept


def _own_server(server: ConnectServer, seed: int) -> tuple[ConnectServer, _Noted]:
    """Return the server with ids made from a seed, so that a seed's envelopes are the same ones."""
    own = copy.copy(server)
    own.new_guid = scenes.guids(seed)
    own.enact = noted = _Noted(server.enact)
    return own, noted


async def _created(server: ConnectServer, account_id: str, scene: Scene, sender: Sender) -> Living:
    try:
        return await envelopes.create(
            server, account_id, scene.definition, sender=sender, is_admin=True
        )
    except DocusignError as refused:
        if refused.code != "ENVELOPE_ALREADY_EXISTS":
            raise
        raise ConflictError(
            "the envelopes of this seed were played here before; give another seed, or none"
        ) from None


async def _act(server: ConnectServer, one: Living, action: Action) -> Living:
    def decide(envelope: Envelope, at: int) -> Step:
        return lifecycle.act(envelope, action, at=at, limits=server.envelope_limits)

    after = await living.step(server, one, decide)
    if after is not None:
        return after
    # Somebody else, or time, did something to it meanwhile: go on from what it has become.
    envelope = one.envelope
    return await living.act(server, envelope.account_id, envelope.id, action)


def _placed(refused: DocusignError, number: int, action: Action) -> DocusignError:
    """Return a refusal that says at which envelope, counted from 1, and at what it was."""
    whose = f" of recipient {action.recipient_id}" if action.recipient_id is not None else ""
    text = f"envelope {number + 1}, {action.verb}{whose}: {refused}"
    return DocusignError(refused.code, text, status=refused.status)
