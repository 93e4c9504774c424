// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AttributorBonds} from "./AttributorBonds.sol";
import {AvailabilityDemands} from "./AvailabilityDemands.sol";
import {EpochRoots} from "./EpochRoots.sol";
import {Fault, IConvictions} from "./Fault.sol";
import {IEpochCourt} from "./IEpochCourt.sol";
import {Openings} from "./Openings.sol";
import {RevenueVault} from "./RevenueVault.sol";
import {VaultTerms} from "./VaultTerms.sol";

/// @title What a proved fault leads to: the root is cancelled and its poster's bond pays.
abstract contract Convictions is AttributorBonds, IConvictions {
    /// @notice The contract that verifies proofs of faults.
    address public immutable faults;
    /// @notice The contract that keeps demands to be shown a part of a tree.
    AvailabilityDemands public immutable demands;

    event FaultProved(
        address indexed vault,
        uint64 indexed posting,
        address indexed challenger,
        Fault fault,
        uint32 position
    );

    error NotProver(address caller);

    constructor(address faults_, address demands_) {
        faults = faults_;
        demands = AvailabilityDemands(demands_);
    }

    /// @notice Cancels the pending root, as a contract that verified the fault, and takes the bond that
    /// the posting needed.
    function convict(RevenueVault vault, address challenger, Fault fault, uint32 position)
        external
    {
        if (msg.sender != faults && msg.sender != address(demands)) {
            revert NotProver(msg.sender);
        }
        (VaultTerms memory t, EpochRoots.Root memory pending) = _pendingOf(vault);
        address attributor = vault.commitment().committer;
        // At least the last root's entitlements stay in the sum, so this bounds the increment.
        uint256 increment = pending.sum - vault.finalRoot().sum;
        emit FaultProved(address(vault), pending.posting, challenger, fault, position);
        vault.cancelRoot();
        uint256 penalty = panels.requiredBond(t.panel, increment);
        _slash(vault, t.token, attributor, challenger, penalty, 0);
    }

    /// @inheritdoc IEpochCourt
    function requireAnswered(uint64 posting) external view {
        demands.requireAnswered(msg.sender, posting);
    }

    function _pendingOf(RevenueVault vault)
        internal
        view
        returns (VaultTerms memory t, EpochRoots.Root memory pending)
    {
        if (!factory.isVault(address(vault))) revert NotVault(address(vault));
        return Openings.pendingOf(vault);
    }
}
