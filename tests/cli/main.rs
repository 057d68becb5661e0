//! The command as a user runs it.

mod classify;
mod files;
mod finsent;
mod models;
