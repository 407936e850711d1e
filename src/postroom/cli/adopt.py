"""`postroom adopt`: put the gateway in the place of an account's Connect configurations."""

import asyncio
import importlib
import re
import secrets
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from postroom.cli import adopt_report, adopt_state, connect_text
from postroom.cli.adopt_sign_in import SignIn, sign_in
from postroom.cli.output import Output, counted
from postroom.cli.seat import NO, OK, guarded
from postroom.errors import ConflictError, InvalidInputError
from postroom.model import Json, Noun
from postroom.operations.adopting import changing, feed, plan
from postroom.operations.adopting.account import ConnectAccount, bare, connect_id, standing
from postroom.operations.adopting.memory import Memory, switched
from postroom.operations.adopting.plan import AdoptionPlan
from postroom.operations.document import GUID

app = typer.Typer(add_completion=False)

_MODES = {"sim": "SIM", "aggregate": "Aggregate"}
_SIGN_IN = "How to sign in"


class _Order(Noun, frozen=True, kw_only=True):
    """What the command was told."""

    sign_in: SignIn
    account_id: str
    gateway_url: str | None
    empty_mode: Any
    out_file: Path
    state_file: Path
    does_apply: bool
    does_undo: bool
    is_ready: bool
    """The gateway is said to have the file."""


@app.command()
def adopt(  # noqa: PLR0913  # one parameter for each option
    *,
    base_path: Annotated[
        str, typer.Option(help="The account's address: https://demo.docusign.net/restapi.")
    ],
    account: Annotated[str, typer.Option(help="The account's GUID.")],
    gateway_url: Annotated[
        str | None, typer.Option(help="The gateway as Docusign reaches it; not with --undo.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Write the connect.yaml here.")
    ] = Path("connect.yaml"),
    apply: Annotated[
        bool, typer.Option("--apply", help="Change the account: create one, switch off the others.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back what --apply has changed.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="The gateway has the file: do not ask before --apply.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What was changed; adopt-ACCOUNT.json if left out."),
    ] = None,
    empty_mode: Annotated[
        str | None,
        typer.Option(help="What a deliveryMode that is not told means: SIM or Aggregate."),
    ] = None,
    integration_key: Annotated[
        str | None, typer.Option(help="A JWT grant: the integration.", rich_help_panel=_SIGN_IN)
    ] = None,
    user_id: Annotated[
        str | None, typer.Option(help="A JWT grant: the user.", rich_help_panel=_SIGN_IN)
    ] = None,
    private_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A JWT grant: the RSA key.", rich_help_panel=_SIGN_IN),
    ] = None,
    oauth_host: Annotated[
        str | None,
        typer.Option(
            help="A JWT grant: account-d.docusign.com for demo.", rich_help_panel=_SIGN_IN
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Write what an account's Connect configurations do as a connect.yaml, and prove it the same.

    Without --apply nothing is changed on the account.
    Signs in by DOCUSIGN_ACCESS_TOKEN, or a JWT grant.
    Ends with 1 if a configuration that is on is not taken over.
    """
    out_ = Output(as_json=as_json)

    def work() -> int:
        order = _Order(
            sign_in=sign_in(
                base_path,
                integration_key=integration_key,
                user_id=user_id,
                private_key=private_key,
                oauth_host=oauth_host,
            ),
            account_id=_guid(account),
            gateway_url=feed.address(gateway_url) if gateway_url is not None else None,
            empty_mode=_mode(empty_mode),
            out_file=out,
            state_file=state or Path(f"adopt-{_guid(account)}.json"),
            does_apply=apply,
            does_undo=undo,
            is_ready=yes,
        )
        if apply and undo:
            raise InvalidInputError("give either --apply or --undo")
        if yes and not apply:
            raise InvalidInputError("--yes is for --apply")
        return asyncio.run(_work(order, out_))

    raise typer.Exit(guarded(out_, work))


async def _work(order: _Order, out: Output) -> int:
    account = _account(order)
    kept = adopt_state.load(order.state_file, order.account_id, order.sign_in.base_path)
    if order.does_undo:
        return await _undo(account, kept, order, out)
    if order.gateway_url is None:
        raise InvalidInputError("--gateway-url: say where Docusign reaches the gateway")
    if kept is not None and kept.phase != "undone":
        return await _go_on(account, kept, order, out)
    name = f"Postroom {secrets.token_hex(4)}"
    now = await standing(account, order.account_id)
    made = plan.make(now, gateway_url=order.gateway_url, name=name, empty_mode=order.empty_mode)
    if made.create is not None:
        _write(made, order, out)
    if order.does_apply and made.create is not None:
        off = {one.adopted.connect_id for one in made.switch_off}
        memory = Memory(
            account_id=order.account_id,
            base_path=order.sign_in.base_path,
            phase="applying",
            create=made.create,
            switch_off=tuple(switched(one) for one in now.configurations if connect_id(one) in off),
        )
        _ask(order, len(memory.switch_off), out)
        await changing.carry_out(account, memory, keep=_keep(order), told=out.note)
    out.say(
        _answer(made, order),
        *adopt_report.lines(made, order.out_file, order.state_file, is_applied=order.does_apply),
    )
    return OK if not any(one.is_on for one in made.left) else NO


def _write(made: AdoptionPlan, order: _Order, out: Output) -> None:
    """Write the connect.yaml; one that is there and says something else is not overwritten."""
    text = connect_text.written(made.document, adopt_report.head(made))
    path = order.out_file
    if not path.exists():
        connect_text.save(path, text)
    elif path.read_bytes() != text.encode():
        if not order.does_apply:
            raise InvalidInputError(
                f"{path} is there and says something else; name another file with --out"
            )
        out.note(
            f"{path} is there already and says something else: it is left as it is, and what is"
            " proved is not about it"
        )


def _ask(order: _Order, count: int, out: Output) -> None:
    """Ask whether the gateway has the file: without it, what comes would reach nobody."""
    if order.is_ready:
        return
    what = f"switches off {counted(count, 'configuration')}"
    if not out.is_interactive:
        raise InvalidInputError(
            f"--apply {what}: the gateway must know their listeners, and the account's HMAC key,"
            f" by then. Once `postroom apply {order.out_file}` is done there, add --yes"
        )
    out.note(
        f"This {what}. Without {order.out_file} and the account's HMAC key the gateway would send"
        " nothing to anybody."
    )
    typer.confirm(f"Has the gateway {order.out_file} (postroom apply)?", abort=True, err=True)


async def _go_on(account: ConnectAccount, kept: Memory, order: _Order, out: Output) -> int:
    """Finish what an earlier --apply began; the plan is the one that was remembered then."""
    if not order.does_apply:
        raise ConflictError(
            f"{order.state_file} says that this account is {_stage(kept)}: --apply goes on with"
            " it, --undo puts it back"
        )
    if kept.create["urlToPublishTo"] != order.gateway_url:
        raise ConflictError(
            f"{order.state_file} is about another gateway, {kept.create['urlToPublishTo']}:"
            " --undo it first"
        )
    done = await changing.carry_out(account, kept, keep=_keep(order), told=out.note)
    out.say(_remembered(done), *adopt_report.done(done, order.state_file))
    return OK


async def _undo(account: ConnectAccount, kept: Memory | None, order: _Order, out: Output) -> int:
    if kept is None:
        raise InvalidInputError(
            f"there is no {order.state_file}; name with --state the file that --apply wrote"
        )
    done = await changing.put_back(account, kept, keep=_keep(order), told=out.note)
    out.say(_remembered(done), *adopt_report.undone(done))
    return OK


def _stage(kept: Memory) -> str:
    return {"applied": "adopted already", "undoing": "half put back"}.get(
        kept.phase, "half adopted"
    )


def _keep(order: _Order) -> changing.Keep:
    return lambda memory: adopt_state.save(order.state_file, memory)


def _answer(made: AdoptionPlan, order: _Order) -> Json:
    said: Json = _without_secrets(msgspec.to_builtins(made))
    return said | {"file": str(order.out_file), "is_applied": order.does_apply}


def _without_secrets(said: Json) -> Json:
    """Leave out what people put secrets into: only the file has it, for the gateway."""
    if isinstance(said, list | tuple):
        return [_without_secrets(one) for one in said]
    if not isinstance(said, dict):
        return said
    return {
        key: bare(one) if key == "url" and isinstance(one, str) else _without_secrets(one)
        for key, one in said.items()
    }


def _remembered(memory: Memory) -> Json:
    return msgspec.to_builtins(memory)


def _account(order: _Order) -> ConnectAccount:
    """Load the SDK, which nothing else needs."""
    try:
        sdk = importlib.import_module("postroom.cli.adopt_sdk")
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("docusign_esign"):
            raise
        raise InvalidInputError(
            "adopt needs Docusign's own SDK: pip install 'postroom[server,adopt]'"
        ) from None
    account: ConnectAccount = sdk.SdkAccount(order.sign_in, order.account_id)
    return account


def _guid(account: str) -> str:
    if not re.fullmatch(GUID, account):
        raise InvalidInputError("--account: write the GUID that Docusign shows for the account")
    return account.lower()


def _mode(empty_mode: str | None) -> str | None:
    if empty_mode is None:
        return None
    if empty_mode.lower() not in _MODES:
        raise InvalidInputError("--empty-mode: SIM or Aggregate")
    return _MODES[empty_mode.lower()]
