"""What people look at, as pure functions: no gRPC, no terminal, shared by the commands and the terminal UI."""
