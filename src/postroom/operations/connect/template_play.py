"""A template's story, beat by beat, as the REST API would do it."""

from postroom.envelopes import scenes
from postroom.envelopes.scenes import Scene
from postroom.envelopes.stories import TemplateBeat
from postroom.errors import ConflictError
from postroom.model import Json
from postroom.operations.connect import templates
from postroom.operations.connect.living import ConnectServer

_CHANGE: Json = {"description": "Changed"}


def id_of(scene: Scene) -> str:
    """Return the id of a scene's template: the first GUID that its seed makes."""
    return scenes.guids(scene.seed)()


async def play(
    server: ConnectServer, scene: Scene, beat: TemplateBeat, *, account_id: str, user_id: str
) -> None:
    """Do to a scene's template what a beat says; `server` makes its ids from the scene's seed.

    Raises `ConflictError` for a template that is there already, `DocusignError` for one that has
    been deleted meanwhile.
    """
    template_id = id_of(scene)
    if beat.verb == "create":
        if await server.store.kept_objects(templates.KIND, account_id, [template_id]):
            raise ConflictError(
                "the templates of this seed were made here before; give another seed, or none"
            )
        await templates.create_template(server, account_id, scene.definition, user_id=user_id)
    elif beat.verb == "change":
        await templates.update_template(server, account_id, template_id, _CHANGE, user_id=user_id)
    else:
        await templates.delete_template(server, account_id, template_id, user_id=user_id)
