// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title An honest token that returns nothing
/// @notice Test subject, never deployed: several tokens in wide use answer a transfer with no data.
contract ClearingSilentToken {
    mapping(address holder => uint256) public balanceOf;
    mapping(address holder => mapping(address spender => uint256)) public allowance;

    /// @notice Creates `amount` for `to`.
    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    /// @notice Lets `spender` move `amount`.
    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    /// @notice Moves `amount`.
    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    /// @notice Moves `amount`.
    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }

    /// @notice One unit is 1e-6 EUR.
    function decimals() external pure returns (uint8) {
        return 6;
    }
}
