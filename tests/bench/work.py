"""A long run at work, every event another: what the analysis of a whole log is measured on.

The shapes are those of real runs, by counting: so much of a log are answers of tools, so long are its lines, so often a
string has an escape. What stands in it is made up, and the same each time.
"""

import random
from itertools import count

from upstream.conversation import Conversation

NAMES = "parser lexer token stream buffer index config route handler session cache report metric store queue".split()
VERBS = "read write check build open close merge split parse render fetch commit update remove".split()
SAID = (
    "Let me look at the {} next, since {} depends on it.",
    "The tests of {} pass now. I'll fix the {} and run them again.",
    "## Step {number}: the {}\n\nThis is where the {} goes wrong — an index is off by one, see `src/{}.py`.",
    "I understand the structure of {}; the {} comes first, then everything else.",
    "All {number} tests of {} pass ✅. Now the {} needs an overview in the docs.",
)
LONGEST_FILE = 12_000
TEST_OUTPUT = "============ {} passed, {} skipped in {}.31s ============"


def work():
    """The events of a run that goes on for ever."""
    dice = random.Random(7)
    file = [line(dice) for _ in range(LONGEST_FILE)]
    said = Conversation("bench")
    said.text("I look at the code first.")
    for number in count():
        act(said, dice, file, number)
        yield from said.events
        said.events.clear()


def act(said, dice, file, number):
    """Says something now and then, and calls a tool."""
    if number % 3 == 0:
        words = [dice.choice(NAMES) for _ in range(3)]
        said.text(dice.choice(SAID).format(*words, number=dice.randrange(1, 40)))
    if number % 24 == 0:
        states = ("completed",) * (number // 24 % 6) + ("in_progress",) + ("pending",) * 5
        said.todos(*((f"{VERBS[place].capitalize()} the {NAMES[place]}", state) for place, state in enumerate(states[:6])))
    path = f"/work/src/{dice.choice(NAMES)}/{dice.choice(VERBS)}_{dice.randrange(40)}.py"
    kind = dice.random()
    if kind < 0.4:
        said.call("Read", code(dice, file, numbered=True), file_path=path)
    elif kind < 0.65:
        said.call("Bash", shell(dice, file), command=command(dice, path), description=f"{dice.choice(VERBS)} it")
    elif kind < 0.85:
        said.call("Edit", edited(dice, file, path), file_path=path, old_string=code(dice, file)[:900], new_string=code(dice, file)[:1200])
    elif kind < 0.95:
        said.call("Grep", code(dice, file)[:800], pattern=rf"def {dice.choice(VERBS)}_\w+", path="/work/src")
    else:
        said.call("Bash", f"error: {dice.choice(NAMES)}: no such file\n", is_error=True, command=f"cat {path}")


def code(dice, file, numbered=False):
    """Some lines of a file: a few as a rule, thousands now and then."""
    length = min(int(dice.lognormvariate(3.2, 1.6)) + 1, 4000)
    start = dice.randrange(LONGEST_FILE - length)
    lines = file[start : start + length]
    return "\n".join(f"{number:6}→{line}" for number, line in enumerate(lines, 1)) if numbered else "\n".join(lines)


def line(dice):
    """A line of code, with the quotes that code has."""
    name, verb, depth = dice.choice(NAMES), dice.choice(VERBS), dice.randrange(4)
    shape = dice.randrange(5)
    if shape == 0:
        return ""
    if shape == 1:
        return "    " * depth + f'{name}["{verb}"] = {verb}_{name}("{name}", {dice.randrange(99)})'
    if shape == 2:
        return "\t" * depth + f"return self.{name}.{verb}()  # what the {name} says"
    return "    " * depth + f"def {verb}_{name}(self, {name}: str) -> None:"


def command(dice, path):
    """A shell line: looking, testing, delivering."""
    return dice.choice(("ls -la {}", "python -m pytest -q {}", "git diff {} | head -50", 'git commit -m "{}"')).format(path)


def shell(dice, file):
    """What a shell prints: tests and their summary, or lines of files."""
    if dice.random() < 0.4:
        return "\n".join(("." * 60, "", TEST_OUTPUT.format(dice.randrange(300), dice.randrange(9), dice.randrange(60))))
    return code(dice, file)


def edited(dice, file, path):
    """What an edit answers."""
    return f"The file {path} has been updated. Here's the result of running `cat -n` on a snippet:\n{code(dice, file, True)[:1500]}"
