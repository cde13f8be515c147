"""`wfctl replay mutate`: how much of what could go wrong would the histories catch?

`sites` finds what can be changed in the code that replays run, `trial` runs the histories against one change, `pool` runs
many of them, `report` tells. The files on disk are never touched: a change is a code object handed to the importer.
"""
