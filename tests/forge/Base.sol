// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What Foundry offers to tests, as far as it is used here
interface Vm {
    function addr(uint256 privateKey) external pure returns (address);
    function assume(bool condition) external pure;
    function parseBytes(string calldata text) external pure returns (bytes memory);
    function prank(address sender) external;
    function readFile(string calldata path) external view returns (string memory);
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function warp(uint256 timestamp) external;
}

/// @title What every test stands on
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    /// @dev By this name Foundry knows a contract with tests.
    bool public constant IS_TEST = true;

    error Unequal(string what, uint256 found, uint256 expected);
    error Untrue(string what);

    function _same(uint256 found, uint256 expected, string memory what) internal pure {
        if (found != expected) revert Unequal(what, found, expected);
    }

    function _holds(bool condition, string memory what) internal pure {
        if (!condition) revert Untrue(what);
    }

    /// @dev A number from `least` to `most`, both included; the edges come often, because fuzzers like small numbers.
    function _within(uint256 drawn, uint256 least, uint256 most) internal pure returns (uint256) {
        uint256 size = most - least + 1;
        if (size == 0) return drawn;
        if (drawn > type(uint256).max - 8) return most - ((type(uint256).max - drawn) % size);
        return least + (drawn % size);
    }

    /// @dev A contract of the project, deployed with the very code that scripts/deploy.py deploys.
    function _deploy(string memory name, bytes memory arguments) internal returns (address deployed) {
        bytes memory creation = vm.parseBytes(vm.readFile(string.concat("../../build/forge/code/", name, ".hex")));
        creation = bytes.concat(creation, arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(creation, 32), mload(creation))
        }
        _holds(deployed != address(0), name);
    }
}
