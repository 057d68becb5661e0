//! Times of many forms, and the periods of a time zone.

use std::fs;

use crate::finsent::{Run, assert_fails, parse_csv, run, write_file};

/// The run with a summary by the times in the column `time`, and the periods of the summary with their counts.
fn periods(times: &[&str], args: &[&str]) -> (Run, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = times.iter().map(|time| format!("A,\"{time}\",Profit rose\n")).collect();
    let input = write_file(dir.path(), "n.csv", format!("ticker,time,text\n{rows}"));
    let output = dir.path().join("o.csv");
    let by_time = ["--group-by", "ticker", "--time-column", "time"];
    let every = if args.contains(&"--every") { &[][..] } else { &["--every", "1d"] };
    let to = ["--output", output.to_str().unwrap()];
    let run = run(&[&["classify", "--input", &input], &to[..], &by_time, every, args].concat());
    let summary = fs::read_to_string(dir.path().join("o.summary.csv")).unwrap_or_default();
    let periods = match summary.is_empty() {
        true => Vec::new(),
        false => parse_csv(&summary).1.iter().map(|row| format!("{} {}", row[1], row[2])).collect(),
    };
    (run, periods)
}

#[test]
fn times_of_many_forms_are_read() {
    let times = [
        "2026-03-09",
        "20260309T013000",
        "20260309013000",
        "202603090130",
        "Mon, 09 Mar 2026 14:30:00 GMT",
        "Mar 9, 2026",
        "1773059415",
        "1773059415000",
        "1773059415000000",
        "1773059415000000000",
        "20260309",
    ];
    let (run, periods) = periods(&times, &[]);
    assert_eq!((run.code, periods), (Some(0), vec!["2026-03-09 11".to_owned()]), "{run:?}");
}

#[test]
fn a_form_that_has_two_meanings_is_refused_before_the_work_and_can_be_said() {
    let times = ["03/09/2026", "03/25/2026"];
    let (refused, none) = periods(&times, &[]);
    let parts = ["line 2: cannot read the times in `time`", "--time-format '%m/%d/%Y'", "--time-format '%d/%m/%Y'"];
    assert_fails(&refused, 2, &parts);
    assert!(none.is_empty() && !refused.stderr.contains("model mini"), "{refused:?}");
    let (run, months) = periods(&times, &["--time-format", "%m/%d/%Y", "--every", "1mo"]);
    assert_eq!((run.code, months), (Some(0), vec!["2026-03-01 2".to_owned()]), "{run:?}");
    let (run, _) = periods(&times, &["--time-format", "%d/%m/%Y"]);
    assert_fails(&run, 5, &["line 3", "is not a time of the form `%d/%m/%Y`", "1 row of 2"]);
    for (format, word) in [("%H:%M", "no year, month and day"), ("%Q", "strftime"), ("%d %b %Y %Z", "%z")] {
        assert_fails(&periods(&times, &["--time-format", format]).0, 2, &["--time-format", word]);
    }
}

#[test]
fn times_that_cannot_be_read_are_told_before_the_work() {
    let (run, none) = periods(&["soon", "later"], &[]);
    assert_fails(&run, 2, &["line 2: cannot read the times in `time`: `soon` is not a time", "--time-format"]);
    assert!(none.is_empty() && !run.stderr.contains("model mini"), "{run:?}");
    let (run, periods) = periods(&["soon", "", "2026-03-09"], &[]);
    assert_fails(&run, 5, &["line 2: not in the summary: `soon` is not a time", "line 3: not in the summary"]);
    assert_eq!(periods.last().unwrap(), "2026-03-09 1");
}

#[test]
fn periods_are_those_of_the_time_zone() {
    let times = ["2026-03-09T03:30:00Z", "2026-03-09T13:30:00Z", "2026-03-09 23:30"];
    let (_, utc) = periods(&times, &[]);
    assert_eq!(utc, ["2026-03-09 3"]);
    let (run, new_york) = periods(&times, &["--time-zone", "America/New_York"]);
    assert_eq!((run.code, new_york), (Some(0), vec!["2026-03-08 1".into(), "2026-03-09 2".into()]), "{run:?}");
    let (_, hours) = periods(&times, &["--time-zone", "america/new_york", "--every", "6h"]);
    let expected = ["2026-03-08T18:00:00-04:00 1", "2026-03-09T06:00:00-04:00 1", "2026-03-09T18:00:00-04:00 1"];
    assert_eq!(hours, expected);
    let (unknown, _) = periods(&times, &["--time-zone", "New_York"]);
    assert_fails(&unknown, 2, &["--time-zone", "did you mean `America/New_York`?"]);
}
