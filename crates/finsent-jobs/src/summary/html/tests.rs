use std::collections::BTreeMap;

use finsent_model::LabelMap;

use super::*;
use crate::summary::{GroupKey, Observation, Periods, Summary, SummaryShape, TimeReader, Zone, rows};

fn labels(names: &[&str]) -> LabelMap {
    let names: BTreeMap<_, _> =
        names.iter().enumerate().map(|(id, name)| (id.to_string(), (*name).to_owned())).collect();
    LabelMap::new(Some(&names), names.len(), &BTreeMap::new()).unwrap()
}

fn page(summary: &Summary, labels: &LabelMap, is_by_time: bool) -> String {
    let groups = ["ticker".to_owned()];
    let periods = is_by_time.then(|| Periods { every: "1d".parse().unwrap(), zone: Zone::default() });
    let (is_weighted, is_csv_safe, has_before) = (false, false, false);
    let shape = SummaryShape {
        groups: &groups,
        periods,
        is_weighted,
        labels,
        is_csv_safe,
        has_change: is_by_time,
        has_before,
        quotes: 5,
    };
    let totals = summary.totals();
    let rows = rows(&totals, None, labels);
    let report =
        Report { title: "News & <views>", source: "n.csv, 2 rows", rows: &rows, summary, shape: &shape, changes: None };
    let mut page = Vec::new();
    write_report(&report, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

fn add(summary: &mut Summary, ticker: &str, day: Option<&str>, label: usize, text: &str) {
    let period = day.map(|day| TimeReader::default().read(day).unwrap());
    let key = GroupKey { values: vec![Some(ticker.to_owned())], period };
    let score = [0.9, -0.9, 0.0][label];
    let item = Observation { label, sentiment_score: Some(score), weight: 1.0, text: Some((text, "line 2")) };
    summary.add_observation(key, item).unwrap();
}

#[test]
fn a_page_loads_nothing_and_no_text_can_leave_its_place() {
    let labels = labels(&["positive", "negative", "neutral"]);
    let mut summary = Summary::with_quotes(5);
    let hostile = "</script><script>alert(1)</script><!-- &amp; \"x\" \u{2028}";
    add(&mut summary, hostile, Some("2026-03-02"), 0, hostile);
    add(&mut summary, "ACME", Some("2026-03-03"), 1, "Acme fell");
    let page = page(&summary, &labels, true);
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("alert(1)<"), "texts are escaped");
    assert!(page.contains("<h1>News &amp; &lt;views&gt;</h1>"));
    for forbidden in ["http://", "https://", "src=", "href=", " style=", "onclick", "url(", "@import"] {
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(forbidden);
        assert!(!found, "the page has {forbidden}");
    }
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["periods"], serde_json::json!(["2026-03-02", "2026-03-03"]));
    assert_eq!(data["groups"][0]["name"], hostile);
    assert_eq!(data["groups"][0]["cells"][0]["hi"][0][0], hostile);
    assert_eq!(data["groups"][1]["cells"][0]["lo"][0][0], "Acme fell");
}

#[test]
fn the_policy_allows_exactly_this_script_and_style() {
    let page = page(&Summary::default(), &labels(&["positive", "negative"]), false);
    for (start, end, directive) in [("<script>", "</script>", "script-src"), ("<style>", "</style>", "style-src")] {
        let code = page.split(start).nth(1).unwrap().split(end).next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(code));
        assert!(page.contains(&format!("{directive} 'sha256-{hash}'")), "{directive}");
    }
    assert!(page.contains("There are no rows to show."));
}

#[test]
fn the_fixed_part_of_a_page_is_small() {
    let page = page(&Summary::default(), &labels(&["positive", "negative"]), true);
    assert!(page.len() < 30_000, "{} bytes", page.len());
}

#[test]
fn a_page_has_the_largest_groups_and_says_so() {
    let labels = labels(&["positive", "negative", "neutral"]);
    let mut summary = Summary::with_quotes(1);
    for group in 0..MAX_GROUPS + 2 {
        for _ in 0..=group.min(5) {
            add(&mut summary, &format!("T{group:03}"), None, 0, "Up");
        }
    }
    let page = page(&summary, &labels, false);
    assert_eq!(page.matches("<tr data-group=").count(), MAX_GROUPS);
    assert!(page.contains("The 300 largest of 302 groups are shown."), "{}", &page[..9000]);
    assert!(!page.contains(">T000<") && page.contains(">T005<"));
}

#[test]
fn labels_without_sentiment_have_shares_only() {
    let labels = labels(&["Social", "None"]);
    let mut summary = Summary::with_quotes(1);
    let key = GroupKey { values: vec![None], period: None };
    let item = Observation { label: 0, sentiment_score: None, weight: 1.0, text: Some(("a", "line 2")) };
    summary.add_observation(key, item).unwrap();
    let page = page(&summary, &labels, false);
    assert!(!page.contains("<th scope=\"col\">net</th>") && page.contains("<th scope=\"col\">Social</th>"));
    assert!(page.contains("(none)"));
}
