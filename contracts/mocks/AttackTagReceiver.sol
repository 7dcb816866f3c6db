// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title An account that is a contract and misbehaves when tags are sent to it
/// @notice Test subject, never deployed: it refuses, burns all gas, or calls somebody while it is asked.
contract AttackTagReceiver is ERC1155Holder {
    enum Mood {
        Accepts,
        Refuses,
        BurnsGas,
        CallsBack
    }

    error Refused();

    address public immutable OWNER;
    /// @notice How often it was asked.
    uint256 public asked;
    /// @notice How many of its calls while it was asked succeeded.
    uint256 public succeeded;
    Mood private _mood;
    address private _target;
    bytes private _data;

    constructor(address owner_) {
        OWNER = owner_;
    }

    /// @notice Chooses what it does from now on, and whom it calls with what if it calls back.
    function choose(Mood mood, address target, bytes calldata data) external {
        (_mood, _target, _data) = (mood, target, data);
    }

    /// @notice Calls `target` as this account.
    function execute(address target, bytes calldata data) external returns (bytes memory) {
        require(msg.sender == OWNER, Refused());
        return Address.functionCall(target, data);
    }

    function onERC1155Received(
        address operator,
        address from,
        uint256 id,
        uint256 value,
        bytes memory data
    ) public override returns (bytes4) {
        _misbehave();
        return super.onERC1155Received(operator, from, id, value, data);
    }

    function onERC1155BatchReceived(
        address operator,
        address from,
        uint256[] memory ids,
        uint256[] memory values,
        bytes memory data
    ) public override returns (bytes4) {
        _misbehave();
        return super.onERC1155BatchReceived(operator, from, ids, values, data);
    }

    function _misbehave() private {
        ++asked;
        require(_mood != Mood.Refuses, Refused());
        // Endless on purpose: it ends with the gas.
        while (_mood == Mood.BurnsGas) ++asked;
        if (_mood != Mood.CallsBack) return;
        // solhint-disable-next-line avoid-low-level-calls
        (bool isDone, ) = _target.call(_data);
        if (isDone) ++succeeded;
    }
}
