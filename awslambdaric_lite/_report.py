"""Error reports: owns the form in which the Runtime API, X-Ray and the log receive an exception.

Loaded in init and written without `traceback`, whose import takes longer than the first error (benchmark
cpu_first_error). The texts are those of the official client, which formats plain (file, line, name, source) tuples
without caret lines. Imports C builtins, `_codec` and `_sinks`.

Code of the exception's class runs here, and must not end the process: each step has a fallback.
"""

import posix
import sys

from ._codec import Fault, quote  # type: ignore[attr-defined]  # one import costs less than two (guard)
from ._sinks import JSON_FRAMES, TEXT_FRAMES, format_time, json_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Any

    from ._types import ErrorChain, ErrorReport, LogSink

    Frame = tuple[str, int | None, str, str]

_getcwd = posix.getcwd  # as it is before user code runs, which may replace it
type_name = type.__dict__["__name__"].__get__  # without the metaclass of user code
traceback_of: "Callable[[BaseException], TracebackType | None]" = BaseException.__dict__["__traceback__"].__get__
_REPEATS_SHOWN = 3  # as `traceback`: further frames at the same line are only counted
_XRAY_FRAMES = 25  # of each end of the stack
_XRAY_NAME = 1000  # characters of a path, a name, or a message that does not fit
_XRAY_LENGTH = 60_000  # characters; the service drops everything above 64 KiB
_LARGE = 1 << 20  # characters of a message that may leave no memory for the report
_NO_BREAK_SPACE = "\u00a0"

_OWN = __name__.rpartition(".")[0] + "."  # beginning of the names of the package's modules
_EXAMPLES = _OWN + "examples."  # handlers
_lines: "dict[tuple[str, int], str]" = {}  # source lines that were shown before; code on Lambda does not change
reset_caches = _lines.clear  # tests call this
chain: "ErrorChain | None" = None  # `_lifecycle.error_chain`, if reports contain causes
converted: "Callable[[BaseException, str], BaseException] | None" = None  # `_lifecycle.lazy_imports`, if some are lazy


def make_report(raised: BaseException, request_id: str = "", status: "int | None" = None) -> "tuple[ErrorReport, str]":
    """Return an exception as the Runtime API and the log receive it, and as X-Ray does.

    Pass `status` if the exception ends the process; the report then contains the exit status.
    """
    try:
        frames: "list[Frame]" = []
        raised = raised if converted is None else converted(raised, request_id)
        if issubclass(type(raised), Fault):
            fault: "Any" = raised
            error_type, message, trace = fault.error_type, fault.message, fault.trace
            xray_type = "LambdaValidationError"
        else:
            message = text_of(raised)
            try:
                error_type = str.__str__(type(raised).__name__)
            except BaseException:  # raised by a metaclass of user code
                error_type = type_name(type(raised))
            if status is not None:
                reason = f"exited with error: exit status {status}" if status else "exited without providing a reason"
                error_type = "Runtime.ExitError"
                message = f"{f'RequestId: {request_id} ' if request_id else ''}Error: Runtime {reason}"
            try:
                frames = frames_of(traceback_of(raised))
            except BaseException:  # raised by a signal handler, or the interpreter's limits are reached
                frames = []
            trace = format_frames(frames)
            xray_type = error_type
        if len(message) > _LARGE:
            try:
                bytes(24 * len(message))  # as much as the report and its log take at most
            except MemoryError:
                message = message[: _XRAY_NAME - 3] + "..."
        report: "ErrorReport" = {
            "errorMessage": message,
            "errorType": error_type,
            "requestId": request_id,
            "stackTrace": trace,
        }
        if chain is not None:
            chain.extend(report, raised)
        return report, xray_cause(xray_type, message, frames)
    except BaseException:  # the last resort
        name = type_name(type(raised))
        message = f"<error report failed: {name}>"
        return {"errorMessage": message, "errorType": name, "requestId": request_id, "stackTrace": []}, ""


def text_of(error: BaseException) -> str:
    """Return `str(error)`, or a placeholder where that fails."""
    try:
        return str.__str__(str(error))
    except BaseException:
        return f"<exception str() failed: {type_name(type(error))}>"


def is_own(frame: "FrameType") -> bool:
    """Return whether a frame runs code of the runtime, which users' stack traces hide.

    The name of the frame's module decides, because the path depends on how the package is deployed.
    """
    name = dict.get(frame.f_globals, "__name__")
    return type(name) is str and name.startswith(_OWN) and not name.startswith(_EXAMPLES)


def frames_of(traceback: "TracebackType | None") -> "list[Frame]":
    """Walk a traceback, as far as `sys.tracebacklimit` allows.

    Leading frames of the runtime are left out, but count for the limit, as in the official client.
    """
    limit = getattr(sys, "tracebacklimit", None)
    left = limit if isinstance(limit, int) else sys.maxsize
    while traceback is not None and left > 0 and is_own(traceback.tb_frame):
        traceback = traceback.tb_next
        left -= 1
    frames: "list[Frame]" = []
    while traceback is not None and left > 0:
        left -= 1
        code = traceback.tb_frame.f_code
        line = traceback.tb_lineno
        path = str.__str__(code.co_filename)
        frames.append((path, line, str.__str__(code.co_name), _source_line(path, line, traceback.tb_frame.f_globals)))
        traceback = traceback.tb_next
    return frames


def _source_line(path: str, line: "int | None", names: "dict[str, object]") -> str:
    """Return a line of source without its indentation, or an empty string if it cannot be read."""
    if not line:
        return ""
    try:
        if (cached := _cached_line(path, line)) is not None:
            return cached.strip()
    except Exception:
        pass
    if path[:1] == "<" and path[-1:] == ">":
        return ""  # there is no file; the globals may be those of a module that has one
    known = _lines.get((path, line))
    if known is None:
        if len(_lines) > 1000:
            _lines.clear()
        try:
            known = str.__str__(_read_line(path, line, names).strip())
        except BaseException:  # a loader of user code may raise anything
            known = ""
        _lines[path, line] = known
    return known


def _read(path: str, folders: "list[str]") -> bytes:
    """Read a file from the first folder that has it."""
    for folder in folders:
        try:
            with open(folder + path, "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):  # another error means that it exists but cannot be read
            pass
    raise FileNotFoundError(path)


def _cached_line(path: str, line: int) -> "str | None":
    """Return a line that `linecache` knows, e.g. of generated code; None if the file decides."""
    linecache = sys.modules.get("linecache")
    if linecache is None:
        return None
    linecache.checkcache(path)  # drops the lines of a file that has changed
    return str(linecache.getline(path, line)) if path in linecache.cache else None


def _read_line(path: str, line: int, names: "dict[str, object]") -> str:
    """Read a line from a file, from the loader of a module in a zip archive, or from a file below `sys.path`.

    Raises:
        Exception: whatever a loader or a codec raises.
    """
    try:
        source = _read(path, [""])
    except FileNotFoundError:
        spec: "Any" = names.get("__spec__")
        loader: "Any" = getattr(spec, "loader", None) or names.get("__loader__")
        name = getattr(spec, "name", None) or names.get("__name__")
        if name and hasattr(loader, "get_source"):
            return (loader.get_source(name) or "").splitlines()[line - 1]
        source = _read(path, [f"{folder}/" for folder in sys.path] if path[:1] != "/" else [])
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


def exit_status_of(raised: BaseException) -> int:
    """Return the exit status that the interpreter derives from a `SystemExit`."""
    try:
        code: object = raised.code  # type: ignore[attr-defined]
        status = 0 if code is None else int.__and__(code, -1) if isinstance(code, int) else 1
        return status & 0xFF if status >> 63 in (0, -1) else 0xFF  # a C long cannot hold it
    except BaseException:
        return 1  # a class of user code has no code


def report_json(report: "ErrorReport") -> str:
    """Encode an error report as ASCII JSON."""
    if chain is not None:
        return chain.to_json(report)
    trace = report.get("stackTrace")
    fields = [f"{quote(key)}:{quote(str(value))}" for key, value in report.items() if value is not trace]
    if trace is not None:
        fields.append(f'"stackTrace":[{",".join(map(quote, trace))}]')
    return f"{{{','.join(fields)}}}"


def xray_cause(error_type: str, message: str, frames: "list[Frame]") -> str:
    """Encode the cause for X-Ray as one line of ASCII JSON, short enough for the service to keep it whole.

    Its fields are `working_directory`, `exceptions` and `paths`.
    """
    try:
        directory = _getcwd()
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


def log_report(report: "ErrorReport", sink: "LogSink") -> None:
    """Write an error report to the log, in the configured format.

    A log that cannot be written must not keep the report from being posted.
    """
    try:
        if sink.json_format:
            sink.log_error([f'{{"timestamp":"{json_time()}","level":"ERROR",{report_json(report)[1:]}'])
            return
        error_type, message, trace = report.get("errorType"), report.get("errorMessage"), report.get("stackTrace")
        headline = f"[ERROR] {error_type}{':' if message else ''}" if error_type else "[ERROR]"
        lines = [f"{headline} {message}" if message else headline]
        if trace is not None:
            lines += ["Traceback (most recent call last):", *trace_lines(trace)]
        if chain is not None:
            lines += chain.log_lines(report)
        sink.log_error(lines)
    except BaseException:
        pass  # user code replaced standard output; the report is posted all the same


def trace_lines(trace: "list[str]") -> "list[str]":
    """Return the lines of stack entries, indented by characters that Lambda's log collector keeps."""
    lines: "list[str]" = []
    for entry in trace:
        for line in entry.splitlines() or [""]:
            bare = line.lstrip(" ")
            lines.append(_NO_BREAK_SPACE * (len(line) - len(bare)) + bare)
    return lines


def notice(sink: "LogSink", request_id: str, text: str, level: int = 30) -> None:
    """Write a warning of the runtime, or with level 10 a line for debugging, to the log, if that can be written."""
    try:
        name = "WARNING" if level == 30 else "DEBUG"
        if sink.json_format:
            head = f'{{"timestamp":"{json_time()}","level":"{name}","message":{quote(text)}'
            sink.log(f'{head},"logger":"awslambdaric_lite","requestId":{quote(request_id)}}}\n', JSON_FRAMES[level])
        else:
            sink.log(f"[{name}]\t{format_time(milliseconds=True)}\t{request_id}\t{text}\n", TEXT_FRAMES[level])
    except BaseException:
        pass  # user code closed or replaced standard output
