"""Facts to be advised about: two service users, two people, one account and its sub-account."""

from typing import Any

from hypothesis import strategies as st

from postroom.model import Json, Registry
from postroom.operations.advising import facts as given
from postroom.operations.advising import files as written
from postroom.operations.advising.files import Files
from postroom.routing.advising import advice, wording
from postroom.routing.advising.advice import Placed
from postroom.routing.advising.facts import Facts
from postroom.routing.advising.wording import Advice, Recommendation

A1 = "a1000000-0000-4000-8000-000000000001"
A2 = "a2000000-0000-4000-8000-000000000002"
IDS = {
    "crm@example.com": "5f0c1f3e-0000-4000-8000-000000000123",
    "erp@example.com": "5f0c1f3e-0000-4000-8000-000000000567",
    "ann@example.com": "5f0c1f3e-0000-4000-8000-0000000000a1",
    "bob@example.com": "5f0c1f3e-0000-4000-8000-0000000000b2",
}
GROUPS = {"crm@example.com": ["services"], "erp@example.com": ["services", "erp"]}
USERS = [{"id": id_, "email": email, "groups": GROUPS.get(email, [])} for email, id_ in IDS.items()]
MAIN: Json = {"id": A1, "name": "Main", "environment_field": "Env", "users": USERS}
SUB: Json = {"id": A2, "name": "Sub", "parent": A1, "users": USERS}
NOBODY = Registry(revision=0, accounts={}, listeners={}, lanes={})


def integration(name: str, *senders: str, **more: Any) -> dict[str, Json]:
    """Return an integration as the file of facts tells it; without senders people send for it."""
    said = {"name": name, "url": f"https://{name}.example.com/listener"}
    return said | ({"senders": list(senders)} if senders else {}) | more


def field(value: str, how: str = "always", name: str = "Integration") -> dict[str, Json]:
    return {"name": name, "value": value, "set": how}


def document(*integrations: Json, accounts: tuple[Json, ...] = (MAIN, SUB), **facts: Any) -> Json:
    return {"accounts": list(accounts), "integrations": list(integrations)} | facts


def facts(*integrations: Json, **more: Any) -> Facts:
    return given.read(document(*integrations, **more)).facts


def advised(*integrations: Json, **more: Any) -> Advice:
    told = facts(*integrations, **more)
    return wording.tell(advice.place(told), told)


def options(said: Advice) -> dict[str, tuple[int, ...]]:
    return {one.integration: one.options for one in said.recommendations}


def about(said: Advice, name: str) -> Recommendation:
    [one] = [one for one in said.recommendations if one.integration == name]
    return one


def why_not(said: Advice, name: str, option: int) -> str:
    [reason] = [one.why_not for one in about(said, name).passed_over if one.option == option]
    return reason


def worked_out(said: Json) -> tuple[Facts, Placed, Files]:
    """Return what a document of facts comes to: facts, places and files."""
    told = given.read(said)
    placed = advice.place(told.facts)
    return told.facts, placed, written.write(placed, told.facts, told.key_envs, NOBODY)


_senders = st.none() | st.lists(
    st.sampled_from((*IDS, *IDS.values(), "services", "erp", "new@example.com")),
    min_size=1,
    max_size=2,
    unique=True,
)
_field = st.none() | st.builds(
    field,
    st.sampled_from(("CRM", "ERP")),
    st.sampled_from(("always", "sometimes", "possible")),
    st.sampled_from(("Integration", "Unit")),
)


@st.composite
def _integration(draw: st.DrawFn, name: str) -> dict[str, Json]:
    said: dict[str, Json] = {
        "senders": draw(_senders),
        "field": draw(_field),
        "only_for_it": draw(st.none() | st.booleans()),
        "environment": draw(st.sampled_from((None, None, "live", "test"))),
        "account": draw(st.sampled_from(("Main", "Main", "Main", "Sub"))),
        "wants": draw(st.sampled_from(("own", "own", "own", "all"))),
    }
    if said["account"] == "Sub":
        del said["environment"]
    switches = ("created_by_api", "code_can_change", "listener_can_change", "strict")
    said |= {name: draw(st.booleans()) for name in switches}
    return integration(name) | {key: value for key, value in said.items() if value is not None}


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Draw facts about up to four integrations that have much in common."""
    names = ("i1", "i2", "i3", "i4")[: draw(st.integers(1, 4))]
    switches: Json = {
        name: draw(st.booleans()) for name in ("postroom", "may_configure", "further_account")
    }
    switches["comparison"] = draw(st.sampled_from(("exact", "loose")))
    switches["field_policy"] = draw(st.sampled_from(("current", "sticky")))
    return document(*(draw(_integration(name)) for name in names)) | switches
