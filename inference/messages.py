"""Messages of libraries, as far as a refusal repeats them."""


def first_line(error: Exception) -> str:
    """The first line of what an error says; its class where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
