"""Mutants of the contracts on the money paths: a change that no test notices is a gap in the tests.

python -m headwater_contracts.mutation --files JobEscrow --sample 40 --seed 1

A mutant changes one operator or bound, or leaves out one statement or branch, in Solidity or in its
assembly. All of them are compiled at once: `schemata` writes each beside the original, and the
block's coinbase, an argument of forge that no contract on these paths reads, says which one runs.
So the compiler is asked once, and a mutant costs the seconds of the tests that meet it.
"""
