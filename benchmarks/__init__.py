"""How fast stavis is, measured: python -m benchmarks NAME."""
