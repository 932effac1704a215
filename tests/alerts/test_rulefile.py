"""Rules as a file: out and in again, compared first, and refused by line and reason without changing anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Audit, Team, User
from alerts import rulefile, services
from alerts.models import Chain, Channel, Rule
from alerts.rulefile import Broken
from core.clock import now

HOT = """\
rules:
  - name: CPU hot
    metric: cpu_used_percent
    selector: tag:db and os:linux
    warn: 85
    critical: 95
    for: 1m 30s
    notify: [{channel: hook}, {chain: Night}, {person: ADMIN0@example.org}]
    repeat_intervals: [4h, 1d]
  - name: Both
    kind: composite
    params: {rules: '"CPU hot" and not "Late"'}
  - name: Late   # named by the one before it
    metric: load1
    critical: 4
    labels: {core: "!0", mount: /var*}
"""


@pytest.fixture
def main(team: Team, person: Callable[..., User]) -> Team:
    person()
    channel = Channel(team=team, name="hook", kind="webhook")
    channel.config = {"url": "https://example.org/"}
    channel.save()
    Chain.objects.create(team=team, name="Night")
    return team


def apply(team: Team, text: str, **how: Any) -> list[str]:
    return rulefile.apply(team, text, now(), by=None, **how).lines


def faults(team: Team, text: str) -> list[str]:
    with pytest.raises(Broken) as refused:
        apply(team, text)
    assert not Rule.objects.exists(), "nothing of it was taken"
    return refused.value.said()


def test_what_is_written_comes_back_and_the_same_again_changes_nothing(main: Team, other_team: Team) -> None:
    assert apply(main, HOT) == ["+ Both", "+ CPU hot", "+ Late"]
    hot = Rule.objects.get(name="CPU hot")
    assert (hot.for_seconds, hot.warn_recover, hot.repeat_intervals) == (90, 83, [14400, 86400])
    assert len(hot.notify) == 3
    text = rulefile.export(main)
    audits = Audit.objects.count()
    assert apply(main, text) == apply(main, HOT) == []
    assert Audit.objects.count() == audits
    Rule.objects.all().delete()
    apply(main, text)
    assert rulefile.export(main) == text
    assert '"CPU hot" and not "Late"' in text.replace("\\", "")
    assert str(hot.uuid) not in text
    assert "hook" in text


@pytest.mark.parametrize(
    "name",
    ["yes", "12", "a: b", "- x", "#1", "!no", "*all", "ü → ö", 'say "hi"', "null", "3.5", "x" * 120, "[a]", "a # b"],
)
def test_odd_names_come_back_as_they_were(name: str, team: Team) -> None:
    Rule.objects.create(team=team, name=name, metric="cpu", critical=1.5, runbook=name, labels={"a": name})
    text = rulefile.export(team)
    rulefile.apply(team, text, now(), by=None)
    Rule.objects.all().delete()
    rulefile.apply(team, text, now(), by=None)
    made = Rule.objects.get()
    assert (made.name, made.runbook, made.labels, made.critical) == (name, name, {"a": name}, 1.5)


def test_a_plan_says_what_would_change_and_changes_nothing(main: Team) -> None:
    apply(main, HOT)
    Rule.objects.create(team=main, name="made by hand", metric="load5", critical=9)
    less = HOT.replace("critical: 95", "critical: 90").replace("for: 1m 30s", "enabled: false")
    done = rulefile.plan(main, less, now(), prune=True)
    assert done.lines == [
        "~ CPU hot: critical 95 → 90, critical_recover 93 → 88, for 90s → 0, enabled True → False",
        "- made by hand",
    ]
    assert done.same == 2
    assert Rule.objects.get(name="CPU hot").critical == 95
    assert apply(main, less) == done.lines[:1], "what was made elsewhere stays"
    assert apply(main, less, prune=True) == done.lines[1:]
    assert Rule.objects.standing().count() == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules:\n  - name: a\n    metric: cpu\n    critical: 5\n    critical_recover: 9\n",
         "line 5: critical_recover: Where critical is over is 9, which must be below the critical limit, 5, or"),
        ("rules:\n  - name: a\n    metric: cpu\n    critcal: 5\n", "line 4: critcal: Nothing is known by this name."),
        ("rules:\n  - name: a\n    metric: cpu\n", "line 2: critical: Give a limit"),
        ("rules:\n  - name: a\n    critical: hot\n    metric: cpu", "line 3: critical: This must be a number."),
        ("rules:\n  - name: a\n  - metric: b\n", "line 3: A rule is a mapping that begins with name:"),
        ("rules:\n  - name: a\n  - name: a\n", "line 3: The name a stands twice, first in line 2."),
        ("rules:\n  - name: a\n    warn: 1\n    warn: 2\n", "line 4: warn stands twice here, first in line 3."),
        ("rules:\n  - name: a\n    metric: cpu\n    warn: 1\n    for: soon\n", "line 5: for: 'soon' is no time"),
        ("rules:\n  - name: a\n    metric: cpu\n    warn: 1\n    notify: [{channel: x}]\n",
         "line 5: notify: No channel of this team is called x; there are: hook."),
        ("rules:\n  - name: a\n    kind: composite\n    params: {rules: '\"x\"'}\n", "line 4: params: No rule"),
        ("rules:\n  - name: a\n    kind: composite\n    params: {rules: '\"\\x\"'}\n", "line 4: params: No rule"),
        ("rules:\n  - name: a\n   metric: cpu\n", "line 3: This is not YAML"),
        ("rules: &a\n  - *a\n", "line 1: Anchors (&) and aliases (*) are not used here"),
        ("rules: !!python/object:os.system {}\n", "line 1: Tags (!) are not used here"),
        ("rules: " + "[" * 5000, "Too deeply nested"),
        ("rules: []\n---\nrules: []\n", "line 2: One document only"),
        ("rules: []\nteam: x\n", "line 2: team is not known here"),
        ("rules: {}\n", "line 1: rules is a list"),
        ("", "Begin with rules:"),
        ("- name: a\n", "Begin with rules:"),
        ("rules:\n  - name: a\n    metric: cpu\n    warn: .nan\n", "line 4: warn: This must be a number."),
        ("rules:\n  - name: a\n    metric: cpu\n    warn: 1e999\n", "line 4: warn: This must be a number."),
        ("rules: []\n#" + "x" * (1 << 20), "larger than 1 MiB"),
        ("rules: \0\n", "This is not YAML"),
        ("rules:\n  - [a]: b\n", "line 2: A name is missing"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_by_line_and_reason(text: str, said: str, main: Team) -> None:
    assert said in " ".join(faults(main, text))


def test_every_broken_rule_is_named_at_once(main: Team) -> None:
    listed = faults(main, "rules:\n  - name: a\n    metric: x y\n    warn: 1\n  - name: b\n    metric: c\n")
    assert [line.split(":")[0] for line in listed] == ["rules.yaml, line 3", "rules.yaml, line 5"]


def test_the_command_writes_compares_and_applies(main: Team, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        out = StringIO()
        call_command("rules", *words, stdout=out)
        return out.getvalue()

    file = tmp_path / "rules.yaml"
    file.write_text(HOT)
    assert run("plan", str(file)).splitlines()[:3] == ["+ Both", "+ CPU hot", "+ Late"]
    assert not Rule.objects.exists()
    assert "3 changed" in run("apply", str(file))
    assert run("export") == rulefile.export(main)
    run("export", str(file))
    assert "0 would change, 3 as they are." in run("plan", str(file), "--prune")
    file.write_text("rules:\n  - name: a\n")
    with pytest.raises(CommandError, match=r"rules.yaml, line 2: .*\nNothing was changed"):
        run("apply", str(file))
    with pytest.raises(CommandError, match="Teams here: Main"):
        run("export", "--team", "Nope")
    with pytest.raises(CommandError, match="cannot be read"):
        run("plan", str(tmp_path / "none.yaml"))


def test_the_api_takes_the_same_file(
    main: Team, other_team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    admin = api(person())
    where = "/api/v1/rules/file"

    def post(query: str = "", text: str = HOT, client: Client = admin) -> Any:
        return client.post(f"{where}{query}", text, content_type="application/yaml")

    planned = post("?dry_run=1")
    assert planned.status_code == 200, planned.content
    assert planned.json()["lines"] == ["+ Both", "+ CPU hot", "+ Late"]
    assert not Rule.objects.exists()
    assert post("?dry_runn=1").status_code == 400, "a slip of the pen must not change anything"
    assert not post().json()["dry_run"]
    assert Rule.objects.count() == 3
    assert set(Audit.objects.filter(action="rule.make").values_list("user__email", flat=True)) == {
        "admin1@example.org"
    }
    got = admin.get(where)
    assert (got["content-type"], got.content.decode()) == ("application/yaml", rulefile.export(main))
    broken = post(text="rules:\n  - name: a\n")
    assert broken.status_code == 400
    assert broken.json()["fields"]["file"][0].startswith("rules.yaml, line 2: ")
    assert post("?team=Strangers").status_code == 404
    assert admin.get(f"{where}?team=Strangers").status_code == 404
    assert post(client=api(person("viewer"))).status_code == 403
    assert api(person("viewer")).get(where).status_code == 200


def test_the_calm_rules_of_a_new_team_come_back_on_another_hub(team: Team, other_team: Team) -> None:
    services.make_default_rules(team)
    text = rulefile.export(team)
    assert apply(team, text) == [], "what a new team begins with is right by the same judgement"
    apply(other_team, text)
    assert rulefile.export(other_team) == text


def test_what_the_page_about_rules_shows_can_be_applied(team: Team, person: Callable[..., User]) -> None:
    Chain.objects.create(team=team, name="Database night")
    Rule.objects.create(team=team, name="Backup runs", metric="check_up", op="below", critical=1, critical_recover=1)
    page = Path(__file__).parents[2] / "docs" / "rules.md"
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        assert apply(team, block)
    text = rulefile.export(team)
    assert apply(team, text) == []


def test_a_limit_is_edited_in_the_file_without_its_recovery_value_in_the_way(team: Team) -> None:
    first = "rules:\n  - name: a\n    metric: cpu_used_percent\n    warn: 50\n"
    apply(team, f"{first}    critical: 90\n    critical_recover: 80\n")
    text = rulefile.export(team)
    assert "warn_recover" not in text
    assert "critical_recover: 80" in text, "what somebody chose stays"
    assert apply(team, text.replace("warn: 50", "warn: 45")) == ["~ a: warn 50 → 45, warn_recover 48 → 43"]
