//! Asking for memory before it is read, where the processor does not foresee it: many columns, a little of each.
#![allow(unsafe_code)] // the instruction takes a pointer

/// Bytes of a cache line.
const LINE: usize = 64;

/// Begins to fetch values into the second-level cache. Reads none of them.
#[inline(always)]
pub(crate) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks((LINE / size_of::<T>().max(1)).max(1)) {
        // SAFETY: a prefetch accesses nothing, whatever the address.
        unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, LINE);
}
