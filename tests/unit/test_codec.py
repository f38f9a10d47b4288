"""Tests of `_codec`: content types, headers, the choice of an encoder. Property tests cover values and messages."""

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
def test_other_content_types_stay_bytes(content_type: str | None) -> None:
    """An event whose content type is not exactly `application/json` reaches the handler as `bytes`."""
    for body in (b'{"a":1}', bytearray(b'{"a":1}')):
        event = Marshaller().unmarshal_request(body, content_type)
        assert event == b'{"a":1}'
        assert type(event) is bytes


def test_json_is_parsed_from_bytearray_too() -> None:
    """JSON is parsed from `bytes` and from the bytearray in which large events arrive."""
    assert Marshaller().unmarshal_request(b'{"a":1}') == {"a": 1}
    assert Marshaller().unmarshal_request(bytearray(b"[1]"), "application/json") == [1]


def test_large_integers_stay_integers() -> None:
    """Every encoder and decoder keeps integers beyond 64 bits exact."""
    big = 2**64 + 1
    for codec in ("stdlib", "orjson", "auto"):
        marshaller = Marshaller(codec)
        marshaller.choose_encoder()
        assert marshaller.unmarshal_request(str(big).encode()) == big
        assert marshaller.marshal_response([big]) == (f"[{big}]".encode(), "application/json")


@pytest.mark.parametrize("value", [b"", b"\xff\x00", type("Sub", (bytes,), {})(b"x")])
def test_bytes_are_sent_unchanged(value: bytes) -> None:
    """A result of bytes becomes the response body with content type `application/unknown`."""
    body, content_type = Marshaller().marshal_response(value)
    assert body is value
    assert content_type == "application/unknown"


def test_header_json_is_parsed() -> None:
    """The JSON in a header is parsed; a missing or empty header gives None."""
    assert parse_header(None, "X") is None
    assert parse_header("", "X") is None
    assert parse_header('{"a": "é"}', "X") == {"a": "é"}
    assert parse_header(" [1] \n", "X") == [1]
    assert parse_header("null", "X") is None


@pytest.mark.parametrize("header", ["{", "x", "[1,]", '{"a" 1}', "1 2", " ", '"\t"', "\ufeff1", "'a'", "[1", "NaN1"])
def test_broken_header_gives_official_error(header: str) -> None:
    """A broken header raises the official client's error, with the JSON error text of the running Python."""
    from awslambdaric.bootstrap import parse_json_header
    from awslambdaric.lambda_runtime_exception import FaultException

    with pytest.raises(FaultException) as official:
        parse_json_header(header, "Client Context")
    with pytest.raises(Fault) as ours:
        parse_header(header, "Client Context")
    assert (ours.value.error_type, ours.value.message) == (official.value.exception_type, official.value.msg)


@pytest.mark.parametrize("header", ["NaN", "[Infinity, -Infinity]"])
def test_header_accepts_nan_and_infinities(header: str) -> None:
    """Headers are parsed as `json` parses them, so NaN and the infinities are accepted."""
    assert repr(parse_header(header, "X")) == repr(json.loads(header))


@dataclass
class Record:
    """A dataclass, which the official client refuses."""

    a: int = 1


class Colour(enum.Enum):
    """An enumeration, whose members both encoders encode by value."""

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
def test_value_without_json_form_is_refused(value: object, kind: str, encoder: str) -> None:
    """A value without a JSON form is refused with the official text at any depth, even if orjson could encode it."""
    for nested in (value, [value], {"a": (1, value)}):
        with pytest.raises(Fault) as caught:
            ENCODERS[encoder](nested)
        assert caught.value.error_type == "Runtime.MarshalError"
        assert caught.value.message == f"Unable to marshal response: Object of type {kind} is not JSON serializable"


@pytest.mark.parametrize("encoder", ENCODERS)
def test_enumeration_of_unencodable_values_is_refused(encoder: str) -> None:
    """An enumeration member whose value has no JSON form is refused."""
    with pytest.raises(Fault, match="Object of type date is not JSON serializable"):
        ENCODERS[encoder]({"a": Colour.RED})


@pytest.mark.parametrize("encoder", ENCODERS)
def test_numpy_numbers_match_official_results(encoder: str) -> None:
    """numpy values and keys are encoded or refused exactly as the official client does."""
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
def test_failed_encoding_does_not_affect_the_next(encoder: str) -> None:
    """Values that were being encoded when an error occurred are not mistaken for a circle afterwards."""
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
    """A dictionary that raises KeyboardInterrupt while it is encoded."""

    def items(self) -> Any:
        raise KeyboardInterrupt


@pytest.mark.parametrize("encoder", ENCODERS)
def test_interruption_while_encoding_is_raised(encoder: str) -> None:
    """KeyboardInterrupt from a method of the result passes through the encoder."""
    value = [Interrupting(a=1)]
    with pytest.raises(KeyboardInterrupt):
        ENCODERS[encoder](value)
    assert ENCODERS[encoder]([[]]) == b"[[]]"


def test_asdict_without_dictionary_is_refused() -> None:
    """An `_asdict` that does not return a dictionary is refused; one that needs arguments is ignored."""

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


def test_encoder_works_without_optional_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder does not need `decimal`, `uuid` and `enum` in `sys.modules`."""
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
        ("auto", "import dataclasses, json", "", "True", "False"),
        ("auto", "import dataclasses, uuid", "", "True", "False"),
        ("auto", "import json, uuid", "", "True", "False"),
        ("stdlib", "import dataclasses, json, uuid", "", "True", "False"),
        ("orjson", "", "", "True", "True"),
        ("orjson", "sys.modules['orjson'] = None", "", "False", "True"),
        ("auto", "import dataclasses, json, uuid; sys.modules['orjson'] = None", "", "True", "True"),
        ("auto", "", "marshaller.marshal_response('x' * LARGE)", "True", "False"),
        ("auto", "", "[marshaller.marshal_response('x' * LARGE) for _ in range(2)]", "True", "True"),
        ("stdlib", "", "[marshaller.marshal_response('x' * LARGE) for _ in range(2)]", "True", "False"),
    ],
)
def test_encoder_is_chosen_once(codec: str, before: str, after: str, chosen: str, loaded: str, tmp_path: Path) -> None:
    """orjson is loaded if its imports are loaded already, on request, or for the second large response; else never."""
    pytest.importorskip("orjson")
    code = CHOICE.format(codec=codec, before=before, after=after)
    package = Path(awslambdaric_lite.__file__).parent.parent
    # `-S` leaves `site` out, so that the environment's packages are not imported before the code runs.
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
    """An orjson older than `Fragment`."""

    __name__ = "orjson"


def test_old_orjson_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """An orjson without `Fragment`, which the function may ship, is treated as if it were missing."""
    monkeypatch.setitem(sys.modules, "orjson", OldOrjson())
    assert with_orjson.orjson_encoder(lambda value: b"", _codec.quote) is None
    marshaller = Marshaller("auto")
    assert marshaller.choose_encoder() is True
    assert marshaller.marshal_response([decimal.Decimal("1.10"), uuid.UUID(int=1)])[0] == (
        b'[1.10,"00000000-0000-0000-0000-000000000001"]'
    )
    assert Marshaller("orjson").choose_encoder() is False


def test_large_results_start_at_one_megabyte() -> None:
    """A result counts as large from 1 MiB on."""
    assert LARGE == 1 << 20
    assert _codec.is_plain({"a": [1, (2, None)]})


def test_large_event_may_be_bytes() -> None:
    """A large event that a tool passes as `bytes` is parsed, as the bytearray is in which it arrives."""
    text = "x" * LARGE
    body = json.dumps(text).encode()
    for event in (body, bytearray(body)):
        assert Marshaller().unmarshal_request(event) == text


@pytest.mark.parametrize("codec", ["stdlib", "auto"])
def test_large_results_without_long_strings_stay_equal(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large results are encoded equally, also after the first, which decides how texts are written."""
    monkeypatch.setitem(sys.modules, "orjson", None)
    numbers = list(range(LARGE // 4))
    expected = json.dumps(numbers, separators=(",", ":")).encode()
    marshaller = Marshaller(codec)
    for _ in range(3):
        assert marshaller.marshal_response(numbers) == (expected, "application/json")
    assert marshaller.marshal_response(["é"])[0] == '["é"]'.encode()


LITTLE_MEMORY = """
import resource
from awslambdaric_lite._codec import Marshaller
from awslambdaric_lite._function_errors import Fault
result = ["x" * (64 << 20)]
marshaller = Marshaller("stdlib")
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), -1))
try:
    marshaller.marshal_response(result)
except Fault as fault:
    print(fault.error_type)
print(marshaller.marshal_response(["x"])[0].decode())
"""

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


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is computed from /proc/self/statm")
def test_large_event_needs_little_extra_memory(tmp_path: Path) -> None:
    """Decoding a large event succeeds when the address space leaves no room to raise malloc's threshold."""
    assert limited(ADDRESS_SPACE, tmp_path) == f"{24 << 20}\n"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is computed from /proc/self/statm")
def test_encoder_works_after_lack_of_memory(tmp_path: Path) -> None:
    """A result for which the memory does not suffice is an error of encoding, and the next result is encoded."""
    assert limited(LITTLE_MEMORY, tmp_path) == 'Runtime.MarshalError\n["x"]\n'


def limited(code: str, tmp_path: Path) -> str:
    """Run code in a process that limits its memory; return what it prints."""
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(awslambdaric_lite.__file__).parent.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
