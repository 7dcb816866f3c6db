// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title A token with a vice that can be switched on
/// @notice Test subject, never deployed: it takes fees, lies about transfers, blocks a payee or calls back.
contract ClearingBadToken is ERC20 {
    enum Vice {
        None,
        TakesFee,
        ChargesSender,
        ReturnsFalse,
        Lies,
        DeliversMore,
        Drains,
        Blocks,
        CallsBack
    }

    error Blocked(address to);

    Vice public vice;
    uint8 private immutable DECIMALS;
    address private _target;
    bytes private _data;

    constructor(uint8 decimals_) ERC20("Bad Token", "BAD") {
        DECIMALS = decimals_;
    }

    /// @notice Chooses how the next transfers go wrong.
    function setVice(Vice vice_) external {
        vice = vice_;
    }

    /// @notice Calls `target` in the middle of each transfer.
    function callBack(address target, bytes calldata data) external {
        vice = Vice.CallsBack;
        _target = target;
        _data = data;
    }

    /// @notice Creates `amount` for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Takes half of what `holder` has, as a rebasing token may.
    function halve(address holder) external {
        _burn(holder, balanceOf(holder) / 2);
    }

    /// @notice Moves `amount`, or not quite.
    function transfer(address to, uint256 amount) public override returns (bool) {
        return _misbehave(msg.sender, to, amount);
    }

    /// @notice Moves `amount`, or not quite.
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _spendAllowance(from, msg.sender, amount);
        return _misbehave(from, to, amount);
    }

    /// @notice What the constructor was told.
    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }

    function _misbehave(address from, address to, uint256 amount) private returns (bool) {
        require(vice != Vice.Blocks, Blocked(to));
        if (vice == Vice.ReturnsFalse) return false;
        if (vice == Vice.Lies) return true;

        _transfer(from, to, amount);
        if (vice == Vice.TakesFee) _burn(to, 1);
        if (vice == Vice.ChargesSender) _burn(from, 1);
        if (vice == Vice.DeliversMore) _mint(to, 1);
        if (vice == Vice.Drains) _burn(to, balanceOf(to));
        if (vice == Vice.CallsBack) Address.functionCall(_target, _data);
        return true;
    }
}
