"""The attacker that a reward rule must survive: deviations, trials, search, verdicts and cases."""
