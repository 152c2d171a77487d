"""Where chance comes from: keyed draws, and the laws that make lengths of them, with the same bits in every engine."""
