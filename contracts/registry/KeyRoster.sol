// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IKeyRoster} from "../../interfaces/IKeyRoster.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";

/// @title Owner keys written down as code
/// @dev It has no rights and can let nobody in: its records count only as long as the registry says that nothing changed.
contract KeyRoster is IKeyRoster {
    uint256 private constant PAGE = 256;

    /// @dev 160 + 40 = 200 bits.
    struct Page {
        address code;
        uint40 writtenAt;
    }

    /// @inheritdoc IKeyRoster
    IParticipantRegistry public immutable registry;

    mapping(uint32 page => Page) private _pages;

    constructor(IParticipantRegistry registry_) {
        registry = registry_;
    }

    /// @inheritdoc IKeyRoster
    function write(uint32 page) external {
        uint256 first = uint256(page) * PAGE;
        uint32 last = registry.participantCount();
        require(first <= last && last != 0, PageEmpty(page, last));
        uint256 length = last - first + 1 < PAGE ? last - first + 1 : PAGE;
        uint256[] memory records = new uint256[](length);
        for (uint256 i = 0; i < length; ++i) {
            // Not above `last`, which has 32 bits.
            records[i] = _recordOf(uint32(first + i));
        }

        address code = _deployed(records);
        require(code != address(0), PageRefused(page));
        // Seconds since 1970 fit in 40 bits for 34,000 years.
        _pages[page] = Page(code, uint40(block.timestamp));

        emit PageWritten(page, code);
    }

    function _recordOf(uint32 participantId) private view returns (uint256) {
        (address key, uint40 until, uint32 zone) = registry.ownerKeyOf(participantId);
        return (uint256(uint160(key)) << 72) | (uint256(until) << 32) | zone;
    }

    /// @dev Code of STOP and the records. What creates it copies what stands behind it:
    /// PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN.
    function _deployed(uint256[] memory records) private returns (address code) {
        // At most 8193 bytes.
        bytes2 size = bytes2(uint16(1 + 32 * records.length));
        bytes memory creation = bytes.concat(hex"61", size, hex"80600a5f395ff3", hex"00", abi.encodePacked(records));
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            code := create(0, add(creation, 0x20), mload(creation))
        }
    }

    /// @inheritdoc IKeyRoster
    function pageOf(uint32 page) external view returns (address code, uint40 writtenAt) {
        Page memory found = _pages[page];
        return (found.code, found.writtenAt);
    }
}
