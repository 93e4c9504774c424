// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RevenueVault} from "./RevenueVault.sol";

/// @notice Why a pending root was cancelled.
enum Fault {
    Regression,
    BelowClaims,
    Malformed,
    DetailSum,
    DetailOrder,
    UnknownReceipt,
    ReceiptOrder,
    OverAllocation,
    Unavailable
}

/// @title Where a proved fault is carried out: the court of the vault.
interface IConvictions {
    /// @notice Cancels a vault's pending root, as a contract that verified the fault.
    function convict(RevenueVault vault, address challenger, Fault fault, uint32 position) external;
}
