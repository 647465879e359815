//! Ids and tokens from a given source of randomness.

use std::sync::Mutex;

use rand::{Rng as _, SeedableRng, rngs::StdRng, rngs::SysRng};
use uuid::{Builder, Uuid};

use crate::clock::Millis;

/// Where randomness comes from. Nothing else in the house draws it.
pub trait Rng: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A cryptographic generator, seeded by the machine or, in tests, by a number.
pub struct SystemRng(Mutex<StdRng>);

impl SystemRng {
    /// Seeds from the machine.
    ///
    /// # Panics
    /// If the machine has no randomness to give; nothing safe can be done then.
    #[expect(clippy::disallowed_methods, reason = "the one place that draws the machine's randomness")]
    pub fn from_machine() -> Self {
        let seeded = StdRng::try_from_rng(&mut SysRng).unwrap_or_else(|e| panic!("no randomness from the system: {e}"));
        SystemRng(Mutex::new(seeded))
    }

    /// The same numbers each time, for simulations.
    pub fn seeded(seed: u64) -> Self {
        SystemRng(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// Makes UUIDv7 ids (RFC 9562 §6.2 method 1) that never go backwards inside one process, so that their order is the
/// order of submission.
pub struct Ids {
    rng: std::sync::Arc<dyn Rng>,
    last: Mutex<(u64, u16)>,
}

impl Ids {
    /// Draws the random part of every id from `rng`.
    pub fn new(rng: std::sync::Arc<dyn Rng>) -> Self {
        Ids { rng, last: Mutex::new((0, 0)) }
    }

    /// A new id, stamped with `now` or, if the clock went back, with the last stamp used.
    pub fn next(&self, now: Millis) -> Uuid {
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        let (stamp, count) = {
            let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let now = u64::try_from(now).unwrap_or(0);
            *last = match *last {
                (stamp, _) if now > stamp => (now, 0),
                (stamp, 0x0fff) => (stamp + 1, 0),
                (stamp, count) => (stamp, count + 1),
            };
            *last
        };
        random[0] = (count >> 8) as u8;
        random[1] = count as u8;
        Builder::from_unix_timestamp_millis(stamp, &random).into_uuid()
    }

    /// 128 fully random bits as 32 hexadecimal digits: for lease tokens and the like.
    pub fn token(&self) -> String {
        let mut bytes = [0; 16];
        self.rng.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// SHA-256 as 64 hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_goes_back() {
        let ids = Ids::new(std::sync::Arc::new(SystemRng::seeded(1)));
        let mut seen: Vec<Uuid> = (0..10_000).map(|_| ids.next(1_700_000_000_000)).collect();
        seen.push(ids.next(1_600_000_000_000));
        assert!(seen.is_sorted_by(|a, b| a < b), "order of ids is the order of making");
        assert!(seen.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(ids.token().len(), 32);
        assert_ne!(ids.token(), ids.token());
    }
}
