// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AttributorBonds} from "./AttributorBonds.sol";
import {Convictions} from "./Convictions.sol";
import {LeafDisputes} from "./LeafDisputes.sol";

/// @title The court of all vaults of one factory: bonds, convictions, demands and disputes.
/// @notice It holds bonds and insurance and no contributor's money. Over a vault it can do three
/// things: cancel the pending root, hold one position's increment, end a hold. It has no owner and no
/// parameter that changes; who judges a vault stands in the vault's terms.
///
/// Units: atomic units of the vault's token; seconds; basis points where a name ends in bps.
///
/// Invariants (`test/EpochCourt.t.sol`, and over fifty assets `test/Economy.invariant.t.sol`). Numbers
/// follow the list of invariants that the design gives a vault:
///  9. Held + released = increment of each disputed position, and no dispute alters another position:
///     `invariant_every_vault_keeps_its_books`, `test_a_false_share_is_voided_and_the_bond_pays`.
/// 10. A posted root is covered by its poster's bond; tokens held = bonds + insurance + credits + bonds
///     of open disputes: `afterInvariant`, `test_a_root_needs_a_bond_of_its_increment`.
/// 16. Everything locked has a way out that is bounded in time: `test_every_unit_leaves_in_the_end`.
/// 17. No role moves contributors' money but by the court's three powers:
///     `test_only_the_court_judges`.
contract EpochCourt is LeafDisputes {
    constructor(address factory_, address panels_, address faults_, address demands_)
        AttributorBonds(factory_, panels_)
        Convictions(faults_, demands_)
    {}
}
