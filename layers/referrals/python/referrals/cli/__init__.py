"""The `referrals` command: for operators, at a terminal; not shipped to Lambda."""
