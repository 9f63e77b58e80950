"""Fuzz with atheris: `run.py [libFuzzer's options] [folders of inputs]`. See `make fuzz`."""

import logging
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["bridged", "targets"]):
    import targets

if __name__ == "__main__":
    logging.disable()
    targets.fuzz_all(b"\x03")
    targets.fuzz_all(b"\x04")
    atheris.Setup(sys.argv, targets.fuzz_all)
    atheris.Fuzz()
