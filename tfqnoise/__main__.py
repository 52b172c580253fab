"""`python -m tfqnoise`: the command, where its script isn't on the PATH."""

from tfqnoise.cli import main

if __name__ == "__main__":
    main()
