"""Docusign's own log, failures and retry queue, and historical publish (contract 6)."""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency

from postroom.operations.connect import historical, logs
from postroom.operations.connect.callers import Caller
from postroom.web.connect_api import answers
from postroom.web.connect_api.asking import Id, moment_of
from postroom.web.connect_api.services import ConnectServices
from postroom.web.connect_api.sign_in import administrators_only

Services = NamedDependency[ConnectServices]
Who = NamedDependency[Caller]
Said = NamedDependency[Any]
Asked = NamedDependency[dict[str, str]]
Answer = Response[bytes]


@get("/connect/logs", guards=[administrators_only])
async def list_logs(services: Services, caller: Who, asked: Asked) -> Answer:
    """Return the newest entries of the log."""
    return answers.answer(
        await logs.list_logs(
            services.envelopes,
            caller.account_id,
            from_at=moment_of(asked, "from_date"),
            until_at=moment_of(asked, "to_date"),
        )
    )


@delete("/connect/logs", status_code=200, guards=[administrators_only])
async def delete_logs(services: Services, caller: Who) -> Answer:
    """Empty the log."""
    await logs.delete_log(services.envelopes, caller.account_id, "all", kind="log")
    return answers.empty()


@get("/connect/logs/{log_id:str}", guards=[administrators_only])
async def show_log(services: Services, caller: Who, log_id: Id, asked: Asked) -> Answer:
    """Return one entry, with its attempts where `additional_info` is true."""
    return answers.answer(
        await logs.show_log(
            services.envelopes,
            caller.account_id,
            log_id,
            with_attempts=asked.get("additional_info", "").lower() == "true",
        )
    )


@delete("/connect/logs/{log_id:str}", status_code=200, guards=[administrators_only])
async def delete_log(services: Services, caller: Who, log_id: Id) -> Answer:
    """Take one entry out of the log, or all."""
    await logs.delete_log(services.envelopes, caller.account_id, log_id, kind="log")
    return answers.empty()


@get("/connect/failures", guards=[administrators_only])
async def list_failures(services: Services, caller: Who, asked: Asked) -> Answer:
    """Return what failed and is retried, or was given up."""
    return answers.answer(
        await logs.list_failures(
            services.envelopes,
            caller.account_id,
            from_at=moment_of(asked, "from_date"),
            until_at=moment_of(asked, "to_date"),
        )
    )


@delete("/connect/failures/{failure_id:str}", status_code=200, guards=[administrators_only])
async def delete_failure(services: Services, caller: Who, failure_id: Id) -> Answer:
    """Take one entry out of the failures, or all."""
    await logs.delete_log(services.envelopes, caller.account_id, failure_id, kind="failure")
    return answers.answer({})


@put("/connect/envelopes/retry_queue", guards=[administrators_only])
async def retry_envelopes(services: Services, caller: Who, said: Said) -> Answer:
    """Publish again what failed of several envelopes."""
    return answers.answer(
        await logs.retry_envelopes(services.envelopes, caller.account_id, said, actor=caller.actor)
    )


@put("/connect/envelopes/{envelope_id:str}/retry_queue", guards=[administrators_only])
async def retry_envelope(services: Services, caller: Who, envelope_id: Id) -> Answer:
    """Publish again what failed of one envelope."""
    return answers.answer(
        await logs.retry_envelope(
            services.envelopes, caller.account_id, envelope_id, actor=caller.actor
        )
    )


@post("/connect/envelopes/publish/historical", status_code=201, guards=[administrators_only])
async def publish_historical(services: Services, caller: Who, said: Said) -> Answer:
    """Publish the present state of envelopes to a configuration given on the spot."""
    made = await historical.publish(services.envelopes, caller.account_id, said, actor=caller.actor)
    return answers.answer(made, status=201)


@get("/connect/envelopes/publish/historical/{transaction_id:str}", guards=[administrators_only])
async def show_historical(services: Services, caller: Who, transaction_id: Id) -> Answer:
    """Return a publish transaction as it stands."""
    return answers.answer(
        await historical.show_publish(services.envelopes, caller.account_id, transaction_id)
    )


ROUTES = (
    list_logs,
    delete_logs,
    show_log,
    delete_log,
    list_failures,
    delete_failure,
    retry_envelopes,
    retry_envelope,
    publish_historical,
    show_historical,
)
