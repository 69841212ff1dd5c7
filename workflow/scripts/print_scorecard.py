"""Name the report of a study and print its scorecard: python print_scorecard.py results/toy"""

import sys
from pathlib import Path

from lmbrain.artefacts import read_json
from lmbrain.report.scorecard import scorecard_lines

folder = Path(sys.argv[1])
print("\n".join(scorecard_lines(read_json(folder / "scorecard.json"))))
print(f"\nReport: {(folder / 'report' / 'index.html').resolve()}")
