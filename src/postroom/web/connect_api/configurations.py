"""Connect configurations on Docusign's paths (contract 6)."""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency

from postroom.operations.connect import configurations
from postroom.operations.connect.callers import Caller
from postroom.web.connect_api import answers
from postroom.web.connect_api.asking import Id
from postroom.web.connect_api.services import ConnectServices
from postroom.web.connect_api.sign_in import administrators_only

Services = NamedDependency[ConnectServices]
Who = NamedDependency[Caller]
Said = NamedDependency[Any]
Answer = Response[bytes]


@get("/connect", guards=[administrators_only])
async def list_configurations(services: Services, caller: Who) -> Answer:
    """List the account's configurations."""
    return answers.answer(
        await configurations.list_configurations(services.envelopes, caller.account_id)
    )


@post("/connect", status_code=201, guards=[administrators_only])
async def create_configuration(services: Services, caller: Who, said: Said) -> Answer:
    """Create a configuration; it is off until `allowEnvelopePublish`."""
    made = await configurations.create_configuration(
        services.envelopes, caller.account_id, said, actor=caller.actor
    )
    place = f"/restapi/v2.1/accounts/{caller.account_id}/connect/{made['connectId']}"
    return answers.answer(made, status=201, headers={"Location": place})


@put("/connect", guards=[administrators_only])
async def update_configuration(services: Services, caller: Who, said: Said) -> Answer:
    """Change the configuration that `connectId` names in the body."""
    return answers.answer(
        await configurations.update_configuration(
            services.envelopes, caller.account_id, said, actor=caller.actor
        )
    )


@get("/connect/{connect_id:str}", guards=[administrators_only])
async def show_configuration(services: Services, caller: Who, connect_id: Id) -> Answer:
    """Return one configuration, in a list of one."""
    return answers.answer(
        await configurations.get_configuration(services.envelopes, caller.account_id, connect_id)
    )


@delete("/connect/{connect_id:str}", status_code=200, guards=[administrators_only])
async def delete_configuration(services: Services, caller: Who, connect_id: Id) -> Answer:
    """Delete a configuration; the answer is empty."""
    await configurations.delete_configuration(
        services.envelopes, caller.account_id, connect_id, actor=caller.actor
    )
    return answers.empty()


ROUTES = (
    list_configurations,
    create_configuration,
    update_configuration,
    show_configuration,
    delete_configuration,
)
