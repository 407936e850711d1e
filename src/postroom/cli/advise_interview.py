"""The interview of `postroom advise`: few questions, each with why it is asked and a default."""

import re
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.prompt import Confirm, IntPrompt, Prompt
from rich.text import Text

from postroom.delivery import egress
from postroom.model import Json
from postroom.operations.document import GUID
from postroom.routing.advising.advice import MOST_INTEGRATIONS

EVERYDAY = "everyday"
Check = Callable[[str], str | None]
"""Says what is wrong with an answer, if anything."""


def ask(console: Console) -> Json:
    """Return the facts as the file would tell them."""
    asking = _Asking(console)
    account = {
        "id": asking.text(
            "Account id", "Docusign's API shows this GUID; all else belongs to it.", check=_no_guid
        ),
        "name": asking.text("Its name", "Listeners name their account by it.", "Main"),
    }
    facts: dict[str, Json] = {
        "postroom": asking.truth(
            "Does Postroom stand in front?",
            "Docusign does not filter by custom fields; Postroom does.",
            default=True,
        ),
        "further_account": asking.truth(
            "Could an integration get an account of its own?",
            "A sub-account keeps apart most strictly, with its own users and at its own cost.",
            default=False,
        ),
        "accounts": [account],
    }
    facts["integrations"] = [
        _integration(asking, number) for number in range(1, asking.count() + 1)
    ]
    return facts


def _integration(asking: "_Asking", number: int) -> dict[str, Json]:
    name = asking.text(f"Name of integration {number}", "Its listener is called so.")
    made: dict[str, Json] = {
        "name": name,
        "url": asking.text(f"URL of {name}", "Where it is told.", check=_no_url),
    }
    if asking.truth(
        f"Is {name} about everything?",
        "An archive or an audit has nothing to tell apart.",
        default=False,
    ):
        return made | {"wants": "all"}
    made["senders"] = asking.senders(name)
    if made["senders"] != EVERYDAY:
        made["only_for_it"] = asking.truth(
            f"Do they send for {name} only?",
            "Then the sender alone tells whose an envelope is.",
            default=True,
        )
    return made | asking.field(name) | asking.of_code(name)


class _Asking:
    def __init__(self, console: Console) -> None:
        self._console = console

    def text(self, question: str, why: str, default: str = "", check: Check | None = None) -> str:
        """Ask for words, again until there are some that the check has nothing against."""
        self._say(why)
        while complaint := _complaint(answer := self._prompt(question, default), check):
            self._say(complaint)
        return answer

    def truth(self, question: str, why: str, *, default: bool) -> bool:
        """Ask for yes or no."""
        self._say(why)
        return Confirm.ask(Text(question), console=self._console, default=default)

    def count(self) -> int:
        """Ask how many integrations there are."""
        self._say("Each listener that is to hear of envelopes counts.")
        while (
            not 1
            <= (count := IntPrompt.ask("How many integrations", console=self._console, default=2))
            <= MOST_INTEGRATIONS
        ):
            self._say(f"From 1 to {MOST_INTEGRATIONS}.")
        return count

    def senders(self, name: str) -> Json:
        """Ask who sends: users by id or address, or everyday users."""
        self._say("Ids or e-mail addresses with commas between; everyday: people as themselves.")
        answer = self._prompt(f"Who sends for {name}", EVERYDAY)
        return EVERYDAY if answer == EVERYDAY else _several(answer)

    def field(self, name: str) -> dict[str, Json]:
        """Ask for the custom field, and how often it is set."""
        self._say("A custom field on each envelope, such as Integration=ERP, says whose it is.")
        answer = self._prompt(f"Field that marks envelopes of {name} (- for none)", "-")
        field, _, value = answer.partition("=")
        if answer == "-" or not value:
            return {}
        self._say("An envelope without it cannot be told by it.")
        how = Prompt.ask(
            "How often is it set",
            console=self._console,
            choices=["always", "sometimes", "possible"],
            default="always",
        )
        return {"field": {"name": field.strip(), "value": value.strip(), "set": how}}

    def of_code(self, name: str) -> dict[str, Json]:
        """Ask what of the code on either side can be changed."""
        made: dict[str, Any] = {
            "created_by_api": self.truth(
                f"Are all envelopes of {name} created by API?",
                "Then each could carry its own listener (eventNotification).",
                default=False,
            )
        }
        if made["created_by_api"]:
            made["code_can_change"] = self.truth(
                "Can that program be changed?", "It would say who is told.", default=True
            )
        made["listener_can_change"] = self.truth(
            f"Can the listener of {name} be changed?",
            "It could discard what is not its own, where Postroom does not.",
            default=False,
        )
        return made

    def _prompt(self, question: str, default: str) -> str:
        answer = Prompt.ask(Text(question), console=self._console, default=default or ...)
        return str(answer).strip()

    def _say(self, why: str) -> None:
        self._console.print(Text(why, style="dim"))


def _several(answer: str) -> list[str]:
    return [one.strip() for one in answer.split(",") if one.strip()]


def _complaint(answer: str, check: Check | None) -> str | None:
    if not answer:
        return "Something has to stand here."
    return check(answer) if check is not None else None


def _no_guid(answer: str) -> str | None:
    if re.fullmatch(GUID, answer):
        return None
    return "A GUID has 32 hex digits, such as a1000000-0000-4000-8000-000000000001."


def _no_url(answer: str) -> str | None:
    return egress.check_url(answer, allow_private=True)
