"""A provider's HTTP API as a way out, offered like an SMTP connection: `deliver` pulls envelopes and tells each one's outcome.

1. The message is taken apart (`provider_messages`) and turned into the provider's request by anymail, in a thread.
2. `on_final_dot` runs in the event loop; then the request is written, in a thread: anymail speaks by `requests`.
3. What comes back becomes an Outcome. A refusal of our key or of the address that we call is the way's fault, not the message's.
   No answer after the request was written is `unknown`: the provider may have taken the message.

Redirects are not followed and answers are bounded: whom we call is decided here and not by what answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import requests
from anymail.backends.base_requests import AnymailRequestsBackend
from anymail.exceptions import AnymailError, AnymailRequestsAPIError
from django.core.mail import EmailMultiAlternatives
from django.utils.module_loading import import_string
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError

from dynamail.delivery.provider_messages import make_provider_message
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.pipeline import NextEnvelope, OnFinalDot, OnOutcome
from dynamail.protocols.smtp.replies import SmtpError, SmtpReply, clean_text
from dynamail.senders.providers import REGION, Provider, find_api_url, find_provider

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0  # without a single byte
ANSWER_SECONDS = 60.0  # for the whole answer
MAX_ANSWER = 256 * 1024  # octets
MAX_SAID = 400  # characters of the provider's words

# HTTP answers that say something about our account, our key or the address we call, never about this one message.
_ABOUT_US = frozenset((301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407, 410))
_TOO_MANY = frozenset((420, 429))
_LATER = frozenset((408, 425))
_TOO_LARGE = 413
_GATEWAY_TIMEOUT = 504  # a server between us and them waited in vain, as we do when nothing comes
_NOT_CONNECTED = (NewConnectionError, NameResolutionError, ConnectTimeoutError)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class ApiHop:
    """Whose API, and what opens it. Equal hops are the same way out."""

    provider: str
    values: tuple[tuple[str, str], ...]  # sorted
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS


def make_api_hop(provider: str, values: Mapping[str, str]) -> ApiHop:
    """From the provider's name and the opened settings of a transport."""
    return ApiHop(provider, tuple(sorted(values.items())))


async def open_api(hop: ApiHop) -> ApiSender:
    """Raises SmtpError when the provider is unknown or something it needs is missing."""
    provider = find_provider(hop.provider)
    if provider is None:
        raise _refuse_settings(f"This version does not know the provider {hop.provider!r}.")
    values = dict(hop.values)
    missing = [one.name for one in provider.fields if one.is_required and not values.get(one.name)]
    if missing:
        raise _refuse_settings(f"{provider.title}: {', '.join(missing)} is missing.")
    return ApiSender(provider, _make_backend(provider, values, hop), secrets=_find_secrets(provider, values))


class ApiSender:
    """One message at a time over one HTTP session. Use `open_api`. Not shared between tasks."""

    def __init__(
        self, provider: Provider, backend: AnymailRequestsBackend, *, secrets: tuple[str, ...]
    ) -> None:
        self.provider = provider
        self.lost_because = ""
        self._backend = backend
        self._secrets = secrets

    @property
    def is_usable(self) -> bool:
        """Whether another message may be tried."""
        return not self.lost_because

    async def __aenter__(self) -> ApiSender:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lost_because = self.lost_because or "Closed by us."
        self._backend.close()

    async def deliver(
        self, next_envelope: NextEnvelope, *, on_final_dot: OnFinalDot, on_outcome: OnOutcome
    ) -> None:
        """As `SmtpConnection.deliver`: every envelope that is pulled gets exactly one outcome, also when this is canceled."""
        while self.is_usable and (envelope := next_envelope()) is not None:
            attempt = _Attempt()
            try:
                outcome = await self._send(envelope, attempt, on_final_dot)
            except BaseException as error:
                self.lost_because = "Closed by us."
                on_outcome(envelope, attempt.give_up(error))
                raise
            if outcome.retry_elsewhere or outcome.kind is OutcomeKind.UNKNOWN:
                self.lost_because = outcome.text
            on_outcome(envelope, outcome)

    async def _send(self, envelope: Envelope, attempt: _Attempt, on_final_dot: OnFinalDot) -> Outcome:
        try:
            message, payload = await _in_thread(lambda: self._prepare(envelope))
        except (AnymailError, ValueError, LookupError) as error:
            return self._refuse_content(error)
        on_final_dot(envelope)
        attempt.is_written = True
        return await _in_thread(lambda: self._post(message, payload, envelope.recipient))

    def _prepare(self, envelope: Envelope) -> tuple[EmailMultiAlternatives, Any]:
        message = make_provider_message(envelope, self.provider)
        payload = self._backend.build_message_payload(message, self._backend.send_defaults)
        payload.get_request_params(self._backend.api_url)  # fails here on what cannot be written
        return message, payload

    def _post(self, message: EmailMultiAlternatives, payload: Any, recipient: str) -> Outcome:
        try:
            response = self._backend.post_to_esp(payload, message)
            statuses = self._backend.parse_recipient_status(response, payload, message)
        except AnymailRequestsAPIError as error:
            return self._judge_error(error)
        except (
            Exception
        ) as error:  # an answer that anymail does not understand: the message may be on its way
            log.warning("%s: the answer was not understood", self.provider.title, exc_info=error)
            said = f"{self.provider.title} gave an answer that was not understood: {self._clean(str(error))}"
            return Outcome(OutcomeKind.UNKNOWN, None, Stage.DOT, detail=said)
        found = {address.lower(): status for address, status in statuses.items()}
        status = found.get(recipient.lower()) or next(iter(found.values()), None)
        return self._judge_status(status.status if status else "unknown", status.message_id if status else "")

    # --- what the provider said ------------------------------------------------------------------------------------------

    def _judge_status(self, status: str, provider_id: object) -> Outcome:
        name = self.provider.title
        match status:
            case "invalid":
                text = f"{name} says: the address is not a valid recipient."
                return Outcome(OutcomeKind.BOUNCED, SmtpReply(550, "5.1.3", text), Stage.RCPT)
            case "rejected":
                text = f"{name} does not send to this inactive recipient: earlier mail came back or was complained about."
                return Outcome(OutcomeKind.BOUNCED, SmtpReply(550, "5.2.1", text), Stage.RCPT)
            case "failed":
                text = f"{name} could not send it now; try later."
                return Outcome(OutcomeKind.DEFERRED, SmtpReply(451, "4.3.0", text), Stage.DOT)
        text = (
            f"{name} took it as {clean_text(str(provider_id).encode())[:200]}"
            if provider_id
            else f"{name} took it"
        )
        return Outcome(OutcomeKind.DELIVERED, SmtpReply(250, "2.0.0", text), Stage.DOT)

    def _judge_error(self, error: AnymailRequestsAPIError) -> Outcome:
        response = error.response
        if response is None:
            return self._judge_silence(error)
        code, said = response.status_code, self._describe(response)
        if 200 <= code < 300 or code == _GATEWAY_TIMEOUT:
            return Outcome(OutcomeKind.UNKNOWN, None, Stage.DOT, detail=said)
        if code in _ABOUT_US:
            return Outcome(OutcomeKind.DEFERRED, None, Stage.MAIL, retry_elsewhere=True, detail=said)
        if code in _TOO_MANY:
            said = f"{said} (rate limit)"
        if code in _TOO_MANY or code in _LATER or code >= 500:
            return Outcome(OutcomeKind.DEFERRED, SmtpReply(451, "4.3.0", said), Stage.DOT)
        # Stage DATA: the words of such an answer never condemn the address, only `invalid` above does.
        reply = SmtpReply(552, "5.3.4", said) if code == _TOO_LARGE else SmtpReply(554, "5.6.0", said)
        return Outcome(OutcomeKind.BOUNCED, reply, Stage.DATA)

    def _judge_silence(self, error: AnymailRequestsAPIError) -> Outcome:
        """No answer. Only what failed before the request was written may be sent again without a double."""
        cause = error.__cause__
        said = self._clean(str(cause or error))
        if is_before_writing(cause):
            detail = f"{self.provider.title} was not reached: {said}"
            return Outcome(OutcomeKind.DEFERRED, None, Stage.CONNECT, retry_elsewhere=True, detail=detail)
        return Outcome(OutcomeKind.UNKNOWN, None, Stage.DOT, detail=f"{self.provider.title}: {said}")

    def _refuse_content(self, error: Exception) -> Outcome:
        text = self._clean(str(error).splitlines()[0] if str(error) else type(error).__name__)
        return Outcome(OutcomeKind.BOUNCED, SmtpReply(554, "5.6.0", text), Stage.LOCAL)

    def _describe(self, response: requests.Response) -> str:
        wait = response.headers.get("Retry-After", "")
        after = f", again after {wait[:40]}" if wait else ""
        words = self._clean(find_words(response.content))
        return f"{self.provider.title} answers HTTP {response.status_code}{after}: {words}".rstrip(": ")

    def _clean(self, text: str) -> str:
        """Bounded, harmless, and without our own secrets, which some providers repeat."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return clean_text(text[: 4 * MAX_SAID].encode("utf-8", "replace"))[:MAX_SAID]


class _Attempt:
    """How far a message had come when its task was ended."""

    is_written = False

    def give_up(self, error: BaseException) -> Outcome:
        if self.is_written:
            return Outcome(
                OutcomeKind.UNKNOWN, None, Stage.DOT, detail="Given up while waiting for the answer."
            )
        detail = str(error) or "Closed by us."
        return Outcome(OutcomeKind.DEFERRED, None, Stage.DATA, retry_elsewhere=True, detail=detail)


class BoundedSession(requests.Session):
    """Follows no redirect, reads no more than a bounded answer in a bounded time."""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        options |= {"allow_redirects": False, "stream": True}
        response = super().request(*args, **options)
        with response:
            # There is no public way to hand over a content that was read in pieces.
            response._content = _read_bounded(response)
        return response


def is_before_writing(cause: BaseException | None) -> bool:
    """Did the request fail before its body could reach anyone? An unclear failure did not."""
    if isinstance(cause, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(cause)
    if isinstance(cause, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if not isinstance(cause, requests.ConnectionError) or not cause.args:
        return isinstance(cause, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema)
    inner = cause.args[0]
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    return isinstance(reason, _NOT_CONNECTED)


def find_words(content: bytes) -> str:
    """What an answer says: the sentences in its JSON, else its beginning."""
    try:
        found = list(_walk_words(json.loads(content), depth=0))
    except (ValueError, RecursionError):
        found = []
    return "; ".join(dict.fromkeys(found))[:MAX_SAID] or content[:MAX_SAID].decode("utf-8", "replace")


def _walk_words(value: object, *, depth: int) -> Any:
    if depth > 6:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and str(key).lower() in (
                "message",
                "error",
                "errormessage",
                "description",
                "reason",
            ):
                yield inner
            else:
                yield from _walk_words(inner, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value[:20]:
            if isinstance(inner, str):
                yield inner
            else:
                yield from _walk_words(inner, depth=depth + 1)


def _read_bounded(response: requests.Response) -> bytes:
    ends_at = time.monotonic() + ANSWER_SECONDS
    found = b""
    for piece in response.iter_content(16 * 1024):
        found += piece
        if len(found) >= MAX_ANSWER or time.monotonic() > ends_at:
            break
    return found[:MAX_ANSWER]


def _make_backend(provider: Provider, values: Mapping[str, str], hop: ApiHop) -> AnymailRequestsBackend:
    asked = {one.name for one in provider.fields}
    options: dict[str, Any] = {name: value for name, value in values.items() if name in asked and value}
    if url := find_api_url(provider, values.get(REGION, "")):
        options["api_url"] = url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anymail's authors no longer test with every provider
        backend = import_string(f"anymail.backends.{provider.name}.EmailBackend")(
            **options, timeout=(hop.connect_seconds, hop.read_seconds)
        )
    backend.session = BoundedSession()
    return backend  # type: ignore[no-any-return]


def _find_secrets(provider: Provider, values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(values[name] for name in provider.secret_names if values.get(name))


def _refuse_settings(text: str) -> SmtpError:
    return SmtpError(permanent=True, code=0, enhanced="", command="connect", text=text)


async def _in_thread(work: Callable[[], Made]) -> Made:
    """Run blocking work in a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Made] = loop.create_future()

    def settle(result: Made | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    return await future
