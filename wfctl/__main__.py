"""`python -m wfctl` and the `wfctl` console script."""

from __future__ import annotations


def main() -> None:
    """Hand over to the command tree; imported late so that importing this module costs nothing."""
    from wfctl.cli import main as run

    run()


if __name__ == "__main__":
    main()
