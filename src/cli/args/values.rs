//! Parsers of values. Their errors say what the option expects, and read as a continuation of its name.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::precision::PrecisionArg;

/// The most threads that can be chosen, more than any machine has cores.
pub(super) const MAX_THREADS: u64 = 1024;
/// The longest time that an option takes, in seconds.
const MAX_SECONDS: f64 = 3600.0;

/// What an option expects: "must be ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub(crate) struct Expected(String);

impl Expected {
    /// `what` continues "must be".
    pub(super) fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// A parser of whole numbers in a range.
pub(super) fn number<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, Expected> + Clone + Send + Sync {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| expected_number(&range))
    }
}

fn expected_number(range: &RangeInclusive<u64>) -> Expected {
    let (start, end) = (range.start(), range.end());
    Expected(match *end {
        u64::MAX => format!("a number, {start} or more"),
        end => format!("a number from {start} to {end}"),
    })
}

/// Parses a number of workers: 0 stands for `auto`.
pub(super) fn workers(text: &str) -> Result<u16, Expected> {
    match text {
        "auto" => Ok(0),
        _ => number(1..=MAX_THREADS)(text).map_err(|Expected(number)| Expected(format!("`auto` or {number}"))),
    }
}

/// Parses the variable of a flag that takes no value.
pub(super) fn switch(text: &str) -> Result<bool, Expected> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Expected::new("true or false")),
    }
}

/// Parses a time in seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, Expected> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    let expected = || Expected(format!("a number of seconds from 0 to {MAX_SECONDS}"));
    seconds.map(Duration::from_secs_f64).ok_or_else(expected)
}

/// Parses a time in seconds that is longer than none.
pub(super) fn timeout(text: &str) -> Result<Duration, Expected> {
    let expected = || Expected(format!("a number of seconds, more than 0 and at most {MAX_SECONDS}"));
    seconds(text).ok().filter(|time| !time.is_zero()).ok_or_else(expected)
}

/// Parses a probability.
pub(super) fn probability(text: &str) -> Result<f32, Expected> {
    let probability = text.parse().ok().filter(|probability| (0.0..=1.0).contains(probability));
    probability.ok_or_else(|| Expected("a number from 0 to 1".into()))
}

/// Parses `FROM=TO`.
pub(super) fn label_pair(text: &str) -> Result<(String, String), Expected> {
    let pair = text.split_once('=').map(|(from, to)| (from.trim(), to.trim()));
    let pair = pair.filter(|(from, to)| !from.is_empty() && !to.is_empty());
    let expected = || Expected("FROM=TO, for example up=positive".into());
    pair.map(|(from, to)| (from.into(), to.into())).ok_or_else(expected)
}

/// A parser of the number formats that weights are stored in.
pub(super) fn weight_format() -> impl TypedValueParser<Value = PrecisionArg> {
    PossibleValuesParser::new(["int8", "bf16", "f16", "f32"]).map(|name| match name.as_str() {
        "int8" => PrecisionArg::Int8,
        "bf16" => PrecisionArg::Bf16,
        "f16" => PrecisionArg::F16,
        "f32" => PrecisionArg::F32,
        other => unreachable!("the parser accepts only the four names, not `{other}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_a_number_or_auto() {
        assert_eq!((workers("auto"), workers("2")), (Ok(0), Ok(2)));
        for text in ["0", "", "all", "1025"] {
            let expected = "must be `auto` or a number from 1 to 1024";
            assert_eq!(workers(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_number_outside_its_range_is_an_error_that_names_the_range() {
        let threads = number::<u16>(1..=1024);
        assert_eq!((threads("1"), threads("1024")), (Ok(1), Ok(1024)));
        for text in ["0", "1025", "-1", "1.5", "many", "", "99999999999999999999"] {
            assert_eq!(threads(text).unwrap_err().to_string(), "must be a number from 1 to 1024", "{text}");
        }
        assert_eq!(number::<u64>(1..=u64::MAX)("0").unwrap_err().to_string(), "must be a number, 1 or more");
    }

    #[test]
    fn a_timeout_is_not_zero() {
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        assert_eq!(timeout("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "3601", "NaN", "soon"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }

    #[test]
    fn both_sides_of_a_pair_are_needed() {
        assert_eq!(label_pair("-1 = negative"), Ok(("-1".into(), "negative".into())));
        for text in ["up", "=positive", "up=", " = "] {
            assert!(label_pair(text).is_err(), "{text}");
        }
    }
}
