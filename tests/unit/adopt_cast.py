"""Connect configurations as Docusign answers with them, and the account that has them."""

from typing import Any

from postroom.model import Group, User
from postroom.operations.adopting.account import Standing
from postroom.operations.adopting.plan import AdoptionPlan, make

A1 = "a1000000-0000-4000-8000-000000000001"
ANN = "5f0c1f3e-0000-4000-8000-0000000000a1"
BOB = "5f0c1f3e-0000-4000-8000-0000000000b0"
CARL = "5f0c1f3e-0000-4000-8000-0000000000c0"
SALES = Group(id="7001", name="Sales")
ROBOTS = Group(id="7002", name="Robots")
USERS = (
    User(id=ANN, email="ann@example.com", groups=("Sales",)),
    User(id=BOB, email="bob@example.com", groups=("Sales", "Robots")),
    User(id=CARL, email="carl@example.com"),
)
GATEWAY = "https://connect.example.com/connect"


def configuration(connect_id: int, **said: Any) -> dict[str, Any]:
    """Return a configuration for all users, in JSON SIM, that is on; `said` is otherwise."""
    return {
        "connectId": str(connect_id),
        "configurationType": "custom",
        "urlToPublishTo": f"https://listener{connect_id}.example.com/hook",
        "name": f"Listener {connect_id}",
        "allowEnvelopePublish": "true",
        "allUsers": "true",
        "deliveryMode": "SIM",
        "requiresAcknowledgement": "true",
        "includeHMAC": "true",
        "events": ["envelope-completed"],
        "eventData": {"version": "restv2.1", "includeData": ["recipients"]},
    } | said


def standing(*configurations: dict[str, Any], **said: Any) -> Standing:
    given: dict[str, Any] = {
        "account_id": A1,
        "name": "Acme Corp",
        "configurations": configurations,
        "users": USERS,
        "groups": (SALES, ROBOTS),
        "fields": ("Integration",),
    }
    return Standing(**(given | said))


def planned(*configurations: dict[str, Any], empty_mode: Any = None) -> AdoptionPlan:
    return make(
        standing(*configurations), gateway_url=GATEWAY, name="Postroom 1", empty_mode=empty_mode
    )
