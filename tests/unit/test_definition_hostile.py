"""Whatever a body is: it is read, or refused with `DocusignError`, and what is read can be told."""

from collections.abc import Callable
from itertools import count

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.envelope_cast import ACCOUNT, ANN, NOON, PDF, definition, document, guids, read

from postroom.envelopes import message, rest_view
from postroom.envelopes.definition import (
    read_custom_fields,
    read_documents,
    read_recipients,
    read_update,
    remove_custom_fields,
    results_view,
)
from postroom.envelopes.envelope import Envelope, Happening
from postroom.errors import DocusignError
from postroom.model import Json

KEYS = (
    "status emailSubject EMAILBLURB documents documentBase64 documentId name fileExtension order "
    "htmlDefinition source documentFields value tabs prefillTabs textTabs formulaTabs tabLabel "
    "paymentDetails recipients signers carbonCopies seals recipientId routingOrder email roleName "
    "accessCode clientUserId customFields textCustomFields listCustomFields listItems fieldId "
    "required show notification reminders expirations reminderDelay expireAfter templateId "
    "templateRoles compositeTemplates serverTemplates inlineTemplates sequence document envelope "
    "eventNotification eventNotifications emailSettings attachments powerForm powerFormId "
    "transactionId allowReassign emailSubjekt"
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**100),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["sent", "true", "1", "t", "a@b.example", PDF, "pdf", "\x00", "\ud800"]),
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=5),
    ),
    max_leaves=25,
)


def bodies() -> st.SearchStrategy[Json]:
    """Bodies that are nearly right: something else somewhere in a sound one, or anything."""
    people = st.lists(
        st.dictionaries(st.sampled_from(KEYS.split()), ANYTHING, max_size=3).map(lambda d: ANN | d),
        max_size=3,
    )
    papers = st.lists(
        st.dictionaries(st.sampled_from(KEYS.split()), ANYTHING, max_size=2).map(
            lambda d: document() | d
        ),
        max_size=2,
    )
    sound = st.builds(
        lambda signers, documents, more: definition(
            recipients={"signers": signers}, documents=documents, **more
        ),
        people,
        papers,
        st.dictionaries(
            st.sampled_from(
                [key for key in KEYS.split() if key not in {"recipients", "documents"}]
            ),
            ANYTHING,
            max_size=4,
        ),
    )
    return st.one_of(sound, ANYTHING)


def attempt(reading: Callable[[], Json]) -> Json:
    """Return what was read, or None where it was refused as a person or a client can use."""
    refused: DocusignError | None = None
    read: Json = None
    try:
        read = reading()
    except DocusignError as error:
        refused = error
    if refused is not None:
        assert refused.code.isupper()
        assert 0 < len(str(refused)) < 1_000
        str(refused).encode()
    return read


def tell(envelope: Envelope) -> None:
    body = message.full_message(envelope, Happening(event="envelope-sent"), at=NOON)
    told = msgspec.json.decode(body)["data"]["envelopeSummary"]
    assert len(told["recipients"]["signers"]) <= int(told["recipients"]["recipientCount"])
    for view in (
        rest_view.envelope_view(envelope, message.EVERYTHING),
        rest_view.recipients_view(envelope, tabs=True),
        rest_view.documents_view(envelope),
    ):
        msgspec.json.encode(view)
    kept = msgspec.json.encode(envelope)
    assert msgspec.json.decode(kept, type=Envelope) == envelope


@settings(deadline=None)
@given(bodies(), st.dictionaries(st.just("t"), ANYTHING, max_size=1))
def test_any_definition_is_read_or_refused(body: Json, templates: dict[str, Json]) -> None:
    draft = attempt(lambda: read(body, templates=templates))
    if draft is not None:
        assert {one.id for one in draft.envelope.documents} == dict(draft.documents).keys()
        ids = [one.id for one in draft.envelope.recipients]
        assert len(ids) == len(set(ids))
        tell(draft.envelope)


@settings(deadline=None)
@given(bodies())
def test_any_change_is_read_or_refused(body: Json) -> None:
    envelope = read(definition()).envelope
    changed = attempt(lambda: read_update(body, envelope, at=NOON))
    if changed is not None:
        tell(changed)
    people = attempt(lambda: read_recipients(body, envelope, account=ACCOUNT, new_guid=guids()))
    if people is not None:
        msgspec.json.encode(results_view(people))
        assert {one.id for one in people.recipients} <= set(people.named)
    numbers = count()
    attempt(lambda: read_documents(body, new_guid=lambda: str(next(numbers))))
    for adding in (True, False):
        made = attempt(lambda: read_custom_fields(body, envelope.fields, is_adding=adding))  # noqa: B023  # called at once
        if made is not None:
            msgspec.json.encode(rest_view.custom_fields_view(made.fields))
    attempt(lambda: remove_custom_fields(body, envelope.fields))
