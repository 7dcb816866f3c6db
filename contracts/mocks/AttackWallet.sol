// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title An account that is a contract (ERC-1271) and changes its mind
/// @notice Test subject, never deployed: it joins honestly, and from then on answers as it is told or calls somebody while
/// it is asked.
contract AttackWallet {
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
    Answer private _mood;
    address private _target;
    bytes private _data;

    constructor(address owner_) {
        OWNER = owner_;
    }

    /// @notice Chooses what it answers from now on.
    function answer(Answer mood) external {
        _mood = mood;
    }

    /// @notice Calls `target` whenever it is asked for a signature, whatever becomes of the call.
    function callBack(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
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

    function _answer(bytes calldata input) private returns (bytes memory) {
        bytes4 magic = IERC1271.isValidSignature.selector;
        if (_mood == Answer.WrongMagic) return abi.encode(bytes4(0xffffffff));
        if (_mood == Answer.Nothing) return "";
        if (_mood == Answer.FourBytes) return abi.encodePacked(magic);
        if (_mood == Answer.LongJunk) return abi.encode(uint256(uint32(magic)), input);
        require(_mood != Answer.Reverts, Refused());
        while (_mood == Answer.BurnsGas) {
            keccak256(input);
        }
        if (_target != address(0)) {
            // solhint-disable-next-line avoid-low-level-calls
            (bool isOk, ) = _target.call(_data);
            // Inside a static call nothing that writes can have succeeded.
            require(!isOk || _data.length == 0, Refused());
        }
        (bytes32 hash, bytes memory signature) = abi.decode(input[4:], (bytes32, bytes));
        (address signer, , ) = ECDSA.tryRecover(hash, signature);
        return abi.encode(signer == OWNER ? magic : bytes4(0xffffffff));
    }
}
