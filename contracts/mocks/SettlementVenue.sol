// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";

/// @title A venue whose trades are simply told
/// @notice Test subject, never deployed: it has no orders, no margin and no rules, and it may lie about what was traded.
contract SettlementVenue {
    struct Told {
        uint256 boughtWh;
        uint256 soldWh;
        uint256 payment;
        uint256 revenue;
        uint256 cover;
    }

    IClearinghouse private immutable CLEARINGHOUSE;
    mapping(uint32 slot => bool) private _isOpen;
    mapping(uint32 slot => mapping(uint32 participantId => Told)) private _trades;
    mapping(uint32 participantId => uint256) public locked;
    uint256 private _exaggeration;
    address private _target;
    bytes private _data;

    constructor(IClearinghouse clearinghouse_) {
        CLEARINGHOUSE = clearinghouse_;
    }

    /// @notice Says that the outcome of a slot is still open.
    function setOpen(uint32 slot, bool isOpen) external {
        _isOpen[slot] = isOpen;
    }

    /// @notice Says what a participant traded; `payment` and `cover` come out of its collateral here.
    function setTrade(uint32 slot, uint32 participantId, Told calldata trade) external {
        _trades[slot][participantId] = trade;
    }

    /// @notice Takes collateral of a participant into the pool, so that there is something to pay revenues from.
    function charge(uint32 participantId, uint256 amount) external {
        CLEARINGHOUSE.close(participantId, address(0), amount, 0, 0);
    }

    /// @notice Says at every close that it handed over more than it did.
    function exaggerate(uint256 amount) external {
        _exaggeration = amount;
    }

    /// @notice Calls `target` whenever a trade is closed.
    function actOnClose(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    /// @notice What the clearinghouse tells a venue.
    function addMargin(uint32 participantId, uint256 amount) external {
        locked[participantId] += amount;
    }

    function isFinal(uint32 slot) external view returns (bool) {
        return !_isOpen[slot];
    }

    function collect(uint32 slot, uint32[] calldata participantIds) external {
        for (uint256 i = 0; i < participantIds.length; ++i) {
            Told storage trade = _trades[slot][participantIds[i]];
            uint256 payment = trade.payment;
            trade.payment = 0;
            CLEARINGHOUSE.close(participantIds[i], address(0), payment, 0, 0);
        }
    }

    function close(
        uint32 slot,
        uint32 participantId
    ) external returns (uint256 boughtWh, uint256 soldWh, uint256 credit) {
        Told memory trade = _trades[slot][participantId];
        delete _trades[slot][participantId];
        CLEARINGHOUSE.close(participantId, msg.sender, 0, trade.cover, trade.revenue);
        if (_target != address(0)) Address.functionCall(_target, _data);
        return (trade.boughtWh, trade.soldWh, trade.cover + trade.revenue + _exaggeration);
    }
}
