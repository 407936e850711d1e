"""The guard between staging and production: refused when saved, not noticed when sent."""

from postroom.model import Account, Listener
from postroom.routing import grammar, words
from postroom.routing.conditions import conjuncts, pinned_texts


def check(account: Account, listener: Listener) -> str | None:
    """Return why a listener of one environment could get another's envelopes, or None.

    Where the account names the custom field that tells its environments apart, the filter of a
    listener with an `environment` must insist on exactly that one, in a condition that holds
    whatever else the filter says. `Env: staging` and `Env: [staging]` do; `any` does not.
    """
    field, environment = account.environment_field, listener.environment
    if field is None or environment is None:
        return None
    wanted: list[str] = []
    for node in conjuncts(grammar.read(listener.filter).node):
        pinned = pinned_texts(node)
        if pinned is None or pinned[0] != field:
            continue
        if set(pinned[1]) == {environment}:
            return None
        wanted += pinned[1]
    remedy = f"add `customFields.{field}: {environment}` to the outermost level of its filter"
    if wanted:
        others = ", ".join(words.quoted(text) for text in wanted[: words.MOST_ENTRIES])
        return (
            f"listener {listener.name} is for {environment}, but its filter asks for "
            f"{field} {others}; {remedy}, or correct `environment`"
        )
    return (
        f"listener {listener.name} is for {environment}, but its filter does not insist on "
        f"the custom field {field}; {remedy}"
    )
