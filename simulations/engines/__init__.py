"""The two engines, which give the same log bit for bit, and the choice between them."""
