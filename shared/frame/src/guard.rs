//! Decoders of files that others made may panic on a bad one: here their panic is an error like their others. What no
//! guard can catch, an end for want of memory, is asked about before.

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
        Ok(result) => result.map_err(|error| {
            let error = error.into();
            let text = error.to_string();
            match readable(&text) {
                readable if readable == text => error,
                readable => readable.into(),
            }
        }),
        Err(panic) => Err(readable(&panic_text(panic.as_ref())).into()),
    }
}

/// Letters of what a decoder says: it may quote a name of a megabyte, or what a terminal obeys.
const TEXT_LETTERS_MAX: usize = 500;

/// A text that others wrote, as one line of bounded length.
pub(crate) fn readable(text: &str) -> String {
    let mut readable = String::new();
    for (at, letter) in text.chars().enumerate() {
        match letter {
            _ if at == TEXT_LETTERS_MAX => {
                readable.push('…');
                break;
            }
            '\n' => readable.push(' '),
            control if control.is_control() => readable.extend(control.escape_debug()),
            letter => readable.push(letter),
        }
    }
    readable
}

/// Less is not asked about: an allocator has such amounts at hand, and asking costs more than it tells.
const ROOM_BYTES_MIN: u64 = 32 << 20;

/// Whether so much memory can be had now. A decoder that asks for more than there is ends the process, and no guard can
/// catch that.
pub(crate) fn has_room(bytes: u64) -> bool {
    let mut room = Vec::<u8>::new();
    let reserved = match usize::try_from(bytes) {
        Ok(bytes) if bytes as u64 >= ROOM_BYTES_MIN => room.try_reserve_exact(bytes).is_ok(),
        Ok(_) => true,
        Err(_) => false,
    };
    // Or the compiler would see that nobody needs it.
    std::hint::black_box(&room);
    reserved
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

    #[test]
    fn what_decoders_say_is_one_short_line() {
        let check = |text: &str, expected: &str| {
            let error = guarded(|| Err::<(), _>(text)).unwrap_err();
            assert_eq!(error.to_string(), expected);
            let panic = guarded(|| -> Result<(), String> { std::panic::resume_unwind(Box::new(text.to_owned())) });
            assert!(panic.unwrap_err().to_string().starts_with("the decoder gave up: "));
        };
        check("as it is: λ, \"x\"", "as it is: λ, \"x\"");
        check("left: 0\n right: 0", "left: 0  right: 0");
        check("\u{1b}[31m\0", "\\u{1b}[31m\\0");
        check(&"n".repeat(1 << 20), &format!("{}…", "n".repeat(TEXT_LETTERS_MAX)));
    }

    #[test]
    fn more_memory_than_there_can_be_is_no_room() {
        assert!(has_room(0) && has_room(ROOM_BYTES_MIN));
        assert!(!has_room(u64::MAX) && !has_room(1 << 62));
    }
}
