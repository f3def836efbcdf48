"""A filter by many ids, and many rows changed at once, are what Django's own are."""

import pytest

from market.among import Among
from market.models import Instrument, Market
from market.updating import update_each

pytestmark = pytest.mark.django_db


@pytest.fixture
def instruments():
    market = Market.objects.create(key="among", source="simulated")
    return [Instrument.objects.create(market=market, symbol=f"S{n}USDT") for n in range(5)]


@pytest.mark.parametrize("chosen", [[], [0], [1, 3], [4, 4, 0], list(range(5))])
def test_among_finds_the_rows_whose_id_is_given_and_no_other(instruments, chosen):
    ids = [instruments[n].pk for n in chosen]
    found = Instrument.objects.filter(Among("id", [*ids, 10**12, -1])).values_list("pk", flat=True)
    assert set(found) == set(ids)
    assert Instrument.objects.filter(Among("id", ids)).count() == len(set(ids))


def test_among_joins_with_other_conditions_and_across_a_relation(instruments):
    market = instruments[0].market_id
    found = Instrument.objects.filter(Among("market__id", [market]), symbol="S2USDT")
    assert list(found) == [instruments[2]]


def test_each_row_gets_its_own_values_in_the_named_fields_alone(instruments):
    for n, one in enumerate(instruments[:3]):
        one.watched, one.symbol = n == 0, f"OTHER{n}USDT"
    update_each(instruments[:3], ["watched"])
    stored = Instrument.objects.filter(market=instruments[0].market_id).order_by("pk")
    assert [one.symbol for one in stored] == [f"S{n}USDT" for n in range(5)]
    assert [one.watched for one in stored] == [True, False, False, True, True]
    update_each([], ["watched"])
