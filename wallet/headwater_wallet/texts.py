"""Texts of others, written so that they can be stored and shown anywhere."""


def printable(text: str) -> str:
    """A text with everything that is not printable escaped: PostgreSQL stores no NUL, for one."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
