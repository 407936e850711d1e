"""Advise: which of the five options, by the facts in the body and by traffic."""

from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from postroom.model import Json, Noun
from postroom.operations import advise
from postroom.operations.advise import Advised
from postroom.operations.advising.traffic import MOST_DAYS
from postroom.web.api.services import Services


class Question(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is told, and whether traffic is asked too."""

    facts: Json = None
    from_traffic: bool = False
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 30


@post("/advise", status_code=200)
async def ask_for_advice(services: NamedDependency[Services], data: JSONBody[Question]) -> Advised:
    """Advise which of the five options is right for which integration; changes nothing.

    `facts` is the file of facts as JSON; problems name their places in it. Without it the
    listeners that are there are asked about, by what `from_traffic` shows.
    """
    return await advise.advise(
        services.store,
        data.facts,
        from_traffic=data.from_traffic,
        days=data.days,
        now=services.clock.now(),
    )
