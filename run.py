#!/usr/bin/env python3
"""Launcher: `python run.py …` is `likebut …`."""

if __name__ == "__main__":
    try:
        from likebut.pipeline.cli.program import main
    except KeyboardInterrupt:  # before anything of ours could hear it
        raise SystemExit(130) from None
    main()
