"""A small library of runs: each function gives the events of one whole session, first to last."""

from .conversation import Conversation

LIST = ["Read the invoice module", "Write the tax table", "Cover it with tests — unités", "Describe it"]
LONG_RESULT = "## Invoices are done\n\nAll four items are finished.\n" + "Résumé: the tax table is exact. " * 90
PYTEST = "============================= 7 passed in 0.31s =============================="


def todo_run(name="todo"):
    """A success with a task list, a sub-agent, a failing call and a result too long for the log."""
    said = Conversation(name).text("I'll work on the invoices. First a list.")
    said.todos(*progress(0))
    said.call("Read", "def invoice(): ...", file_path="/work/invoice.py")
    agent = said.begin("Task", description="Find users of invoice()", prompt="Search", subagent_type="general-purpose")
    said.text("Searching for users.", parent=agent)
    said.call("Grep", "Found 3 files\nsrc/a.py", parent=agent, pattern="invoice")
    said.end(agent, [{"type": "text", "text": "Three files use it."}])
    said.todos(*progress(1))
    said.call("Write", "File created successfully at: /work/tax.py", file_path="/work/tax.py", content="TAX = {}" * 400)
    said.call("Edit", "The file /work/invoice.py has been updated.", **edit("/work/invoice.py"))
    said.call("Edit", "String to replace not found in file.", is_error=True, **edit("/work/other.py"))
    said.todos(*progress(2))
    said.call("Bash", PYTEST, command="python -m pytest -q", description="Run the tests")
    said.todos(*progress(3))
    said.call("Write", "File created successfully at: /work/README.md", file_path="/work/README.md", content="Tax")
    said.todos(*progress(4))
    said.text(LONG_RESULT)
    return said.result(LONG_RESULT).events


def task_run(name="task"):
    """A success whose list is made of single tasks, as newer versions of the CLI do it."""
    said = Conversation(name).text("Three tasks.")
    for number in (1, 2, 3):
        said.create_task(number, f"Part {number} of the import")
    for number in (1, 2, 3):
        said.update_task(number, "in_progress")
        said.call("Read", "a,b\n1,2", file_path=f"/work/part{number}.csv")
        said.update_task(number, "completed")
    return said.text("Imported.").result("Imported.", turns=10).events


def plain_run(name="plain"):
    """A success without any list: only tools tell what goes on."""
    said = Conversation(name).text("Let me look at the report.")
    said.call("Glob", "/work/report.md", pattern="**/*.md")
    said.call("Read", "# Report", file_path="/work/report.md")
    said.call("Edit", "The file /work/report.md has been updated.", **edit("/work/report.md"))
    said.call("Bash", "1 file changed", command="git commit -am report", description="Commit")
    return said.text("The report is corrected.").result("The report is corrected.", turns=5).events


def failing_run(name="failing"):
    """A ``success`` that is none: ``is_error`` says so, in the middle of the list."""
    said = Conversation(name).text("I'll work on the invoices. First a list.")
    said.todos(*progress(1))
    said.call("Bash", "1 failed, 6 passed in 0.40s", is_error=True, command="python -m pytest -q")
    said.text("API Error: 500")
    return said.result("API Error: 500 internal server error", is_error=True, turns=4).events


def max_turns_run(name="maxturns"):
    """Stopped at its turns; the result event has no text."""
    said = Conversation(name).text("I'll work on the invoices. First a list.")
    said.todos(*progress(2))
    said.call("Read", "def invoice(): ...", file_path="/work/invoice.py")
    said.text("Now the tests.")
    return said.result(None, subtype="error_max_turns", turns=31).events


def short_run(name="short"):
    """One sentence and the end."""
    return Conversation(name).text("Nothing to do.").result("Nothing to do.", turns=1).events


def progress(done):
    """The list with its first ``done`` items completed and the next one in progress."""
    states = ["completed"] * done + ["in_progress"] + ["pending"] * len(LIST)
    return zip(LIST, states)


def edit(path):
    """The arguments of an Edit call."""
    return {"file_path": path, "old_string": "a", "new_string": "b"}
