// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IParticipantRegistry} from "../../interfaces/IParticipantRegistry.sol";

/// @title What Halmos offers, as far as it is used here
interface Vm {
    function assume(bool condition) external pure;
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
}

interface Svm {
    /// @dev A call of any function of the contract with any arguments.
    function createCalldata(string calldata contractName) external pure returns (bytes memory data);
}

/// @title What every check stands on
abstract contract Stage {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    uint256 internal constant NOW = 1_800_000_000;
    uint32 internal constant ALICE_ID = 1;
    uint32 internal constant MALLORY_ID = 2;
    address internal constant ALICE = address(0xa11ce);
    address internal constant MALLORY = address(0x3a110);
    address internal constant GOVERNANCE = address(0x90);
}

/// @title A token with as much as a check needs
contract SomeEuro is ERC20 {
    constructor() ERC20("Some euro", "EUR") {
        _mint(msg.sender, 1 << 50);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}

/// @title A registry in which alice and mallory take part and nobody else
contract TwoPeople {
    error NotSecured(address key);

    uint32 public constant slotSeconds = 900;
    address public immutable governance;
    address private immutable ALICE;
    address private immutable MALLORY;

    constructor(address governance_, address alice, address mallory) {
        (governance, ALICE, MALLORY) = (governance_, alice, mallory);
    }

    function ownerOf(address key) public view returns (uint32) {
        if (key == ALICE) return 1;
        require(key == MALLORY, NotSecured(key));
        return 2;
    }

    function authorize(address key, uint256) external view returns (uint32) {
        return ownerOf(key);
    }

    function isActive(uint32 participantId) external pure returns (bool) {
        return participantId == 1 || participantId == 2;
    }

    function participant(uint32) external pure returns (IParticipantRegistry.Participant memory found) {}

    function payoutAddress(uint32 participantId) external view returns (address) {
        return participantId == 1 ? ALICE : MALLORY;
    }
}

/// @title A venue that does nothing by itself
contract SomeVenue {
    function addMargin(uint32, uint256) external {}
}

/// @title An authority that has signed whatever anybody shows
contract CarelessAuthority {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }
}
