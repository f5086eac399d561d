"""The logs of the runs that are polled: they grow all the time, and are taken away, cut, and spoiled."""

import asyncio
import os
import shutil
from pathlib import Path

from load import story
from upstream.log_writer import LogWriter

AT_START = 120
GROWTH_PAUSE = 0.3
# More than the longest line that gloss is told to take.
HUGE = 3 << 20


class Logs:
    """A folder with a log for each run."""

    def __init__(self, folder, run_ids):
        self.folder = Path(folder)
        self.fresh = self.folder.with_name("fresh")
        self.writers = {run_id: LogWriter(folder, run_id) for run_id in run_ids}
        self.stories = {}
        self.restore()

    def restore(self):
        """Puts the folder and every log that is gone or spoiled back; the others are left as they are."""
        self.folder.mkdir(exist_ok=True)
        self.fresh.mkdir(exist_ok=True)
        for run_id in self.writers:
            self.begin(run_id)

    def begin(self, run_id):
        """A new log from the first event on, put whole and at once in the place of whatever is there."""
        writer = LogWriter(self.fresh, run_id)
        self.stories[run_id] = story(run_id)
        writer.start()
        for _ in range(AT_START):
            writer.event(next(self.stories[run_id]))
        place = self.writers[run_id].path
        if place.is_dir():
            place.rmdir()
        os.replace(writer.path, place)
        writer.path = place
        self.writers[run_id] = writer

    async def grow(self):
        """Each run goes on, as far as its log can be written."""
        while True:
            for run_id, writer in self.writers.items():
                try:
                    writer.event(next(self.stories[run_id]))
                except OSError:
                    pass
            await asyncio.sleep(GROWTH_PAUSE)

    def places(self):
        return [writer.path for writer in self.writers.values()]

    def remove_folder(self, _random):
        shutil.rmtree(self.folder)

    def forbid(self, _random):
        """Where the tests run as root, nothing is forbidden; then a folder lies where the log was."""
        for place in self.places():
            if os.geteuid():
                place.chmod(0)
            else:
                place.unlink()
                place.mkdir()

    def replace(self, _random):
        """A new file with new content under the old name, as log rotation does it."""
        for run_id in self.writers:
            self.begin(run_id)

    def truncate(self, random):
        """Cut to nothing, or to its first half, which may end within a line."""
        for place in self.places():
            os.truncate(place, random.choice([0, place.stat().st_size // 2]))

    def append_huge_line(self, random):
        with open(random.choice(self.places()), "ab") as log:
            log.write(b'{"event_type": "' + b"x" * HUGE + b'"}\n')

    def append_garbage(self, random):
        for place in self.places():
            with open(place, "ab") as log:
                log.write(
                    random.choice(
                        [random.randbytes(5000), b"\x00" * 5000, b"{" * 5000, b"\n" * 5000, b'{"a": 1e999}\n']
                    )
                )
