// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title An account that is a contract (ERC-1271), honest or not
/// @notice Test subject, never deployed: it accepts its owner's signatures, or answers with junk, or burns the gas.
contract RegistryWallet {
    enum Answer {
        Honest,
        WrongMagic,
        Nothing,
        FourBytes,
        LongJunk,
        Reverts,
        BurnsGas
    }

    error Refused();

    address public immutable OWNER;
    Answer public immutable ANSWER;

    constructor(address owner_, Answer answer_) {
        OWNER = owner_;
        ANSWER = answer_;
    }

    /// @notice Calls `target` as this account.
    function execute(address target, bytes calldata data) external returns (bytes memory) {
        require(msg.sender == OWNER, Refused());
        return Address.functionCall(target, data);
    }

    /// @dev Answers `isValidSignature` with raw bytes, so that they may have any length.
    // solhint-disable-next-line payable-fallback
    fallback(bytes calldata input) external returns (bytes memory) {
        return _answer(input);
    }

    function _answer(bytes calldata input) private view returns (bytes memory) {
        bytes4 magic = IERC1271.isValidSignature.selector;
        if (ANSWER == Answer.WrongMagic) return abi.encode(bytes4(0xffffffff));
        if (ANSWER == Answer.Nothing) return "";
        if (ANSWER == Answer.FourBytes) return abi.encodePacked(magic);
        if (ANSWER == Answer.LongJunk) return abi.encode(uint256(uint32(magic)), input);
        require(ANSWER != Answer.Reverts, Refused());
        while (ANSWER == Answer.BurnsGas) {
            keccak256(input);
        }
        (bytes32 hash, bytes memory signature) = abi.decode(input[4:], (bytes32, bytes));
        (address signer, , ) = ECDSA.tryRecover(hash, signature);
        return abi.encode(signer == OWNER ? magic : bytes4(0xffffffff));
    }
}
