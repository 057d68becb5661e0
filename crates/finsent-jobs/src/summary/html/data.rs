//! The data of a page, for its script.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::super::{Extremes, Group, QuotedText};
use super::report::{Report, class, stack};
use super::table::group_name;

/// Most points of a page, and bytes of the texts behind them; more make it slow to open.
const MAX_POINTS: usize = 30_000;
const MAX_TEXT_BYTES: usize = 4 << 20;

/// What the script draws.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    periods: Vec<String>,
    labels: &'a [String],
    /// The class of each label, which has its color.
    classes: Vec<&'static str>,
    /// The labels in the order of stacked bars.
    stack: Vec<usize>,
    sentiment: bool,
    weighted: bool,
    quotes: usize,
    groups: Vec<GroupData<'a>>,
    #[serde(skip)]
    left_out: LeftOut,
}

/// What did not fit.
#[derive(Default)]
struct LeftOut {
    points: usize,
    texts: usize,
}

#[derive(Serialize)]
struct GroupData<'a> {
    name: String,
    /// The mean sentiment score in the earlier files.
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<f64>,
    #[serde(flatten)]
    whole: Point<'a>,
    cells: Vec<Point<'a>>,
}

/// A group, or a group in a period.
#[derive(Serialize)]
struct Point<'a> {
    /// The index of the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<usize>,
    /// The number of texts.
    n: u64,
    /// The mean sentiment score.
    s: Option<f64>,
    /// The shares of the labels.
    h: Vec<f64>,
    /// The most positive texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hi: Vec<Quoted<'a>>,
    /// The most negative texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lo: Vec<Quoted<'a>>,
}

/// A text, its label, its sentiment score and its place.
#[derive(Serialize)]
struct Quoted<'a>(&'a str, usize, f64, &'a str);

impl<'a> Data<'a> {
    pub(super) fn new(report: &Report<'a>) -> Self {
        let mut by_values: BTreeMap<&[Option<String>], Vec<(NaiveDateTime, &'a Group)>> = BTreeMap::new();
        let mut starts = BTreeSet::new();
        for (key, group) in report.summary.groups() {
            if let Some(period) = key.period {
                by_values.entry(key.values.as_slice()).or_default().push((period, group));
                starts.insert(period);
            }
        }
        let starts: Vec<NaiveDateTime> = starts.into_iter().collect();
        let format = |start: &NaiveDateTime| report.shape.periods.as_ref().map(|periods| periods.format(*start));
        let labels = report.shape.labels;
        let mut room = Room { points: MAX_POINTS, bytes: MAX_TEXT_BYTES, left_out: LeftOut::default() };
        let mut groups = Vec::with_capacity(report.rows.len());
        for row in report.rows {
            let Some(group) = row.group else { continue };
            let whole = room.point(report, None, group);
            let cells = by_values.get(row.key.values.as_slice()).map(Vec::as_slice).unwrap_or_default();
            let cell = |(start, group): &(NaiveDateTime, &'a Group)| {
                room.take_point().then(|| room.point(report, starts.binary_search(start).ok(), group))
            };
            let b = row.before.and_then(|group| group.sentiment_score(labels)).map(rounded);
            groups.push(GroupData {
                b,
                name: group_name(row.key),
                whole,
                cells: cells.iter().filter_map(cell).collect(),
            });
        }
        Self {
            periods: starts.iter().filter_map(format).collect(),
            labels: labels.labels(),
            classes: (0..labels.labels().len()).map(|label| class(report, label)).collect(),
            stack: stack(report),
            sentiment: labels.has_sentiment_score(),
            weighted: report.shape.is_weighted,
            quotes: report.shape.quotes,
            groups,
            left_out: room.left_out,
        }
    }

    /// The periods as they are written.
    pub(super) fn periods(&self) -> &[String] {
        &self.periods
    }

    /// What is said about points and texts that did not fit.
    pub(super) fn note(&self) -> Option<String> {
        let mut left_out = Vec::new();
        left_out.extend((self.left_out.points > 0).then(|| format!("{} points of the charts", self.left_out.points)));
        left_out.extend((self.left_out.texts > 0).then(|| format!("the texts of {} points", self.left_out.texts)));
        (!left_out.is_empty()).then(|| {
            format!(
                "To keep the page small, {} are left out; longer periods or fewer groups show all.",
                left_out.join(" and ")
            )
        })
    }

    /// The data as JSON that cannot end the script element, nor begin a comment in it.
    pub(super) fn to_script(&self) -> io::Result<String> {
        let json = serde_json::to_string(self)?;
        Ok(json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"))
    }
}

/// What still fits into the page.
struct Room {
    points: usize,
    bytes: usize,
    left_out: LeftOut,
}

impl Room {
    fn take_point(&mut self) -> bool {
        let fits = self.points > 0;
        self.points = self.points.saturating_sub(1);
        self.left_out.points += usize::from(!fits);
        fits
    }

    fn point<'a>(&mut self, report: &Report<'_>, period: Option<usize>, group: &'a Group) -> Point<'a> {
        let labels = report.shape.labels;
        let shares = (0..labels.labels().len()).map(|label| rounded(group.share(label).unwrap_or(0.0)));
        let (hi, lo) = self.texts(group.extremes());
        Point {
            p: period,
            n: group.count(),
            s: group.sentiment_score(labels).map(rounded),
            h: shares.collect(),
            hi,
            lo,
        }
    }

    /// The texts of a point, all of them or none.
    fn texts<'a>(&mut self, extremes: &'a Extremes) -> (Vec<Quoted<'a>>, Vec<Quoted<'a>>) {
        let bytes: usize = extremes.highest.iter().chain(&extremes.lowest).map(|text| text.text.len() + 40).sum();
        if bytes > self.bytes {
            self.left_out.texts += 1;
            return (Vec::new(), Vec::new());
        }
        self.bytes -= bytes;
        let quoted = |text: &'a QuotedText| Quoted(&text.text, text.label, rounded(text.sentiment_score), &text.place);
        (extremes.highest.iter().map(quoted).collect(), extremes.lowest.iter().map(quoted).collect())
    }
}

/// A number with the digits that a chart can show.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}
