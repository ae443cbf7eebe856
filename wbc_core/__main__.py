"""Run the command line: ``python -m wbc_core``."""

from wbc_core.cli.main import main

if __name__ == "__main__":
    main()
