"""Templates on Docusign's paths: as much as envelopes made from them need."""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency

from postroom.operations.connect import templates
from postroom.operations.connect.callers import Caller
from postroom.web.connect_api import answers
from postroom.web.connect_api.asking import Id
from postroom.web.connect_api.services import ConnectServices

Services = NamedDependency[ConnectServices]
Who = NamedDependency[Caller]
Said = NamedDependency[Any]
Answer = Response[bytes]


@get("/templates")
async def list_templates(services: Services, caller: Who) -> Answer:
    """List the account's templates."""
    return answers.answer(await templates.list_templates(services.envelopes, caller.account_id))


@post("/templates", status_code=201)
async def create_template(services: Services, caller: Who, said: Said) -> Answer:
    """Keep a template."""
    made = await templates.create_template(
        services.envelopes, caller.account_id, said, user_id=caller.user_id
    )
    return answers.answer(made, status=201)


@get("/templates/{template_id:str}")
async def show_template(services: Services, caller: Who, template_id: Id) -> Answer:
    """Return a template as it was given."""
    return answers.answer(
        await templates.show_template(services.envelopes, caller.account_id, template_id)
    )


@put("/templates/{template_id:str}")
async def update_template(services: Services, caller: Who, template_id: Id, said: Said) -> Answer:
    """Change a template."""
    return answers.answer(
        await templates.update_template(
            services.envelopes, caller.account_id, template_id, said, user_id=caller.user_id
        )
    )


@delete("/templates/{template_id:str}", status_code=200)
async def delete_template(services: Services, caller: Who, template_id: Id) -> Answer:
    """Forget a template."""
    await templates.delete_template(
        services.envelopes, caller.account_id, template_id, user_id=caller.user_id
    )
    return answers.answer({})


ROUTES = (list_templates, create_template, show_template, update_template, delete_template)
