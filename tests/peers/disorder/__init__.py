"""The parts of the chaos run: an upstream that misbehaves on demand, the load, the faults, the judgement."""
