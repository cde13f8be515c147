"""Task queues: backlog, parked pollers and routing."""
