"""What a definition says once its templates are under it: templateId, templateRoles, composites.

A template is an envelope definition that the server keeps. Layers lie in the order of their
`sequence`, the definition itself on top; where two say something of one role, label, document or
field, the upper one wins key by key.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from msgspec.structs import replace

from postroom.envelopes import given_fields, given_recipients, given_tabs
from postroom.envelopes.given import Given, check, parameter_error
from postroom.envelopes.given_fields import Kind
from postroom.envelopes.given_recipients import Entry
from postroom.envelopes.limits import Limits
from postroom.errors import DocusignError
from postroom.model import Json, Noun

_ID_CHARACTERS = 100
_MAX_SEQUENCE = 9_999
_TEMPLATE = "the template"
"""Where what a template says stands, for sentences and to tell it from what the body says."""


class Layer(Noun, frozen=True, kw_only=True):
    """A definition, or several on top of each other."""

    top: Given
    """What is said of the envelope itself."""
    recipients: tuple[Entry, ...] = ()
    documents: tuple[Given, ...] = ()
    fields: tuple[tuple[Kind, Given], ...] = ()
    templates: tuple[tuple[str, str], ...] = ()
    """The templates used, as (id, name)."""


def flatten(body: Given, templates: Mapping[str, Json], limits: Limits) -> Layer:
    """Return a definition with every template it names laid under it.

    `templates` holds them by id in lower case. Raises `DocusignError` TEMPLATE_ID_INVALID for one
    that is not there.
    """
    made = Layer(top=Given({}, ""))
    composites = body.children("compositeTemplates", most=limits.templates)
    _check_templates(body, composites, templates, limits)
    if template_id := body.text("templateId", most=_ID_CHARACTERS):
        made = _with_roles(_template(template_id, templates, limits), body, limits)
    for composite in composites:
        made = _joined(made, _composite(composite, templates, limits), limits)
    whole = _over(made, _layer(body, limits), limits)
    return replace(whole, recipients=tuple(one for one in whole.recipients if _is_filled(one[1])))


def _check_templates(
    body: Given, composites: Sequence[Given], templates: Mapping[str, Json], limits: Limits
) -> None:
    """Raise `DocusignError` for more layers than allowed, or more in them than one body may hold.

    A template counts as often as it is used: naming one again and again costs the client nothing.
    """
    servers = [
        one
        for composite in composites
        for one in composite.children("serverTemplates", most=limits.templates)
    ]
    inline = sum(len(one.items("inlineTemplates", most=limits.templates)) for one in composites)
    if len(servers) + inline > limits.templates:
        raise parameter_error(
            "compositeTemplates", f"have more than {limits.templates} templates; use fewer."
        )
    used = [one.text("templateId", most=_ID_CHARACTERS).lower() for one in (body, *servers)]
    check([templates.get(template_id) for template_id in used], "What the templates say")


def _is_filled(said: Given) -> bool:
    """Return whether a recipient is one: a template's role that nobody was given is not."""
    is_of_template = said.place.startswith(_TEMPLATE)
    return not is_of_template or any(map(said.has, ("name", "email", "signerName", "hostEmail")))


def _layer(said: Given, limits: Limits) -> Layer:
    return Layer(
        top=said,
        recipients=tuple(given_recipients.entries(said.child("recipients"), limits)),
        documents=tuple(said.children("documents", most=limits.documents)),
        fields=tuple(given_fields.entries(said.child("customFields"), limits)),
    )


def _template(template_id: str, templates: Mapping[str, Json], limits: Limits) -> Layer:
    kept = templates.get(template_id.lower())
    if kept is None:
        raise DocusignError(
            "TEMPLATE_ID_INVALID",
            "There is no template of that templateId; list the templates to find its id.",
        )
    said = Given(kept, _TEMPLATE)
    layer = _layer(said, limits)
    name = said.text("name", most=limits.text_characters)
    own = ("status", "name", "templateId", "eventNotification", "eventNotifications")
    return replace(layer, top=said.without(*own), templates=((template_id.lower(), name),))


def _with_roles(template: Layer, body: Given, limits: Limits) -> Layer:
    """Fill a template's roles; a role it does not have becomes a signer, as with the service."""
    roles: tuple[Entry, ...] = tuple(
        ("signers", role) for role in body.children("templateRoles", most=limits.recipients)
    )
    return replace(template, recipients=_people_over(template.recipients, roles, limits))


def _composite(said: Given, templates: Mapping[str, Json], limits: Limits) -> Layer:
    layers = [
        (_sequence(one), _template(one.text("templateId", most=_ID_CHARACTERS), templates, limits))
        for one in said.children("serverTemplates", most=limits.templates)
    ]
    inline = said.children("inlineTemplates", most=limits.templates)
    layers += [(_sequence(one), _inline(one, limits)) for one in inline]
    layers.sort(key=lambda one: one[0])
    made = reduce(
        lambda base, top: _over(base, top, limits),
        (layer for _, layer in layers),
        Layer(top=Given({}, said.place)),
    )
    document = said.child("document")
    return made if document is None else _on_document(made, document)


def _on_document(layer: Layer, document: Given) -> Layer:
    """Put a document in the place of those of the templates; their tabs go with it."""
    new_id = _document_id(document)
    moved = {_document_id(one): new_id for one in layer.documents} if new_id else {}
    people = tuple((role, _moved(said, moved)) for role, said in layer.recipients)
    return replace(layer, documents=(document,), recipients=people)


def _inline(said: Given, limits: Limits) -> Layer:
    layer = _layer(said, limits)
    envelope = said.child("envelope")
    return replace(layer, top=envelope if envelope is not None else Given({}, said.place))


def _sequence(said: Given) -> int:
    return said.number("sequence", default=1, most=_MAX_SEQUENCE)


def _over(base: Layer, top: Layer, limits: Limits) -> Layer:
    """Return two layers as one: the same documents and people are merged, others added."""
    places = {_document_id(one): at for at, one in enumerate(base.documents) if _document_id(one)}
    documents = list(base.documents)
    for one in top.documents:
        if (at := places.get(_document_id(one))) is not None:
            documents[at] = one
        else:
            documents.append(one)
    return _bounded(
        Layer(
            top=top.top.over(base.top),
            recipients=_people_over(base.recipients, top.recipients, limits),
            documents=tuple(documents),
            fields=_fields_over(base.fields, top.fields, limits),
            templates=base.templates + top.templates,
        ),
        limits,
    )


def _bounded(layer: Layer, limits: Limits) -> Layer:
    """Return a layer that is no fuller than an envelope: each later one goes through it again."""
    for what, held, most in (
        ("documents", layer.documents, limits.documents),
        ("recipients", layer.recipients, limits.recipients),
        ("customFields", layer.fields, limits.fields),
    ):
        if len(held) > most:
            raise parameter_error(what, f"are more than {most}; send fewer.")
    return layer


def _joined(first: Layer, second: Layer, limits: Limits) -> Layer:
    """Return two composites beside each other: documents one after the other, people once."""
    taken = {_document_id(one) for one in first.documents}
    renumbered: dict[str, str] = {}
    for one in second.documents:
        document_id = _document_id(one)
        if document_id in taken:
            renumbered[document_id] = _next_id(taken)
        taken.add(renumbered.get(document_id, document_id))
    return _bounded(
        Layer(
            top=second.top.over(first.top),
            recipients=_people_beside(first.recipients, second.recipients, renumbered, limits),
            documents=first.documents
            + tuple(_numbered(one, renumbered) for one in second.documents),
            fields=_fields_over(first.fields, second.fields, limits),
            templates=first.templates + second.templates,
        ),
        limits,
    )


def _numbered(document: Given, renumbered: Mapping[str, str]) -> Given:
    new_id = renumbered.get(_document_id(document))
    return document if new_id is None else document.having("documentId", new_id)


def _document_id(said: Given) -> str:
    return said.text("documentId", most=_ID_CHARACTERS)


def _next_id(taken: Iterable[str]) -> str:
    numbers = [int(one) for one in taken if one.isascii() and one.isdigit()]
    return str(max(numbers, default=0) + 1)


def _fields_over(
    base: tuple[tuple[Kind, Given], ...], top: tuple[tuple[Kind, Given], ...], limits: Limits
) -> tuple[tuple[Kind, Given], ...]:
    names = {_field_name(said, limits): at for at, (_, said) in enumerate(base)}
    made = list(base)
    for kind, said in top:
        at = names.get(_field_name(said, limits))
        if at is None:
            made.append((kind, said))
        else:
            made[at] = (kind, said.over(made[at][1]))
    return tuple(made)


def _field_name(said: Given, limits: Limits) -> str:
    return said.text("name", most=limits.field_characters)


def _people_over(
    base: tuple[Entry, ...], top: tuple[Entry, ...], limits: Limits
) -> tuple[Entry, ...]:
    """Return the people of two layers: one role, or else one recipientId, is one person."""
    roles = {role: at for at, (_, said) in enumerate(base) if (role := _role(said, limits))}
    ids = {one: at for at, (_, said) in enumerate(base) if (one := _recipient_id(said, limits))}
    made = list(base)
    for kind, said in top:
        at = roles.get(_role(said, limits))
        if at is None:
            at = ids.get(_recipient_id(said, limits))
        if at is None:
            made.append((kind, said))
        else:
            made[at] = (made[at][0], _person_over(said, made[at][1], limits))
    return tuple(made)


def _people_beside(
    first: tuple[Entry, ...],
    second: tuple[Entry, ...],
    renumbered: Mapping[str, str],
    limits: Limits,
) -> tuple[Entry, ...]:
    """Return the people of two composites: the same id and address is one, others are numbered."""
    ids = {one: at for at, (_, said) in enumerate(first) if (one := _recipient_id(said, limits))}
    made = list(first)
    for kind, person in second:
        said = _moved(person, renumbered)
        at = ids.get(_recipient_id(said, limits))
        if at is None:
            made.append((kind, said))
        elif _address(made[at][1], limits) == _address(said, limits):
            made[at] = (made[at][0], _person_over(said, made[at][1], limits))
        else:
            made.append((kind, said.without("recipientId")))
    return tuple(made)


def _person_over(top: Given, base: Given, limits: Limits) -> Given:
    """Return one person said of twice; tabs of the same label are one tab."""
    made = top.over(base)
    above, below = top.child("tabs"), base.child("tabs")
    if above is None or below is None:
        return made
    tabs = given_tabs.overlaid(
        given_tabs.read(below, "", limits), given_tabs.read(above, "", limits)
    )
    return made.having("tabs", tabs)


def _moved(said: Given, renumbered: Mapping[str, str]) -> Given:
    """Return a person whose tabs stand on the documents as they are numbered now."""
    tabs = said.child("tabs")
    if tabs is None or not renumbered:
        return said
    moved: dict[str, Json] = {}
    for kind, listed in tabs.said.items():
        if not isinstance(listed, list):
            raise parameter_error(tabs.at(kind), "is not a list of tabs; send one.")
        moved[kind] = [_moved_tab(tab, renumbered, tabs.at(kind)) for tab in listed]
    return said.having("tabs", moved)


def _moved_tab(tab: Json, renumbered: Mapping[str, str], place: str) -> Json:
    said = Given(tab, place)
    document_id = said.text("documentId", most=_ID_CHARACTERS, default="1")
    return said.having("documentId", renumbered.get(document_id, document_id)).spelt()


def _role(said: Given, limits: Limits) -> str:
    return said.text("roleName", most=limits.name_characters).strip().lower()


def _recipient_id(said: Given, limits: Limits) -> str:
    return said.text("recipientId", most=limits.name_characters).strip()


def _address(said: Given, limits: Limits) -> tuple[str, str]:
    short = limits.name_characters
    return said.text("name", most=short), said.text("email", most=short).lower()
