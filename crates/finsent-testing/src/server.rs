//! A running `finsent serve`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::{Address, TIMEOUT, send_signal, wait_for_exit, wait_until};

/// A running server; it is killed when the test ends.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The first of its addresses.
    pub address: Address,
    /// All of its addresses, in the order of its log.
    pub addresses: Vec<Address>,
    log: Receiver<String>,
}

impl Server {
    /// Starts `command`, which runs `finsent serve`, with `args`, and waits until it listens. It listens on a free port
    /// unless `args` name an address.
    pub fn spawn(mut command: Command, args: &[&str]) -> Self {
        let listen: &[&str] = if args.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut child = command.args(listen).args(args).spawn().unwrap();
        let log = read_lines(&mut child);
        let is_listener = |arg: &&&str| ["--listen", "--grpc-listen", "--metrics-listen"].contains(*arg);
        let expected = listen.len() / 2 + args.iter().filter(is_listener).count();
        let addresses: Vec<Address> = (0..expected).map(|_| next_address(&log)).collect();
        Self { child, address: addresses[0].clone(), addresses, log }
    }

    /// Waits until /readyz answers 200.
    #[track_caller]
    pub fn wait_until_ready(&self) {
        wait_until("the server is ready", || self.address.get("/readyz").status == 200);
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        send_signal(self.pid(), name);
    }

    /// Waits until the process exits.
    #[track_caller]
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        wait_for_exit(&mut self.child)
    }

    /// Whether the process has exited.
    pub fn has_exited(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The next line of the log that contains `words`.
    #[track_caller]
    pub fn logged(&self, words: &str) -> String {
        self.log_until(words).pop().unwrap()
    }

    /// The lines of the log up to the next one that contains `words`.
    #[track_caller]
    pub fn log_until(&self, words: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.contains(words)) {
            let line = self.log.recv_timeout(TIMEOUT);
            lines.push(line.unwrap_or_else(|_| panic!("no `{words}` in the log: {lines:#?}")));
        }
        lines
    }

    /// The value of a series of /metrics.
    #[track_caller]
    pub fn metric(&self, series: &str) -> f64 {
        let metrics = self.address.get("/metrics");
        let found = metrics.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {series} in {}", metrics.text())).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ignore kill errors: the process may have exited.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

/// The lines of standard error as they come. They are read to the end even when nobody takes them, or the server would
/// block on a full pipe.
fn read_lines(child: &mut Child) -> Receiver<String> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            // Ignore send errors: the test has ended.
            sender.send(line).unwrap_or_default();
        }
    });
    receiver
}

/// The address in the next line of the log that has one: `http://HOST:PORT`, `HOST:PORT (gRPC)` or `unix:PATH` after
/// `listening`.
fn next_address(log: &Receiver<String>) -> Address {
    let mut lines = Vec::new();
    loop {
        let line = log.recv_timeout(TIMEOUT).unwrap_or_else(|error| panic!("no address, {error}: {lines:#?}"));
        match address_in(&line) {
            Some(address) => return address,
            None => lines.push(line),
        }
    }
}

fn address_in(line: &str) -> Option<Address> {
    let (_, after) = line.split_once("listening ")?;
    // In the JSON log a quotation mark follows.
    let word = |start: &str| after.split_once(start)?.1.split(['"', ' ', '/']).next().map(str::to_owned);
    if let Some(host) = word("http://") {
        return Some(Address::Tcp(host));
    }
    if let Some((_, path)) = after.split_once("unix:") {
        return Some(Address::Unix(path.split(['"', ' ']).next()?.into()));
    }
    let (host, _) = after.strip_prefix("on ")?.split_once(" (gRPC)")?;
    Some(Address::Tcp(host.to_owned()))
}
