"""Events of mail: Amazon SES and Amazon WorkMail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parseaddr

from ..common.regions import make_arn
from .shared import ACCOUNT, REGION, Event, Moment, When, fresh_id, hexadecimal, label, require_choice

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
    """Return a mail that Amazon SES received.

        ses("Invoice", sender="Bob <bob@example.com>", verdicts={"spam": "FAIL"})

    The event does not contain the body of the mail.

    Args:
        subject: subject of the mail.
        sender: address of the sender, with or without a name.
        recipients: addresses of the recipients. Default: inbox@example.org.
        headers: additional headers.
        verdicts: results of the checks spam, virus, spf, dkim and dmarc, e.g. spam=FAIL; choose from PASS, FAIL, GRAY
            and PROCESSING_FAILED. Default: PASS.
        function_name: name of the function in the receipt rule.
        message_id: id of the mail. Default: a new one.
        account: number of the AWS account.
        region: AWS region.
        time: time of the event. Default: now. An aware datetime, or seconds since the epoch.

    Source: docs ses/latest/dg/receiving-email-notifications-contents.html
    """
    for check, verdict in (verdicts or {}).items():
        require_choice("check", check, _CHECKS)
        require_choice(f"verdict for {check}", verdict, _VERDICTS)
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
            "functionArn": make_arn("lambda", region, account, f"function:{function_name}"),
            "invocationType": "Event",
        },
    }
    record = {"eventSource": "aws:ses", "eventVersion": "1.0", "ses": {"mail": mail, "receipt": receipt}}
    return {"Records": [record]}


def workmail(
    subject: str = "Hello",
    *,
    sender: str = "ada@example.com",
    recipients: Sequence[str] = ("inbox@example.org",),
    direction: str = "INBOUND",
    truncated: bool = False,
    message_id: str | None = None,
    invocation_id: str | None = None,
) -> Event:
    """Return a mail that an Amazon WorkMail rule passes to a function.

        workmail("Invoice", sender="bob@example.com", direction="OUTBOUND")

    The event does not contain the body of the mail.

    Args:
        subject: subject of the mail.
        sender: address of the sender.
        recipients: addresses of the recipients. Default: inbox@example.org.
        direction: direction of the mail: INBOUND or OUTBOUND.
        truncated: whether the body is longer than 50 KB.
        message_id: id of the mail. Default: a new one.
        invocation_id: id of the invocation. Default: a new one.

    Source: docs workmail/latest/adminguide/lambda-data.html
    """
    require_choice("direction", direction, ("INBOUND", "OUTBOUND"))
    if not recipients or isinstance(recipients, str):
        raise ValueError("recipients is a list of addresses; give at least one")
    return {
        "summaryVersion": "2019-07-28",
        "envelope": {
            "mailFrom": {"address": sender},
            "recipients": [{"address": recipient} for recipient in recipients],
        },
        "sender": {"address": sender},
        "subject": subject,
        "messageId": message_id or fresh_id(),
        "invocationId": invocation_id or hexadecimal(fresh_id(), "invocation", 32),
        "flowDirection": direction,
        "truncated": truncated,
    }
