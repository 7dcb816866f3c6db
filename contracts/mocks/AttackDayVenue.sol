// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDayAheadAuction} from "../../interfaces/IDayAheadAuction.sol";
import {IScheduleBook} from "../../interfaces/IScheduleBook.sol";

/// @title A venue that calls what its owner wants while settlement has it close a group, and hands nothing over
contract AttackDayVenue {
    address private _target;
    bytes private _data;
    bytes public answer;
    uint256 public margin;

    function arm(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function addMargin(uint32, uint256 amount) external {
        margin += amount;
    }

    function closeGroup(IScheduleBook.BookKey calldata, uint32, IDayAheadAuction.Member[] calldata) external {
        if (_target == address(0)) return;
        // The attack may fail; what it failed with is told.
        // solhint-disable-next-line avoid-low-level-calls
        (, answer) = _target.call(_data);
    }

    function config() external pure returns (IScheduleBook.Config memory found) {
        found.spanSlots = 96;
    }
}
