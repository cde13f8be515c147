"""`wfctl replay lint`: what workflow code does that a replay cannot repeat, found without running it.

`rules` names what is looked for, `modules` finds and parses the user's files, `names` knows what a name means where it is
used, `bodies` reads one function, `reach` follows the calls from each workflow, `report` tells.
"""
