"""The poller of an SQS queue: it receives messages, invokes a function with batches of them, and deletes them.

Source: the developer guide of Lambda, "Using Lambda with Amazon SQS", with its pages about scaling and errors.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...common.json_text import compact
from ...common.quotas import MAX_PAYLOAD
from ...common.words import count
from ...events.messaging import sqs_record
from ..config.project import QueueSource
from ..errors import LocalLambdaClosed, TooManyRequests
from ..frontend.requests import new_trace_id
from ..results import FunctionOutcome, Invocation, SubmitTo
from .batches import REQUEST_SIZE, Message, batches_by_size, failed_ids
from .patterns import compile_filters, undocumented_notes
from .plan import check_source
from .queues import one_line

GRACE_S = 10.0
"""Seconds that `close` waits for running invocations, and for their messages to be deleted."""
_CONCURRENCY = 5  # batches at the same time, with which Lambda starts if the source sets no maximum
# A request that waits for messages cannot be cancelled, because those that it has received would be lost: `close` waits
# at most this long. A message that arrives is received immediately.
_WAIT_S = 1
_FIRST_BACKOFF_S = 0.1  # doubled after each attempt
_MAX_BACKOFF_S = 5.0
_MAX_THROTTLE_S = 0.5  # a local function is free again soon


class QueuePoller:
    """Poller of one event source, in the event loop of its `run`; requests to SQS run in threads.

    Args:
        source: the settings.
        queue_url: the URL of the queue.
        queue_arn: the ARN of the queue; the events have it, and its region.
        client: a client for SQS of boto3 (`queues.sqs_client`).
        submit: invokes the function.
        note: receives lines for people.
        function_timeout_s: the function's timeout, which the queue's visibility timeout should not be below.

    Raises:
        InvalidSource: AWS would refuse a setting or a filter.
    """

    def __init__(
        self,
        source: QueueSource,
        queue_url: str,
        queue_arn: str,
        client: Any,
        submit: SubmitTo,
        note: Callable[[str], None],
        *,
        function_timeout_s: float = 0.0,
    ) -> None:
        self._is_fifo = queue_arn.endswith(".fifo")
        check_source(source, is_fifo=self._is_fifo)
        self._patterns = compile_filters(source.filters)
        self._source = source
        self._url = queue_url
        self._arn = queue_arn
        self._client = client
        self._submit = submit
        self._note = note
        self._function_timeout_s = function_timeout_s
        self._visibility_s: float | None = None  # None: not read yet
        self._limit = source.maximum_concurrency or _CONCURRENCY
        self._batches: set[asyncio.Task[None]] = set()
        self._deletions: set[asyncio.Task[None]] = set()  # of messages that match no filter
        self._undeleted: dict[str, str] = {}  # processed messages and their newest receipt handles
        self._noted: set[str] = set()
        self._is_away = False
        self._backoff_s = _FIRST_BACKOFF_S
        self._enabled = asyncio.Event()
        self.enable(source.enabled)
        self._closing = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self._threads = ThreadPoolExecutor(1 + min(self._limit, 7), thread_name_prefix="queue-poller")

    @property
    def is_enabled(self) -> bool:
        """Whether messages are received."""
        return self._enabled.is_set()

    def enable(self, enabled: bool = True) -> None:
        """Start or stop receiving messages; batches that run are completed."""
        (self._enabled.set if enabled else self._enabled.clear)()

    async def run(self) -> None:
        """Poll the queue until `close`."""
        self._task = asyncio.current_task()
        for text in undocumented_notes(self._patterns):
            self._tell(text)
        while not self._closing.is_set():
            if not self._enabled.is_set():
                await self._unless_closing(self._enabled.wait())
            elif len(self._batches) >= self._limit:
                await self._unless_closing(asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED))
            else:
                messages, received_at = await self._gather()
                if messages:
                    self._start(self._process(messages, received_at), self._batches)

    async def close(self, grace_s: float = GRACE_S) -> None:
        """Stop polling. Wait for running invocations and delete their messages; return others to the queue.

        What is not complete after `grace_s` seconds is abandoned: its messages are received again.
        """
        self._closing.set()
        ends_at = asyncio.get_running_loop().time() + grace_s
        left = await _wait([self._task] if self._task is not None else [], ends_at)
        left |= await _wait([*self._batches, *self._deletions], ends_at)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            self._tell("closed before all messages were processed; they will be received again")
        self._threads.shutdown(wait=False, cancel_futures=True)

    # Receiving.

    @property
    def _polls(self) -> bool:
        return self._enabled.is_set() and not self._closing.is_set()

    async def _gather(self) -> tuple[list[Message], float]:
        """Receive a batch: of one request, or of the batching window that begins with the first message.

        Return it with the time of its first message.
        """
        loop = asyncio.get_running_loop()
        gathered: dict[str, Message] = {}  # by id: a message that is received again has a new receipt handle
        wanted, received_at, ends_at = self._source.batch_size, 0.0, 0.0
        while len(gathered) < wanted and sum(len(each.text) for each in gathered.values()) < MAX_PAYLOAD:
            wait_s = _WAIT_S
            if gathered and (remaining := ends_at - loop.time()) <= 0:
                break
            if gathered and remaining < _WAIT_S:
                wait_s = 0
                await self._unless_closing(asyncio.sleep(remaining))
            received = await self._receive(min(wanted - len(gathered), REQUEST_SIZE), wait_s) if self._polls else []
            if not gathered:
                received_at = loop.time()
                ends_at = received_at + self._source.window_s
            gathered.update({each.id: each for each in received})
            if not self._polls:
                await self._give_back(gathered.values())
                return [], received_at
            if not gathered:
                break
        return list(gathered.values()), received_at

    async def _receive(self, limit: int, wait_s: int) -> list[Message]:
        """Receive messages that match the filters and were not processed before; the others are deleted."""
        try:
            if self._visibility_s is None:
                await self._read_visibility()
            answer = await self._request(
                "receive_message",
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=wait_s,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            received = [self._message(each) for each in answer.get("Messages", ())]
            unmatched = {each.id for each in received if not self._matches(each)}
        except Exception as error:  # whatever botocore raises: the endpoint may be away, and come back
            if not self._is_away:
                self._is_away = True
                failure = "refuses requests" if _is_final(error) else "does not answer"
                self._tell(f"{self._url} {failure}: {one_line(error)}; retrying")
            await self._unless_closing(asyncio.sleep(self._backoff_s))
            self._backoff_s = min(2 * self._backoff_s, _MAX_BACKOFF_S)
            return []
        if self._is_away:
            self._is_away = False
            self._tell(f"{self._url} answers again")
        self._backoff_s = _FIRST_BACKOFF_S
        self._undeleted.update({each.id: each.handle for each in received if each.id in self._undeleted})
        messages = [each for each in received if each.id not in self._undeleted]
        if filtered := [each for each in messages if each.id in unmatched]:
            self._start(self._delete(filtered), self._deletions)
        return [each for each in messages if each.id not in unmatched]

    async def _read_visibility(self) -> None:
        answer = await self._request("get_queue_attributes", AttributeNames=["VisibilityTimeout"])
        self._visibility_s = float(answer.get("Attributes", {}).get("VisibilityTimeout", 30))
        if self._visibility_s < self._function_timeout_s:
            self._tell(
                f"Queue visibility timeout: {self._visibility_s:g} seconds is less than Function timeout: "
                f"{self._function_timeout_s:g} seconds; AWS refuses this"
            )

    def _message(self, message: dict[str, Any]) -> Message:
        record = sqs_record(message, self._arn, self._arn.split(":")[3])
        group = record["attributes"].get("MessageGroupId") if self._is_fifo else None
        return Message(message["MessageId"], message["ReceiptHandle"], group, record, compact(record))

    def _matches(self, message: Message) -> bool:
        return not self._patterns or any(pattern.matches(message.record) for pattern in self._patterns)

    # Processing.

    async def _process(self, messages: Sequence[Message], received_at: float) -> None:
        """Invoke the function with messages, one batch after the other if they exceed the payload's limit."""
        failed_groups: set[str | None] = set()
        for position, batch in enumerate(batches_by_size(messages)):
            batch = [each for each in batch if each.group is None or each.group not in failed_groups]
            if not batch or (position and self._is_over(received_at)):
                continue  # the queue delivers them again
            failed = await self._invoke(batch, received_at)
            failed_groups |= {each.group for each in batch if each.id in failed}
            await self._delete([each for each in batch if each.id not in failed])

    async def _invoke(self, batch: Sequence[Message], received_at: float) -> set[str]:
        """Invoke the function with a batch; return the ids of the messages that stay in the queue."""
        every = {each.id for each in batch}
        event = f'{{"Records":[{",".join(each.text for each in batch)}]}}'.encode(errors="replace")
        delay_s = _FIRST_BACKOFF_S
        while not self._closing.is_set():
            invocation = Invocation(event, trace_id=new_trace_id())
            self._submit(self._source.function, self._source.qualifier, invocation)
            try:
                outcome = await asyncio.wrap_future(invocation.answered)
            except TooManyRequests:
                if self._is_over(received_at - delay_s):
                    self._tell_once(f"{count(len(batch), 'message')} throttled until the visibility timeout")
                    return every
                await self._unless_closing(asyncio.sleep(delay_s))
                delay_s = min(2 * delay_s, _MAX_THROTTLE_S)
            except LocalLambdaClosed:
                self._closing.set()
            except Exception as error:  # unknown, or unable to run here: as a failed invocation
                self._tell_once(one_line(error))
                return every
            else:
                return self._failures(outcome, every)
        await self._give_back(batch)
        return every

    def _failures(self, outcome: FunctionOutcome, every: set[str]) -> set[str]:
        if outcome.error is not None:
            return every
        if not self._source.report_batch_item_failures:
            return set()
        try:
            return failed_ids(outcome.payload, every)
        except ValueError as error:
            self._tell_once(f"the whole batch has failed: {error}")
            return every

    def _is_over(self, received_at: float) -> bool:
        """Return whether messages may be visible to other consumers again."""
        return asyncio.get_running_loop().time() >= received_at + (self._visibility_s or 0.0)

    async def _delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; retry until the queue has answered for each."""
        self._undeleted.update({each.id: each.handle for each in messages})
        for start in range(0, len(messages), REQUEST_SIZE):
            left, delay_s = [each.id for each in messages[start : start + REQUEST_SIZE]], _FIRST_BACKOFF_S
            while left := await self._delete_some(left):
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, _MAX_BACKOFF_S)

    async def _delete_some(self, ids: Sequence[str]) -> list[str]:
        """Send one request; return the ids for which it has to be repeated."""
        ids = [each for each in ids if each in self._undeleted]  # else deleted after another invocation
        if not ids:
            return []
        entries = [{"Id": str(at), "ReceiptHandle": self._undeleted[each]} for at, each in enumerate(ids)]
        try:
            answer = await self._request("delete_message_batch", Entries=entries)
        except Exception as error:  # whatever botocore raises
            if not _is_final(error):
                return ids
            answer = {"Failed": [{**entry, "SenderFault": True, "Message": one_line(error)} for entry in entries]}
        failed = {each["Id"]: each for each in answer.get("Failed", ())}
        left = []
        for at, each in enumerate(ids):
            failure = failed.get(str(at))
            if failure is not None and not failure.get("SenderFault"):
                left.append(each)
                continue
            self._undeleted.pop(each, None)
            if failure is not None:
                self._tell(f"message {each} cannot be deleted and will be received again: {failure.get('Message')}")
        return left

    async def _give_back(self, messages: Iterable[Message]) -> None:
        """Make messages visible to other consumers; those of a failed request become so after the timeout."""
        handles = [each.handle for each in messages]
        for start in range(0, len(handles), REQUEST_SIZE):
            entries = [
                {"Id": str(at), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for at, handle in enumerate(handles[start : start + REQUEST_SIZE])
            ]
            try:
                await self._request("change_message_visibility_batch", Entries=entries)
            except Exception as error:  # whatever botocore raises
                self._tell(f"{count(len(entries), 'message')} not given back to the queue: {one_line(error)}")

    # Helpers.

    def _start(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        def done(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._tell(f"messages not processed: {one_line(error)}")

        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(done)

    async def _request(self, operation: str, **parameters: Any) -> dict[str, Any]:
        call = functools.partial(getattr(self._client, operation), QueueUrl=self._url, **parameters)
        answer: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        return answer

    async def _unless_closing(self, work: Coroutine[Any, Any, object]) -> None:
        """Wait for work, and cancel it when the poller closes."""
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(work), loop.create_task(self._closing.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def _tell(self, text: str) -> None:
        self._note(f"source {self._source.logical_id}: {text}")

    def _tell_once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._tell(text)


async def _wait(tasks: Iterable[asyncio.Task[Any]], ends_at: float) -> set[asyncio.Task[Any]]:
    """Wait for tasks until a time of the loop; return those that are not done."""
    pending = {task for task in tasks if not task.done()}
    if pending:
        _, pending = await asyncio.wait(pending, timeout=max(ends_at - asyncio.get_running_loop().time(), 0.0))
    return pending


def _is_final(error: Exception) -> bool:
    """Return whether the queue has refused a request, which it would do again."""
    response = getattr(error, "response", None) or {}  # None of a lost connection
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500 and status != 429 and "Throttl" not in response.get("Error", {}).get("Code", "")
