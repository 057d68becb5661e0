//! The table of what the attacks did.

use std::fmt::{self, Display};
use std::time::Duration;

use super::client::Answers;
use super::watch::Seen;

/// What an attack did.
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) clients: usize,
    /// What the attackers got.
    pub(super) answers: Answers,
    /// What others saw.
    pub(super) seen: Seen,
    /// Resident bytes before and after it.
    pub(super) before: u64,
    pub(super) after: u64,
}

/// All attacks.
#[derive(Default)]
pub(super) struct Report(Vec<Outcome>);

impl Report {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.0.push(outcome);
    }

    /// Asserts what must be true of every attack.
    pub(super) fn check(&self, max_latency: Duration, max_resident: u64) {
        let mut faults = Vec::new();
        for Outcome { name, answers, seen, .. } in &self.0 {
            let mut expect = |is_true: bool, what: &str| {
                if !is_true {
                    faults.push(format!("{name}: {what}"));
                }
            };
            for got in &seen.failed_probes {
                expect(false, &format!("a probe was not answered: {got}"));
            }
            expect(seen.latency(1.0) < max_latency, "a probe took too long");
            expect(seen.wrong == 0, "an answer was wrong");
            expect(seen.lost == 0, "an answer was lost");
            expect(seen.right > 0, "nobody else got an answer");
            expect(seen.most_resident < max_resident, "too much memory");
            let is_fault = |answer: &&String| ["500", "no id", "no HTTP"].iter().any(|fault| answer.starts_with(fault));
            answers.keys().filter(is_fault).for_each(|fault| expect(false, fault));
        }
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "| attack | clients | /livez, ms: p50 / p99 / most | memory, MB: before / most / after | files, most | \
             right answers for others | refused | wrong | lost |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        )?;
        self.0.iter().try_for_each(|outcome| writeln!(f, "{}", outcome.row()))
    }
}

impl Outcome {
    fn row(&self) -> String {
        let Self { name, clients, seen, before, after, .. } = self;
        let ms = |quantile| seen.latency(quantile).as_secs_f64() * 1e3;
        let mb = |bytes: u64| bytes / 1_000_000;
        format!(
            "| {name} | {clients} | {:.1} / {:.0} / {:.0} | {} / {} / {} | {} | {} | {} | {} | {} |",
            ms(0.5),
            ms(0.99),
            ms(1.0),
            mb(*before),
            mb(seen.most_resident),
            mb(*after),
            seen.most_files,
            seen.right,
            seen.refused,
            seen.wrong,
            seen.lost,
        )
    }
}

/// With what the attackers got.
impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  attackers got {:?}; {} probes", self.row(), self.answers, self.seen.latencies.len())
    }
}
