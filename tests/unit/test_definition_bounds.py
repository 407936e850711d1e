"""What a definition may cost: its layers count, and a template counts as often as it is used."""

import pytest
from tests.unit.envelope_cast import ANN, definition, read

from postroom.errors import DocusignError
from postroom.model import Json

TEMPLATE = "b0000000-0000-4000-8000-000000000001"


def refusal(body: Json, template: Json) -> str:
    with pytest.raises(DocusignError) as caught:
        read(body, templates={TEMPLATE: template})
    return str(caught.value)


def server_templates(count: int) -> list[Json]:
    return [{"sequence": str(at + 1), "templateId": TEMPLATE} for at in range(count)]


def nested(depth: int) -> Json:
    return "end" if depth == 0 else {"deeper": nested(depth - 1)}


def test_the_layers_of_all_composites_together_are_bounded() -> None:
    inline = [{"sequence": "1", "documents": [{"documentId": "1"}]}] * 26
    composites = [{"inlineTemplates": inline}, {"inlineTemplates": inline}]
    said = refusal(definition(compositeTemplates=composites), {})
    assert said == "compositeTemplates have more than 50 templates; use fewer."


def test_a_template_named_again_and_again_counts_each_time() -> None:
    tabs = {"textTabs": [{"tabLabel": str(at)} for at in range(4_000)]}
    template = {"recipients": {"signers": [ANN | {"tabs": tabs}]}}
    composites = [{"serverTemplates": server_templates(49)}]
    said = refusal(definition(compositeTemplates=composites), template)
    assert said == "What the templates say holds more than 200000 values; send less."


@pytest.mark.parametrize(
    "person", [{"customFields": nested(100)}, {"note": "a\0b"}, {"note": "\ud800"}]
)
def test_a_template_is_held_to_what_a_body_is_held_to(person: Json) -> None:
    template = {"recipients": {"signers": [ANN | person]}}
    assert refusal(definition(templateId=TEMPLATE), template)


def test_the_documents_of_all_layers_together_are_bounded() -> None:
    documents = [{"documentId": str(at + 1)} for at in range(200)]
    composites = [{"inlineTemplates": [{"sequence": "1", "documents": documents}]}] * 50
    said = refusal(definition(compositeTemplates=composites), {})
    assert said == "documents are more than 200; send fewer."
