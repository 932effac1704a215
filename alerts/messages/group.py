"""Several alerts told together, in one sentence: how many, on what, the first names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.messages import wording
from alerts.messages.said import Said

NAMED = 3


def firing(members: Sequence[Said], count: int | None = None, *, say: Callable[[Said], str] = wording.firing) -> str:
    """`CPU hot on 12 servers: web-1, web-2, web-3 and 9 more.`; of a single one its own sentence."""
    if len(members) == 1 and (count or 1) == 1 and members[0].metric:
        return say(members[0])
    servers, rules = _distinct([one.server for one in members]), _distinct([one.rule for one in members])
    if len(servers) == 1 and len(members) > 1:
        found = count or len(members)
        text = ngettext(
            "%(server)s: %(count)d trouble: %(names)s.", "%(server)s: %(count)d troubles: %(names)s.", found
        )
        wheres = rules if len(rules) > 1 else [wording.what(one) for one in members]
        return text % {"server": servers[0], "count": found, "names": names(wheres, len(wheres))}
    found = max(count or 0, len(servers))
    whole = counted(names(rules, len(rules)), found, checks=all(one.check for one in members))
    return _("%(trouble)s: %(names)s.") % {"trouble": whole, "names": names(servers, found)}


def over(members: Sequence[Said], count: int | None = None) -> str:
    servers, rules = _distinct([one.server for one in members]), _distinct([one.rule for one in members])
    if len(members) == 1 and (count or 1) == 1 and members[0].metric:
        return wording.resolved(members[0])
    found = max(count or 0, len(servers))
    if all(one.check for one in members):
        text = ngettext(
            "%(rule)s is over on %(count)d check: %(names)s.",
            "%(rule)s is over on %(count)d checks: %(names)s.",
            found,
        )
    else:
        text = ngettext(
            "%(rule)s is over on %(count)d server: %(names)s.",
            "%(rule)s is over on %(count)d servers: %(names)s.",
            found,
        )
    return text % {"rule": names(rules, len(rules)), "count": found, "names": names(servers, found)}


def counted(rule: str, count: int, *, checks: bool) -> str:
    """`CPU hot on 12 servers`, or on so many checks where each stands for one."""
    if checks:
        text = ngettext("%(rule)s on %(count)d check", "%(rule)s on %(count)d checks", count)
    else:
        text = ngettext("%(rule)s on %(count)d server", "%(rule)s on %(count)d servers", count)
    return text % {"rule": rule, "count": count}


def bundle(new: Sequence[Said], ended: Sequence[Said], still: int, counts: tuple[int, int]) -> str:
    """What began, what ended, and what goes on."""
    parts = [firing(new, counts[0])] if new else []
    if ended:
        parts.append(over(ended, counts[1]))
    if still > counts[0]:
        text = ngettext("%(count)d fires in all.", "%(count)d fire in all.", still)
        parts.append(text % {"count": still})
    elif ended and len(ended) > 1 and not still:
        parts.append(_("All is well."))
    return " ".join(parts)


def names(found: Sequence[str], count: int) -> str:
    """The first few by name, the others as a number."""
    shown = list(found[:NAMED])
    more = count - len(shown)
    if more > 0:
        text = ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more)
        return text % {"names": ", ".join(shown), "count": more}
    if len(shown) < 2:
        return "".join(shown)
    return _("%(names)s and %(last)s") % {"names": ", ".join(shown[:-1]), "last": shown[-1]}


def _distinct(found: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(one for one in found if one))
