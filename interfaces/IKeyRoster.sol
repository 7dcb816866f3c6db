// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IParticipantRegistry} from "./IParticipantRegistry.sol";

/// @title Owner keys written down as code, where reading many costs little
/// @notice A copy of the registry's owner keys, 256 participants to a page; anyone may write a page anew.
/// @dev A page is code: STOP, then a record a participant, up to the last who had joined:
///
///   | zero 24 | key 160 | until 40 | zone 32 |
///
/// Zero for who had no owner key that might enter something. A record says what `registry.speakerOf(key, amount)` would say,
/// for any amount, if the page was written strictly after the registry's `pageChangedAt`, or else strictly after the
/// participant's `changedAt`, and the present second is before `until`. Of everybody else it says nothing: ask the registry.
interface IKeyRoster {
    /// @notice A page was written; what was written before is of no more use.
    event PageWritten(uint32 indexed page, address code);

    /// @notice Thrown when nobody of a page has joined yet.
    error PageEmpty(uint32 page, uint32 participantCount);
    /// @notice Thrown when the chain does not take a page as code.
    error PageRefused(uint32 page);

    /// @notice Writes a page as the registry has it now; anyone may call.
    function write(uint32 page) external;

    /// @notice Where a page stands and in which second it was written; zeros if it never was.
    function pageOf(uint32 page) external view returns (address code, uint40 writtenAt);

    /// @notice The registry whose keys these are.
    function registry() external view returns (IParticipantRegistry);
}
