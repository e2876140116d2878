"""``python -m ladid_bench`` is ``ladid-bench``."""

from ladid_bench.cli import main

if __name__ == "__main__":
    main()
