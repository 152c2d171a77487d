"""Questions that look ahead: how many people, when, and what would more of them change?"""
