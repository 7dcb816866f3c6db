"""Settlement with two venues that trade whatever they are told; alice and bob have a meter, carol has none."""

from types import SimpleNamespace

import brownie
import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from scripts.register import register
from setm import messages
from setm.types import GridTariff, Kind, Reading

HUNDRED_EUR = 100_000_000
TEN_EUR = 10_000_000
CAPACITY_WH = 5_001


@pytest.fixture(scope="module")
def project():
    return brownie.project.get_loaded_projects()[0]


@pytest.fixture(scope="module")
def registry(project, config, governance, authority):
    delays = config["slot_seconds"], config["governance_delay"], config["recovery_delay"]
    sent = {"from": governance}
    return project.ParticipantRegistry.deploy(governance, *delays, [authority], sent)


@pytest.fixture(scope="module")
def people(operator, alice, bob, carol):
    return SimpleNamespace(operator=operator, alice=alice, bob=bob, carol=carol)


@pytest.fixture(scope="module")
def ids(registry, authority, people):
    return SimpleNamespace(
        **{
            name: register(registry, authority, account, Kind.PROSUMER)
            for name, account in vars(people).items()
        }
    )


@pytest.fixture(scope="module")
def house(project, registry, config, governance):
    sent = {"from": governance}
    token = project.TestEuro.deploy(sent)
    return project.Clearinghouse.deploy(token, registry, config["governance_delay"], sent)


@pytest.fixture(scope="module")
def meters(project, registry, ids, config, governance):
    values = config["metering"].values()
    sent = {"from": governance}
    return project.MeterRegistry.deploy(registry, ids.operator, *values, sent)


@pytest.fixture(scope="module")
def terms(config):
    return SimpleNamespace(**config["settlement"])


@pytest.fixture(scope="module")
def tariff(terms):
    return GridTariff(retail_price=terms.retail_price, feed_in_price=terms.feed_in_price)


@pytest.fixture(scope="module")
def settlement(project, registry, house, meters, ids, config, governance):
    values = tuple(config["settlement"].values())
    sent = {"from": governance}
    return project.Settlement.deploy(registry, house, meters, ids.operator, values, sent)


@pytest.fixture(scope="module")
def venues(project, house, settlement, governance):
    sent = {"from": governance}
    found = [project.SettlementVenue.deploy(house, sent) for _ in range(2)]
    for venue in (settlement, *found):
        house.addVenue(venue, sent)
    return found


@pytest.fixture(scope="module")
def venue(venues):
    return venues[0]


@pytest.fixture(scope="module", autouse=True)
def funded(house, venues, ids, people, project):
    """Everybody has 100 EUR free, and 10 EUR in each venue; both venues can pay 10 EUR."""
    token = project.TestEuro.at(house.token())
    for name, account in vars(people).items():
        amount = HUNDRED_EUR + len(venues) * TEN_EUR
        token.mint(account, amount, {"from": account})
        token.approve(house, amount, {"from": account})
        house.deposit(getattr(ids, name), amount, {"from": account})
        for venue in venues:
            house.lock(venue, TEN_EUR, {"from": account})
    for venue in venues:
        venue.charge(ids.operator, TEN_EUR, {"from": people.operator})


@pytest.fixture(scope="module")
def devices(actors):
    return {2: actors.others[0], 3: actors.others[1]}


@pytest.fixture(scope="module", autouse=True)
def bound(meters, ids, people, devices, authority):
    """The meters of alice and bob by participant."""
    numbers = {}
    for name in ("alice", "bob"):
        number = getattr(ids, name)
        message = messages.binding(
            messages.Domain(chain_id=brownie.chain.id, contract=meters.address),
            meter_id=keccak(text=name),
            participant_id=number,
            device_key=devices[number].address,
            capacity_wh=CAPACITY_WH,
            valid_until_slot=2**32 - 1,
        )
        signature = message.sign(Account.from_key(authority.private_key))
        values = tuple(message.values.values())
        sent = meters.bindMeter(values, authority, signature, {"from": getattr(people, name)})
        numbers[number] = sent.return_value
    return numbers


@pytest.fixture(scope="module")
def slot(bound):
    """The first slot after the meters were bound."""
    return brownie.chain[-1].timestamp // 900 + 1


@pytest.fixture(scope="module")
def signed(meters, bound, devices):
    """Return a participant's reading as its meter signs it."""

    def build(participant_id, slot, import_wh, export_wh):
        meter = bound[participant_id]
        measured = Reading(meter=meter, slot=slot, import_wh=import_wh, export_wh=export_wh)
        domain = messages.Domain(chain_id=brownie.chain.id, contract=meters.address)
        key = Account.from_key(devices[participant_id].private_key)
        return (measured.word, *messages.reading(domain, measured).sign_compact(key))

    return build


@pytest.fixture(scope="module")
def wait_until():
    """Let the next block come at a time or just after it."""
    return lambda moment: brownie.chain.mine(timestamp=moment)


@pytest.fixture(scope="module")
def deliver(meters, signed, slot, mallory, wait_until):
    """Post import and export by participant for a slot, and wait until all readings are final."""

    def post(readings, when=slot):
        wait_until((when + 1) * 900)
        batch = [signed(who, when, *values) for who, values in readings.items()]
        meters.postReadings(batch, {"from": mallory})
        wait_until((when + 1) * 900 + meters.finalAfter())

    return post


@pytest.fixture(scope="module")
def trade(slot, governance):
    """Tell a venue a trade: what was bought and sold, what is paid, earned and released."""

    def tell(venue, who, bought=0, sold=0, payment=0, revenue=0, cover=0, when=slot):
        values = (bought, sold, payment, revenue, cover)
        venue.setTrade(when, who, values, {"from": governance})

    return tell


@pytest.fixture(scope="module")
def guarantee(house, settlement):
    """Lock a guarantee."""
    return lambda account, amount: house.lock(settlement, amount, {"from": account})


@pytest.fixture(scope="module")
def check_money(house, settlement, ids):
    """Demand that settlement holds nothing but guarantees, and that nothing appeared or disappeared."""
    held = house.held()

    def check():
        for number in vars(ids).values():
            assert house.collateralOf(settlement, number) == settlement.guaranteeOf(number)
        assert house.poolOf(settlement) == 0
        assert house.held() == held

    return check


@pytest.fixture
def in_debt(settlement, deliver, slot, ids, mallory):
    """Alice, without a guarantee, owes 55,500 for 1,000 Wh."""
    deliver({ids.alice: (1_000, 0)})
    settlement.settle(slot, [ids.alice], {"from": mallory})
    return 55_500


@pytest.fixture
def in_credit(settlement, deliver, slot, ids, mallory):
    """The operator, without a guarantee, owes bob 30,000 for 1,000 Wh."""
    deliver({ids.bob: (0, 1_000)})
    settlement.settle(slot, [ids.bob], {"from": mallory})
    return 30_000


@pytest.fixture(scope="module")
def low():
    """Return an address as error messages write it."""
    return lambda account: str(account).lower()
