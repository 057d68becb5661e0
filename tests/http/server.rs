//! Running the service.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Address, PATIENCE};

/// A running service; it ends with the test.
pub(crate) struct Server {
    child: Child,
    /// The first one of those where it listens.
    pub(crate) address: Address,
    /// Where it listens, in the order of its log.
    pub(crate) addresses: Vec<Address>,
    log: Receiver<String>,
}

/// The command without the environment's settings.
pub(crate) fn finsent(args: &[&str]) -> Command {
    let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_finsent")));
    command.args(args);
    command
}

fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FINSENT_")) {
        command.env_remove(name);
    }
    command.env("HF_HUB_OFFLINE", "1").env("HF_HUB_CACHE", "/nowhere/hub");
    command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    /// A service that is ready, at a free port if the arguments name none.
    pub(crate) fn start(args: &[&str]) -> Self {
        let server = Self::begin(args);
        server.wait_until_ready();
        server
    }

    /// A service that listens.
    pub(crate) fn begin(args: &[&str]) -> Self {
        Self::spawn(finsent(&["serve"]), args)
    }

    /// A service that is ready, and may have so many files open at a time.
    pub(crate) fn start_with_files(files: u32, args: &[&str]) -> Self {
        let limited = format!("ulimit -n {files} && exec \"$0\" serve \"$@\"");
        let mut shell = without_settings(Command::new("sh"));
        shell.args(["-c", &limited, env!("CARGO_BIN_EXE_finsent")]);
        let server = Self::spawn(shell, args);
        server.wait_until_ready();
        server
    }

    fn spawn(mut command: Command, args: &[&str]) -> Self {
        let listen: &[&str] = if args.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut child = command.args(listen).args(args).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, log) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    // The test has ended; the service may still talk.
                    continue;
                }
            }
        });
        let expected =
            listen.len() / 2 + args.iter().filter(|arg| ["--listen", "--metrics-listen"].contains(arg)).count();
        let addresses: Vec<Address> = (0..expected).map(|_| next_address(&log)).collect();
        Self { child, address: addresses[0].clone(), addresses, log }
    }

    pub(crate) fn wait_until_ready(&self) {
        let start = Instant::now();
        while self.address.get("/readyz").status != 200 {
            assert!(start.elapsed() < PATIENCE, "the service is not ready");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the service does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The next line of the log with these words.
    pub(crate) fn logged(&self, words: &str) -> String {
        self.log_until(words).pop().unwrap()
    }

    /// The lines of the log up to the next one with these words.
    pub(crate) fn log_until(&self, words: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.contains(words)) {
            let line = self.log.recv_timeout(PATIENCE);
            lines.push(line.unwrap_or_else(|_| panic!("no `{words}` in the log: {lines:#?}")));
        }
        lines
    }

    /// A series of /metrics.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let metrics = self.address.get("/metrics");
        let found = metrics.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{series} in {}", metrics.text())).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

fn next_address(log: &Receiver<String>) -> Address {
    loop {
        let line = log.recv_timeout(PATIENCE).unwrap();
        let Some((_, address)) = line.split_once("listening at ") else {
            assert!(!line.contains("error"), "{line}");
            continue;
        };
        // In JSON a quotation mark follows.
        let address = address.split('"').next().unwrap();
        return match address.strip_prefix("unix:") {
            Some(path) => Address::Unix(path.into()),
            None => Address::Tcp(address.trim_start_matches("http://").to_owned()),
        };
    }
}
