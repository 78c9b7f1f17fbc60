"""From what the SMTP dialog said to what the log remembers, and what follows from it."""

from __future__ import annotations

from dataclasses import replace

from dynamail.delivery.records import BOUNCED, DEFERRED, DELIVERED, UNKNOWN, Result
from dynamail.protocols.codes import (
    CONSEQUENCES,
    BounceClass,
    Consequence,
    classify_reply,
    is_hard,
    is_worth_retrying,
)
from dynamail.protocols.smtp.envelopes import Outcome, OutcomeKind

MAX_REPLY = 500  # characters that the log keeps
IN_DOUBT = "The connection ended after the message was sent and before the server answered."


def judge_outcome(outcome: Outcome) -> Result:
    """The result of one attempt. A 5xx that means "later" is deferred; a 4xx never is a bounce."""
    result = _judge(outcome)
    return result if outcome.dialog is None else replace(result, dialog=outcome.dialog)


def _judge(outcome: Outcome) -> Result:
    reply = outcome.reply
    if outcome.kind is OutcomeKind.DELIVERED and reply is not None:
        return Result(DELIVERED, "", reply.code, reply.enhanced, reply.text[:MAX_REPLY])
    if outcome.kind is OutcomeKind.UNKNOWN:
        return Result(UNKNOWN, reply=f"{IN_DOUBT} {outcome.detail}"[:MAX_REPLY].strip())
    if reply is None:
        return Result(DEFERRED, reply=outcome.detail[:MAX_REPLY])
    bounce_class = classify_reply(reply, outcome.stage)
    if outcome.kind is OutcomeKind.DEFERRED or is_worth_retrying(bounce_class, reply):
        return Result(DEFERRED, bounce_class, reply.code, reply.enhanced, reply.text[:MAX_REPLY])
    hard = is_hard(bounce_class, reply)
    return Result(BOUNCED, bounce_class, reply.code, reply.enhanced, reply.text[:MAX_REPLY], hard)


def judge_content_failure(reason: str) -> Result:
    """The message could not be made for this one recipient; nothing was sent."""
    return Result(
        BOUNCED, BounceClass.CONTENT, reply=f"The message could not be written: {reason}"[:MAX_REPLY]
    )


def pauses_destination(result: Result) -> bool:
    """Does a refusal say that this destination wants nothing from us for a while? One reply alone proves nothing yet."""
    return (
        result.state == BOUNCED
        and CONSEQUENCES.get(BounceClass(result.bounce_class)) is Consequence.PAUSE_DESTINATION
    )


def is_about_us(result: Result) -> bool:
    """Is the refusal about the sender, the content or the way, so that the next recipient will meet it too?"""
    return result.bounce_class in (
        BounceClass.AUTHENTICATION,
        BounceClass.RELAYING,
        BounceClass.SPAM_BLOCK,
        BounceClass.POLICY,
        BounceClass.PROTOCOL,
        BounceClass.ROUTING,
        BounceClass.THROTTLED,
        BounceClass.TRANSIENT,
    )
