"""Which texts are URLs that can be asked something: http or https, a host, a port that exists."""

from urllib.parse import urlsplit

from headwater_payments.errors import InvalidInputError

_SHOWN = 80


def require_web_url(url: str, what: str = "a URL") -> str:
    """Give the URL back.

    Args:
        url: of a node, a seller or a resource.
        what: what it should be, as the end of a sentence.

    Raises:
        InvalidInputError: another scheme, no host, a port that is none, or blanks.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # `urlsplit` drops line breaks and takes blanks, which no request line can carry.
    if not usable or any(each.isspace() or not each.isprintable() for each in url):
        raise InvalidInputError(
            f"{url[:_SHOWN]!r} is not {what}: give http or https and a host.", url=url[:_SHOWN]
        )
    return url
