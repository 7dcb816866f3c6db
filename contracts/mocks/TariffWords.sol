// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AnnouncementLib} from "../libraries/AnnouncementLib.sol";
import {RatioLib} from "../libraries/RatioLib.sol";
import {ITariff} from "../../interfaces/ITariff.sol";

/// @title TariffWords
/// @notice Shows the words of a tariff and its price formula to tests.
contract TariffWords {
    function priceOf(
        uint64 supplyWh,
        uint64 demandWh,
        uint32 feedInPrice,
        uint32 retailPrice
    ) external pure returns (uint256) {
        return RatioLib.priceOf(supplyWh, demandWh, feedInPrice, retailPrice);
    }

    function announced(uint256 side, uint256 epoch, uint256 bound, uint256 energyWh) external pure returns (uint256) {
        return AnnouncementLib.announced(side, epoch, bound, energyWh);
    }

    function taking(uint256 word, uint256 bound, uint256 energyWh, uint256 aheadWh) external pure returns (uint256) {
        return AnnouncementLib.taking(word, bound, energyWh, aheadWh);
    }

    function advanced(uint256 word, ITariff.State state, uint256 bound) external pure returns (uint256) {
        return AnnouncementLib.advanced(word, state, bound);
    }

    /// @notice State, side, epoch, bound, what is announced, what is taken, and what stands ahead.
    function fieldsOf(uint256 word) external pure returns (uint256[7] memory) {
        return
            [
                uint256(AnnouncementLib.stateOf(word)),
                AnnouncementLib.sideOf(word),
                AnnouncementLib.epochOf(word),
                AnnouncementLib.boundOf(word),
                AnnouncementLib.announcedOf(word),
                AnnouncementLib.takenOf(word),
                AnnouncementLib.aheadOf(word)
            ];
    }

    /// @notice Announced bids and asks, taken bids and asks, after the four were added to nothing.
    function summed(uint256[4] calldata energiesWh) external pure returns (uint256[4] memory) {
        uint256 sums;
        for (uint256 side = 0; side < 2; ++side) {
            sums = AnnouncementLib.withAnnounced(sums, side, energiesWh[side]);
            sums = AnnouncementLib.withTaken(sums, side, energiesWh[2 + side]);
        }
        return
            [
                AnnouncementLib.announcedOn(sums, 0),
                AnnouncementLib.announcedOn(sums, 1),
                AnnouncementLib.takenOn(sums, 0),
                AnnouncementLib.takenOn(sums, 1)
            ];
    }

    /// @notice What of a bid's taking fills among `sideWh` bids and `otherWh` asks.
    function filledBid(
        uint256 energyWh,
        uint256 aheadWh,
        uint256 sideWh,
        uint256 otherWh
    ) external pure returns (uint256) {
        uint256 word = AnnouncementLib.taking(AnnouncementLib.announced(0, 0, 0, energyWh), 0, energyWh, aheadWh);
        uint256 sums = AnnouncementLib.withTaken(AnnouncementLib.withTaken(0, 0, sideWh), 1, otherWh);
        return AnnouncementLib.filledBy(word, sums);
    }
}
