// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {INoteBook} from "../../interfaces/INoteBook.sol";

/// @title The public key of who signs notes
/// @dev Without storage: the modulus is part of the code.
abstract contract NoteKey is INoteBook {
    uint256 private constant KEY_BYTES = 256;
    bytes private constant EXPONENT = hex"010001";

    // The modulus in eight words, the highest first.
    bytes32 private immutable _n0;
    bytes32 private immutable _n1;
    bytes32 private immutable _n2;
    bytes32 private immutable _n3;
    bytes32 private immutable _n4;
    bytes32 private immutable _n5;
    bytes32 private immutable _n6;
    bytes32 private immutable _n7;

    constructor(bytes memory modulus_) {
        bool hasSize = modulus_.length == KEY_BYTES && modulus_[0] >= 0x80;
        require(hasSize && uint8(modulus_[KEY_BYTES - 1]) % 2 == 1, NoteKeyRefused("modulus"));

        bytes32[8] memory words = abi.decode(modulus_, (bytes32[8]));
        (_n0, _n1, _n2, _n3) = (words[0], words[1], words[2], words[3]);
        (_n4, _n5, _n6, _n7) = (words[4], words[5], words[6], words[7]);
    }

    /// @inheritdoc INoteBook
    function modulus() external view returns (bytes memory) {
        return abi.encodePacked(_words());
    }

    /// @dev The hash of what a signature signs: of its 65537th power modulo the modulus.
    function _openedHash(bytes calldata signature) internal view returns (bytes32) {
        _requireNumber(signature);
        return keccak256(Math.modExp(signature, EXPONENT, abi.encodePacked(_words())));
    }

    /// @dev The hash of a note's full-domain hash: 2047 bits, so that it is below every modulus.
    function _domainHash(bytes32 noteHash) internal pure returns (bytes32) {
        bytes32[8] memory words;
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = keccak256(abi.encode(noteHash, i));
        }
        words[0] &= bytes32(type(uint256).max >> 1);
        return keccak256(abi.encodePacked(words));
    }

    /// @dev Refuses what is not the one way of writing a number below the modulus.
    function _requireNumber(bytes calldata number) internal view {
        require(number.length == KEY_BYTES, NoteMalformed(number.length));
        bytes32[8] memory words = _words();
        for (uint256 i = 0; i < words.length; ++i) {
            bytes32 word = bytes32(number[32 * i:32 * i + 32]);
            if (word < words[i]) return;
            require(word == words[i], NoteMalformed(number.length));
        }
        revert NoteMalformed(number.length);
    }

    function _words() private view returns (bytes32[8] memory) {
        return [_n0, _n1, _n2, _n3, _n4, _n5, _n6, _n7];
    }
}
