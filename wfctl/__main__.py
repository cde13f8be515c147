"""`python -m wfctl` and the `wfctl` console script."""

from __future__ import annotations


def main() -> None:
    """Hand over to the command tree; imported late so that importing this module costs nothing."""
    try:
        from wfctl.cli import main as run
    except KeyboardInterrupt:
        raise SystemExit(130) from None

    run()


if __name__ == "__main__":
    main()
