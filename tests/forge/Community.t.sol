// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuction} from "../../interfaces/IAuction.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPricingRule} from "../../interfaces/IPricingRule.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {Base} from "./Base.sol";
import {Community, IAuctionVenue} from "./Community.sol";

/// @title What holds whatever a community does
contract CommunityTest is Base {
    uint256 private constant PARTICIPANTS = 5;

    Community private _community;

    function setUp() external {
        _community = new Community();
    }

    /// @dev By this name Foundry learns whom to call.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_community);
    }

    /// @dev One property, so that each sequence of calls is played once. The last line is I6.
    function invariant_booksBalance() external view {
        _moneyIsConserved();
        _theVenueAndTheHouseAgree();
        _energyBoughtIsEnergySold();
        _same(_community.intrusions(), 0, "calls of a stranger that went through");
    }

    /// @dev I1, I2: every unit that is held belongs to somebody, and every token is held or was donated.
    function _moneyIsConserved() private view {
        IClearinghouse house = _community.house();
        address auction = address(_community.auction());
        address settlement = address(_community.settlement());
        uint256 sum = house.poolOf(auction) + house.poolOf(settlement);
        for (uint32 id = 1; id <= PARTICIPANTS; ++id) {
            sum += house.freeOf(id) + house.collateralOf(auction, id) + house.collateralOf(settlement, id);
        }
        _same(sum, house.held(), "free, collateral and pools");
        uint256 tokens = _community.token().balanceOf(address(house));
        _same(tokens, house.held() + _community.donated(), "tokens");
    }

    /// @dev Collateral of a venue is its margin and what orders of all slots bind; its pool is what its slots hold.
    function _theVenueAndTheHouseAgree() private view {
        IClearinghouse house = _community.house();
        IAuctionVenue auction = _community.auction();
        uint256 count = _community.slotCount();
        uint256 pools;
        for (uint256 i = 0; i < count; ++i) {
            pools += auction.slotPool(_community.slots(i));
        }
        _same(pools, house.poolOf(address(auction)), "pools of slots");
        for (uint32 id = 1; id <= PARTICIPANTS; ++id) {
            uint256 sum = auction.marginOf(id);
            for (uint256 i = 0; i < count; ++i) {
                sum += auction.boundOf(_community.slots(i), id);
            }
            _same(sum, house.collateralOf(address(auction), id), "margin and bound");
        }
    }

    /// @dev I3, I4, I5: bought is sold, nobody fills beyond its limit or its order, and there is one price.
    function _energyBoughtIsEnergySold() private view {
        IAuctionVenue auction = _community.auction();
        for (uint256 i = 0; i < _community.slotCount(); ++i) {
            uint32 slot = _community.slots(i);
            IPricingRule.Clearing memory clearing = auction.clearingOf(slot);
            uint256[2] memory filled;
            for (uint32 id = 1; id <= PARTICIPANTS; ++id) {
                filled[uint256(auction.orderOf(slot, id).side)] += _checkFill(auction, slot, id, clearing);
            }
            _same(filled[0], clearing.volumeWh, "bought");
            _same(filled[1], clearing.volumeWh, "sold");
            _same(clearing.bidPrice, clearing.askPrice, "one price");
        }
    }

    function _checkFill(
        IAuctionVenue auction,
        uint32 slot,
        uint32 id,
        IPricingRule.Clearing memory clearing
    ) private view returns (uint256 filledWh) {
        IAuction.OrderView memory order = auction.orderOf(slot, id);
        filledWh = auction.fillOf(slot, id);
        if (filledWh == 0) return 0;
        _holds(filledWh <= order.energyWh, "no more than was ordered");
        uint256 limit = 30_001 + uint256(order.tick) * 777;
        bool isBid = order.side == IAuction.Side.Bid;
        _holds(isBid ? clearing.bidPrice <= limit : clearing.askPrice >= limit, "inside the limit");
        IVenue.Trade memory trade = auction.tradeOf(slot, id);
        _same(isBid ? trade.boughtWh : trade.soldWh, filledWh, "the trade is the fill");
        _same(isBid ? trade.soldWh : trade.boughtWh, 0, "and nothing else");
    }
}
