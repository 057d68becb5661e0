//! The binary of this build, and the helpers that its tests call most.

use std::process::Command;

pub(crate) use finsent_testing::models::{model_of, small_model, small_torch_model, write_file};
pub(crate) use finsent_testing::{Run, assert_fails, parse_csv, parse_json_lines};

pub(crate) const FINSENT: finsent_testing::Finsent = finsent_testing::finsent!();

pub(crate) fn finsent(args: &[&str]) -> Command {
    FINSENT.command(args)
}

pub(crate) fn run(args: &[&str]) -> Run {
    FINSENT.run(args)
}

pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Run {
    FINSENT.run_with_input(args, input)
}

pub(crate) fn classify_file(name: &str, content: impl AsRef<[u8]>, args: &[&str]) -> Run {
    FINSENT.classify_file(name, content, args)
}
