//! The command line as a person and a program meet it: what it prints, how it ends, and what it leaves behind.
//!
//! Every failure is asked for in JSON, where its code, message, hint and causes can be told apart, and every test of a
//! failure ends by looking for leftovers.

#![allow(clippy::unwrap_used)] // helpers are tests too: what fails here is the test

mod bad_data;
mod bad_files;
mod bad_models;
mod bad_places;
mod bad_search;
mod bad_settings;
mod bed;
mod bench;
mod cluster;
mod encoding;
mod evaluation;
mod flags;
mod forms;
mod frames;
mod ground;
mod help;
mod meaning;
mod memory;
mod search;
mod show;
mod streams;
mod tables;
mod typed;
mod verify;
