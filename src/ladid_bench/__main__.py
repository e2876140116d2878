"""``python -m ladid_bench`` is ``ladid-bench``."""

from ladid_bench.cli.main import main

if __name__ == "__main__":
    main()
