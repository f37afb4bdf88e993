"""The API as it runs: real processes, a real ledger."""
