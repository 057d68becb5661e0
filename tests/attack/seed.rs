//! The seed of all random payloads.

use std::env;

use fastrand::Rng;

/// The random numbers of a test, and of its part with this number. The seed is printed, so that a failure can be repeated.
pub(crate) fn random(test: &str) -> Rng {
    let given = env::var("FINSENT_ATTACK_SEED").ok().map(|seed| seed.parse().expect("the seed is a number"));
    let seed = given.unwrap_or_else(|| fastrand::u64(..1 << 32));
    eprintln!("{test}: FINSENT_ATTACK_SEED={seed}");
    Rng::with_seed(seed)
}
