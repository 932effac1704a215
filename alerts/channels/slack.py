"""Tell a Slack channel: as an app, with threads and a button, or through an incoming webhook."""

from __future__ import annotations

import json
import re
from email.message import Message as Headers
from io import BytesIO
from typing import Any, ClassVar
from urllib.error import HTTPError

import msgspec
from django.conf import settings

from alerts.channels import web
from alerts.channels.base import DeliveryError, Field, Message, Sent, Usual, channels, read_config
from alerts.channels.slack_blocks import blocks, fallback

API = "https://slack.com/api/"
AGAIN = {
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "accesslimited", "team_added_to_org",
}  # fmt: skip
TOKEN = {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
PLACE = {"channel_not_found", "not_in_channel", "is_archived"}
_CODE = re.compile(r"[a-z0-9_]+")
ADVICE = {
    "token_revoked": "the token was revoked; install the app anew and write its new token",
    "token_expired": "the token expired; install the app anew and write its new token",
    "invalid_auth": "the token is not valid; write the bot token, which begins with xoxb-",
    "account_inactive": "the app was removed from the workspace; install it anew",
    "missing_scope": "the app lacks the scope chat:write; add it and install the app anew",
    "channel_not_found": "there is no such channel that the app sees; invite the app to it",
    "not_in_channel": "the app is not in this channel; invite it there",
    "is_archived": "the channel is archived; name another",
}


class Config(msgspec.Struct, forbid_unknown_fields=True):
    token: str = ""
    channel: str = ""
    url: str = ""
    signing_secret: str = ""
    api_url: str = ""


@channels.register("slack")
class Slack(Usual):
    title: ClassVar[str] = "Slack"
    threads: ClassVar[bool] = True
    fields: ClassVar[tuple[Field, ...]] = (
        Field("channel", "Channel", "Such as #ops. Invite the app to it."),
        Field("token", "Bot token", "Begins with xoxb-. Empty: SLACK_BOT_TOKEN.", secret=True),
        Field("signing_secret", "Signing secret", "For the button. Empty: SLACK_SIGNING_SECRET.", secret=True),
        Field("url", "Incoming webhook", "Instead of channel and token; without threads and button.", secret=True),
        Field("api_url", "Address of the API", "Of what speaks like Slack. Empty: SLACK_API_URL."),
    )

    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        if not (self.config.url or self.config.channel):
            raise ValueError("config needs either channel (and a bot token) or url, the incoming webhook.")
        for name in ("url", "api_url"):
            if value := getattr(self.config, name):
                web.check_url(name, value)

    def send(self, message: Message, to: str) -> Sent:
        return self._by_webhook(message) if self.config.url else self._by_app(message)

    def _by_webhook(self, message: Message) -> Sent:
        body = msgspec.json.encode({"text": fallback(message), "blocks": blocks(message, button=False)})
        answer = web.post(self.config.url, body, {"Content-Type": "application/json;charset=utf-8"})
        if answer.status in {403, 404, 410}:
            # Slack says so once the webhook or its channel is gone: it will not come back.
            raise DeliveryError(
                f"The incoming webhook is not there any more ({web.raw(answer)}). Make a new one in Slack.",
                permanent=True, answer=web.raw(answer), fault=True,
            )  # fmt: skip
        web.refuse_failed(answer, who="Slack")
        return Sent(web.raw(answer))

    def _by_app(self, message: Message) -> Sent:
        """The first message stands in the channel and changes with its trouble; the rest is in its thread."""
        place, _, stamp = message.thread.partition(":")
        # Without the secret nobody could tell who pressed it: then it is a link, if anything.
        answered = bool(self.config.signing_secret or settings.ENV.slack_signing_secret)
        shown = {"text": fallback(message), "blocks": blocks(message, button=answered)}
        if not stamp:
            said = self.call("chat.postMessage", channel=self.config.channel, **shown)
            return Sent(_raw(said), f"{said.get('channel', '')}:{said.get('ts', '')}")
        if message.ended or message.event in {"acknowledged", "unacknowledged"}:
            # First what may be done twice: a repeat after a lost answer must not say it twice in the thread.
            self.call("chat.update", channel=place, ts=stamp, **shown)
        said = self.call("chat.postMessage", channel=place, thread_ts=stamp, **shown)
        return Sent(_raw(said), message.thread)

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """One method of Slack's API; its answer, or why it failed."""
        from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415 - slow to load

        try:
            answer = self._client().api_call(method, json=given)
        except SlackApiError as error:
            raise _failed(error.response) from error
        except (SlackClientError, json.JSONDecodeError) as error:
            raise DeliveryError(f"Slack's answer cannot be read: {error}.") from error
        return dict(answer.data)

    def _client(self) -> Any:
        own = bool(self.config.api_url)  # what somebody typed in must not be given the token of the environment
        token = self.config.token or ("" if own else settings.ENV.slack_token)
        if not token:
            raise DeliveryError(
                "No Slack token is set. Write it into the channel or set SLACK_BOT_TOKEN.", permanent=True, fault=True
            )
        base = self.config.api_url or settings.ENV.slack_api_url
        return _bounded(token, f"{base.rstrip('/')}/" if base else API, trusted=not self.config.api_url)


def _bounded(token: str, base: str, *, trusted: bool) -> Any:
    """Slack's client over our one client for outgoing HTTP."""
    from slack_sdk import WebClient  # noqa: PLC0415 - slow to load

    class Bounded(WebClient):
        def _perform_urllib_http_request_internal(self, url: str, req: Any) -> dict[str, Any]:
            named = {name: str(value) for name, value in req.header_items() if name.lower() != "content-length"}
            answer = web.post(url, req.data or b"", named, trusted=trusted)
            headers = Headers()
            for name, value in answer.headers.items():
                headers[name] = value
            if answer.status >= 400:
                raise HTTPError(url, answer.status, "refused", headers, BytesIO(answer.body))
            return {"status": answer.status, "headers": headers, "body": answer.body.decode("utf-8", "replace")}

    return Bounded(token, base_url=base, timeout=int(web.TIMEOUT), retry_handlers=[])


def _raw(data: dict[str, Any]) -> str:
    return f"200 {json.dumps(data, ensure_ascii=False)}"[:500]


def _failed(response: Any) -> DeliveryError:
    status, data = response.status_code, response.data
    error = str(data.get("error", "")) if isinstance(data, dict) else ""
    if not _CODE.fullmatch(error) and status < 400:
        return DeliveryError("What answered is not Slack: its answer cannot be read.", answer=f"{status} {error}")
    said = f"{status} {json.dumps(data, ensure_ascii=False) if isinstance(data, dict) else data}"
    again = web.passing(status) or error in AGAIN
    return DeliveryError(
        f"Slack refused it: {ADVICE.get(error, error or status)}.",
        permanent=not again,
        after=web.retry_after({name: str(value) for name, value in response.headers.items()}),
        answer=said,
        fault=error in TOKEN | PLACE,
    )
