// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What every venue promises to the clearinghouse, to settlement and to its participants
/// @notice A venue keeps, for each participant, a margin: collateral locked for it that no order binds yet. An order binds
/// a part of the margin until the trade of its slot is collected and closed.
/// @dev For each venue and participant: collateral in the clearinghouse == margin + what orders of all slots bind.
/// Nobody gets a position in a slot that did not lock collateral for the venue before the slot began, even if the position
/// binds nothing: settlement asks a venue for those only.
interface IVenue {
    /// @notice What a participant traded in one slot of this venue.
    /// @param boughtWh energy bought, Wh
    /// @param soldWh energy sold, Wh
    /// @param payment what the buyer owes, rounded up, 1e-6 EUR
    /// @param revenue what the seller earns, rounded down, 1e-6 EUR
    struct Trade {
        uint256 boughtWh;
        uint256 soldWh;
        uint256 payment;
        uint256 revenue;
    }

    /// @notice Margin grew by newly locked collateral.
    event MarginAdded(uint32 indexed participantId, uint256 amount);
    /// @notice Margin became free balance.
    event MarginReleased(uint32 indexed participantId, uint256 amount);
    /// @notice The buyer's payment went to the slot's pool and what the order no longer binds went back to its margin.
    event TradeCollected(uint32 indexed slot, uint32 indexed participantId, uint256 payment, uint256 unbound);
    /// @notice Settlement took over the trade.
    event TradeClosed(
        uint32 indexed slot,
        uint32 indexed participantId,
        uint256 boughtWh,
        uint256 soldWh,
        uint256 revenue
    );

    /// @notice Thrown when the margin does not cover what the order binds, both in 1e-6 EUR. An order that binds nothing
    /// needs a margin of 1.
    error NotCovered(uint32 participantId, uint256 needed, uint256 available);
    /// @notice Thrown when the outcome of the slot is not final yet.
    error OutcomeOpen(uint32 slot);
    /// @notice Thrown when money is for the grid operator and a plain account settles, which has none.
    error OperatorMissing();
    /// @notice Thrown when buyers of the slot must be collected first; anyone may call `collect` for them.
    error SlotPoolTooLow(uint32 slot, uint256 needed, uint256 available);
    /// @notice Thrown when an earlier slot that shares this storage place is not closed yet; anyone may close it.
    error EarlierSlotOpen(uint32 earlierSlot);
    /// @notice Thrown when the trades of a participant in one slot come to 2^40 Wh bought or sold, or to 2^48 * 1e-6 EUR.
    error PositionFull(uint32 slot, uint32 participantId);
    /// @notice Thrown when someone other than the named contract calls.
    error OnlyBy(address expected, address caller);
    /// @notice Thrown when a message comes after its deadline.
    error MessageExpired(uint256 deadline, uint256 nowAt);
    /// @notice Thrown when the signature is not by `key` over exactly this message.
    error ForgedSignature(address key);

    /// @notice Thrown when collateral comes from the grid operator, whose own slots are never settled.
    error OperatorNotAdmitted(uint32 participantId);
    /// @notice Thrown when the grid operator has not accepted this venue, so that nothing traded here would be settled.
    error VenueNotAccepted(address venue);
    /// @notice Thrown when somebody else's margin is to be released although that participant can do it itself.
    error StillActive(uint32 participantId);
    /// @notice Thrown at deployment when a field of the configuration contradicts another, or the settlement's.
    error ConfigRefused(string field);

    /// @notice Called by the clearinghouse when collateral was locked for this venue.
    function addMargin(uint32 participantId, uint256 amount) external;

    /// @notice Frees `amount` of the margin of the caller's participant (owner key).
    function releaseMargin(uint256 amount) external;

    /// @notice Frees the whole margin of a participant that is no longer active; anyone may call.
    function releaseMarginOf(uint32 participantId) external;

    /// @notice Takes the payment of each named buyer of a final slot and gives back what its order no longer binds.
    /// Anyone may call; a participant without an open trade in the slot is passed over.
    function collect(uint32 slot, uint32[] calldata participantIds) external;

    /// @notice Called by settlement, once per slot and participant: collects what is not yet collected, hands revenue and
    /// the seller's cover to settlement, and returns the position. All zero for a participant without a trade.
    /// @return boughtWh energy bought, Wh
    /// @return soldWh energy sold, Wh
    /// @return credit what was handed to settlement as the participant's collateral there, 1e-6 EUR
    function close(
        uint32 slot,
        uint32 participantId
    ) external returns (uint256 boughtWh, uint256 soldWh, uint256 credit);

    /// @notice The margin that no order binds, 1e-6 EUR.
    function marginOf(uint32 participantId) external view returns (uint256);

    /// @notice What the orders and agreements of the participant bind in a slot, 1e-6 EUR.
    function boundOf(uint32 slot, uint32 participantId) external view returns (uint256);

    /// @notice The participant's trade in a slot; reverts with `OutcomeOpen` before the outcome is final.
    function tradeOf(uint32 slot, uint32 participantId) external view returns (Trade memory);

    /// @notice Whether nothing can change any more about who traded what in the slot.
    function isFinal(uint32 slot) external view returns (bool);

    /// @notice What the slot has charged and not yet paid, 1e-6 EUR; after all trades closed this is its dust, below one
    /// unit for each trade. Slots that are cleared together share what their first one has.
    function slotPool(uint32 slot) external view returns (uint256);
}
