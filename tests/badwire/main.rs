//! Bad input on the wire: real processes on loopback, and callers who keep to nothing.
//!
//! `mutated` sends tens of thousands of changed messages (`mutate` changes them); `names` puts paths and other
//! nasty text into every field of every request; `attacks` breaks messages, streams and HTTP/2 itself (`http2`, by hand); `idle`
//! stays silent on thousands of connections. `bed` is what is maltreated, `call` how, `seeds` what is changed before it is sent,
//! `fields` the list of what there is, `proto` a message without its schema.

mod attacks;
mod bed;
mod call;
mod fields;
mod http2;
mod idle;
mod mutate;
mod mutated;
mod names;
mod nasty;
mod proto;
mod seeds;
