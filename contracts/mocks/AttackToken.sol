// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token whose own balances lie
/// @notice Test subject, never deployed: it moves nothing and says that it did, consistently.
contract AttackToken is ERC20 {
    mapping(address holder => uint256) private _shown;

    constructor() ERC20("Lying Token", "LIE") {}

    /// @notice Moves nothing, and shows `amount` more at `to` from now on.
    function transferFrom(address, address to, uint256 amount) public override returns (bool) {
        _shown[to] += amount;
        return true;
    }

    /// @notice What is there and what is not.
    function balanceOf(address holder) public view override returns (uint256) {
        return super.balanceOf(holder) + _shown[holder];
    }

    /// @notice One unit is 1e-6 EUR.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
