// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Clearinghouse} from "../../contracts/clearing/Clearinghouse.sol";
import {ParticipantRegistry} from "../../contracts/registry/ParticipantRegistry.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {CarelessAuthority, SomeEuro, SomeVenue, Stage, TwoPeople} from "./Stage.sol";

/// @title Whatever anybody calls with whatever arguments: nobody's money moves but by its owner and its venue
contract MoneyAuthorityTest is Stage {
    SomeEuro private _token;
    Clearinghouse private _house;
    address private _venue;

    function setUp() external {
        vm.warp(NOW);
        _token = new SomeEuro();
        address registry = address(new TwoPeople(GOVERNANCE, ALICE, MALLORY));
        _house = new Clearinghouse(IERC20(address(_token)), IParticipantRegistry(registry), 1 days);
        _venue = address(new SomeVenue());
        vm.prank(GOVERNANCE);
        _house.addVenue(_venue);
        _token.approve(address(_house), type(uint256).max);
        _token.transfer(MALLORY, 1 << 49);
        vm.prank(MALLORY);
        _token.approve(address(_house), type(uint256).max);
    }

    /// @dev Alice has some money, free and locked; mallory too; something is in the pool.
    function _fill(uint40 free, uint40 locked, uint40 pooled) private {
        vm.assume(free != 0 && locked != 0 && pooled != 0);
        _house.deposit(ALICE_ID, uint256(free) + locked + pooled);
        vm.prank(ALICE);
        _house.lock(_venue, uint256(locked) + pooled);
        vm.prank(_venue);
        _house.close(ALICE_ID, address(0), pooled, 0, 0);
        _house.deposit(MALLORY_ID, 1000);
    }

    function check_noCallOfAnotherLowersABalance(address caller, uint40 free, uint40 locked, uint40 pooled) external {
        _fill(free, locked, pooled);
        vm.assume(caller != ALICE && caller != _venue && caller != address(this) && caller != address(_house));
        bytes memory data = svm.createCalldata("Clearinghouse");

        vm.prank(caller);
        (bool isDone, ) = address(_house).call(data);
        vm.assume(isDone);

        assert(_house.freeOf(ALICE_ID) >= free);
        assert(_house.collateralOf(_venue, ALICE_ID) == locked);
        assert(_house.poolOf(_venue) == pooled);
    }

    function check_onlyGovernanceAddsVenues(address caller, address other) external {
        vm.assume(caller != GOVERNANCE && other != _venue);
        bytes memory data = svm.createCalldata("Clearinghouse");

        vm.prank(caller);
        (bool isDone, ) = address(_house).call(data);
        vm.assume(isDone);

        vm.warp(NOW + 10 days);
        assert(!_house.isVenue(other));
        assert(_house.isVenue(_venue));
    }

    /// @dev Not even governance: a venue that it adds works after the public delay only.
    function check_governanceTouchesNoMoney(uint40 free, uint40 locked, uint40 pooled, address other) external {
        _fill(free, locked, pooled);
        bytes memory data = svm.createCalldata("Clearinghouse");

        vm.prank(GOVERNANCE);
        (bool isDone, ) = address(_house).call(data);
        vm.assume(isDone);

        assert(_house.freeOf(ALICE_ID) >= free && _house.freeOf(MALLORY_ID) >= 1000);
        assert(_house.collateralOf(_venue, ALICE_ID) == locked);
        assert(_house.poolOf(_venue) == pooled);
        vm.warp(NOW + 1 days - 1);
        assert(other == _venue || !_house.isVenue(other));
    }

    /// @dev A venue takes what was locked for it and nothing else.
    function check_aVenueTouchesNoFreeMoney(uint40 free, uint40 locked, uint40 pooled) external {
        _fill(free, locked, pooled);
        bytes memory data = svm.createCalldata("Clearinghouse");

        vm.prank(_venue);
        (bool isDone, ) = address(_house).call(data);
        vm.assume(isDone);

        assert(_house.freeOf(ALICE_ID) >= free);
        assert(_house.freeOf(MALLORY_ID) >= 1000);
        assert(_house.held() == uint256(free) + locked + pooled + 1000);
    }

    /// @dev What a venue moves for somebody stays with that somebody or in its pool.
    function check_aVenueMakesNoMoney(
        uint40 free,
        uint40 locked,
        uint40 pooled,
        uint256 charged,
        uint256 released,
        uint256 paid
    ) external {
        _fill(free, locked, pooled);

        vm.prank(_venue);
        (bool isDone, ) = address(_house).call(
            abi.encodeCall(_house.close, (ALICE_ID, address(0), charged, released, paid))
        );
        vm.assume(isDone);

        uint256 sum = _house.poolOf(_venue) + _house.freeOf(ALICE_ID) + _house.collateralOf(_venue, ALICE_ID);
        assert(sum == uint256(free) + locked + pooled);
        assert(_house.collateralOf(_venue, ALICE_ID) + charged + released == locked);
        assert(_house.freeOf(MALLORY_ID) == 1000);
    }
}

/// @title Whatever anybody calls: offices stay where they are, and keys of others do not change
contract OfficeAuthorityTest is Stage {
    ParticipantRegistry private _registry;
    address private _authority;

    function setUp() external {
        vm.warp(NOW);
        _authority = address(new CarelessAuthority());
        address[] memory authorities = new address[](1);
        authorities[0] = _authority;
        _registry = new ParticipantRegistry(GOVERNANCE, 900, 1 days, 2 days, authorities);
        IParticipantRegistry.Credential memory credential = IParticipantRegistry.Credential({
            account: ALICE,
            kind: IParticipantRegistry.Kind.Prosumer,
            deviceClass: 0,
            zone: 1,
            identityCommitment: keccak256("alice"),
            validUntil: uint64(NOW + 365 days),
            serial: 1
        });
        vm.prank(ALICE);
        _registry.join(credential, _authority, "", address(0), NOW, "");
    }

    function _any(address caller) private {
        bytes memory data = svm.createCalldata("ParticipantRegistry");
        vm.prank(caller);
        (bool isDone, ) = address(_registry).call(data);
        vm.assume(isDone);
    }

    function check_governanceNeverMoves(address caller) external {
        _any(caller);
        assert(_registry.governance() == GOVERNANCE);
    }

    function check_onlyGovernanceChoosesAuthorities(address caller, address other) external {
        vm.assume(caller != GOVERNANCE && other != _authority);
        _any(caller);
        vm.warp(NOW + 10 days);
        assert(_registry.isAccredited(_authority));
        assert(!_registry.isAccredited(other));
    }

    function check_onlyItsAuthorityRevokes(address caller) external {
        vm.assume(caller != _authority);
        _any(caller);
        assert(_registry.participant(ALICE_ID).revokedAt == 0);
    }

    function check_onlyOfficesSuspend(address caller) external {
        vm.assume(caller != _authority && caller != GOVERNANCE);
        _any(caller);
        assert(_registry.participant(ALICE_ID).suspendedFrom == type(uint40).max);
    }

    function check_nobodyElseTakesAKey(address caller) external {
        vm.assume(caller != ALICE && caller != _authority);
        _any(caller);
        assert(_registry.ownerOf(ALICE) == ALICE_ID);
        assert(_registry.participant(ALICE_ID).recovery == address(0));
    }
}
