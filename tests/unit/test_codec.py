"""`_codec`: content types, headers, the choice of an encoder. Values and messages: see the property tests."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import awslambdaric_lite
from awslambdaric_lite import _codec
from awslambdaric_lite._codec import LARGE, Marshaller, parse_header
from awslambdaric_lite._function_errors import Fault
from awslambdaric_lite._json import compatible, with_orjson


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/json; charset=utf-8", "Application/JSON"]
)
def test_only_exactly_json_is_parsed(content_type: str | None) -> None:
    """Any other content type hands the bytes over, as `bytes`."""
    for body in (b'{"a":1}', bytearray(b'{"a":1}')):
        event = Marshaller().unmarshal_request(body, content_type)
        assert event == b'{"a":1}'
        assert type(event) is bytes


def test_json_is_parsed_from_bytes_of_either_kind() -> None:
    """Large events arrive in a bytearray."""
    assert Marshaller().unmarshal_request(b'{"a":1}') == {"a": 1}
    assert Marshaller().unmarshal_request(bytearray(b"[1]"), "application/json") == [1]


def test_integers_keep_their_size() -> None:
    """Beyond 64 bits, too: no encoder or decoder turns them into floats."""
    big = 2**64 + 1
    for codec in ("stdlib", "orjson", "auto"):
        marshaller = Marshaller(codec)
        marshaller.choose_encoder()
        assert marshaller.unmarshal_request(str(big).encode()) == big
        assert marshaller.marshal_response([big]) == (f"[{big}]".encode(), "application/json")


@pytest.mark.parametrize("value", [b"", b"\xff\x00", type("Sub", (bytes,), {})(b"x")])
def test_bytes_pass_through(value: bytes) -> None:
    """A result of bytes is the body, of an unknown content type."""
    body, content_type = Marshaller().marshal_response(value)
    assert body is value
    assert content_type == "application/unknown"


def test_headers_that_hold_json() -> None:
    """None without one; what is there is parsed."""
    assert parse_header(None, "X") is None
    assert parse_header("", "X") is None
    assert parse_header('{"a": "é"}', "X") == {"a": "é"}
    assert parse_header(" [1] \n", "X") == [1]
    assert parse_header("null", "X") is None


@pytest.mark.parametrize("header", ["{", "x", "[1,]", '{"a" 1}', "1 2", " ", '"\t"', "\ufeff1", "'a'", "[1", "NaN1"])
def test_a_broken_header_gives_the_official_error(header: str) -> None:
    """In the words of the standard library of this Python."""
    from awslambdaric.bootstrap import parse_json_header
    from awslambdaric.lambda_runtime_exception import FaultException

    with pytest.raises(FaultException) as official:
        parse_json_header(header, "Client Context")
    with pytest.raises(Fault) as ours:
        parse_header(header, "Client Context")
    assert (ours.value.error_type, ours.value.message) == (official.value.exception_type, official.value.msg)


@pytest.mark.parametrize("header", ["NaN", "[Infinity, -Infinity]"])
def test_a_header_may_hold_what_the_standard_library_accepts(header: str) -> None:
    """The official client parses headers with `json`, which takes NaN and the infinities."""
    assert repr(parse_header(header, "X")) == repr(json.loads(header))


@dataclass
class Record:
    """A dataclass: the official client refuses it."""

    a: int = 1


class Colour(enum.Enum):
    """An enumeration: ours is rendered by value, with either encoder."""

    RED = datetime.date(2020, 1, 1)


ENCODERS: dict[str, Callable[[object], bytes]] = {}
for _name in ("stdlib", "orjson"):
    _marshaller = Marshaller(_name)
    if _marshaller.choose_encoder():
        ENCODERS[_name] = lambda value, marshaller=_marshaller: marshaller.marshal_response(value)[0]  # type: ignore[misc]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Record(), "Record"),
        (datetime.datetime(2020, 1, 1), "datetime"),
        (datetime.date(2020, 1, 1), "date"),
        (datetime.time(1), "time"),
        ({1}, "set"),
        (1j, "complex"),
        (Record, "type"),
        (memoryview(b""), "memoryview"),
        (bytearray(b"x"), "bytearray"),
        ({}.keys(), "dict_keys"),
        ((i for i in "x"), "generator"),
    ],
)
def test_what_has_no_json_form_is_refused(value: object, kind: str, encoder: str) -> None:
    """With the official text, at any depth, though orjson could render some of it."""
    for nested in (value, [value], {"a": (1, value)}):
        with pytest.raises(Fault) as caught:
            ENCODERS[encoder](nested)
        assert caught.value.error_type == "Runtime.MarshalError"
        assert caught.value.message == f"Unable to marshal response: Object of type {kind} is not JSON serializable"


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_enumeration_of_what_has_no_json_form_is_refused(encoder: str) -> None:
    """A member stands for its value."""
    with pytest.raises(Fault, match="Object of type date is not JSON serializable"):
        ENCODERS[encoder]({"a": Colour.RED})


@pytest.mark.parametrize("encoder", ENCODERS)
def test_numpy_numbers_follow_their_base(encoder: str) -> None:
    """`float64` and `str_` pass, as values and as keys; the others are refused, as by the official client."""
    numpy = pytest.importorskip("numpy")
    from awslambdaric.lambda_runtime_exception import FaultException
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

    def official(value: object) -> object:
        try:
            return json.loads(LambdaMarshaller().marshal_response(value)[0])
        except FaultException as fault:
            return fault.msg

    def ours(value: object) -> object:
        try:
            return json.loads(ENCODERS[encoder](value))
        except Fault as fault:
            return fault.message

    for value in (
        numpy.float64(0.1),
        numpy.str_("é"),
        numpy.int64(3),
        numpy.bool_(True),
        numpy.float32(0.5),
        numpy.array([1]),
    ):
        assert ours([value]) == official([value])
        if value.shape == ():
            assert ours({value: 1}) == official({value: 1})


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_failed_result_leaves_nothing_behind(encoder: str) -> None:
    """An error in the middle of a result does not make the next one look like a circle."""
    inner: list[Any] = [1]
    for _ in range(3):
        with pytest.raises(Fault, match="set is not JSON"):
            ENCODERS[encoder]([inner, [inner, {1}]])
        with pytest.raises(Fault, match="recursion"):
            deep: list[Any] = [inner]
            for _ in range(100_000):
                deep = [deep]
            try:
                ENCODERS[encoder](deep)
            finally:
                while len(deep) == 1 and isinstance(deep[0], list):
                    deep = deep[0]
        assert ENCODERS[encoder]([inner, inner]) == b"[[1],[1]]"
        assert ENCODERS[encoder]([float("nan"), inner]) == b"[null,[1]]"


class Interrupting(dict[str, Any]):
    """Raises what is no `Exception` while it is rendered."""

    def items(self) -> Any:
        raise KeyboardInterrupt


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_interruption_is_not_swallowed(encoder: str) -> None:
    """Ctrl-C and `sys.exit` in a result's own methods go through."""
    value = [Interrupting(a=1)]
    with pytest.raises(KeyboardInterrupt):
        ENCODERS[encoder](value)
    assert ENCODERS[encoder]([[]]) == b"[[]]"


def test_an_asdict_that_gives_no_dictionary_is_refused() -> None:
    """In simplejson's words; one that cannot be called without arguments does not count."""

    class Wrong:
        def _asdict(self) -> list[int]:
            return []

    class Needy(dict[str, int]):
        def _asdict(self, argument: object) -> None:
            raise AssertionError

    for encode in ENCODERS.values():
        with pytest.raises(Fault, match=r"_asdict\(\) must return a dict, not list"):
            encode([Wrong()])
        assert encode(Needy(a=1)) == b'{"a":1}'


def test_what_was_never_imported_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `decimal`, `uuid` and `enum` loaded there are no such values, and the rest is rendered."""
    for name in ("decimal", "uuid", "enum"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert compatible.encode({1: ["é", (), {}]}, _codec.quote) == '{"1":["é",[],{}]}'.encode()


CHOICE = """
import sys
from awslambdaric_lite._codec import LARGE, Marshaller
{before}
marshaller = Marshaller({codec!r})
print(marshaller.choose_encoder())
loaded = set(sys.modules)
{after}
print("orjson" in sys.modules)
print(marshaller.marshal_response({{"a": [1.5, None], 2: b"x"}})[0].decode())
"""


@pytest.mark.parametrize(
    ("codec", "before", "after", "chosen", "loaded"),
    [
        ("auto", "", "", "True", "False"),
        ("auto", "import orjson", "", "True", "True"),
        ("auto", "import dataclasses, json, uuid", "", "True", "True"),
        ("auto", "import json", "", "True", "False"),
        ("stdlib", "import dataclasses, json, uuid", "", "True", "False"),
        ("orjson", "", "", "True", "True"),
        ("orjson", "sys.modules['orjson'] = None", "", "False", "True"),
        ("auto", "import dataclasses, json, uuid; sys.modules['orjson'] = None", "", "True", "True"),
        ("auto", "", "marshaller.marshal_response('x' * LARGE)", "True", "False"),
        ("auto", "", "[marshaller.marshal_response('x' * LARGE) for _ in range(2)]", "True", "True"),
        ("stdlib", "", "[marshaller.marshal_response('x' * LARGE) for _ in range(2)]", "True", "False"),
    ],
)
def test_the_encoder_is_chosen_once(
    codec: str, before: str, after: str, chosen: str, loaded: str, tmp_path: Path
) -> None:
    """orjson is loaded where it costs next to nothing, from the second large response on, or on request; never else."""
    pytest.importorskip("orjson")
    code = CHOICE.format(codec=codec, before=before, after=after)
    package = Path(awslambdaric_lite.__file__).parent.parent
    # Without `site`, so that nothing of the environment is imported before the code runs.
    path = repr([str(package), *(entry for entry in sys.path if entry.endswith("site-packages"))])
    finished = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path}\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert finished.stdout.split("\n")[:3] == [chosen, loaded, '{"a":[1.5,null],"2":"x"}'], finished.stderr


class OldOrjson:
    """An orjson from before `Fragment`."""

    __name__ = "orjson"


def test_an_orjson_that_is_too_old_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's own copy, loaded by user code, may be any version."""
    monkeypatch.setitem(sys.modules, "orjson", OldOrjson())
    assert with_orjson.orjson_encoder(lambda value: b"", _codec.quote) is None
    marshaller = Marshaller("auto")
    assert marshaller.choose_encoder() is True
    assert marshaller.marshal_response([decimal.Decimal("1.10"), uuid.UUID(int=1)])[0] == (
        b'[1.10,"00000000-0000-0000-0000-000000000001"]'
    )
    assert Marshaller("orjson").choose_encoder() is False


def test_large_means_a_megabyte() -> None:
    """The size from which on the encoder's speed outweighs its import."""
    assert LARGE == 1 << 20
    assert _codec.is_plain({"a": [1, (2, None)]})


ADDRESS_SPACE = """
import resource
from awslambdaric_lite._codec import Marshaller
event = bytearray(b'"' + b"x" * (24 << 20) + b'"')
marshaller = Marshaller()
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (52 << 20), -1))
print(len(marshaller.unmarshal_request(event)))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is set by what is in use")
def test_a_large_event_needs_no_more_address_space_than_it_takes(tmp_path: Path) -> None:
    """Memory that is only asked for to make malloc keep what it has may be refused."""
    finished = subprocess.run(
        [sys.executable, "-c", ADDRESS_SPACE],
        env={"PYTHONPATH": str(Path(awslambdaric_lite.__file__).parent.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert finished.stdout == f"{24 << 20}\n", finished.stderr
