"""Long strings: owns quoting them fast. Loaded after a large result of long strings."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FEWEST = 200  # characters of an average string; checking first is faster above that, and equal at about 80

# Maps every byte to itself except those that JSON escapes: quote, backslash, control characters.
_SAME = bytes(byte + 1 if byte < 32 or byte in b'"\\' else byte for byte in range(256))


def holds_long_strings(body: bytes) -> bool:
    """Return whether the strings of an encoded result, keys included, are long on average."""
    return body.count(b'"') * _FEWEST < 2 * len(body)


def long_quoter(quote: "Callable[[str], str]") -> "Callable[[str], str]":
    """Return a function that quotes as `quote` does, but faster if no character needs escaping.

    The C quoter reads each character twice and writes it once. `bytes.translate`, which returns its argument if nothing
    changed, needs a lookup and a comparison, a third of the time (benchmark echo_5mb_plain, +stdlib).
    """

    def quote_long(text: str) -> str:
        if text.isascii():
            raw = text.encode()
            if raw.translate(_SAME) is raw:
                return f'"{text}"'
        return quote(text)

    return quote_long
