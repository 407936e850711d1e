"""Elements of the legacy message: how one is added, and what its text may hold."""

import re

from lxml import etree
from lxml.etree import _Element

NAMESPACE = "http://www.docusign.net/API/3.0"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add(parent: _Element, name: str, text: str = "") -> _Element:
    """Append an element of the legacy namespace; characters XML cannot hold become U+FFFD."""
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    if text:
        element.text = storable(text)
    return element


def add_if_said(parent: _Element, name: str, text: str | None) -> None:
    """Append an element where there is something to say, and none where there is not."""
    if text is not None:
        add(parent, name, text)


def add_nil(parent: _Element, name: str) -> None:
    """Append an element marked as having no value (`xsi:nil`)."""
    add(parent, name).set(NIL, "true")


def storable(text: str) -> str:
    """Return a text with what XML 1.0 cannot hold (control codes, half characters) replaced."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
