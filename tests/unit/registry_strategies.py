"""Systems as they could be, for Hypothesis: documents that `apply` takes."""

from typing import Any

from hypothesis import strategies as st
from tests.acceptance.cast import A1, A2, ALICE, BOB

GROUPS = ("robots", "Sales & co", "0123", "yes")
WORDS = st.one_of(
    st.text(min_size=1, max_size=12).filter(str.isprintable),
    st.sampled_from(
        ["0123", "1.10", "yes", "null", "12:30", "2026-01-01", "<<", "=", "- a", "a: b"]
    ),
)
NAMES = WORDS.filter(lambda one: "/" not in one)


def _or_nothing(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


FILTERS = st.recursive(
    st.dictionaries(
        st.sampled_from(["customFields.Integration", "envelope.emailSubject", "sender.email"]),
        st.one_of(
            WORDS,
            st.sampled_from(["a\x85b", "x\ny", "\u2028z", "tab\t", "\r"]),
            st.integers(-(10**18), 10**18),
            st.booleans(),
            st.lists(WORDS, min_size=1, max_size=3),
            st.builds(lambda text: {"startsWith": text}, WORDS),
            st.builds(lambda number: {"gt": number}, st.integers(0, 10**6)),
            st.builds(lambda is_there: {"exists": is_there}, st.booleans()),
        ),
        min_size=1,
        max_size=3,
    ),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=4,
)
ENTRIES = st.lists(
    st.sampled_from([*GROUPS, ALICE.email, ALICE.user_id, BOB.user_id.upper()]),
    min_size=1,
    max_size=3,
    unique=True,
)


@st.composite
def listeners(draw: st.DrawFn, account: str, name: str) -> dict[str, Any]:
    form = draw(st.sampled_from(["pass-through", "sim", "aggregate", "xml"]))
    said = draw(
        _or_nothing(
            events=st.lists(
                st.sampled_from(["Completed", "envelope-sent", "recipient-signed", "tomorrow"]),
                max_size=3,
            ),
            users=st.one_of(
                st.builds(lambda one: {"only": one}, ENTRIES),
                st.builds(lambda one: {"except": one}, ENTRIES),
            ),
            filter=FILTERS,
            comparison=st.sampled_from(["exact", "loose"]),
            field_policy=st.sampled_from(["current", "sticky"]),
            lane=st.sampled_from(["write-back", "yes"]),
            mode=st.sampled_from(["live", "shadow"]),
            acknowledgement=st.booleans(),
            timeout_seconds=st.one_of(st.integers(1, 600), st.floats(0.05, 600)),
            concurrency=st.integers(1, 256),
            ordering=st.sampled_from(["envelope", "none"]),
            retry=st.one_of(
                st.just("standard"), st.lists(st.floats(0, 9000), min_size=1, max_size=3)
            ),
        )
    )
    if form in {"sim", "aggregate"}:
        said |= draw(
            _or_nothing(
                include=st.lists(st.sampled_from(["custom_fields", "recipients"]), unique=True),
                mask=st.just(["emails"]),
            )
        )
    url = "https://erp.example.com/docusign"
    return {"name": name, "account": account, "url": url, "format": form} | said


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document of two accounts with users, listeners and lanes."""
    users = [
        {"id": ALICE.user_id, "email": ALICE.email, "groups": list(GROUPS)},
        draw(
            st.sampled_from(
                [{"email": BOB.email}, {"id": BOB.user_id}, {"id": BOB.user_id, "groups": ["yes"]}]
            )
        ),
    ]
    accounts = [
        {"id": A1, "name": draw(WORDS), "users": users, "unsigned": True},
        {"id": A2, "name": "Acme UK", "users": users}
        | draw(_or_nothing(parent=st.just(A1), environment_field=NAMES)),
    ]
    named = draw(st.lists(NAMES, max_size=4, unique=True))
    made = [draw(listeners(draw(st.sampled_from([A1, A2])), name)) for name in named]
    lanes = {(one["account"], one["lane"]): one["name"] for one in made if "lane" in one}
    entries = [
        {"account": account, "name": lane}
        | draw(
            _or_nothing(on_crossing=st.sampled_from(["hold", "deliver"]), prefer=st.just([name]))
        )
        for (account, lane), name in lanes.items()
    ]
    return {"accounts": accounts, "lanes": entries, "listeners": made}
