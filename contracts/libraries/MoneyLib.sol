// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title From energy and price to money
/// @notice One EUR/MWh is one unit of money (1e-6 EUR) per Wh; prices are in 0.001 EUR/MWh.
/// @dev Cannot overflow for energy below 2^96 Wh and prices below 2^32.
library MoneyLib {
    uint256 private constant PRICE_UNITS = 1000;

    /// @notice What a buyer pays, 1e-6 EUR, rounded up.
    function paymentUp(uint256 energyWh, uint256 price) internal pure returns (uint256) {
        return (energyWh * price + (PRICE_UNITS - 1)) / PRICE_UNITS;
    }

    /// @notice What a seller gets, 1e-6 EUR, rounded down.
    function paymentDown(uint256 energyWh, uint256 price) internal pure returns (uint256) {
        return (energyWh * price) / PRICE_UNITS;
    }
}
