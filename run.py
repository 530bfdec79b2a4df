#!/usr/bin/env python3
"""Launcher: `python run.py …` is `likebut …`."""

from pipeline.cli.app import main

if __name__ == "__main__":
    main()
