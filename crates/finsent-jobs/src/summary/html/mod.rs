//! A summary as a page for people: one file that needs nothing else, with charts, a table, and the texts behind each point.
//!
//! The table is written here, so that it is there without a script. The script of the page draws the charts from the data in
//! it. A policy in the page allows this one script and this one style sheet, and no other place to load anything from.

mod data;
mod markup;
mod report;
mod table;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::Group;
use data::Data;
use markup::{escaped, number};
pub use report::Report;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Most groups of a page, those with the most texts; more are no longer seen, and make the page slow.
const MAX_GROUPS: usize = 300;
/// Groups that a page still has all of, in the order that is asked for.
const FEW_GROUPS: usize = 12;

/// Writes a page.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_report(report: &Report<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut rows = report.rows.to_vec();
    let left_out = rows.len().saturating_sub(MAX_GROUPS);
    if rows.len() > FEW_GROUPS {
        // The charts begin with the first groups, which should be those that say most.
        rows.sort_by_key(|row| std::cmp::Reverse(row.group.map_or(0, Group::count)));
        rows.truncate(MAX_GROUPS);
    }
    let report = Report { rows: &rows, ..*report };
    let data = Data::new(&report);
    head(report.title, out)?;
    writeln!(out, "<body>\n<header>\n<h1>{}</h1>", escaped(report.title))?;
    writeln!(out, "<p class=\"dim\">{}</p>", escaped(&subtitle(&report, &data)))?;
    tiles(&report, out)?;
    notes(&report, &data, left_out, out)?;
    writeln!(out, "</header>\n<main>\n<div class=\"cols\">\n<div>")?;
    charts(&report, out)?;
    writeln!(out, "</div>\n<aside id=\"texts\" aria-live=\"polite\" aria-label=\"Texts\"></aside>\n</div>")?;
    changes(&report, out)?;
    table::write(&report, out)?;
    writeln!(out, "</main>")?;
    footer(&report, out)?;
    writeln!(out, "<script type=\"application/json\" id=\"data\">{}</script>", data.to_script()?)?;
    writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")
}

/// The beginning of the page, with the policy of what it may load and run.
fn head(title: &str, out: &mut impl Write) -> io::Result<()> {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {}; style-src {}; base-uri \
         'none'; form-action 'none'\">",
        hash(SCRIPT),
        hash(STYLE)
    )?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    writeln!(out, "<title>{}</title>\n<style>{STYLE}</style>\n</head>", escaped(title))
}

/// `scored.csv, 12 rows, 2026-03-02 to 2026-03-06, New York`
fn subtitle(report: &Report<'_>, data: &Data<'_>) -> String {
    let mut parts = vec![report.source.to_owned()];
    match data.periods() {
        [] => (),
        [only] => parts.push(only.clone()),
        [first, .., last] => parts.push(format!("{first} to {last}")),
    }
    if let Some(periods) = &report.shape.periods {
        parts.push(format!("time zone {}", periods.zone));
    }
    if report.shape.is_weighted {
        parts.push("weighted".into());
    }
    parts.join(", ")
}

/// The figures of all groups together.
fn tiles(report: &Report<'_>, out: &mut impl Write) -> io::Result<()> {
    let labels = report.shape.labels;
    let mut all = Group::default();
    report.rows.iter().filter_map(|row| row.group).for_each(|group| all.merge(group, 0));
    let mut tiles = vec![("texts".to_owned(), number(all.count()))];
    if labels.has_sentiment_score() {
        tiles.push(("mean sentiment".into(), table::signed(all.sentiment_score(labels))));
        tiles.push(("net".into(), table::signed(all.net(labels))));
    }
    for (id, label) in labels.labels().iter().enumerate().take(4) {
        tiles.push((label.clone(), all.share(id).map_or_else(|| "–".into(), |share| format!("{:.0}%", 100.0 * share))));
    }
    if all.failed() > 0 {
        tiles.push(("failed".into(), number(all.failed())));
    }
    if let Some(changes) = report.changes {
        tiles.push(("new texts".into(), number(changes.new_texts())));
        tiles.push(("gone".into(), number(changes.gone())));
        let (relabelled, _) = changes.relabelled();
        tiles.push(("other label".into(), number(relabelled)));
    }
    writeln!(out, "<ul class=\"tiles\">")?;
    for (name, value) in tiles {
        writeln!(out, "<li><b>{}</b><span class=\"dim small\">{}</span></li>", escaped(&value), escaped(&name))?;
    }
    writeln!(out, "</ul>")
}

/// What the page does not show.
fn notes(report: &Report<'_>, data: &Data<'_>, left_out: usize, out: &mut impl Write) -> io::Result<()> {
    let mut notes = Vec::new();
    if report.rows.is_empty() {
        notes.push("There are no rows to show.".to_owned());
    }
    if left_out > 0 {
        let (shown, all) = (number(MAX_GROUPS as u64), number((MAX_GROUPS + left_out) as u64));
        notes.push(format!(
            "The {shown} largest of {all} groups are shown. The formats csv and parquet have all of them."
        ));
    }
    notes.extend(data.note());
    notes.iter().try_for_each(|note| writeln!(out, "<p class=\"note\">{}</p>", escaped(note)))?;
    writeln!(
        out,
        "<noscript><p class=\"note\">The charts need JavaScript, which is turned off here. The table shows the same figures.</p></noscript>"
    )
}

fn charts(report: &Report<'_>, out: &mut impl Write) -> io::Result<()> {
    let has_periods = report.shape.periods.is_some();
    if report.shape.labels.has_sentiment_score() {
        let of = if has_periods { "Sentiment over time" } else { "Sentiment" };
        writeln!(out, "<section>\n<div class=\"head\"><h2>{of}</h2>")?;
        let dashed = if report.shape.has_before && !has_periods { ". Dashed lines are the means before" } else { "" };
        writeln!(out, "<p class=\"small dim\">Choose a point to read its texts{dashed}</p></div>")?;
        writeln!(out, "<div class=\"chips\" id=\"chips\"></div>\n<div id=\"chart\"></div>\n</section>")?;
    } else if has_periods {
        writeln!(out, "<div class=\"chips\" id=\"chips\"></div>")?;
    }
    for (title, id) in [("Shares of labels", "shares"), ("Number of texts", "volume")] {
        writeln!(out, "<section>\n<div class=\"head\"><h2>{title}</h2><p class=\"keys\" data-key></p></div>")?;
        writeln!(out, "<div id=\"{id}\"></div>\n</section>")?;
    }
    Ok(())
}

/// The strongest new texts, and those with another label.
fn changes(report: &Report<'_>, out: &mut impl Write) -> io::Result<()> {
    let Some(changes) = report.changes else { return Ok(()) };
    let name = |label: usize| escaped(report.shape.labels.labels().get(label).map_or("", String::as_str));
    let new = changes.strongest().highest.iter().chain(&changes.strongest().lowest).map(|text| {
        let (class, score) =
            (if text.sentiment_score < 0.0 { "down" } else { "up" }, table::signed(Some(text.sentiment_score)));
        format!(
            "<b class=\"{class}\">{score}</b>{}<span>{}, {}</span>",
            escaped(&text.text),
            name(text.label),
            escaped(&text.place)
        )
    });
    let relabelled = changes.relabelled().1.iter().map(|text| {
        let [before, now] = text.labels.map(name);
        format!("{}<span>{before} → {now}</span>", escaped(&text.text))
    });
    for (title, items) in [("New texts", new.collect::<Vec<_>>()), ("Texts with another label", relabelled.collect())] {
        if items.is_empty() {
            continue;
        }
        writeln!(out, "<section>\n<h2>{title}</h2>\n<ol>")?;
        items.iter().try_for_each(|item| writeln!(out, "<li class=\"q\">{item}</li>"))?;
        writeln!(out, "</ol>\n</section>")?;
    }
    Ok(())
}

fn footer(report: &Report<'_>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<footer class=\"small dim\">")?;
    if report.shape.labels.has_sentiment_score() {
        let weighted = if report.shape.is_weighted { ", weighted" } else { "" };
        writeln!(
            out,
            "<p>Sentiment is the mean of P(positive) − P(negative){weighted}, from −1 to +1. Net is the share of positive texts \
             minus that of negative ones.</p>"
        )?;
    }
    writeln!(out, "<p>Made by finsent {}.</p>\n</footer>", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
