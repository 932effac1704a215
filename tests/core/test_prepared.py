"""Prepared questions: what they answer is what Django answers, whatever they are asked with."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest
from django.db.models import Q

from accounts.models import ApiToken, Audit, Team, User
from core.prepared import Prepared

pytestmark = pytest.mark.django_db


def teams(count: int) -> list[Team]:
    return [Team.objects.create(name=f"team {number}") for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8])
def test_a_list_of_any_length_finds_just_those_that_it_names(count: int) -> None:
    made = teams(9)
    named = Prepared(lambda numbers: Team.objects.filter(pk__in=numbers).order_by("pk").values_list("pk"))
    wanted = [team.pk for team in made[:count]]
    assert named(wanted) == [(pk,) for pk in wanted]
    assert named(wanted[::-1]) == [(pk,) for pk in wanted]


def test_an_empty_list_leaves_the_other_half_of_a_question() -> None:
    made = teams(3)
    either = Prepared(
        lambda numbers, above: Team.objects.filter(Q(pk__in=numbers) | Q(pk__gt=above)).values_list("name")
    )
    assert either([], made[1].pk) == [("team 2",)]
    assert sorted(either([made[0].pk], made[1].pk)) == [("team 0",), ("team 2",)]


def test_ids_text_and_times_come_as_django_gives_them() -> None:
    one, two = teams(2)
    by_uuid = Prepared(lambda uuid: Team.objects.filter(uuid=uuid).values_list("uuid", "name", "created_at"))
    by_name = Prepared(lambda name: Team.objects.filter(name=name).values_list("uuid"))
    assert by_uuid(two.uuid) == [(two.uuid, "team 1", two.created_at)]
    assert isinstance(by_uuid(one.uuid)[0][2], datetime)
    assert by_uuid(uuid4()) == []
    assert by_name("team 0") == [(one.uuid,)]
    assert by_name("team 0' OR '1'='1") == []


def test_documents_come_as_documents() -> None:
    user = User.objects.create_user("a@example.com")
    ApiToken.objects.create(user=user, name="x", key="k" * 16, digest="d", scopes=["servers:read"])
    scopes = Prepared(lambda key: ApiToken.objects.filter(key=key).values_list("scopes", "user__email"))
    assert scopes("k" * 16) == [(["servers:read"], "a@example.com")]


def test_a_question_that_can_have_no_answer_has_none() -> None:
    assert Prepared(lambda number: Team.objects.filter(pk=number).none().values_list("pk"))(1) == []


def test_an_argument_that_is_not_compared_is_a_fault() -> None:
    with pytest.raises(ValueError, match="compare each"):
        Prepared(lambda _number: Audit.objects.filter(pk__gt=0).values_list("pk"))(7)
