"""The terminal UI: what happened to a workflow, and why it is where it is.

Floors: app → screens → widgets → feeds → messages → models. Models hold the logic and know neither Textual nor gRPC;
feeds turn a server, files or a database into messages; widgets only show.
"""
