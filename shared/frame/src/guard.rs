//! Decoders of files that others made may panic on a bad one: here their panic is an error like their others.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in a decoder whose panic becomes an error: a panic hook has nothing to print then.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs a decoder; its panic is an error like its others.
pub(crate) fn guarded<T, E>(
    decode: impl FnOnce() -> Result<T, E>,
) -> Result<T, Box<dyn std::error::Error + Send + Sync>>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(outer);
    match result {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => Err(panic_text(panic.as_ref()).into()),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("the decoder gave up: {}", text.unwrap_or("no reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_where_a_panic_is_an_error() {
        assert!(!is_guarded());
        let text = guarded(|| {
            assert!(guarded(|| Ok::<_, String>(is_guarded())).unwrap());
            assert!(is_guarded(), "an inner one does not end it");
            if is_guarded() { Err("plain") } else { Ok(()) }
        });
        assert_eq!(text.unwrap_err().to_string(), "plain");
        let panic = guarded(|| -> Result<(), String> { std::panic::resume_unwind(Box::new("an index")) });
        assert_eq!(panic.unwrap_err().to_string(), "the decoder gave up: an index");
        assert!(!is_guarded());
    }
}
