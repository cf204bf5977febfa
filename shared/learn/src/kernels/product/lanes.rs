//! A vector register as the tile sees it.

/// A fixed number of f32, with the operations that a tile needs. Implementations are `#[inline(always)]`: they may be
/// called only from a function that is compiled for their instructions.
pub(super) trait Lanes: Copy {
    const COUNT: usize;
    fn splat(x: f32) -> Self;
    /// # Safety
    /// `from` is valid for reading COUNT values.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// `to` is valid for writing COUNT values.
    unsafe fn store(self, to: *mut f32);
    /// self · b + c, rounded once.
    fn fma(self, b: Self, c: Self) -> Self;
    /// `mask > 0 ? self : +0`.
    fn keep_where_positive(self, mask: Self) -> Self;
}

impl Lanes for [f32; 8] {
    const COUNT: usize = 8;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        [x; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's; an array of f32 has f32's alignment.
        unsafe { from.cast::<[f32; 8]>().read() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; 8]>().write(self) }
    }

    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        std::array::from_fn(|i| self[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn keep_where_positive(self, mask: Self) -> Self {
        std::array::from_fn(|i| if mask[i] > 0.0 { self[i] } else { 0.0 })
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Lanes;

    impl Lanes for __m256 {
        const COUNT: usize = 8;

        #[inline(always)]
        fn splat(x: f32) -> Self {
            // SAFETY: this and all below run only inside functions compiled for AVX2 and FMA (or AVX-512).
            unsafe { _mm256_set1_ps(x) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's.
            unsafe { _mm256_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's.
            unsafe { _mm256_storeu_ps(to, self) }
        }

        #[inline(always)]
        fn fma(self, b: Self, c: Self) -> Self {
            // SAFETY: see splat.
            unsafe { _mm256_fmadd_ps(self, b, c) }
        }

        #[inline(always)]
        fn keep_where_positive(self, mask: Self) -> Self {
            // SAFETY: see splat.
            unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(mask, _mm256_setzero_ps()), self) }
        }
    }

    impl Lanes for __m512 {
        const COUNT: usize = 16;

        #[inline(always)]
        fn splat(x: f32) -> Self {
            // SAFETY: this and all below run only inside functions compiled for AVX-512.
            unsafe { _mm512_set1_ps(x) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's.
            unsafe { _mm512_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's.
            unsafe { _mm512_storeu_ps(to, self) }
        }

        #[inline(always)]
        fn fma(self, b: Self, c: Self) -> Self {
            // SAFETY: see splat.
            unsafe { _mm512_fmadd_ps(self, b, c) }
        }

        #[inline(always)]
        fn keep_where_positive(self, mask: Self) -> Self {
            // SAFETY: see splat.
            unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(mask, _mm512_setzero_ps()), self) }
        }
    }
}
