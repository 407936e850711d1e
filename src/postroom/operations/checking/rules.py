"""The rules that `check` goes by: their ids are stable, for suppressions and code hosts."""

from postroom.model import Noun


class Rule(Noun, frozen=True, kw_only=True):
    """A rule: what a finding under it says, in one line, and why it matters."""

    id: str
    title: str
    why: str


def _rule(id_: str, title: str, why: str) -> tuple[str, Rule]:
    return id_, Rule(id=id_, title=title, why=why)


RULES: dict[str, Rule] = dict(
    [
        _rule(
            "overlap",
            "An envelope reaches two listeners",
            "Listeners of one lane write to the same place: what reaches two of them is held as"
            " crossed until a person decides.",
        ),
        _rule(
            "overlap-not-decided",
            "Whether an envelope reaches two listeners is not decided",
            "Neither a proof nor an envelope was found within the budget, or with what is known.",
        ),
        _rule(
            "repeated-field",
            "Two custom fields of one name would reach two listeners",
            "An envelope may have a text and a list field of the same name, with values of both.",
        ),
        _rule(
            "gap",
            "Some envelopes reach nobody",
            "It may be meant so; such notifications are listed as unclaimed.",
        ),
        _rule(
            "covered",
            "Everything a listener wants goes elsewhere",
            "It gets nothing of its own: others are preferred, or have the same URL.",
        ),
        _rule(
            "impossible",
            "A listener that no envelope can reach",
            "Its conditions contradict each other, or it is switched off.",
        ),
        _rule(
            "unknown-event",
            "An event outside the vocabulary",
            "Docusign ignores events it does not know: nothing ever fires for them.",
        ),
        _rule(
            "unknown-group",
            "A group of which nobody is known",
            "Whose envelopes are wanted cannot be decided, so they are held.",
        ),
        _rule(
            "unknown-account",
            "An account that the file does not define",
            "It is checked without its users and without what else the system knows of it.",
        ),
        _rule(
            "missing-include",
            "A filter looks at what the feed must be told to carry",
            "What the feed does not carry is not known, and what is not known is held.",
        ),
        _rule(
            "acknowledgement-off",
            "Acknowledgement is off",
            "A message that fails is sent once and never again.",
        ),
        _rule(
            "logging-off",
            "Logging is off",
            "Docusign's log shows neither messages nor failures of this configuration.",
        ),
        _rule(
            "all-users-overlap",
            "Two configurations for all users overlap",
            "Every such envelope is sent twice, each time to another URL.",
        ),
        _rule(
            "environment",
            "Envelopes of one environment could reach another's listener",
            "A staging listener that gets production's events acts on real agreements.",
        ),
        _rule(
            "unusable",
            "A configuration that Docusign would refuse",
            "It cannot be read as a listener, so nothing is proved about it.",
        ),
    ]
)
