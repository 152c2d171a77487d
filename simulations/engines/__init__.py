"""The two engines, which give the same log to the bit, and the choice between them."""
