"""What the world does to the cases of a workflow, and how long it takes.
"""
