"""The one exception a user is meant to read."""


class LmbrainError(Exception):
    """A problem the user can mend: one sentence naming the thing, the place and the mend."""
