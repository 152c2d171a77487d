"""The workflow of a permit office, for tests that write it to a folder."""

PERMIT_OFFICE = """\
workflow: permit-office
facts:
  complete: {type: boolean, default: true}
record:
  decision: {enum: [none, grant, refuse], default: none}
activities:
  examine: {gives: {decision: [grant, refuse]}}
entry: {states: [waiting]}
states:
  waiting: {activity: examine}
  granted: {final: true}
  refused: {final: true}
  withdrawn: {final: true}
transitions:
  - {transition: grant, from: waiting, to: granted, when: complete and decision == "grant"}
  - {transition: refuse, from: waiting, to: refused}
  - {transition: withdraw, from: waiting, event: impatience, to: withdrawn}
events:
  impatience: {while: [waiting]}
  reminder: {while: [waiting]}
"""
