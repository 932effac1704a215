"""What checks say: kept in English, in the words of the hub or of an agent, and told in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from core import told as known

# Longer ones of a beginning stand before shorter ones.
FORMS = (
    # A line of the ledger
    _("Check %(name)s is down: %(said)s"),
    _("Check %(name)s is up again: %(said)s"),
    _("Heartbeat %(name)s is down: %(said)s"),
    _("Heartbeat %(name)s is up again: %(said)s"),
    # What a look found
    _("It answers %(status)s, not %(wanted)s."),
    _("It answers %(status)s, but without %(text)s."),
    _("It answers %(status)s, but with %(text)s."),
    _("It answers %(status)s."),
    _("Its answer is no JSON."),
    _("Its JSON is nested too deeply."),
    _("Its JSON has no %(path)s."),
    _("It redirects in circles: %(address)s came twice."),
    _("It redirects in circles."),
    _("It redirects to %(address)s, and what is sent is for its own host alone."),
    _("More than %(count)s redirects."),
    _("Port %(port)s takes connections."),
    _("It does not say %(text)s: nothing came."),
    _("It does not say %(text)s, but %(heard)s."),
    _("It does not say %(text)s."),
    _("The answer has no %(text)s: %(heard)s."),
    _("No name server answered in time."),
    _("The question failed (%(why)s)."),
    _("It could not be run: %(why)s."),
    _("This machine has no %(program)s program."),
    _("It sent no valid HTTP answer (%(why)s)."),
    _("%(address)s is no web address."),
    _("No name server could answer for %(name)s."),
    _("%(name)s has no %(record)s record."),
    _("%(name)s does not exist."),
    _("This hub may not send pings: install ping, or allow its group in net.ipv4.ping_group_range."),
    # Why it could not look, or an agent could not
    _("%(host)s leads to %(address)s, which is never looked at."),
    _("%(host)s leads to %(address)s. Only collect.probe_private in this agent's file allows that."),
    _("collect.probe_private in this agent's file names no network: %(why)s."),
    _("No whole answer within %(time)s seconds."),
    _("The certificate of %(host)s is not valid: %(why)s."),
    _("%(host)s does not speak TLS as we do: %(why)s."),
    _("%(host)s did not answer in time."),
    _("%(host)s did not answer within %(time)s s."),
    _("%(host)s did not answer."),
    _("%(host)s answered."),
    _("%(host)s cannot be reached: %(why)s."),
    _("%(host)s sent no valid HTTP answer (%(why)s)."),
    _("%(host)s has no address."),
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
    _("Its signal was due at %(due)s and did not come. The last one came at %(last)s."),
    _("Its signal was due at %(due)s and did not come."),
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
    _("A cron line has at most %(most)s characters."),
    _("The grace is from %(least)s seconds to a year."),
    _("The period is from %(least)s seconds to a year."),
    _("Say when its signals should come: as period in seconds, or as cron with zone."),
    _("A job may run for 72 hours at most."),
    _("At most %(most)s headers and %(signs)s characters are sent."),
    _("A path in JSON has at most %(most)s characters."),
    _("Write the path in JSON like status.parts[0].ok."),
    _("A port is a number from 1 to 65535."),
    _("The address has spaces, control or non-ASCII characters. Write it percent-encoded."),
    _("The address cannot be read: %(why)s."),
    _("The address contains a user name or password. Put the secret into a header."),
    _("The address names no port after the colon. Write one from 1 to 65535."),
    _("The address in brackets is no plain IPv6 address."),
    _("%(host)s is an unusual way to write an address. Write four plain numbers, or a name."),
    _("%(host)s names a zone, which cannot be used. Leave it out."),
    _("%(host)s is no address that can be used: %(why)s."),
    _("%(method)s is no method that can be sent."),
    _("The header name %(name)s cannot be sent."),
    _("The value of the header %(name)s has a line break or a control character."),
    _("The value of the header %(name)s has characters that headers cannot carry."),
    _("%(zone)s is no time zone. Write one such as Europe/Copenhagen."),
    _("%(fault)s. Known values: %(values)s."),
    _("%(fault)s. Known here: %(names)s."),
    # The value that stands somewhere in JSON: last, as its parts may be anything
    _("%(path)s is %(found)s, not %(wanted)s."),
)


def told(text: str) -> str:
    return known.told(text, FORMS)
