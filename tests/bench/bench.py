"""Measures gloss beside nginx, HAProxy and Python on this machine and prints a Markdown table.

    python bench.py [ROW…] [--rounds N] [--seconds N] [--out FILE]

Every figure is a ratio of two measurements made one right after the other, or a count; the table shows the median of the
rounds and their spread. Exits with 1 if a needed figure is missed or a row could not be measured.
"""

import argparse
import sys
from pathlib import Path

from machine import Missing, versions
from rows import ROWS, Bench
from servers import gloss_binary
from table import markdown
from traffic import Failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all of them if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each pair is measured [5]")
    parser.add_argument("--seconds", type=int, default=4, help="how long each measurement takes [4]")
    parser.add_argument("--out", type=Path, help="a file for the table")
    args = parser.parse_args()
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    rows, broken = [], []
    for name in args.rows or ROWS:
        print(f"measuring {name} …", file=sys.stderr)
        try:
            for row in ROWS[name](Bench(args.rounds, args.seconds)):
                print("  " + " | ".join(row.cells()), file=sys.stderr)
                rows.append(row)
        except (Missing, Failed) as problem:
            broken.append(f"{name}: {problem}")
            print(f"  not measured: {problem}", file=sys.stderr)
    told = "\n".join(f"- {name}: {what}" for name, what in {"gloss": gloss_binary(), **versions()}.items())
    text = f"{markdown(rows)}\n\n{told}\n"
    print(text)
    if args.out:
        args.out.write_text(text)
    missed = [row for row in rows if row.reaches(row.needed) is False]
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
