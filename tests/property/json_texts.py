"""Strategies for JSON documents as text, valid and broken."""

from __future__ import annotations

import json

from hypothesis import strategies as st

space = st.text(alphabet=" \t\n\r", max_size=2)

numbers = st.one_of(
    st.integers().map(str),
    st.from_regex(r"-?(?:0|[1-9][0-9]{0,25})(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "-0.0", "0e0", "1e400", "-1E+400", "1e-400", "18446744073709551616", "9" * 400]),
)

_escapes = st.sampled_from(
    [
        '\\"',
        "\\\\",
        "\\/",
        "\\b",
        "\\f",
        "\\n",
        "\\r",
        "\\t",
        "\\u0000",
        "\\u00e9",
        "\\uD83D\\uDE00",
        "\\ud800",
        "\\uDC00x",
    ]
)
_plain = st.text(
    alphabet=st.characters(min_codepoint=0x20, exclude_characters='"\\', exclude_categories=["Cs"]), max_size=8
)
strings = st.lists(st.one_of(_plain, _escapes), max_size=4).map(lambda parts: '"' + "".join(parts) + '"')
leaves = st.one_of(numbers, strings, st.sampled_from(["null", "true", "false", "[]", "{}", "[ ]", "{\n}"]))


def _containers(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    padded = st.tuples(space, values, space).map("".join)
    members = st.tuples(space, strings, space, st.just(":"), padded).map("".join)
    return st.one_of(
        st.lists(padded, max_size=4).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(members, max_size=4).map(lambda items: "{" + ",".join(items) + "}"),
    )


documents = st.tuples(
    st.sampled_from(["", "\ufeff"]), space, st.recursive(leaves, _containers, max_leaves=12), space
).map("".join)

# Characters of JSON's grammar, and texts that are typical of broken documents.
_pieces = st.one_of(
    st.sampled_from(list('{}[]":,\\/-+.eE0123456789ntfu \t\n\r\x00\x0b\x1f\x7f\ufeff\u2028é😀')),
    st.sampled_from(
        [
            "NaN",
            "Infinity",
            "-Infinity",
            "nul",
            "tru",
            "None",
            "'",
            "\\x",
            "\\u12",
            "\\uD8",
            "\\u00g0",
            "\\ud83d\\",
            "//",
            "\r\n",
            ",,",
            ",]",
            ",}",
            "[,",
            "{,",
            "{]",
            "[}",
            '"a" 1',
            "\ufeff\ufeff",
            "\xef\xbb\xbf",
            "0x10",
            "01",
            "1.",
            ".5",
            "-",
        ]
    ),
    st.text(max_size=2),
)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Draw a document, then cut, insert, replace or repeat at a few places; the result may still be valid."""
    text = draw(documents)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        stop = draw(st.integers(start, min(len(text), start + 3)))
        text = draw(
            st.one_of(
                st.just(text[:start]),
                st.just(text[:start] + text[stop:]),
                _pieces.map(lambda piece, t=text, a=start, b=stop: t[:a] + piece + t[b:]),  # type: ignore[misc]
                _pieces.map(lambda piece, t=text, a=start: t[:a] + piece + t[a:]),  # type: ignore[misc]
                st.just(text[:stop] + text[start:]),
            )
        )
    return text


def normal(value: object) -> str:
    """Return a text that differs for documents that differ in order of keys, kinds of numbers or signs of zeros."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
