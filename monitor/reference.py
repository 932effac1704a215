"""Every environment variable as a table; prints docs/settings.md.

`python -m monitor.reference > docs/settings.md` after a change; a test holds it against `monitor/env.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One variable as people read it; `secret` means that NAME_FILE is read as well."""

    name: str
    meaning: str
    default: str
    example: str
    secret: bool = False


PLACE = (
    Variable(
        "WATCHKEEPER_DATA",
        "The data folder: database, secret key, certificates, logs, our own agent. A relative path starts at the "
        "folder one stands in.",
        "`var/` beside the program", "/var/lib/watchkeeper",
    ),
    Variable(
        "WATCHKEEPER_HOST",
        "The address to listen on. On any but loopback, `up` speaks https unless `WATCHKEEPER_TLS` says otherwise.",
        "`127.0.0.1`", "0.0.0.0",  # noqa: S104 - a text to read
    ),
    Variable("WATCHKEEPER_PORT", "The port to listen on.", "`8000`", "8443"),
    Variable(
        "WATCHKEEPER_URL",
        "The address by which people and agents reach the product: in links, in the line to paste, as allowed host.",
        "made from host, port and TLS", "https://watch.example.org", secret=True,
    ),
    Variable(
        "WATCHKEEPER_TLS",
        "`auto`: https with a certificate of our own, except on loopback (`run web` makes none: off loopback it "
        "starts under `auto` only behind a proxy of `WATCHKEEPER_TRUSTED_PROXIES`). `off`: http. "
        "`CERT,KEY`: two files of yours.",
        "`auto`", "/etc/ssl/watch.pem,/etc/ssl/watch.key",
    ),
    Variable(
        "WATCHKEEPER_TRUSTED_PROXIES",
        "Addresses or networks of proxies whose forwarding headers count, separated by commas or spaces.",
        "none", "10.0.0.5, 10.1.0.0/16",
    ),
    Variable(
        "WATCHKEEPER_CONNECTION_CAP",
        "How many connections of one address may be without an authenticated request before stricter limits hold for "
        "further ones ([why](decisions/connection-cap.md)).",
        "`20`", "200",
    ),
    Variable(
        "WATCHKEEPER_LOG",
        "How the log is written: `json`, an object a line; `plain`, short lines for people, in which the same line "
        "comes once in five minutes, with how often; `auto`, plain on a terminal and else JSON.",
        "`auto`", "json",
    ),
    Variable(
        "WATCHKEEPER_API_RATE",
        "How many requests a minute one API token may make of one process; more are answered 429 with `Retry-After`.",
        "`30000`", "6000",
    ),
)  # fmt: skip
PEOPLE = (
    Variable(
        "WATCHKEEPER_ADMIN_EMAIL", "The first admin's e-mail address. It counts at the first start only.",
        "`admin@localhost`", "you@example.org",
    ),
    Variable(
        "WATCHKEEPER_ADMIN_PASSWORD", "The first admin's password. It counts at the first start only.",
        "one is made and shown once", "a long sentence of your own", secret=True,
    ),
    Variable(
        "WATCHKEEPER_SECRET_KEY",
        "Signs sessions and seals the credentials of channels. Every process needs the same; with another one, "
        "channels must be set up again.",
        "made once, `secret_key` in the data folder", "64 random characters", secret=True,
    ),
)  # fmt: skip
SIGN_IN = (
    Variable(
        "WATCHKEEPER_OIDC_ISSUER",
        "The OpenID Connect provider that signs people in ([how](sign-in.md)). Its "
        "`/.well-known/openid-configuration` must answer. Sign-in callback: `<address>/accounts/oidc/callback/`.",
        "none", "https://id.example.org/realms/ops", secret=True,
    ),
    Variable("WATCHKEEPER_OIDC_CLIENT_ID", "How the provider knows us.", "none", "watchkeeper", secret=True),
    Variable("WATCHKEEPER_OIDC_CLIENT_SECRET", "The secret that belongs to it.", "none", "…", secret=True),
    Variable(
        "WATCHKEEPER_OIDC_NAME", 'What the button says after "Continue with".', "`single sign-on`", "Keycloak"
    ),
    Variable(
        "WATCHKEEPER_OIDC_TEAM",
        "The team that whoever comes by the provider for the first time joins. Without it, only people who were "
        "invited or have an account get in.",
        "none", "Main",
    ),
    Variable(
        "WATCHKEEPER_OIDC_ROLE", "Their role there: viewer, operator, manager or admin.", "`viewer`", "operator"
    ),
    Variable(
        "WATCHKEEPER_OIDC_TRUST_EMAIL",
        "`1` when the provider's addresses are always its own people's, although it sends no `email_verified` "
        "(Microsoft Entra). Accounts are matched by address: never set it where people choose their own.",
        "`0`", "1",
    ),
    Variable(
        "WATCHKEEPER_OIDC_GROUPS",
        "Roles by groups of the provider, as `group=team:role` with commas between, followed at each sign-in. Of two "
        "that name one team the first counts; roles given by hand stay.",
        "none", "ops=Main:operator, boss=Main:admin",
    ),
    Variable(
        "WATCHKEEPER_OIDC_GROUPS_CLAIM",
        "The claim that names a person's groups; dots lead into it, such as `realm_access.roles`.",
        "`groups`", "roles",
    ),
    Variable(
        "WATCHKEEPER_LOCAL_LOGIN",
        "`off`: nobody signs in by password, only by the provider. `./watchkeeper manage sign_in_link` still makes a "
        "way in.",
        "`on`", "off",
    ),
    Variable(
        "WATCHKEEPER_SECOND_FACTOR",
        "Who must have a second factor: `optional` nobody but the members of teams that ask for it, `owners` also "
        "the site owners, `all` everybody.",
        "`optional`", "owners",
    ),
)  # fmt: skip
STORE = (
    Variable(
        "DATABASE_URL", "Where everything is kept.",
        "SQLite in the data folder", "postgres://user:pass@db.example.org/watchkeeper", secret=True,
    ),
    Variable(
        "REDIS_URL",
        "Broker and live layer between processes; it needs a PostgreSQL in `DATABASE_URL`. When set, `up` starts "
        "worker and beat as processes of their own.",
        "none: both in memory", "redis://127.0.0.1:6379/0", secret=True,
    ),
    Variable(
        "METRIC_STORE",
        "Where samples are kept: `database`. `promql+http://` and `promql+https://` are reserved, not built into "
        "this version yet, and refused.",
        "`database`", "database", secret=True,
    ),
    Variable(
        "WATCHKEEPER_KEEP_RAW_DAYS",
        "For how many days every sample is kept. What arrives later than that is refused.", "`7`", "30",
    ),
    Variable(
        "WATCHKEEPER_KEEP_5MIN_DAYS",
        "For how many days least, mean, greatest and count of every five minutes are kept, by server. The same by "
        "metric, for questions about the fleet: 35 days, or as long as samples are.", "`90`", "365",
    ),
    Variable(
        "WATCHKEEPER_KEEP_HOURLY_DAYS", "The same of every hour.", "`730`", "3650",
    ),
    Variable(
        "WATCHKEEPER_DISK_CAP",
        "How large the database may grow, in M, G or T. Above it the oldest samples go first, then the oldest five "
        "minutes, then hours; the newest day of each always stays. On PostgreSQL indexes are not counted.",
        "none", "20G",
    ),
    Variable(
        "WATCHKEEPER_KEEP_AUDIT_DAYS", "For how many days the audit trail is kept, 30 at least.", "`730`", "3650",
    ),
    Variable(
        "WATCHKEEPER_DETECTORS",
        "Which detectors judge what is unusual, with commas between: `kmeans`, `pca`, `hour`, and with the learning "
        "packages `sklearn_kmeans`, `sklearn_pca`, `isolation_forest`, `autoencoder` ([what each is worth and "
        "costs](ml/quality.md)). It holds for a machine from when it is learnt next.",
        "`kmeans,pca,hour`", "kmeans,pca,hour,autoencoder",
    ),
    Variable(
        "WATCHKEEPER_HEARTBEAT_URL",
        "An address outside that expects to be asked once a minute, and tells you when it is not: a dead-man's "
        "switch. It hears of us only while samples are taken in and read back, rules are judged and messages go out.",
        "none", "https://hc.example.org/ping/0b5e7d0a", secret=True,
    ),
)  # fmt: skip
TELLING = (
    Variable(
        "EMAIL_URL",
        "The mail server: `smtp://` plain, `smtp+tls://` STARTTLS, `smtps://` TLS. `?from=` names the sender.",
        "none: e-mail channels fail and say so",
        "smtp+tls://user:pass@mail.example.org:587?from=watch@example.org", secret=True,
    ),
    Variable(
        "TWILIO_ACCOUNT_SID", "The Twilio account over which SMS go out, where a channel names none of its own.",
        "none", "AC0123456789abcdef0123456789abcdef", secret=True,
    ),
    Variable("TWILIO_AUTH_TOKEN", "Its token; answers by SMS are checked with it as well.", "none", "…", secret=True),
    Variable("TWILIO_FROM", "The sender's number of SMS.", "none", "+4520123456", secret=True),
    Variable(
        "TWILIO_MESSAGING_SERVICE_SID", "Instead of a number: a messaging service that chooses one.",
        "none", "MG0123456789abcdef0123456789abcdef", secret=True,
    ),
    Variable(
        "TWILIO_API_URL", "Where a gateway of your own speaks like Twilio.",
        "Twilio's own", "https://sms.example.org", secret=True,
    ),
    Variable(
        "SLACK_BOT_TOKEN", "The Slack app's bot token, where a channel names none of its own.",
        "none", "xoxb-…", secret=True,
    ),
    Variable(
        "SLACK_SIGNING_SECRET", "The Slack app's signing secret: with it the button Acknowledge works in Slack.",
        "none: the button is a link", "…", secret=True,
    ),
    Variable(
        "SLACK_API_URL", "Where something of your own speaks like Slack.",
        "Slack's own", "https://slack.example.org/api", secret=True,
    ),
    Variable(
        "VAPID_PRIVATE_KEY",
        "The key by which push services know us, 32 bytes as base64url. With another one every browser must "
        "subscribe again.",
        "made from the secret key", "43 characters", secret=True,
    ),
    Variable(
        "VAPID_SUBJECT", "Whom push services may write to about what we send.",
        "`mailto:` the first admin's address", "mailto:you@example.org", secret=True,
    ),
    Variable(
        "WATCHKEEPER_OUTGOING_ALLOW",
        "Private addresses or networks that webhooks may reach, separated by commas or spaces.",
        "none: public addresses alone", "10.0.0.0/8, 192.168.1.5",
    ),
)  # fmt: skip
CHANGING = (
    Variable(
        "WATCHKEEPER_DEBUG", "`1` shows tracebacks to visitors: only on the machine of a developer.", "`0`", "1"
    ),
)

SECTIONS: dict[str, Sequence[Variable]] = {
    "Where it runs and how it is reached": PLACE,
    "People and secrets": PEOPLE,
    "Signing in": SIGN_IN,
    "Where things are kept": STORE,
    "Telling people": TELLING,
    "For those who change it": CHANGING,
}
AGENT = (
    Variable(
        "WATCHKEEPER_AGENT_HOME",
        "For the agent's installer: one folder for program, key and spool. Must begin with a slash.",
        "root: `/opt/watchkeeper-agent` and `/var/lib/watchkeeper-agent`; others: `~/.watchkeeper-agent`",
        "/srv/watchkeeper-agent",
    ),
    Variable(
        "WATCHKEEPER_TOKEN",
        "For the agent's `enrol` and its installer: the enrolment token, so that no list of processes shows it.",
        "none",
        "wke_….…",
    ),
)  # fmt: skip

START = """\
# Settings

Every setting is an environment variable, read once at start. A wrong value stops the start with one sentence that
names the variable, its fault and an example. `./watchkeeper doctor` looks at them without starting anything.

Made by `python -m monitor.reference > docs/settings.md`; a test compares this page with the code.

**NAME_FILE.** Where the last column says so, `NAME_FILE` may name a file that holds the value, such as
`WATCHKEEPER_SECRET_KEY_FILE=/run/secrets/watchkeeper_key`. The file wins over the variable itself.
"""
ON_MACHINES = """
## On a watched machine

Everything else stands in the agent's configuration file, which enrolling writes.
"""


def page() -> str:
    """The whole of docs/settings.md."""
    parts = [START]
    for title, variables in SECTIONS.items():
        parts.append(f"\n## {title}\n\n" + "".join(_table(variables)))
    return "".join([*parts, ON_MACHINES, "\n", *_table(AGENT)])


def _table(variables: Sequence[Variable]) -> Iterator[str]:
    yield "| variable | meaning | default | example | `NAME_FILE` |\n|---|---|---|---|---|\n"
    for each in variables:
        by_file = "yes" if each.secret else ""
        yield f"| `{each.name}` | {each.meaning} | {each.default} | `{each.example}` | {by_file} |\n"


def main() -> None:
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
