"""Sentences that checks and models keep in English, known by their form and told in the reader's language."""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

# Longer ones of a beginning stand before shorter ones.
FORMS = (
    # What a look found
    _("It answers %(status)s, not %(wanted)s."),
    _("It answers %(status)s, but without %(text)s."),
    _("It answers %(status)s, but with %(text)s."),
    _("It answers %(status)s."),
    _("Its answer is no JSON."),
    _("Its JSON is nested too deeply."),
    _("Its JSON has no %(path)s."),
    _("It redirects in circles: %(address)s came twice."),
    _("It redirects to %(address)s, and what is sent is for its own host alone."),
    _("More than %(count)s redirects."),
    _("Port %(port)s takes connections."),
    _("It does not say %(text)s: nothing came."),
    _("It does not say %(text)s, but %(heard)s."),
    _("The answer has no %(text)s: %(heard)s."),
    _("No name server answered in time."),
    _("No name server could answer for %(name)s."),
    _("%(name)s has no %(record)s record."),
    _("%(name)s does not exist."),
    _("This hub may not send pings: install ping, or allow its group in net.ipv4.ping_group_range."),
    # Why it could not look
    _("No whole answer within %(time)s seconds."),
    _("The certificate of %(host)s is not valid: %(why)s."),
    _("%(host)s does not speak TLS as we do: %(why)s."),
    _("%(host)s did not answer in time."),
    _("%(host)s did not answer within %(time)s s."),
    _("%(host)s did not answer."),
    _("%(host)s answered."),
    _("%(host)s cannot be reached: %(why)s."),
    _("%(host)s sent no valid HTTP answer (%(why)s)."),
    _("The name %(host)s cannot be resolved. Check its spelling and the name server."),
    _("%(host)s leads to a cloud's metadata service, which is never allowed."),
    _(
        "%(host)s leads to %(address)s, which is not a public address. "
        "If it should be reached, add its network to WATCHKEEPER_OUTGOING_ALLOW and restart the hub."
    ),
    _(
        "%(host)s is not a public address. "
        "If it should be reached, add its network to WATCHKEEPER_OUTGOING_ALLOW and restart the hub."
    ),
    # What a job or an agent told
    _("It told that it ran."),
    _("It told that it failed with exit code %(code)s."),
    _("It told that it failed."),
    _("It runs longer than it may."),
    _("Its signal did not come."),
    _("Its signal is late."),
    _("Its agent has told nothing of it lately."),
    _("Its agent says it works."),
    _("Its agent says it does not work."),
    # What is wrong with the settings of a check
    _("Write the status as numbers and ranges, such as 200-299,401."),
    _("Write the target as host:port, such as db.example.org:5432."),
    _("Write an IPv6 address in brackets, such as [2001:db8::1]:5432."),
    _("Write a host name or an address alone, such as db.example.org."),
    _("An agent asks its own name server for A and AAAA records only."),
    _("The address must begin with http:// or https:// and name a host."),
    _("%(host)s is no host name."),
    _("%(line)s is no cron line (%(why)s). Write five fields, such as 30 3 * * 1-5."),
    _("%(line)s never happens."),
    _("%(zone)s is no time zone. Write one such as Europe/Copenhagen."),
    # Why a server is not learnt, or a model not taken
    _("Nothing was measured yet."),
    _("Only %(count)s minutes of data so far; 15 are needed."),
    _("Only %(count)s usable rows so far; %(least)s are needed."),
    _("It would call %(fresh)s %% of its own days unusual, the version before %(old)s %%."),
)
PART = re.compile(r"%\\\((\w+)\\\)s")  # %(name)s, escaped


def told(text: str) -> str:
    """As it was written where its form is not known: what a machine said is its own."""
    if not text or (get_language() or "en").startswith("en"):
        return text
    for form, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return gettext(form) % found.groupdict()
    return text


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(form, re.compile(PART.sub(r"(?P<\1>.+?)", re.escape(form)).replace("%%", "%"))) for form in FORMS]
