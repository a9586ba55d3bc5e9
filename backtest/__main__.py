"""``python -m backtest``, the same as ``backtest``."""

from backtest.cli import main

if __name__ == "__main__":
    main()
