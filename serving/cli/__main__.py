"""`python -m serving.cli`: the same as `interlace`, for torchrun."""

from serving.cli.main import main

if __name__ == "__main__":
    main()
