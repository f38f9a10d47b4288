"""Events of Amazon SES: received mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parseaddr

from .shared import ACCOUNT, REGION, Event, Moment, When, fresh_id, label

_CHECKS = ("spam", "virus", "spf", "dkim", "dmarc")
_VERDICTS = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED")


def ses(
    subject: str = "Hello",
    *,
    sender: str = "Ada Lovelace <ada@example.com>",
    recipients: Sequence[str] = ("inbox@example.org",),
    headers: Mapping[str, str] | None = None,
    verdicts: Mapping[str, str] | None = None,
    function_name: str = "my-function",
    message_id: str | None = None,
    account: str = ACCOUNT,
    region: str = REGION,
    time: When = None,
) -> Event:
    """A mail that Amazon SES received; its body is not part of the event.

        ses("Invoice", sender="Bob <bob@example.com>", verdicts={"spam": "FAIL"})

    Args:
        subject: the mail's subject.
        sender: an address, with or without a name.
        recipients: addresses.
        headers: more headers.
        verdicts: of the checks `spam`, `virus`, `spf`, `dkim` and `dmarc`: PASS (default), FAIL, GRAY or
            PROCESSING_FAILED.
        function_name: the function of the receipt rule.
        message_id: default: fresh; with it and a time, the event is always the same.
        account: the account.
        region: the region.
        time: an aware datetime or seconds since the epoch; default: now.

    Raises:
        ValueError: there is no such check or verdict, or there is no recipient.

    Source: docs ses/latest/dg/receiving-email-notifications-contents.html
    """
    for check, verdict in (verdicts or {}).items():
        if check not in _CHECKS or verdict not in _VERDICTS:
            raise ValueError(
                f"verdict {check}={verdict} is none; checks: {', '.join(_CHECKS)}; verdicts: {', '.join(_VERDICTS)}"
            )
    if not recipients or isinstance(recipients, str):
        raise ValueError("recipients is a list of addresses; give at least one")
    moment = Moment(time)
    message_id = message_id or label(fresh_id(), "message", 40)
    address = parseaddr(sender)[1]
    internet_id = f"<{message_id}@{address.rpartition('@')[2]}>"
    lines = {
        "Return-Path": f"<{address}>",
        "MIME-Version": "1.0",
        "From": sender,
        "Date": moment.mail_date,
        "Message-ID": internet_id,
        "Subject": subject,
        "To": ", ".join(recipients),
        "Content-Type": "text/plain; charset=UTF-8",
        **(headers or {}),
    }
    mail = {
        "timestamp": moment.iso_ms,
        "source": address,
        "messageId": message_id,
        "destination": list(recipients),
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in lines.items()],
        "commonHeaders": {
            "returnPath": address,
            "from": [sender],
            "date": moment.mail_date,
            "to": list(recipients),
            "messageId": internet_id,
            "subject": subject,
        },
    }
    receipt = {
        "timestamp": moment.iso_ms,
        "processingTimeMillis": 574,
        "recipients": list(recipients),
        **{f"{check}Verdict": {"status": (verdicts or {}).get(check, "PASS")} for check in _CHECKS},
        "action": {
            "type": "Lambda",
            "functionArn": f"arn:aws:lambda:{region}:{account}:function:{function_name}",
            "invocationType": "Event",
        },
    }
    record = {"eventSource": "aws:ses", "eventVersion": "1.0", "ses": {"mail": mail, "receipt": receipt}}
    return {"Records": [record]}
