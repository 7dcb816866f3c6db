// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Notes: money without a name
/// @notice A venue sells notes; their issuer signs them without seeing them (Chaum 1983); whoever holds one redeems it, and
/// nobody can tell which sale it came from. The book counts and checks; the money stays with the venue.
/// @dev RSA with 2048 bits and exponent 65537 over full-domain hashes (one-more unforgeability: Bellare, Namprempre,
/// Pointcheval and Semanko 2003). Each venue has notes of its own: whoever calls `sell`, `refund` and `spend` is one.
/// For each venue: notes sold >= issued + refunded, and issued >= redeemed.
interface INoteBook {
    /// @notice How many notes of a venue there are; 64 * 4 = 256 bits.
    struct Counts {
        uint64 sold;
        uint64 issued;
        uint64 refunded;
        uint64 redeemed;
    }

    /// @notice Notes were paid; the issuer is to sign the blinded hashes.
    /// @param firstNoteId number of the first; the others follow
    event NotesSold(address indexed venue, uint64 indexed firstNoteId, uint32 indexed participantId, bytes[] blinded);
    /// @notice The issuer signed a note.
    event NoteIssued(address indexed venue, uint64 indexed noteId, bytes signature);
    /// @notice A note was paid back because the issuer did not sign it in time.
    event NoteRefunded(address indexed venue, uint64 indexed noteId, uint32 indexed participantId);
    /// @notice A note was redeemed for an account.
    event NoteRedeemed(address indexed venue, address indexed account, bytes32 serial);

    /// @notice Thrown when a blinded hash or a signature is not a number of 256 bytes below the modulus.
    error NoteMalformed(uint256 length);
    /// @notice Thrown at deployment when the modulus is not an odd number of 2048 bits, or the issuer has no time.
    error NoteKeyRefused(string field);
    /// @notice Thrown when no note, or more than the limit, is sold or issued at once.
    error NoteCountOutOfRange(uint256 count, uint256 limit);
    /// @notice Thrown when there is no such note that waits for the issuer.
    error NoteNotWaiting(uint64 noteId);
    /// @notice Thrown when a signature is not the issuer's over this note.
    error NoteForged(bytes32 noteHash);
    /// @notice Thrown when a note was redeemed before.
    error NoteSpent(bytes32 noteHash);
    /// @notice Thrown when more notes would be redeemed than were issued: the issuer signed one that nobody paid.
    error NoteNotBacked(uint256 issued);
    /// @notice Thrown when the issuer may still sign the note.
    error NoteStillOpen(uint64 noteId, uint256 refundableFrom, uint256 nowAt);

    /// @notice Notes down what the calling venue sold; at most 16 at once.
    /// @param blinded for each note its full-domain hash times r^65537, modulo the issuer's modulus, 256 bytes
    /// @return firstNoteId number of the first note
    function sell(uint32 participantId, bytes[] calldata blinded) external returns (uint64 firstNoteId);

    /// @notice Brings the issuer's signatures of notes in a row; anyone may call.
    function issue(address venue, uint64 firstNoteId, bytes[] calldata signatures) external;

    /// @notice Ends a note of the calling venue that the issuer did not sign in time.
    /// @return participantId who bought it
    function refund(uint64 noteId) external returns (uint32 participantId);

    /// @notice Redeems a note of the calling venue, once.
    /// @param serial chosen by the holder
    /// @param signature the issuer's, unblinded, 256 bytes
    function spend(address account, bytes32 serial, bytes calldata signature) external;

    /// @notice The hash that the issuer's signature of a note signs, before it is spread over the full domain.
    function noteHashOf(address venue, address account, bytes32 serial) external view returns (bytes32);

    /// @notice Whether a note was redeemed.
    function isSpent(bytes32 noteHash) external view returns (bool);

    /// @notice How many notes of a venue were sold, issued, refunded and redeemed until now.
    function countsOf(address venue) external view returns (Counts memory);

    /// @notice The modulus, 256 bytes.
    function modulus() external view returns (bytes memory);

    /// @notice Seconds from the sale of a note until it may be refunded.
    function issueSeconds() external view returns (uint32);
}
