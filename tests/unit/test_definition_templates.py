"""Templates under a definition: roles filled, layers laid over each other, papers numbered."""

import pytest
from tests.unit.envelope_cast import ANN, definition, document, read

from postroom.envelopes.envelope import Envelope
from postroom.errors import DocusignError
from postroom.model import Json

NDA = "b0000000-0000-4000-8000-000000000001"
TERMS = "b0000000-0000-4000-8000-000000000002"


def template(name: str, **more: Json) -> Json:
    text_tab = {"tabLabel": "po", "value": "0", "documentId": "1", "xPosition": "10"}
    return {
        "name": name,
        "status": "created",
        "emailSubject": f"{name} to sign",
        "documents": [document()],
        "recipients": {
            "signers": [
                {"recipientId": "1", "roleName": "Client", "tabs": {"textTabs": [text_tab]}},
                {"recipientId": "2", "roleName": "Witness", "routingOrder": "2"},
            ]
        },
        "customFields": {"textCustomFields": [{"name": "Kind", "value": name}]},
    } | more


TEMPLATES = {NDA: template("NDA"), TERMS: template("Terms")}
CLIENT = {"roleName": "client", "name": "Ann Adams", "email": "ann@example.com"}


def made(**body: Json) -> Envelope:
    return read(body, templates=TEMPLATES).envelope


def people(envelope: Envelope) -> list[tuple[str, str, str | None]]:
    return [(one.id, one.name, one.role_name) for one in envelope.recipients]


def test_a_template_gives_papers_subject_and_fields_and_its_unfilled_roles_fall_away() -> None:
    envelope = made(templateId=NDA.upper(), templateRoles=[CLIENT], status="sent")
    assert envelope.subject == "NDA to sign"
    assert envelope.templates == ((NDA, "NDA"),)
    assert [one.id for one in envelope.documents] == ["1"]
    assert [(one.name, one.value) for one in envelope.fields] == [("Kind", "NDA")]
    assert people(envelope) == [("1", "Ann Adams", "client")]
    assert envelope.status == "sent"


def test_a_roles_tabs_take_values_by_label_where_the_template_put_them() -> None:
    role = CLIENT | {"tabs": {"textTabs": [{"tabLabel": "PO", "value": "4711"}]}}
    tab = made(templateId=NDA, templateRoles=[role]).recipients[0].tabs["textTabs"][0]
    assert (tab["value"], tab["xPosition"]) == ("4711", "10")


def test_a_role_the_template_has_not_becomes_a_signer_without_tabs() -> None:
    envelope = made(templateId=NDA, templateRoles=[CLIENT | {"roleName": "Buyer"}])
    assert [(one.name, one.role, one.tabs) for one in envelope.recipients] == [
        ("Ann Adams", "signers", None)
    ]


def test_what_the_definition_says_wins_over_its_template() -> None:
    fields = {"textCustomFields": [{"name": "Kind", "value": "mine"}]}
    envelope = made(templateId=NDA, emailSubject="Mine", customFields=fields)
    assert envelope.subject == "Mine"
    assert [one.value for one in envelope.fields] == ["mine"]


def test_composites_stand_beside_each_other_each_with_its_papers_and_its_tabs() -> None:
    inline = {"sequence": "2", "recipients": {"signers": [ANN | {"roleName": "Client"}]}}
    composites = [
        {"serverTemplates": [{"sequence": "1", "templateId": one}], "inlineTemplates": [inline]}
        for one in (NDA, TERMS)
    ]
    envelope = made(compositeTemplates=composites)
    assert [one.id for one in envelope.documents] == ["1", "2"]
    assert people(envelope) == [("1", "Ann Adams", "Client")]
    assert envelope.templates == ((NDA, "NDA"), (TERMS, "Terms"))
    assert envelope.subject == "Terms to sign"


def test_two_people_of_one_id_in_two_composites_are_two_recipients() -> None:
    ben = {"recipientId": "1", "name": "Ben", "email": "ben@example.com"}
    inlines: list[Json] = [{"signers": [ANN]}, {"signers": [ben]}]
    composites = [
        {
            "inlineTemplates": [{"sequence": 1, "recipients": one}],
            "document": document(),
        }
        for one in inlines
    ]
    envelope = made(compositeTemplates=composites)
    assert people(envelope) == [("1", "Ann Adams", None), ("2", "Ben", None)]
    assert [one.id for one in envelope.documents] == ["1", "2"]


def test_a_composites_document_takes_the_place_of_the_templates_and_of_their_tabs() -> None:
    composite = {
        "serverTemplates": [{"sequence": "1", "templateId": NDA}],
        "inlineTemplates": [
            {"sequence": "2", "recipients": {"signers": [ANN | {"roleName": "Client"}]}}
        ],
        "document": document("5", name="other.pdf"),
    }
    envelope = made(compositeTemplates=[composite])
    assert [(one.id, one.name) for one in envelope.documents] == [("5", "other.pdf")]
    assert envelope.recipients[0].tabs["textTabs"][0]["documentId"] == "5"


def test_a_later_layer_lies_on_top_whatever_the_order_in_the_list() -> None:
    composite = {
        "inlineTemplates": [
            {"sequence": "2", "recipients": {"signers": [ANN | {"note": "upper"}]}},
            {"sequence": "1", "recipients": {"signers": [ANN | {"note": "lower"}]}},
        ],
        "document": document(),
    }
    assert made(compositeTemplates=[composite]).recipients[0].note == "upper"


def test_a_template_that_is_not_there_is_refused_by_code() -> None:
    with pytest.raises(DocusignError) as caught:
        made(templateId="b0000000-0000-4000-8000-00000000000f")
    assert caught.value.code == "TEMPLATE_ID_INVALID"


def test_without_templates_a_recipient_without_a_name_stays_in_the_draft() -> None:
    envelope = read(definition(recipients={"signers": [{"roleName": "Client"}]})).envelope
    assert people(envelope) == [("1", "", "Client")]
