"""The errors a person can put right: each says what is wrong and what to do next."""


class PostroomError(Exception):
    """Something a person can put right; its text is written for that person."""


class InvalidInputError(PostroomError):
    """What was given cannot be used: the message names the place and the remedy."""


class NotFoundError(PostroomError):
    """The thing named does not exist, or is not visible from here."""


class ConflictError(PostroomError):
    """The thing is in a state in which this cannot be done."""


class UnavailableError(PostroomError):
    """The store cannot keep anything now; nothing was kept, so try again."""


class DocusignError(InvalidInputError):
    """What Docusign's own API answers a call with: its code, and the sentence beside it."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        """Docusign's spelling, such as `ENVELOPE_DOES_NOT_EXIST` (contract 6.4)."""
        self.status = status
        """The HTTP status of the answer."""
