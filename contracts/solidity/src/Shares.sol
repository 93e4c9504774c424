// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

// The whole of an amount: shares and royalties are parts per 10^8.
uint256 constant WHOLE = 100_000_000;
