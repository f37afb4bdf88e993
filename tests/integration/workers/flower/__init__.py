"""Our pages in a real Flower, on a real ledger."""
