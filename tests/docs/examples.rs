//! Every console block of the README and the book runs and prints what the page says.
//!
//! The blocks of a page run in order, in one fresh folder, without a network. A line `...` of the output stands for any
//! lines, `[..]` for any characters. Blocks that are marked `console,server` run against a `finsent serve` of the page's
//! own, which the page calls `localhost:8080`; those marked `console,verify` need the feature `verify`. A command that
//! should fail shows its code: `...; echo "exit code $?"`. Pages show standard output; one that is about messages adds
//! `2>&1`.

use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;

use finsent_testing::{Finsent, Home, Server, wait_for_output};
use snapbox::Data;
use snapbox::report::Palette;
use tempfile::TempDir;

use crate::console::{Step, steps};
use crate::markdown::Block;
use crate::page::{Page, documentation};

pub(crate) const FINSENT: Finsent = finsent_testing::finsent!();

/// The port that pages write.
const PORT: &str = ":8080";

/// What a page's commands find: an empty folder, `finsent` on the PATH, and a server when a block needs it.
struct Session {
    home: Home,
    programs: TempDir,
    server: Option<Server>,
}

impl Session {
    fn new() -> Self {
        let programs = tempfile::tempdir().unwrap();
        symlink(FINSENT.path(), programs.path().join("finsent")).unwrap();
        let home = Home::new(FINSENT).with("HF_HUB_OFFLINE", "1").with("LC_ALL", "C.UTF-8");
        Self { home, programs, server: None }
    }

    /// Runs a command as a reader would, and returns what it prints on standard output.
    fn run(&self, command: &str, server: Option<&Server>) -> Result<String, String> {
        let mut bash = self.home.prepare(Command::new("bash"), &["-c"]);
        let path = std::env::var("PATH").unwrap();
        bash.env("PATH", format!("{}:{path}", self.programs.path().display()));
        let port = server.map(|server| server.address.host().trim_start_matches("127.0.0.1").to_owned());
        let command = port.as_ref().map_or(command.to_owned(), |port| command.replace(PORT, port));
        if let Some(server) = server {
            bash.env("FINSENT_LISTEN", server.address.host());
        }
        let run = wait_for_output(bash.arg(command).spawn().unwrap());
        let output = port.map_or(run.stdout.clone(), |port| run.stdout.replace(&port, PORT));
        if run.code == Some(0) { Ok(output) } else { Err(format!("exit code {:?}:\n{output}{}", run.code, run.stderr)) }
    }

    fn server(&mut self) -> &Server {
        self.server.get_or_insert_with(|| FINSENT.serve(&[]))
    }

    /// Runs the commands of a block; returns what differs from the page.
    fn check(&mut self, page: &Page, block: &Block) -> String {
        if block.is("server") {
            self.server();
        }
        let server = self.server.as_ref().filter(|_| block.is("server"));
        let steps = steps(&block.text).unwrap_or_else(|error| panic!("{}: {error}", page.at(block.line)));
        let mut differences = String::new();
        for step in steps {
            let difference = match self.run(&step.command, server) {
                Ok(output) => difference(&step, output),
                Err(error) => Some(error),
            };
            if let Some(difference) = difference {
                let place = page.at(block.line + step.line);
                writeln!(differences, "{place}: {}\n{difference}", step.command).unwrap();
            }
        }
        differences
    }
}

/// How the output of a command differs from the page.
fn difference(step: &Step, output: String) -> Option<String> {
    let assert = snapbox::Assert::new().normalize_paths(false).palette(Palette::plain());
    // A page can show a blank line at the end of an output, or leave it out.
    let [output, expected] = [&output, &step.expected].map(|text| format!("{}\n", text.trim_end()));
    assert.try_eq(None, Data::text(output), Data::text(expected)).err().map(|error| error.to_string())
}

fn check(page: &Page) -> String {
    let mut session = Session::new();
    page.blocks("console").iter().map(|block| session.check(page, block)).collect()
}

#[test]
fn every_console_block_prints_what_its_page_says() {
    let pages = documentation();
    let differences: String = thread::scope(|scope| {
        let threads: Vec<_> = pages.iter().map(|page| scope.spawn(|| check(page))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(differences.is_empty(), "\n{differences}");
}

#[test]
fn a_block_that_prints_something_else_is_found() {
    let page = Page { path: "a.md".into(), text: "```console\n$ echo a\nb\n$ exit 3\n```\n".into() };
    let found = check(&page);
    assert!(found.contains("a.md:2: echo a") && found.contains("a.md:4: exit 3\nexit code Some(3)"), "{found}");
    let page = Page { path: "a.md".into(), text: "```console\n$ seq 9; echo abc\n1\n...\n9\na[..]c\n```\n".into() };
    assert_eq!(check(&page), "");
}
