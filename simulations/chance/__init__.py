"""Random draws by key, and distributions; both engines get the same bits."""
