"""Reads series, a JSON array of arrays, and writes the indexes of the changes that Apache Otava finds in each."""

import json
import sys

from otava.analysis import compute_change_points

print(json.dumps([[int(c.index) for c in compute_change_points(s, window_len=50, max_pvalue=0.001)[0]] for s in json.load(sys.stdin)]))
