"""The ledger's scripts, each by what it does, on a server and in a time of the tests' own."""
