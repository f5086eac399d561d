"""Builds the events of a Claude Code session as its CLI prints them, one dict an event."""

from itertools import count

USAGE = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 1200,
    "cache_read_input_tokens": 18000,
    "output_tokens": 150,
    "service_tier": "standard",
}
TOTAL = {
    "input_tokens": 90,
    "cache_creation_input_tokens": 30000,
    "cache_read_input_tokens": 400000,
    "output_tokens": 5100,
    "service_tier": "standard",
}


class Conversation:
    """Collects events; ids are counted, so that two conversations of the same name are equal."""

    def __init__(self, name, model="claude-sonnet-4-20250514"):
        self.name = name
        self.model = model
        self.session_id = f"{name}-session"
        self.events = []
        self.ids = count(1)

    def text(self, text, parent=None):
        """Claude says something."""
        return self.assistant([{"type": "text", "text": text}], parent)

    def call(self, tool, output, parent=None, is_error=False, **arguments):
        """Claude calls a tool, and the tool answers."""
        call_id = self.begin(tool, parent, **arguments)
        return self.end(call_id, output, parent, is_error)

    def begin(self, tool, parent=None, **arguments):
        """A call whose answer is not there yet; gives its id."""
        call_id = f"toolu_{self.name}_{next(self.ids)}"
        self.assistant([{"type": "tool_use", "id": call_id, "name": tool, "input": arguments}], parent)
        return call_id

    def end(self, call_id, output, parent=None, is_error=False):
        """The answer to a call."""
        block = {"tool_use_id": call_id, "type": "tool_result", "content": output}
        if is_error:
            block["is_error"] = True
        return self.add("user", parent, message={"role": "user", "content": [block]})

    def todos(self, *states):
        """A whole-list snapshot, each item as ``(name, state)``."""
        items = [
            {"content": name, "status": state, "priority": "medium", "id": str(number)}
            for number, (name, state) in enumerate(states, 1)
        ]
        return self.call("TodoWrite", "Todos have been modified successfully.", todos=items)

    def create_task(self, number, subject):
        """One task of the newer kind; its number stands only in the tool's answer."""
        return self.call("TaskCreate", f"Task #{number} created successfully: {subject}", subject=subject)

    def update_task(self, number, status):
        """A partial update of a task."""
        return self.call("TaskUpdate", f"Updated task #{number} status", taskId=str(number), status=status)

    def result(self, text, subtype="success", is_error=False, turns=12, cost=0.2345671):
        """The last event; at max turns there is no text in it."""
        event = {
            "type": "result",
            "subtype": subtype,
            "is_error": is_error,
            "duration_ms": 84000,
            "duration_api_ms": 80000,
            "num_turns": turns,
            "result": text,
            "session_id": self.session_id,
            "total_cost_usd": cost,
            "usage": TOTAL,
        }
        if text is None:
            del event["result"]
        self.events.append(event)
        return self

    def assistant(self, content, parent=None):
        """One assistant event of a single content block."""
        message = {
            "id": f"msg_{self.name}_{next(self.ids)}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": USAGE,
        }
        return self.add("assistant", parent, message=message)

    def add(self, kind, parent, message):
        """Appends an event of the main thread, or of the sub-agent that ``parent`` started."""
        self.events.append(
            {"type": kind, "message": message, "parent_tool_use_id": parent, "session_id": self.session_id}
        )
        return self
