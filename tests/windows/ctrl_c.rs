//! Runs a program on a console of its own, presses Ctrl-C there when a line arrives on standard input, and ends with the
//! program's exit code. `.ci/windows` compiles it with rustc, without packages.
//!
//!     ctrl_c.exe PROGRAM ARGUMENT...

use std::process::{Command, ExitCode, Stdio};
use std::{env, io, thread, time};

const CTRL_C_EVENT: u32 = 0;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn AllocConsole() -> i32;
    fn SetConsoleCtrlHandler(handler: Option<unsafe extern "system" fn(u32) -> i32>, add: i32) -> i32;
    fn GenerateConsoleCtrlEvent(event: u32, group: u32) -> i32;
}

/// Ctrl-C is not for this program.
unsafe extern "system" fn ignore(_: u32) -> i32 {
    1
}

fn main() -> ExitCode {
    // SAFETY: the functions take no pointers but that of `ignore`, which lives as long as the program.
    unsafe {
        AllocConsole();
        SetConsoleCtrlHandler(Some(ignore), 1);
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut program =
        Command::new(&arguments[0]).args(&arguments[1..]).stdin(Stdio::null()).spawn().expect("the program starts");
    thread::spawn(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).expect("standard input can be read");
        // SAFETY: it takes two numbers.
        let pressed = unsafe { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) };
        assert_ne!(pressed, 0, "cannot press Ctrl-C");
        // The program is waited for below; this is for one that does not hear it.
        thread::sleep(time::Duration::from_secs(60));
        eprintln!("the program does not end");
        std::process::exit(99);
    });
    let status = program.wait().expect("the program can be waited for");
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(98))
}
