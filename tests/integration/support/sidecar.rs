//! The process under test: configured, started on free ports, watched, and killed at the end.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::{Answer, Client, get};
use super::eventually;
use super::gate::Gate;
use super::logs::Logs;
use super::upstream::{Upstream, nobody};

/// What `gloss` is.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_gloss");

/// A user who owns nothing.
const NOBODY: u32 = 65534;

/// How the process is going to be started.
pub(crate) struct Setup {
    /// Lines of the configuration file.
    settings: Vec<String>,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    gate: Option<SocketAddr>,
    unprivileged: bool,
    config_file: Option<PathBuf>,
    stderr: Option<Stdio>,
    descriptors: Option<u32>,
    handed: Option<OwnedFd>,
}

/// A process that serves.
pub(crate) struct Sidecar {
    pub(crate) clients: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    folder: TempDir,
    settings: Vec<String>,
}

impl Setup {
    /// In front of this upstream; patient, so that a busy machine never looks like a fault.
    pub(crate) fn before(upstream: &Upstream) -> Self {
        Self::before_address(upstream.address)
    }

    pub(crate) fn before_address(upstream: SocketAddr) -> Self {
        Self::at(&format!("http://{upstream}"))
    }

    /// In front of what this URL names.
    pub(crate) fn at(url: &str) -> Self {
        let setup = Self {
            settings: Vec::new(),
            flags: Vec::new(),
            variables: Vec::new(),
            gate: None,
            unprivileged: false,
            config_file: None,
            stderr: None,
            descriptors: None,
            handed: None,
        };
        setup
            .set("upstream.url", &format!("{url:?}"))
            .set("listen", "\"127.0.0.1:0\"")
            .set("admin.listen", "\"127.0.0.1:0\"")
            // What the client calls every host.
            .set("admin.hosts", "[\"api.test\", \"admin.test\"]")
    }

    /// Sets a key of the configuration file to a TOML value; the last time counts.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        set(&mut self.settings, key, value);
        self
    }

    /// Reads run logs from this folder, with much time for it.
    pub(crate) fn logs(self, logs: &Logs) -> Self {
        let root = logs.root().display().to_string();
        self.set("logs.sources", &format!("[{root:?}]")).patient()
    }

    /// Reads run logs from these sources, written as in the configuration file, with much time for it.
    pub(crate) fn sources(self, sources: &str) -> Self {
        self.set("logs.sources", sources).patient()
    }

    fn patient(self) -> Self {
        self.set("enrich.budget", "\"25s\"").set("logs.timeout", "\"25s\"")
    }

    /// Adds a flag to the command line.
    pub(crate) fn flag(mut self, flag: &str, value: &str) -> Self {
        self.flags.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// Adds a variable to the environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the program whose storage waits for the orders of `gate`.
    pub(crate) fn gate(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.address);
        // One name only, so that a poll opens one log.
        self.set("logs.templates", "[\"run_{run_id}.log\"]")
    }

    /// Reads this configuration file instead of one with what was set here.
    pub(crate) fn config_file(mut self, file: &Path) -> Self {
        self.config_file = Some(file.to_owned());
        self
    }

    /// Gives the process so many file descriptors and no more.
    pub(crate) fn descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// Hands the process a socket that listens already, as systemd does.
    pub(crate) fn handed(mut self, socket: impl Into<OwnedFd>) -> Self {
        self.handed = Some(socket.into());
        self
    }

    /// Has log lines go there instead of into a file that the test can read.
    pub(crate) fn stderr_to(mut self, there: impl Into<Stdio>) -> Self {
        self.stderr = Some(there.into());
        self
    }

    /// Runs as a user without rights, where the test itself runs as root.
    pub(crate) fn unprivileged(mut self) -> Self {
        self.unprivileged = rustix::process::geteuid().is_root();
        self
    }

    /// Starts the process and waits until it listens.
    pub(crate) fn start(mut self) -> Sidecar {
        let folder = TempDir::new().unwrap();
        let mut child = self.command(&folder).stdout(Stdio::piped()).spawn().expect("gloss starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut addresses = lines.take(2).map(|line| address(&line.ok()?));
        let (clients, admin) = (addresses.next().flatten(), addresses.next().flatten());
        let Some(admin) = admin else {
            panic!("gloss did not start: {}", fs::read_to_string(folder.path().join("stderr")).unwrap())
        };
        // Clients of a socket in the file system know where it is.
        let clients = clients.unwrap_or_else(nobody);
        Sidecar { clients, admin, child, folder, settings: self.settings }
    }

    /// Starts a process that is expected to end by itself: how it ended, and what it wrote to stderr.
    pub(crate) fn fail(mut self) -> (ExitStatus, String) {
        let folder = TempDir::new().unwrap();
        let mut child = self.command(&folder).stdout(Stdio::null()).spawn().expect("gloss starts");
        let status = end_of(&mut child);
        (status, fs::read_to_string(folder.path().join("stderr")).unwrap())
    }

    fn command(&mut self, folder: &TempDir) -> Command {
        let file = folder.path().join("gloss.toml");
        fs::write(&file, self.settings.join("\n")).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let file = self.config_file.clone().unwrap_or(file);
        let program = self.program(folder.path());
        let mut command = match (self.descriptors, &self.handed) {
            (Some(count), _) => after(&program, &format!("ulimit -n {count}")),
            (_, Some(_)) => after(&program, "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$"),
            _ => Command::new(program),
        };
        match self.gate {
            Some(gate) => command.arg(&file).arg(gate.to_string()),
            None => command.arg("serve").arg("--config").arg(&file).args(&self.flags),
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GLOSS_")) {
            command.env_remove(name);
        }
        // Where the machine keeps trusted certificates is not the test's.
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if self.unprivileged {
            command.uid(NOBODY).gid(NOBODY);
        }
        let stderr = self.stderr.take();
        let into_file = || File::create(folder.path().join("stderr")).unwrap().into();
        command.stdin(self.handed.take().map_or_else(Stdio::null, Stdio::from));
        command.stderr(stderr.unwrap_or_else(into_file));
        command
    }

    fn program(&self, folder: &Path) -> PathBuf {
        let program = PathBuf::from(PROGRAM);
        if self.gate.is_some() {
            let beside =
                program.parent().expect("a program lies in a folder").join("examples/gloss-with-faults");
            assert!(beside.exists(), "cargo build --example gloss-with-faults makes {}", beside.display());
            return beside;
        }
        if self.unprivileged {
            // The build folder may be closed to others.
            let copy = folder.join("gloss");
            fs::copy(&program, &copy).unwrap();
            fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
            return copy;
        }
        program
    }
}

/// A program that a shell replaces itself by, after a preparation.
fn after(program: &Path, preparation: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{preparation}; exec \"$0\" \"$@\"")).arg(program);
    command
}

/// The address in `gloss: listening on http://…`.
fn address(line: &str) -> Option<SocketAddr> {
    line.rsplit_once("http://")?.1.parse().ok()
}

fn set(settings: &mut Vec<String>, key: &str, value: &str) {
    settings.retain(|line| !line.starts_with(&format!("{key} = ")));
    settings.push(format!("{key} = {value}"));
}

impl Sidecar {
    /// Changes a key of the configuration file, which is replaced by rename; nobody is told.
    pub(crate) fn rewrite(&mut self, key: &str, value: &str) {
        set(&mut self.settings, key, value);
        let new = self.folder.path().join("new");
        fs::write(&new, self.settings.join("\n")).unwrap();
        fs::rename(&new, self.file()).unwrap();
    }

    /// The configuration file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("gloss.toml")
    }

    /// Changes a key of the configuration file and waits until the process has dealt with it, asked by signal.
    pub(crate) fn reload(&mut self, key: &str, value: &str) {
        let before = self.reloads();
        self.rewrite(key, value);
        self.signal(Signal::HUP);
        eventually("the reload", || (self.reloads() > before).then_some(()));
    }

    /// How often the configuration was read again, whatever came of it.
    pub(crate) fn reloads(&self) -> u64 {
        ["applied", "unchanged", "refused"].into_iter().map(|result| self.reloads_that(result)).sum()
    }

    /// How often that ended so.
    pub(crate) fn reloads_that(&self, result: &str) -> u64 {
        self.metric(&format!("gloss_config_reloads_total{{result=\"{result}\"}}"))
    }

    /// One GET on a connection of its own.
    pub(crate) fn get(&self, target: &str, headers: &[&str]) -> Answer {
        get(self.clients, target, headers)
    }

    /// A connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.clients)
    }

    /// Everything that `/metrics` shows.
    pub(crate) fn metrics(&self) -> String {
        get(self.admin, "/metrics", &[]).text().to_owned()
    }

    /// One counter or gauge, by its name and labels as they are shown.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = self.metrics();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    /// How many enrichments have ended so.
    pub(crate) fn enrichments(&self, outcome: &str) -> u64 {
        self.metric(&format!("gloss_enrichments_total{{outcome=\"{outcome}\"}}"))
    }

    /// What it has written to stderr.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it still runs");
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        end_of(&mut self.child)
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The most memory that it ever held, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        self.status("VmHWM:").trim_end_matches(" kB").parse().unwrap()
    }

    /// What its threads are called.
    pub(crate) fn thread_names(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        tasks.map(|task| name(task.unwrap()).trim().to_owned()).collect()
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> u64 {
        self.status("Threads:").parse().unwrap()
    }

    /// What it has asked the kernel to tell of: how many folders, for each of its watchers (proc(5), `fdinfo`).
    pub(crate) fn kernel_watches(&self) -> Vec<usize> {
        let descriptors = fs::read_dir(format!("/proc/{}/fdinfo", self.child.id())).unwrap();
        // One may have been closed since.
        let infos = descriptors.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
        let counts = infos.map(|info| info.lines().filter(|line| line.starts_with("inotify wd:")).count());
        counts.filter(|count| *count > 0).collect()
    }

    /// What Linux says of it (proc(5)).
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
        line.trim().to_owned()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn end_of(child: &mut Child) -> ExitStatus {
    eventually("the process ends", || child.try_wait().unwrap())
}
