// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {IVenue} from "../../interfaces/IVenue.sol";
import {VenueBook} from "./VenueBook.sol";

/// @title Guarantees and arrears
/// @dev Outside of a call, for each participant: collateral in the clearinghouse for settlement == guarantee, and
/// settlement's pool there is empty. The grid operator has a guarantee but no arrears: what each participant owes it, or
/// it owes them, stands at the participant.
abstract contract GuaranteeBook is VenueBook, ReentrancyGuard {
    using SafeCast for uint256;
    using SafeCast for int256;

    /// @dev 128 + 128 bits: one word. Positive arrears are owed to the grid operator, negative ones by it.
    struct Account {
        uint128 guarantee;
        int128 arrears;
    }

    /// @dev 128 + 40 bits. Nothing is pending while `amount` is zero.
    struct Request {
        uint128 amount;
        uint40 possibleFrom;
    }

    uint32 public immutable releaseDelay;

    /// @notice What the grid operator owes all participants together, 1e-6 EUR.
    uint256 public owedByOperator;
    mapping(uint32 participantId => Account) private _accounts;
    mapping(uint32 participantId => Request) private _requests;

    constructor(
        IParticipantRegistry registry_,
        IClearinghouse clearinghouse_,
        uint32 operatorId_,
        uint32 releaseDelay_
    ) VenueBook(registry_, clearinghouse_, operatorId_) {
        releaseDelay = releaseDelay_;
    }

    /* GUARANTEES */

    /// @inheritdoc ISettlement
    function addMargin(uint32 participantId, uint256 amount) external {
        require(
            msg.sender == address(clearinghouse),
            IVenue.OnlyBy({expected: address(clearinghouse), caller: msg.sender})
        );

        _addGuarantee(participantId, amount);
    }

    /// @inheritdoc ISettlement
    function requestRelease(uint256 amount) external {
        uint32 participantId = registry.ownerOf(msg.sender);
        uint256 available = guaranteeOf(participantId);
        require(amount <= available, GuaranteeTooLow(available, amount));

        _request(participantId, amount);
    }

    /// @inheritdoc ISettlement
    /// @dev A pending request must run out first, or repeating this call would put it off for ever.
    function requestReleaseOf(uint32 participantId) external {
        require(registry.participant(participantId).revokedAt != 0, NotRevoked(participantId));
        Request memory pending = _requests[participantId];
        require(pending.amount == 0, ReleasePending(participantId, pending.possibleFrom));
        uint256 amount = guaranteeOf(participantId);
        require(amount != 0, NoReleaseRequested(participantId));

        _request(participantId, amount);
    }

    function _request(uint32 participantId, uint256 amount) private {
        // Seconds fit in 40 bits for 34,000 years.
        uint40 possibleFrom = uint40(block.timestamp + releaseDelay);
        _requests[participantId] = Request(amount.toUint128(), possibleFrom);

        emit ReleaseRequested(participantId, amount, possibleFrom);
    }

    /// @inheritdoc ISettlement
    function releaseGuarantee(uint32 participantId) external nonReentrant {
        Request memory pending = _requests[participantId];
        require(pending.amount != 0, NoReleaseRequested(participantId));
        require(block.timestamp >= pending.possibleFrom, ReleaseTooEarly(pending.possibleFrom, block.timestamp));
        if (arrearsOf(participantId) > 0 && guaranteeOf(participantId) > 0) _payToOperator(participantId);
        uint256 kept = participantId == operatorId ? owedByOperator : 0;
        uint256 released = Math.min(pending.amount, Math.saturatingSub(guaranteeOf(participantId), kept));

        delete _requests[participantId];
        _takeGuarantee(participantId, released);

        emit GuaranteeReleased(participantId, released);

        clearinghouse.release(participantId, released);
    }

    /* ARREARS */

    /// @inheritdoc ISettlement
    function payArrears(uint32 participantId) external nonReentrant {
        int256 arrears = arrearsOf(participantId);
        uint32 payerId = arrears > 0 ? participantId : operatorId;
        require(arrears != 0 && guaranteeOf(payerId) != 0, NothingToPay(participantId));

        if (arrears > 0) _payToOperator(participantId);
        else _payToParticipant(participantId);
    }

    function _payToOperator(uint32 participantId) private {
        int256 arrears = arrearsOf(participantId);
        // Positive, or this is not called.
        uint256 paid = Math.min(uint256(arrears), guaranteeOf(participantId));
        _takeGuarantee(participantId, paid);
        _addGuarantee(operatorId, paid);
        _setArrears(participantId, arrears - paid.toInt256());

        emit ArrearsPaid(participantId, paid.toInt256());

        clearinghouse.close(participantId, address(0), paid, 0, 0);
        clearinghouse.close(operatorId, address(this), 0, 0, paid);
    }

    function _payToParticipant(uint32 participantId) private {
        int256 arrears = arrearsOf(participantId);
        // Negative, or this is not called.
        uint256 paid = Math.min(uint256(-arrears), guaranteeOf(operatorId));
        _takeGuarantee(operatorId, paid);
        _setArrears(participantId, arrears + paid.toInt256());

        emit ArrearsPaid(participantId, -paid.toInt256());

        clearinghouse.close(operatorId, address(0), paid, 0, 0);
        clearinghouse.close(participantId, address(0), 0, 0, paid);
    }

    /* BOOK */

    function _addGuarantee(uint32 participantId, uint256 amount) internal {
        _accounts[participantId].guarantee += amount.toUint128();
    }

    function _takeGuarantee(uint32 participantId, uint256 amount) internal {
        _accounts[participantId].guarantee -= amount.toUint128();
    }

    function _setArrears(uint32 participantId, int256 arrears) internal {
        Account storage account = _accounts[participantId];
        owedByOperator = owedByOperator + _negativePart(arrears) - _negativePart(account.arrears);
        account.arrears = arrears.toInt128();
    }

    /// @dev A participant's account as the word that it fills: arrears above, guarantee below.
    function _accountWord(uint256 participantId) internal view returns (uint256 word) {
        // The number comes out of 32 bits.
        Account storage account = _accounts[uint32(participantId)];
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := sload(account.slot)
        }
    }

    /// @dev The other way round; `owedByOperator` is for the caller to keep.
    function _setAccountWord(uint256 participantId, uint256 word) internal {
        Account storage account = _accounts[uint32(participantId)];
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            sstore(account.slot, word)
        }
    }

    function _negativePart(int256 amount) private pure returns (uint256) {
        // The sign is tested.
        return amount < 0 ? uint256(-amount) : 0;
    }

    /* READING */

    /// @inheritdoc ISettlement
    function arrearsOf(uint32 participantId) public view returns (int256) {
        return _accounts[participantId].arrears;
    }

    /// @inheritdoc ISettlement
    function guaranteeOf(uint32 participantId) public view returns (uint256) {
        return _accounts[participantId].guarantee;
    }

    /// @inheritdoc ISettlement
    function releaseOf(uint32 participantId) external view returns (uint256 amount, uint40 possibleFrom) {
        Request memory pending = _requests[participantId];
        return (pending.amount, pending.possibleFrom);
    }
}
