// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A euro without worth, for local chains
/// @notice Six decimals: one unit is 1e-6 EUR.
/// @dev Warning: anyone mints any amount. Never use it where money counts; deploy the clearinghouse with a vetted token there.
contract TestEuro is ERC20, ERC20Permit {
    constructor() ERC20("Test Euro", "tEUR") ERC20Permit("Test Euro") {}

    /// @notice Creates `amount` (1e-6 EUR) for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice One unit is 1e-6 EUR.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
