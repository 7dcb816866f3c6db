"""Settlement's constructor and what it fixes"""

import brownie
import pytest


@pytest.fixture
def deploy(project, registry, house, meters, ids, terms, governance):
    def create(operator_id=1, **changes):
        values = tuple({**vars(terms), **changes}.values())
        sent = {"from": governance}
        return project.Settlement.deploy(registry, house, meters, operator_id, values, sent)

    return create


def test_refuses_nobody_as_operator(deploy):
    with brownie.reverts("ConfigRefused: operatorId"):
        deploy(operator_id=0)


def test_refuses_to_pay_more_than_it_asks(deploy):
    with brownie.reverts("ConfigRefused: feedInPrice"):
        deploy(retail_price=100, feed_in_price=101)
    deploy(retail_price=100, feed_in_price=100)


def test_refuses_a_release_delay_that_does_not_cover_a_day_and_its_windows(deploy, meters):
    # A slot of a daily meter may wait for the rest of its day.
    shortest = 900 * meters.daySlots() + meters.finalAfter()
    with brownie.reverts("ConfigRefused: releaseDelay"):
        deploy(release_delay=shortest - 1)
    assert deploy(release_delay=shortest).releaseDelay() == shortest


def test_keeps_what_was_configured(settlement, registry, house, meters, ids, terms):
    assert settlement.config() == tuple(vars(terms).values())
    assert settlement.operatorId() == ids.operator
    assert (settlement.registry(), settlement.clearinghouse()) == (registry, house)
    assert settlement.meters() == meters
    assert settlement.DEFAULT_LOAD_PERCENT() == 50
