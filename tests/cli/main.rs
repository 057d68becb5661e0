//! The command as a user runs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod classify;
mod command_line;
mod compressed;
mod convert;
mod dialects;
mod directions;
mod documents;
mod end_of_run;
mod engine;
mod eval;
mod eval_compare;
mod files;
mod finsent;
mod folders;
mod groups;
mod html;
mod in_place;
mod input_limits;
mod inputs;
mod labels;
mod memory;
mod model_directories;
mod models;
mod outputs;
mod parquet;
mod parquet_limits;
mod published;
mod resume;
mod shards;
mod since;
mod summary;
mod terminal_width;
mod times;
mod whole_files;
mod workbooks;
