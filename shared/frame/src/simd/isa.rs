//! Which instructions a loop is compiled for, chosen once at run time.
#![allow(unsafe_code)] // calling a function that is compiled for more than the baseline

use std::sync::OnceLock;

/// An instruction set that this processor has. Only [`Isa::detect`] and [`Isa::available`] make one, so holding it is
/// the proof that its instructions may run. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Set);

static CHOSEN: OnceLock<Isa> = OnceLock::new();

/// Its name, for those who have a function of their own for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

/// A loop in plain Rust that each instruction set gets its own copy of. `run` must be `#[inline(always)]`.
pub trait Loop {
    type Output;
    fn run(self) -> Self::Output;
}

impl Isa {
    /// Plain Rust, on any processor.
    pub const PORTABLE: Isa = Isa(Set::Portable);

    /// The fastest one.
    pub fn detect() -> Isa {
        *CHOSEN.get_or_init(|| Self::available()[0])
    }

    /// Makes [`Isa::detect`] find this one from now on, by its name; false if this processor lacks it, or if another one was
    /// found before. It changes speed alone.
    pub fn choose(name: &str) -> bool {
        let named = Self::available().into_iter().find(|isa| isa.name() == name);
        named.is_some_and(|isa| *CHOSEN.get_or_init(|| isa) == isa)
    }

    /// All, fastest first.
    pub fn available() -> Vec<Isa> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq");
            if avx2 && avx512 {
                found.push(Isa(Set::Avx512));
            }
            if avx2 {
                found.push(Isa(Set::Avx2));
            }
        }
        found.push(Self::PORTABLE);
        found
    }

    pub fn set(self) -> Set {
        self.0
    }

    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            Set::Portable => "portable",
        }
    }

    /// Runs a loop with these instructions.
    pub fn run<L: Loop>(self, body: L) -> L::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an Isa of this set exists only where the features were detected.
            Set::Avx512 => unsafe { run_avx512(body) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Set::Avx2 => unsafe { run_avx2(body) },
            Set::Portable => body.run(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
fn run_avx512<L: Loop>(body: L) -> L::Output {
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<L: Loop>(body: L) -> L::Output {
    body.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chain<'a>(&'a mut [f32]);

    impl Loop for Chain<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for x in self.0 {
                *x = x.mul_add(*x, 0.1) / x.sqrt();
            }
        }
    }

    #[test]
    fn loops_give_one_result() {
        let run = |isa: Isa| {
            let mut x: Vec<f32> = (0..1001).map(|i| i as f32 * 0.37).collect();
            isa.run(Chain(&mut x));
            x.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        for isa in Isa::available() {
            assert_eq!(run(isa), run(Isa::PORTABLE), "{}", isa.name());
        }
    }
}
