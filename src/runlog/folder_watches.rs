//! Tells of changes of files by the kernel's notifications about the folders that they are in.
//!
//! One watch a folder, however many files of it are followed, and none once nobody follows any. The kernel is asked on
//! a thread of its own, which ends with the last watch: a network file system may hang even then, and then nothing is
//! told. What cannot be watched (no such folder yet, the system's limits) is said not to tell; that is logged once.
//!
//! A folder that is reached through a symbolic link is watched where the link leads, were it out of the root: all that
//! can come of it is a look for nothing, since opening a log stays within.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf, absolute};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use notify::event::ModifyKind;
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::LogName;
use super::wakes::{Bell, LogWatch};

/// So many folders are watched at most; the files of others are not told of.
const MOST_FOLDERS: usize = 1024;

/// What hears of events.
type Handler = Box<dyn FnMut(notify::Result<Event>) + Send>;
/// What begins to ask for them.
type Begin = Box<dyn Fn(Handler) -> notify::Result<Box<dyn Watcher + Send>> + Send + Sync>;

/// The watches of one root; a clone shares them.
#[derive(Debug, Clone)]
pub(super) struct FolderWatches(Arc<Shared>);

struct Shared {
    root: PathBuf,
    begin: Begin,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    folders: HashMap<PathBuf, Folder>,
    /// Wakes the thread that asks the kernel; `None` while there is none.
    keeper: Option<SyncSender<()>>,
    /// Numbers the watches.
    count: u64,
    /// Whether the log says that something cannot be watched.
    told: bool,
}

#[derive(Debug)]
struct Folder {
    standing: Standing,
    /// Whom to ring, by the file's name and the number of the watch.
    files: HashMap<OsString, HashMap<u64, Bell>>,
}

/// How a folder stands with the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has to be watched, or watched anew.
    Due,
    /// The kernel is being asked.
    Asked,
    /// Its changes are told.
    Watched,
    /// It cannot be watched; not tried again of its own accord.
    Refused,
}

/// A file that is watched, until this is dropped.
#[derive(Debug)]
struct FileWatch {
    shared: Arc<Shared>,
    folder: PathBuf,
    file: OsString,
    number: u64,
}

impl FolderWatches {
    /// Watches nothing yet, below this root.
    pub(super) fn below(root: &Path) -> Self {
        Self::by(root, |hear| Ok(Box::new(RecommendedWatcher::new(hear, Config::default())?)))
    }

    fn by(
        root: &Path,
        begin: impl Fn(Handler) -> notify::Result<Box<dyn Watcher + Send>> + Send + Sync + 'static,
    ) -> Self {
        // Events name whole paths.
        let root = absolute(root).unwrap_or_else(|_| root.to_owned());
        Self(Arc::new(Shared { root, begin: Box::new(begin), state: Mutex::default() }))
    }

    /// Rings `bell` when the file of this name may have changed; it need not be there yet.
    pub(super) fn watch(&self, name: &LogName, bell: &Bell) -> Option<Box<dyn LogWatch>> {
        let path = self.0.root.join(name.as_str());
        let (folder, file) = (path.parent()?.to_owned(), path.file_name()?.to_owned());
        let mut state = self.0.state();
        state.count += 1;
        let number = state.count;
        let is_new = !state.folders.contains_key(&folder);
        let watched = state.folders.entry(folder.clone()).or_insert_with(Folder::due);
        watched.files.entry(file.clone()).or_default().insert(number, bell.clone());
        if is_new {
            self.0.ask(&mut state);
        }
        drop(state);
        Some(Box::new(FileWatch { shared: Arc::clone(&self.0), folder, file, number }))
    }
}

impl LogWatch for FileWatch {
    fn tells(&self) -> bool {
        let state = self.shared.state();
        state.folders.get(&self.folder).is_some_and(|folder| folder.standing == Standing::Watched)
    }

    fn renew(&self) {
        let mut state = self.shared.state();
        if let Some(folder) = state.folders.get_mut(&self.folder) {
            folder.standing = Standing::Due;
            self.shared.ask(&mut state);
        }
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let Some(folder) = state.folders.get_mut(&self.folder) else { return };
        if let Some(bells) = folder.files.get_mut(&self.file) {
            bells.remove(&self.number);
            if bells.is_empty() {
                folder.files.remove(&self.file);
            }
        }
        if folder.files.is_empty() {
            state.folders.remove(&self.folder);
            self.shared.ask(&mut state);
        }
    }
}

impl Folder {
    fn due() -> Self {
        Self { standing: Standing::Due, files: HashMap::new() }
    }

    fn ring(&self) {
        self.files.values().flat_map(HashMap::values).for_each(Bell::ring);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a thread see to the folders.
    fn ask(self: &Arc<Self>, state: &mut State) {
        let is_gone = |keeper: &SyncSender<()>| keeper.try_send(()) == Err(TrySendError::Disconnected(()));
        if state.keeper.as_ref().is_none_or(is_gone) && !state.folders.is_empty() {
            state.keeper = self.start_keeper();
            let standing = if state.keeper.is_some() { Standing::Due } else { Standing::Refused };
            state.folders.values_mut().for_each(|folder| folder.standing = standing);
        }
    }

    fn start_keeper(self: &Arc<Self>) -> Option<SyncSender<()>> {
        let (doorbell, rung) = sync_channel(1);
        let shared = Arc::clone(self);
        let keeper = thread::Builder::new().name("log-watch".into());
        keeper.spawn(move || keep(&shared, &rung)).ok().map(|_| doorbell)
    }

    /// What is to be watched now, and what no longer; `None` when the thread is to end.
    fn take_orders(&self, watched: &HashSet<PathBuf>) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
        let mut state = self.state();
        if state.folders.is_empty() {
            state.keeper = None;
            return None;
        }
        let gone = watched.iter().filter(|path| !state.folders.contains_key(*path)).cloned().collect();
        let due = state.folders.iter_mut().filter(|(_, folder)| folder.standing == Standing::Due);
        let asked = due.map(|(path, folder)| {
            folder.standing = Standing::Asked;
            path.clone()
        });
        Some((asked.collect(), gone))
    }

    /// Takes the kernel's answer.
    fn learn(&self, path: &Path, answer: notify::Result<()>) {
        let mut state = self.state();
        if let Some(folder) = state.folders.get_mut(path).filter(|it| it.standing == Standing::Asked) {
            folder.standing = if answer.is_ok() { Standing::Watched } else { Standing::Refused };
        }
        if let Err(error) = answer
            && let Some(why) = reason(&error)
            && !std::mem::replace(&mut state.told, true)
        {
            tracing::warn!(
                reason = %why,
                "the system does not tell of changes of run logs: for live updates they are looked at four times a second"
            );
        }
    }

    fn hear(self: &Arc<Self>, event: notify::Result<Event>) {
        let mut state = self.state();
        match event {
            // Also of every look of gloss's own.
            Ok(Event { kind: EventKind::Access(_), .. }) => {}
            Ok(event) if !event.need_rescan() => {
                for path in &event.paths {
                    self.hear_of(path, event.kind, &mut state);
                }
            }
            // Events were lost.
            Ok(_) | Err(_) => state.folders.values().for_each(Folder::ring),
        }
    }

    fn hear_of(self: &Arc<Self>, path: &Path, kind: EventKind, state: &mut State) {
        let comes_or_goes = matches!(
            kind,
            EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
        );
        if let Some(folder) = state.folders.get_mut(path).filter(|_| comes_or_goes) {
            // What is watched is no longer what the path leads to.
            folder.standing = Standing::Due;
            folder.ring();
            self.ask(state);
        }
        let folder = path.parent().and_then(|folder| state.folders.get(folder));
        let bells = folder.zip(path.file_name()).and_then(|(folder, file)| folder.files.get(file));
        bells.into_iter().flat_map(HashMap::values).for_each(Bell::ring);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FolderWatches").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Does what is asked for until nobody listens any more.
fn keep(shared: &Arc<Shared>, rung: &Receiver<()>) {
    let mut kernel = Kernel { shared: Arc::clone(shared), watcher: None, watched: HashSet::new() };
    while let Some((due, gone)) = shared.take_orders(&kernel.watched) {
        for path in &gone {
            kernel.unwatch(path);
        }
        for path in due {
            shared.learn(&path, kernel.watch(&path));
        }
        if rung.recv().is_err() {
            return;
        }
    }
}

/// What the kernel was asked for; all of it is given back when this is dropped.
struct Kernel {
    shared: Arc<Shared>,
    watcher: Option<Box<dyn Watcher + Send>>,
    watched: HashSet<PathBuf>,
}

impl Kernel {
    fn watch(&mut self, folder: &Path) -> notify::Result<()> {
        self.unwatch(folder);
        if self.watched.len() >= MOST_FOLDERS {
            return Err(notify::Error::generic(&format!("{MOST_FOLDERS} folders are watched already")));
        }
        if self.watcher.is_none() {
            let shared = Arc::clone(&self.shared);
            self.watcher = Some((self.shared.begin)(Box::new(move |event| shared.hear(event)))?);
        }
        self.with(|watcher| watcher.watch(folder, RecursiveMode::NonRecursive))?;
        self.watched.insert(folder.to_owned());
        Ok(())
    }

    fn unwatch(&mut self, folder: &Path) {
        if self.watched.remove(folder) {
            // That it is gone already is no loss.
            let _ = self.with(|watcher| watcher.unwatch(folder));
        }
    }

    /// The library panics when its own thread has died; another watcher is begun then.
    fn with(&mut self, call: impl FnOnce(&mut dyn Watcher) -> notify::Result<()>) -> notify::Result<()> {
        let Some(mut watcher) = self.watcher.take() else { return Ok(()) };
        if let Ok(answer) = catch_unwind(AssertUnwindSafe(|| call(&mut *watcher))) {
            self.watcher = Some(watcher);
            return answer;
        }
        self.watched.clear();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(watcher)));
        Err(notify::Error::generic("the watcher has died"))
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        let watcher = self.watcher.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(watcher)));
    }
}

/// Why a folder is not watched, where that is not simply because it is not there.
fn reason(error: &notify::Error) -> Option<String> {
    match &error.kind {
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => None,
        ErrorKind::MaxFilesWatch => Some("all of fs.inotify.max_user_watches are taken".into()),
        ErrorKind::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            Some("all of fs.inotify.max_user_instances, or of the open files allowed, are taken".into())
        }
        ErrorKind::Io(error) => Some(error.to_string()),
        ErrorKind::Generic(why) => Some(why.clone()),
        ErrorKind::InvalidConfig(_) => Some("the watcher's configuration is refused".into()),
    }
}

#[cfg(test)]
mod tests;
