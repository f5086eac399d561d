//! Standard error, written to so that it can never hold up whoever logs.
//!
//! A reader who has stopped reading (a full pipe to a stuck log shipper), one who has gone, and a full disk each cost the
//! lines that do not get through, and nothing else. Lines that do get through are whole, except that one longer than a
//! few kilobytes may lose its end.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a pipe takes at once when it says that it takes anything (`PIPE_BUF`, pipe(7)).
const PIECE: usize = 4096;

/// One line at a time, so that what was found writable still is when it is written to.
static TURN: Mutex<()> = Mutex::new(());

/// Standard error. Writing never waits and never fails.
#[derive(Debug, Default)]
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stderr = io::stderr();
        for piece in line.chunks(PIECE) {
            if !takes_more(&stderr) || stderr.write_all(piece).is_err() {
                break;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a piece can be written now. Files always say yes.
fn takes_more(stderr: &io::Stderr) -> bool {
    let mut asked = [PollFd::new(stderr, PollFlags::OUT)];
    matches!(poll(&mut asked, Some(&Timespec::default())), Ok(1))
        && asked[0].revents().contains(PollFlags::OUT)
}
