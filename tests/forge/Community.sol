// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {Base} from "./Base.sol";

/// @title The auction's two faces
interface IAuctionVenue is IAuction, IVenue {}

interface ITestEuro is IERC20 {
    function mint(address to, uint256 amount) external;
}

/// @title People who do with money and orders whatever the fuzzer tells them
/// @notice Every call of the fuzzer picks a person, a slot and values; what the contracts refuse changes nothing.
contract Community is Base {
    uint256 private constant PEOPLE = 4;
    uint256 private constant SLOTS = 3;
    uint256 private constant MOST_SLOTS = 6;
    uint32 private constant SLOT_SECONDS = 900;
    uint32 private constant DAY = 86_400;
    uint256 private constant AUTHORITY_KEY = uint256(keccak256("authority"));

    /// @dev What somebody committed, to be opened later.
    struct Sealed {
        IAuction.Side side;
        uint16 tick;
        uint32 energyWh;
    }

    ITestEuro public token;
    IParticipantRegistry public registry;
    IClearinghouse public house;
    IAuctionVenue public auction;
    ISettlement public settlement;

    address[] public accounts;
    uint32[] public slots;
    uint256 public donated;
    uint256 public intrusions;
    /// @dev How often sellers were paid out of the pool that buyers had filled.
    uint256 public paidOut;
    uint256 public admired;
    mapping(uint32 slot => mapping(uint32 participantId => Sealed)) private _sealed;
    mapping(uint32 slot => bool) private _isListed;

    constructor() {
        vm.warp(1_800_000_000);
        address[] memory authorities = new address[](1);
        authorities[0] = vm.addr(AUTHORITY_KEY);
        token = ITestEuro(_deploy("TestEuro", ""));
        registry = IParticipantRegistry(
            _deploy("ParticipantRegistry", abi.encode(address(this), SLOT_SECONDS, DAY, 2 * DAY, authorities))
        );
        house = IClearinghouse(_deploy("Clearinghouse", abi.encode(token, registry, DAY)));
        // Participant 1 is the grid operator.
        _join(IParticipantRegistry.Kind.GridOperator);
        address meters = _deploy("MeterRegistry", abi.encode(registry, 1, 900, 900, 900));
        ISettlement.Config memory tariff = ISettlement.Config({
            retailPrice: 55_500,
            feedInPrice: 30_000,
            fraudPenalty: 5_000_000,
            releaseDelay: 4 * DAY
        });
        settlement = ISettlement(_deploy("Settlement", abi.encode(registry, house, meters, 1, tariff)));
        address rule = _deploy("UniformPriceRule", abi.encode(500));
        // Few ticks, so that orders meet; rounding decides at odd prices.
        IAuction.Config memory terms = IAuction.Config({
            floorPrice: 30_001,
            tickSize: 777,
            tickCount: 5,
            isSealed: true,
            gateLead: 1800,
            revealWindow: 600,
            clearWindow: 900,
            horizonSeconds: 2 * DAY,
            bond: 1001,
            coverPrice: 55_500,
            maxOrderWh: 1_000_000_000
        });
        auction = IAuctionVenue(_deploy("Auction", abi.encode(house, settlement, rule, terms)));
        house.addVenue(address(settlement));
        house.addVenue(address(auction));
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _join(IParticipantRegistry.Kind.Prosumer);
        }
        for (uint256 i = 0; i < accounts.length; ++i) {
            _fund(accounts[i], i == 0 ? address(settlement) : address(auction), 10 ** 9);
        }
    }

    function _join(IParticipantRegistry.Kind kind) private {
        address account = address(uint160(uint256(keccak256(abi.encode("account", accounts.length)))));
        IParticipantRegistry.Credential memory credential = IParticipantRegistry.Credential({
            account: account,
            kind: kind,
            deviceClass: 0,
            zone: 1,
            identityCommitment: keccak256(abi.encode(account)),
            validUntil: uint64(block.timestamp + 3650 * uint256(DAY)),
            serial: 1
        });
        bytes memory signature = _signed(credential);
        vm.prank(account);
        registry.join(credential, vm.addr(AUTHORITY_KEY), signature, address(0), block.timestamp, "");
        accounts.push(account);
    }

    function _signed(IParticipantRegistry.Credential memory credential) private view returns (bytes memory) {
        bytes32 typeHash = keccak256(
            "Credential(address account,uint8 kind,uint16 deviceClass,uint32 zone,bytes32 identityCommitment,"
            "uint64 validUntil,uint32 serial)"
        );
        (, string memory name, string memory version, uint256 chainId, address at, , ) = IERC5267(address(registry))
            .eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                at
            )
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, keccak256(abi.encode(typeHash, credential))));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(AUTHORITY_KEY, digest);
        return abi.encodePacked(r, s, v);
    }

    function _fund(address account, address venue, uint256 amount) private {
        uint32 participantId = registry.ownerOf(account);
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(house), amount);
        vm.prank(account);
        house.deposit(participantId, amount);
        vm.prank(account);
        house.lock(venue, amount);
    }

    /* MONEY */

    function deposit(uint256 person, uint64 amount) external {
        (uint32 participantId, address account) = _person(person);
        uint256 fitting = _within(amount, 1, 10 ** 9);
        token.mint(account, fitting);
        vm.prank(account);
        token.approve(address(house), fitting);
        vm.prank(account);
        house.deposit(participantId, fitting);
    }

    function withdraw(uint256 person, uint64 amount) external {
        (uint32 participantId, address account) = _person(person);
        uint256 least = house.freeOf(participantId);
        vm.prank(account);
        // One more than there is must be refused.
        house.withdraw(_within(amount, 1, least + 1));
    }

    function lock(uint256 person, uint64 amount, bool inSettlement) external {
        (uint32 participantId, address account) = _person(person);
        uint256 fitting = _within(amount, 1, house.freeOf(participantId) + 1);
        vm.prank(account);
        house.lock(inSettlement ? address(settlement) : address(auction), fitting);
    }

    function releaseMargin(uint256 person, uint64 amount) external {
        (uint32 participantId, address account) = _person(person);
        uint256 fitting = _within(amount, 0, auction.marginOf(participantId) + 1);
        vm.prank(account);
        auction.releaseMargin(fitting);
    }

    function donate(uint32 amount) external {
        token.mint(address(this), amount);
        token.transfer(address(house), amount);
        donated += amount;
    }

    /* ORDERS */

    function commit(uint256 person, uint256 ahead, bool isAsk, uint8 tick, uint32 energyWh, uint32 extra) public {
        (uint32 participantId, address account) = _person(person);
        Sealed memory order = Sealed({
            side: isAsk ? IAuction.Side.Ask : IAuction.Side.Bid,
            tick: uint16(tick % 5),
            energyWh: uint32(_within(energyWh, 1, extra % 4 == 0 ? 3 : 5_000))
        });
        uint32 slot = uint32(block.timestamp / SLOT_SECONDS + 3 + (ahead % SLOTS));
        // What holds is asked of every slot after every call.
        vm.assume(_isListed[slot] || slots.length < MOST_SLOTS);
        bytes32 digest = auction.digestOf(slot, participantId, order.side, order.tick, order.energyWh, _salt(slot));
        uint256 bound = auction.coverOf(order.side, order.tick, order.energyWh);
        // Now and then too little, which counts as not opened.
        bound = extra % 4 == 3 ? bound / 2 : bound + (extra % 1000);
        if (bound < auction.config().bond) bound = auction.config().bond;
        vm.prank(account);
        auction.commit(IAuction.Commitment({slot: slot, side: order.side, bound: uint48(bound), digest: digest}));
        _sealed[slot][participantId] = order;
        if (!_isListed[slot]) slots.push(slot);
        _isListed[slot] = true;
    }

    /// @dev Everybody wants something of the same slot.
    function crowd(uint256 ahead, uint256 seed) external {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, i)));
            // Who has ordered already, or cannot pay, stops nobody.
            try this.commit(i, ahead, i % 2 == 0, uint8(drawn), uint32(drawn >> 8), uint32(drawn >> 40)) {} catch {}
        }
    }

    function cancel(uint256 person, uint256 which) external {
        uint32 slot = _slotIn(IAuction.Phase.Ordering, which);
        (, address account) = _personWith(IAuction.OrderState.Committed, slot, person);
        vm.prank(account);
        auction.cancel(slot);
    }

    /// @dev Goes on to the next time at which something becomes possible in a slot, or a little short of it.
    function goOn(uint8 early) external {
        uint256 next = type(uint256).max;
        for (uint256 i = 0; i < slots.length; ++i) {
            uint256 startAt = uint256(slots[i]) * SLOT_SECONDS;
            uint256[4] memory moments = [startAt - 1800, startAt - 1200, startAt - 300, startAt + 5 * SLOT_SECONDS];
            for (uint256 j = 0; j < 4; ++j) {
                if (moments[j] > block.timestamp && moments[j] < next) next = moments[j];
            }
        }
        vm.assume(next != type(uint256).max);
        if (early % 8 == 0 && next > block.timestamp + 1) --next;
        vm.warp(next);
    }

    function open(uint256 person, uint256 which) external {
        uint32 slot = _slotIn(IAuction.Phase.Revealing, which);
        (uint32 participantId, ) = _personWith(IAuction.OrderState.Committed, slot, person);
        _open(slot, participantId);
    }

    /// @dev In an order that begins with anybody.
    function openAll(uint256 first, uint256 which) external {
        uint32 slot = _slot(which);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            (uint32 participantId, ) = _person((first % PEOPLE) + i);
            IAuction.OrderState state = auction.orderOf(slot, participantId).state;
            if (state == IAuction.OrderState.Committed) _open(slot, participantId);
        }
    }

    function _open(uint32 slot, uint32 participantId) private {
        Sealed memory order = _sealed[slot][participantId];
        uint256[] memory openings = new uint256[](1);
        openings[0] =
            (uint256(participantId) << 224) |
            (uint256(order.tick) << 208) |
            (uint256(order.energyWh) << 160) |
            _salt(slot);
        auction.open(slot, openings);
    }

    function clear(uint256 which) external {
        auction.clear(_slotIn(IAuction.Phase.Clearing, which));
    }

    function forfeit(uint256 person, uint256 which) external {
        uint32 slot = _slotIn(IAuction.Phase.Cleared, which);
        auction.forfeit(slot, _only(IAuction.OrderState.Committed, slot, person));
    }

    function collect(uint256 person, uint256 which) external {
        uint32 slot = _slotIn(IAuction.Phase.Cleared, which);
        auction.collect(slot, _only(IAuction.OrderState.Opened, slot, person));
    }

    function compensate(uint256 person, uint256 which) external {
        uint32 slot = _slotIn(IAuction.Phase.Cleared, which);
        (uint32 participantId, ) = _person(person);
        auction.compensate(slot, participantId);
    }

    function settle(uint256 which, uint256 first, uint256 count) external {
        uint256 last = _slot(which);
        // Mostly a slot whose readings are final.
        if (which % 4 != 0 && (last + 5) * SLOT_SECONDS > block.timestamp) last = slots[0];
        _settle(uint32(last), first, _within(count, 1, PEOPLE));
    }

    /// @dev Somebody takes care of all that is due now, in every slot.
    function attend(uint256 first) external {
        for (uint256 i = 0; i < slots.length; ++i) {
            IAuction.Phase phase = auction.phase(slots[i]);
            if (phase == IAuction.Phase.Revealing) this.openAll(first, i);
            else if (phase == IAuction.Phase.Clearing) auction.clear(slots[i]);
            else if (block.timestamp >= (uint256(slots[i]) + 5) * SLOT_SECONDS) _settle(slots[i], first, PEOPLE);
        }
    }

    function _settle(uint32 slot, uint256 first, uint256 count) private {
        uint32[] memory ids = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            (ids[i], ) = _person((first % PEOPLE) + i);
        }
        auction.collect(slot, ids);
        uint256 pooled = house.poolOf(address(auction));
        settlement.settle(slot, ids);
        if (house.poolOf(address(auction)) < pooled) ++paidOut;
    }

    /// @dev Accepted once sellers were paid: Foundry counts what is accepted, so that a report shows how far it went.
    function admirePayment() external {
        _holds(paidOut != 0, "nobody was paid yet");
        ++admired;
    }

    /* A STRANGER */

    function intrude(uint8 way, uint256 person, uint64 amount) external {
        (uint32 participantId, ) = _person(person);
        (address target, bytes memory data) = (address(house), "");
        if (way % 4 == 0) {
            data = abi.encodeCall(house.release, (participantId, amount));
        } else if (way % 4 == 1) {
            data = abi.encodeCall(house.close, (participantId, address(0), amount, amount, amount));
        } else {
            target = address(auction);
            data =
                way % 4 == 2
                    ? abi.encodeCall(auction.addMargin, (participantId, amount))
                    : abi.encodeCall(auction.close, (_slot(amount), participantId));
        }
        (bool isDone, ) = target.call(data);
        if (isDone) ++intrusions;
    }

    /* READING */

    function slotCount() external view returns (uint256) {
        return slots.length;
    }

    function _only(IAuction.OrderState state, uint32 slot, uint256 person) private view returns (uint32[] memory ids) {
        ids = new uint32[](1);
        (ids[0], ) = _personWith(state, slot, person);
    }

    /// @dev Somebody whose order of the slot is in that state, if there is anybody.
    function _personWith(
        IAuction.OrderState state,
        uint32 slot,
        uint256 drawn
    ) private view returns (uint32 participantId, address account) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            (participantId, account) = _person((drawn % PEOPLE) + i);
            if (auction.orderOf(slot, participantId).state == state) break;
        }
    }

    function _person(uint256 drawn) private view returns (uint32 participantId, address account) {
        account = accounts[1 + (drawn % PEOPLE)];
        participantId = uint32(2 + (drawn % PEOPLE));
    }

    /// @dev A slot of which anybody wanted something.
    function _slot(uint256 drawn) private view returns (uint32) {
        vm.assume(slots.length != 0);
        return slots[drawn % slots.length];
    }

    /// @dev The same, mostly one in that phase.
    function _slotIn(IAuction.Phase wanted, uint256 drawn) private view returns (uint32) {
        for (uint256 i = 0; drawn % 8 != 0 && i < slots.length; ++i) {
            uint32 slot = slots[(drawn + i) % slots.length];
            if (auction.phase(slot) == wanted) return slot;
        }
        return _slot(drawn);
    }

    function _salt(uint32 slot) private pure returns (uint160) {
        return uint160(uint256(keccak256(abi.encode("salt", slot))));
    }
}
