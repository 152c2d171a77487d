"""Draw a workflow as a map of its states and transitions, in SVG or Mermaid."""
