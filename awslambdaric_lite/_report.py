"""Exceptions turned into what the Runtime API, X-Ray and the log receive. Imports C builtins, `_codec`, `_sinks`.

Loaded in init and written without `traceback`: its import alone would cost the first error on a 128 MB function 120 ms.
The texts are those of the official client, which formats plain (file, line, name, source) tuples: no caret lines.
"""

import posix
import sys
import time

from ._codec import quote
from ._sinks import JSON_FRAMES, TEXT_FRAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from types import CodeType, TracebackType

    Frame = tuple[str, int | None, str, str]
    ErrorResult = dict[str, object]

    from ._types import LogSink

_REPEATS_SHOWN = 3  # as `traceback`: further frames at the same line are only counted
_XRAY_FRAMES = 25  # of each end of the stack
_XRAY_NAME = 1000  # characters of a path, a name, or a message that does not fit
_XRAY_LENGTH = 60_000  # characters; the service drops everything above 64 KiB
_NO_BREAK_SPACE = "\u00a0"

OWN_FRAMES: "list[CodeType]" = []  # code of the runtime that calls the handler: no news to who reads a stack trace
_lines: "dict[tuple[str, int], str]" = {}  # source lines that were shown before; code on Lambda does not change


def text_of(error: BaseException) -> str:
    """Return `str(error)`, or a placeholder where that fails."""
    try:
        return str.__str__(str(error))
    except BaseException:
        return f"<exception str() failed: {type(error).__name__}>"


def frames_of(traceback: "TracebackType | None", own: "Collection[CodeType]") -> "list[Frame]":
    """Walk a traceback, as far as `sys.tracebacklimit` allows.

    Leading frames that run one of the `own` code objects are left out; they count, as in the official client.
    """
    limit = getattr(sys, "tracebacklimit", None)
    left = sys.maxsize if limit is None else limit
    while traceback is not None and left > 0 and traceback.tb_frame.f_code in own:
        traceback = traceback.tb_next
        left -= 1
    frames: "list[Frame]" = []
    while traceback is not None and left > 0:
        left -= 1
        code = traceback.tb_frame.f_code
        line = traceback.tb_lineno
        source = _source_line(code.co_filename, line, traceback.tb_frame.f_globals)
        frames.append((code.co_filename, line, code.co_name, source))
        traceback = traceback.tb_next
    return frames


def _source_line(path: str, line: "int | None", names: "dict[str, object]") -> str:
    """Return a line of source without its indentation, or nothing where it cannot be had."""
    if not line:
        return ""
    known = _lines.get((path, line))
    if known is None:
        if len(_lines) > 1000:
            _lines.clear()
        try:
            known = _read_line(path, line, names).strip()
        except Exception:
            known = ""
        _lines[path, line] = known
    return known


def _read_line(path: str, line: int, names: "dict[str, object]") -> str:
    """Read a line from a file, or from the loader of a module that lies in a zip.

    Raises:
        Exception: whatever a loader or a codec raises.
    """
    if path[:1] == "<" and path[-1:] == ">":
        return ""  # there is no file; the globals may be those of a module that has one
    try:
        with open(path, "rb") as file:
            source = file.read()
    except (FileNotFoundError, NotADirectoryError):  # other errors: there is a file, but not to be read
        loader: "object" = names.get("__loader__")
        text = str(loader.get_source(names["__name__"]))  # type: ignore[attr-defined]
        return text.splitlines()[line - 1]
    lines = source.removeprefix(b"\xef\xbb\xbf").splitlines()  # of bytes: at CR, LF and CRLF only, as the tokenizer
    encoding = "utf-8"
    for comment in lines[:2]:  # PEP 263
        if comment.strip() and comment.lstrip()[:1] != b"#":
            break
        if b"coding" in comment:
            declared = comment.partition(b"coding")[2]
            if declared[:1] in (b":", b"="):
                encoding = declared[1:].split()[0].decode("ascii")
                break
    return lines[line - 1].decode(encoding)


def format_frames(frames: "list[Frame]") -> "list[str]":
    """Format frames as `traceback.format_list` formats tuples, runs of the same line collapsed."""
    entries: "list[str]" = []
    last: "tuple[str, int | None, str] | None" = None
    count = 0
    for path, line, name, source in frames:
        if last != (path, line, name):
            if count > _REPEATS_SHOWN:
                entries.append(_repeated(count - _REPEATS_SHOWN))
            last = path, line, name
            count = 0
        count += 1
        if count <= _REPEATS_SHOWN:
            entries.append(f'  File "{path}", line {line}, in {name}\n' + (f"    {source}\n" if source else ""))
    if count > _REPEATS_SHOWN:
        entries.append(_repeated(count - _REPEATS_SHOWN))
    return entries


def _repeated(times: int) -> str:
    return f"  [Previous line repeated {times} more time{'s' if times > 1 else ''}]\n"


def make_error(
    message: str, error_type: str, stack_trace: "list[str]", request_id: "str | None" = None
) -> "ErrorResult":
    """Return the error object of the Runtime API."""
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id or "",
        "stackTrace": stack_trace,
    }


def exit_status(code: object) -> int:
    """Return the exit status that the interpreter makes of `SystemExit.code`."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1


def exit_text(request_id: str, status: int) -> str:
    """Return what the platform says of a runtime that exits."""
    prefix = f"RequestId: {request_id} " if request_id else ""
    reason = f"exited with error: exit status {status}" if status else "exited without providing a reason"
    return f"{prefix}Error: Runtime {reason}"


def error_json(error: "ErrorResult") -> str:
    """Render an error object as ASCII JSON."""
    trace = error["stackTrace"]
    entries = ",".join(map(quote, trace))  # type: ignore[call-overload]
    texts = ",".join(f"{quote(key)}:{quote(str(value))}" for key, value in error.items() if value is not trace)
    return f'{{{texts},"stackTrace":[{entries}]}}'


def xray_cause(error_type: str, message: str, frames: "list[Frame]") -> str:
    """Render the cause for X-Ray as one line of ASCII JSON that the service does not cut (protocol of the cause:
    `working_directory`, `exceptions` and `paths`)."""
    try:
        directory = posix.getcwd()
    except OSError:
        directory = ""  # it was removed
    if len(frames) > 2 * _XRAY_FRAMES:
        frames = frames[:_XRAY_FRAMES] + frames[-_XRAY_FRAMES:]
    frames = [(path[:_XRAY_NAME], line, name[:_XRAY_NAME], "") for path, line, name, _ in frames]
    kept_message = message[:_XRAY_LENGTH]
    while True:
        stack = ",".join(
            f'{{"label":{quote(name)},"path":{quote(path)},"line":{"null" if line is None else line}}}'
            for path, line, name, _ in frames
        )
        paths = ",".join(map(quote, dict.fromkeys([frame[0] for frame in frames])))
        cause = (
            f'{{"working_directory":{quote(directory)},"exceptions":[{{"message":{quote(kept_message)},'
            f'"type":{quote(error_type)},"stack":[{stack}]}}],"paths":[{paths}]}}'
        )
        if len(cause) <= _XRAY_LENGTH:
            return cause
        if len(kept_message) > _XRAY_NAME:
            kept_message = kept_message[: max(_XRAY_NAME, len(kept_message) // 4) - 3] + "..."
        elif frames:
            frames = frames[: len(frames) // 2]
        else:
            return ""


def log_error(error: "ErrorResult", sink: "LogSink") -> None:
    """Write an error report to the log, in the configured format."""
    if sink.json_format:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sink.log_error([f'{{"timestamp":"{now}","level":"ERROR",{error_json(error)[1:]}'])
        return
    message = error["errorMessage"]
    headline = f"[ERROR] {error['errorType']}" + (f": {message}" if message else "")
    lines = [headline, "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:  # type: ignore[attr-defined]
        for line in entry.splitlines():
            bare = line.lstrip(" ")
            lines.append(_NO_BREAK_SPACE * (len(line) - len(bare)) + bare)
    sink.log_error(lines)


def notice(sink: "LogSink", request_id: str, text: str) -> None:
    """Write a warning of the runtime itself to the log, in the configured format, if the log can be written."""
    try:
        _write_notice(sink, request_id, text)
    except Exception:
        pass  # user code closed or replaced standard output


def _write_notice(sink: "LogSink", request_id: str, text: str) -> None:
    seconds = time.time()
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    if sink.json_format:
        fields = f'"timestamp":"{now}Z","level":"WARNING","message":{quote(text)},"logger":"awslambdaric_lite"'
        sink.log(f'{{{fields},"requestId":{quote(request_id)}}}\n', JSON_FRAMES[30])
    else:
        millis = int(seconds * 1000) % 1000
        sink.log(f"[WARNING]\t{now}.{millis:03d}Z\t{request_id}\t{text}\n", TEXT_FRAMES[30])
