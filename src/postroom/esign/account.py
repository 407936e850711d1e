"""The account as others ask it: one envelope, or all that changed, within the account's limits.

Docusign allows one status call per envelope in 15 minutes and application, and so many calls an
hour (contract 5): an answer serves everybody who asks of its envelope for that long, and after a
refusal nobody asks before the moment that the account has named.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from postroom import observe
from postroom.clock import SECOND, Clock
from postroom.esign import access as entry
from postroom.esign import limits
from postroom.esign.access import Access, Token
from postroom.esign.dial import Answer, Dialer
from postroom.model import Noun

INCLUDE = "custom_fields,recipients,folders,powerform,extensions"
STATUS_CALL_SECONDS = 900
"""An envelope is asked for once in this time."""
REFUSED_SECONDS = 60
"""How long no token is asked for after one was refused."""
UNREACHED_SECONDS = 30
"""How long an account is left alone that did not answer at all."""
REMEMBERED = 10_000
REMEMBERED_BYTES = 64 * 1024 * 1024
"""Envelopes and bytes remembered at once; the oldest answers are forgotten first."""
_CODE = re.compile(r"[A-Z0-9_]{1,80}", re.ASCII)
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Failure(Noun, frozen=True, kw_only=True):
    """Why the account has not told what it was asked, for people."""

    reason: str
    retry_at: int | None = None
    """Not before this moment; None where asking again soon does no harm."""
    is_of_account: bool = False
    """True: it would be the same for any envelope of the account."""


class _Known(Noun, frozen=True, kw_only=True):
    asked_at: int
    told: bytes | Failure


class _Refusal(msgspec.Struct):
    errorCode: str = ""  # noqa: N815  # Docusign's own spelling


class Accounts:
    """Asks accounts. Tokens, pauses and answers are remembered here, each for its time."""

    def __init__(
        self,
        *,
        clock: Clock,
        machine_clock: Clock,
        allow_private_addresses: bool,
        ca_file: str | None = None,
    ) -> None:
        self._clock = clock
        self._machine_clock = machine_clock
        """Dates assertions: whoever checks them goes by the world's time."""
        self._dialer = Dialer(allow_private_addresses=allow_private_addresses, ca_file=ca_file)
        self._tokens: dict[Access, Token | Failure] = {}
        self._pauses: dict[tuple[str, str], Failure] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._known: OrderedDict[tuple[str, str, str], _Known] = OrderedDict()
        self._known_bytes = 0

    async def close(self) -> None:
        """Let go of the connections."""
        await self._dialer.close()

    async def envelope(self, access: Access, envelope_id: str) -> bytes | Failure:
        """Return one envelope as JSON with what the enricher needs of it, or why it is not told."""
        key = (access.base_url, access.account_id, envelope_id)
        async with self._turn(access):
            known, now = self._known.get(key), self._clock.now()
            if known is not None and now - known.asked_at < STATUS_CALL_SECONDS * SECOND:
                return known.told
            answer = await self._get(access, f"/envelopes/{envelope_id}", {"include": INCLUDE})
            if isinstance(answer, Failure):
                return answer
            told = _envelope_of(answer, retry_at=now + STATUS_CALL_SECONDS * SECOND)
            self._remember(key, _Known(asked_at=now, told=told))
            return told

    async def list_page(self, access: Access, query: Mapping[str, str]) -> bytes | Failure:
        """Return a page of the account's envelopes (`GET envelopes`, contract 7.3) as JSON."""
        async with self._turn(access):
            answer = await self._get(access, "/envelopes", query)
            if isinstance(answer, Failure):
                return answer
            if not answer.is_success:
                return _refused(answer)
            return answer.body

    def _turn(self, access: Access) -> asyncio.Lock:
        """Return whose turn it is: an account is asked one thing at a time."""
        return self._turns.setdefault(access.account_id, asyncio.Lock())

    async def _get(self, access: Access, path: str, query: Mapping[str, str]) -> Answer | Failure:
        """Ask, with a new token if the one in use is not accepted any more."""
        pause = self._pause(access)
        if pause is not None:
            return pause
        answer: Answer | Failure = Failure(reason="nothing was asked")
        for is_last in (False, True):
            token = await self._token(access)
            if isinstance(token, Failure):
                return token
            answer = await self._asked(access, path, query, token)
            was_refused = isinstance(answer, Answer) and answer.status == HTTPStatus.UNAUTHORIZED
            if not was_refused:
                break
            self._tokens.pop(access, None)
            if access.grant is None or is_last:
                return self._entry_refused(access)
        return answer

    async def _asked(
        self, access: Access, path: str, query: Mapping[str, str], token: str
    ) -> Answer | Failure:
        answer = await self._dialer.ask(
            "GET",
            f"{access.base_url}/v2.1/accounts/{access.account_id}{path}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            query=query,
        )
        if isinstance(answer, str):
            return Failure(
                reason=f"{access.base_url}: {answer}",
                retry_at=self._clock.now() + UNREACHED_SECONDS * SECOND,
                is_of_account=True,
            )
        pause = limits.pause_after(
            answer.status, answer.headers, answer.body, machine_now=self._machine_clock.now()
        )
        if pause is None:
            return answer
        failure = self._rest_from(access, pause)
        return failure if pause.was_refused else answer

    def _rest_from(self, access: Access, pause: limits.Pause) -> Failure:
        failure = Failure(
            reason="the account's API limit is reached"
            if pause.was_refused
            else "little is left of the account's API calls, kept for its other integrations",
            retry_at=self._clock.now() + pause.seconds * SECOND,
            is_of_account=True,
        )
        self._pauses[access.base_url, access.account_id] = failure
        observe.log.warning("account rests", account=access.account_id, seconds=pause.seconds)
        return failure

    def _pause(self, access: Access) -> Failure | None:
        place = (access.base_url, access.account_id)
        pause = self._pauses.get(place)
        if pause is None or pause.retry_at is None or pause.retry_at <= self._clock.now():
            self._pauses.pop(place, None)
            return None
        return pause

    # --- tokens -----------------------------------------------------------------------------

    async def _token(self, access: Access) -> str | Failure:
        if access.grant is None:
            known = self._tokens.get(access)
            if isinstance(known, Failure) and (known.retry_at or 0) > self._clock.now():
                return known
            return access.secret
        now, known = self._clock.now(), self._tokens.get(access)
        if isinstance(known, Failure) and (known.retry_at or 0) > now:
            return known
        if isinstance(known, Token) and now < known.fresh_until:
            return known.text
        made = await self._new_token(access, now)
        self._tokens = {
            one: token for one, token in self._tokens.items() if one.account_id != access.account_id
        } | {access: made}
        return made.text if isinstance(made, Token) else made

    async def _new_token(self, access: Access, now: int) -> Token | Failure:
        grant, retry_at = access.grant, now + REFUSED_SECONDS * SECOND
        if grant is None:
            raise TypeError("a bearer token is not asked for")
        dated = self._machine_clock.now()
        try:
            form = await asyncio.to_thread(entry.token_form, grant, access.secret, now=dated)
        except ValueError:
            reason = "the private key cannot sign; apply the file with another"
            return Failure(reason=reason, retry_at=retry_at, is_of_account=True)
        answer = await self._dialer.ask(
            "POST",
            f"{grant.oauth_base}/oauth/token",
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            body=form,
        )
        if isinstance(answer, str):
            reason = f"{grant.oauth_base}: {answer}"
            return Failure(reason=reason, retry_at=retry_at, is_of_account=True)
        made = entry.read_token(answer.status, answer.body, grant, now=now)
        if isinstance(made, Token):
            return made
        return Failure(reason=made, retry_at=retry_at, is_of_account=True)

    def _entry_refused(self, access: Access) -> Failure:
        """Return why the account lets nobody in, and ask no more for a while."""
        what = "bearer token" if access.grant is None else "token of the integration"
        failure = Failure(
            reason=f"the account does not accept the {what} (401); it may be expired, or of"
            " another environment than base_url",
            retry_at=self._clock.now() + REFUSED_SECONDS * SECOND,
            is_of_account=True,
        )
        self._tokens[access] = failure
        return failure

    # --- answers ----------------------------------------------------------------------------

    def _remember(self, key: tuple[str, str, str], known: _Known) -> None:
        before = self._known.pop(key, None)
        self._known_bytes += _size(known) - (_size(before) if before else 0)
        self._known[key] = known
        while len(self._known) > REMEMBERED or self._known_bytes > REMEMBERED_BYTES:
            _, oldest = self._known.popitem(last=False)
            self._known_bytes -= _size(oldest)


def _size(known: _Known) -> int:
    return len(known.told) if isinstance(known.told, bytes) else 0


def _envelope_of(answer: Answer, *, retry_at: int) -> bytes | Failure:
    if answer.status == HTTPStatus.NOT_FOUND:
        return Failure(reason="the account does not know this envelope", retry_at=retry_at)
    if not answer.is_success:
        return msgspec.structs.replace(_refused(answer), retry_at=retry_at)
    try:
        msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
    except _UNREADABLE:
        return Failure(reason="the answer is no envelope; is base_url right?", retry_at=retry_at)
    return answer.body


def _refused(answer: Answer) -> Failure:
    """Return why a question was refused, in Docusign's own code where it has the shape of one."""
    try:
        code = msgspec.json.decode(answer.body, type=_Refusal).errorCode
    except _UNREADABLE:
        code = ""
    said = f" ({code})" if _CODE.fullmatch(code) else ""
    return Failure(reason=f"the account answered {answer.status}{said}")
