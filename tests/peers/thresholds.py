"""Judges the figures of an accuracy run, a JSON object on stdin, against what the analysis must reach.

Prints a line a figure and, last, ``N passed, N failed``.
"""

import json
import sys

LEAST_PERCENT = {
    "analysed_pct": 100,
    "steps_shown_pct": 100,
    "final_result_present_pct": 100,
    "final_result_exact_pct": 98,
    "todo_names_kept_pct": 98,
    "task_names_kept_pct": 98,
    "files_modified_exact_pct": 99,
    "tool_calls_exact_pct": 99,
    "tool_errors_exact_pct": 99,
    "outcome_exact_pct": 98,
}


def main():
    figures = json.load(sys.stdin)
    failed = 0
    for name, least in LEAST_PERCENT.items():
        got = figures.get(name)
        fine = got is not None and got >= least
        failed += not fine
        print(f"{'ok    ' if fine else 'FAILED'} {name} {got}, needed {least}")
    print(f"{len(LEAST_PERCENT) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
