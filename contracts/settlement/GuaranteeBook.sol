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
/// @dev A participant's guarantee is its collateral in the clearinghouse for settlement, and is written down nowhere else;
/// while a call settles, what venues hand over is a part of it. Outside of a call settlement's pool there is empty. The grid
/// operator has a guarantee but no arrears: what each participant owes it, or it owes them, stands at the participant.
abstract contract GuaranteeBook is VenueBook, ReentrancyGuard {
    using SafeCast for uint256;
    using SafeCast for int256;

    /// @dev 128 + 40 bits. Nothing is pending while `amount` is zero.
    struct Request {
        uint128 amount;
        uint40 possibleFrom;
    }

    uint32 public immutable releaseDelay;

    /// @notice What the grid operator owes all participants together, 1e-6 EUR.
    uint256 public owedByOperator;
    /// @dev Positive arrears are owed to the grid operator, negative ones by it.
    mapping(uint32 participantId => int256) private _arrears;
    /// @dev Who has any: one bit a participant, 256 a word.
    mapping(uint256 place => uint256 bits) private _inArrears;
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
    /// @dev The clearinghouse has it already. Not while a call settles, or it would count as handed over by a venue.
    function addMargin(uint32, uint256) external nonReentrant {
        require(
            msg.sender == address(clearinghouse),
            IVenue.OnlyBy({expected: address(clearinghouse), caller: msg.sender})
        );
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
        _setArrears(participantId, arrears - paid.toInt256());

        emit ArrearsPaid(participantId, paid.toInt256());

        clearinghouse.close(participantId, address(0), paid, 0, 0);
        clearinghouse.close(operatorId, address(this), 0, 0, paid);
    }

    function _payToParticipant(uint32 participantId) private {
        int256 arrears = arrearsOf(participantId);
        // Negative, or this is not called.
        uint256 paid = Math.min(uint256(-arrears), guaranteeOf(operatorId));
        _setArrears(participantId, arrears + paid.toInt256());

        emit ArrearsPaid(participantId, -paid.toInt256());

        clearinghouse.close(operatorId, address(0), paid, 0, 0);
        clearinghouse.close(participantId, address(0), 0, 0, paid);
    }

    /* BOOK */

    function _setArrears(uint32 participantId, int256 arrears) internal {
        int256 before = _arrears[participantId];
        owedByOperator = owedByOperator + _negativePart(arrears) - _negativePart(before);
        if ((arrears == 0) != (before == 0)) _inArrears[participantId / 256] ^= 1 << (participantId % 256);
        _arrears[participantId] = arrears;
    }

    /// @dev Mostly nobody has any, and of neighbours that takes one word.
    function _arrearsOf(uint32[] memory participantIds) internal view returns (int256[] memory arrears) {
        arrears = new int256[](participantIds.length);
        uint256 place;
        uint256 bits = _inArrears[0];
        for (uint256 i = 0; i < arrears.length; ++i) {
            uint32 participantId = participantIds[i];
            if (participantId / 256 != place) {
                place = participantId / 256;
                bits = _inArrears[place];
            }
            if ((bits >> (participantId % 256)) & 1 != 0) arrears[i] = _arrears[participantId];
        }
    }

    function _negativePart(int256 amount) private pure returns (uint256) {
        // The sign is tested.
        return amount < 0 ? uint256(-amount) : 0;
    }

    /* READING */

    /// @inheritdoc ISettlement
    function arrearsOf(uint32 participantId) public view returns (int256) {
        return _arrears[participantId];
    }

    /// @inheritdoc ISettlement
    function guaranteeOf(uint32 participantId) public view returns (uint256) {
        return clearinghouse.collateralOf(address(this), participantId);
    }

    /// @inheritdoc ISettlement
    function releaseOf(uint32 participantId) external view returns (uint256 amount, uint40 possibleFrom) {
        Request memory pending = _requests[participantId];
        return (pending.amount, pending.possibleFrom);
    }
}
