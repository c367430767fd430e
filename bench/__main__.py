"""
All benchmarks, one after the other: `make bench`. Each is a program that can be run by itself.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

for program in sorted(HERE.glob("*.py")):
    if program != Path(__file__):
        print(f"== {program.name}", flush=True)
        subprocess.run([sys.executable, program], cwd=HERE.parent, check=False)
