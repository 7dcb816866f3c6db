// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {INoteBook} from "../../interfaces/INoteBook.sol";
import {NoteKey} from "./NoteKey.sol";

/// @title Which notes were sold, issued and redeemed
contract NoteBook is NoteKey {
    /// @dev A note that waits for the issuer. 32 + 40 + 184 = 256 bits; 184 bits of a hash have no second preimage either.
    struct WaitingNote {
        uint32 participantId;
        uint40 soldAt;
        bytes23 blindedHash;
    }

    /// @notice Most notes that are sold or issued in one transaction.
    uint256 public constant MAX_NOTES = 16;
    /// @inheritdoc INoteBook
    uint32 public immutable issueSeconds;

    mapping(address venue => Counts) private _counts;
    mapping(address venue => mapping(uint64 noteId => WaitingNote)) private _waiting;
    /// @inheritdoc INoteBook
    mapping(bytes32 noteHash => bool) public isSpent;

    constructor(bytes memory modulus_, uint32 issueSeconds_) NoteKey(modulus_) {
        require(issueSeconds_ != 0, NoteKeyRefused("issueSeconds"));
        issueSeconds = issueSeconds_;
    }

    /* FROM SALE TO SIGNATURE */

    /// @inheritdoc INoteBook
    function sell(uint32 participantId, bytes[] calldata blinded) external returns (uint64 firstNoteId) {
        uint256 count = _counted(blinded);

        firstNoteId = _counts[msg.sender].sold + 1;
        // The casts are safe: at most MAX_NOTES a call, and seconds fit in 40 bits for 34,000 years.
        _counts[msg.sender].sold += uint64(count);
        for (uint64 i = 0; i < count; ++i) {
            _requireNumber(blinded[i]);
            _waiting[msg.sender][firstNoteId + i] = WaitingNote({
                participantId: participantId,
                soldAt: uint40(block.timestamp),
                blindedHash: bytes23(keccak256(blinded[i]))
            });
        }

        emit NotesSold(msg.sender, firstNoteId, participantId, blinded);
    }

    /// @inheritdoc INoteBook
    function issue(address venue, uint64 firstNoteId, bytes[] calldata signatures) external {
        uint256 count = _counted(signatures);

        for (uint64 i = 0; i < count; ++i) {
            uint64 noteId = firstNoteId + i;
            WaitingNote memory note = _waitingNote(venue, noteId);
            bytes32 opened = _openedHash(signatures[i]);
            require(bytes23(opened) == note.blindedHash, NoteForged(opened));
            delete _waiting[venue][noteId];

            emit NoteIssued(venue, noteId, signatures[i]);
        }
        // The cast is safe: at most MAX_NOTES.
        _counts[venue].issued += uint64(count);
    }

    /// @inheritdoc INoteBook
    function refund(uint64 noteId) external returns (uint32 participantId) {
        WaitingNote memory note = _waitingNote(msg.sender, noteId);
        uint256 refundableFrom = uint256(note.soldAt) + issueSeconds;
        require(block.timestamp >= refundableFrom, NoteStillOpen(noteId, refundableFrom, block.timestamp));

        delete _waiting[msg.sender][noteId];
        _counts[msg.sender].refunded += 1;

        emit NoteRefunded(msg.sender, noteId, note.participantId);

        return note.participantId;
    }

    function _counted(bytes[] calldata numbers) private pure returns (uint256 count) {
        count = numbers.length;
        require(count != 0 && count <= MAX_NOTES, NoteCountOutOfRange(count, MAX_NOTES));
    }

    function _waitingNote(address venue, uint64 noteId) private view returns (WaitingNote memory note) {
        note = _waiting[venue][noteId];
        require(note.soldAt != 0, NoteNotWaiting(noteId));
    }

    /* REDEEMING */

    /// @inheritdoc INoteBook
    function spend(address account, bytes32 serial, bytes calldata signature) external {
        bytes32 noteHash = noteHashOf(msg.sender, account, serial);
        require(_openedHash(signature) == _domainHash(noteHash), NoteForged(noteHash));
        require(!isSpent[noteHash], NoteSpent(noteHash));
        Counts memory counts = _counts[msg.sender];
        require(counts.redeemed < counts.issued, NoteNotBacked(counts.issued));

        isSpent[noteHash] = true;
        _counts[msg.sender].redeemed = counts.redeemed + 1;

        emit NoteRedeemed(msg.sender, account, serial);
    }

    /* READING */

    /// @inheritdoc INoteBook
    function noteHashOf(address venue, address account, bytes32 serial) public view returns (bytes32) {
        return keccak256(abi.encode("SETM note", block.chainid, address(this), venue, account, serial));
    }

    /// @inheritdoc INoteBook
    function countsOf(address venue) external view returns (Counts memory) {
        return _counts[venue];
    }
}
