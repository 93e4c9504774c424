// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

interface IVaultRegister {
    function isVault(address vault) external view returns (bool);
}

/// @title What a contract owes to whom, paid on demand: nobody's refusal stops anybody else.
abstract contract Credits is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Waiting to be withdrawn by its owner.
    mapping(address token => mapping(address account => uint256)) public credits;

    event Credited(address indexed token, address indexed account, uint256 amount);
    event Withdrawn(address indexed token, address indexed account, uint256 amount);

    error NothingToWithdraw();

    /// @notice Pays out what was credited to the caller.
    function withdraw(IERC20 token) external nonReentrant returns (uint256 amount) {
        amount = credits[address(token)][msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        credits[address(token)][msg.sender] = 0;
        emit Withdrawn(address(token), msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    function _credit(address token, address account, uint256 amount) internal {
        if (amount == 0) return;
        credits[token][account] += amount;
        emit Credited(token, account, amount);
    }
}
