//! Workbooks of Excel as input.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::finsent::{Run, assert_fails, classify_file, parse_csv, parse_json_lines};

/// A workbook with these sheets: each is its name and the XML of its rows. The style 1 is a date.
fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    let (mut list, mut relations, mut types) = (String::new(), String::new(), String::new());
    let mut parts = Vec::new();
    for (index, (name, rows)) in sheets.iter().enumerate() {
        let number = index + 1;
        list += &format!(r#"<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>"#);
        relations += &format!(
            r#"<Relationship Id="rId{number}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet{number}.xml"/>"#
        );
        types += &format!(
            r#"<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>"#
        );
        parts.push((
            format!("xl/worksheets/sheet{number}.xml"),
            format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"),
        ));
    }
    parts.push((
        "[Content_Types].xml".into(),
        format!(r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{types}</Types>"#),
    ));
    parts.push((
        "_rels/.rels".into(),
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#.into(),
    ));
    parts.push((
        "xl/workbook.xml".into(),
        format!(r#"<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{list}</sheets></workbook>"#),
    ));
    parts.push((
        "xl/_rels/workbook.xml.rels".into(),
        format!(r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}</Relationships>"#),
    ));
    parts.push((
        "xl/styles.xml".into(),
        r#"<styleSheet><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#.into(),
    ));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The XML of rows: a cell that begins with `#` is a date, one with `=` a number, `!` a flag, others are texts.
fn rows(rows: &[&[&str]]) -> String {
    let cell = |text: &&str| match text.split_at_checked(1) {
        None => "<c/>".to_owned(),
        Some(("#", day)) => format!(r#"<c s="1"><v>{day}</v></c>"#),
        Some(("=", number)) => format!("<c><v>{number}</v></c>"),
        Some(("!", flag)) => format!(r#"<c t="b"><v>{flag}</v></c>"#),
        Some(_) => format!(r#"<c t="inlineStr"><is><t>{text}</t></is></c>"#),
    };
    rows.iter().map(|row| format!("<row>{}</row>", row.iter().map(cell).collect::<String>())).collect()
}

fn values(run: &Run, field: &str) -> Vec<serde_json::Value> {
    parse_json_lines(&run.stdout).iter().map(|row| row[field].clone()).collect()
}

const NEWS: [&[&str]; 4] = [
    &["id", "published", "headline", "change", "checked"],
    &["=1", "#46090", "Orders doubled", "=3.1", "!1"],
    &[],
    &["=2", "#46090.604166666664", "Shares plunged 12%", "=-12", "!0"],
];

#[test]
fn the_cells_of_a_workbook_keep_their_types() {
    let run = classify_file("n.xlsx", workbook(&[("News", &rows(&NEWS))]), &[]);
    assert_eq!(
        (run.code, values(&run, "headline")),
        (Some(0), vec!["Orders doubled".into(), "Shares plunged 12%".into()]),
        "{run:?}"
    );
    assert_eq!(values(&run, "published"), ["2026-03-09", "2026-03-09T14:30:00"]);
    assert_eq!(run.stdout.matches(r#""change":-12,"checked":false"#).count(), 1, "{}", run.stdout);
    let csv = classify_file("n.xlsx", workbook(&[("News", &rows(&NEWS))]), &["--format", "csv"]);
    assert_eq!(parse_csv(&csv.stdout).1[0][..5].join("|"), "1|2026-03-09|Orders doubled|3.1|true");
}

#[test]
fn the_sheet_that_is_read_is_said_and_can_be_named() {
    let other = rows(&[&["text"], &["Profit rose"]]);
    let sheets = workbook(&[("News", &rows(&NEWS)), ("Other", &other)]);
    let run = classify_file("n.xlsx", &sheets, &[]);
    assert!(run.stderr.contains("read from the sheet `News`, the first of 2"), "{}", run.stderr);
    let run = classify_file("n.xlsx", &sheets, &["--sheet", "Other"]);
    assert_eq!(values(&run, "text"), ["Profit rose"], "{run:?}");
    assert_fails(&classify_file("n.xlsx", &sheets, &["--sheet", "Othr"]), 2, &["`News`, `Other`", "--sheet"]);
    assert_fails(&classify_file("n.csv", "text\nUp\n", &["--sheet", "Other"]), 2, &["is not a workbook"]);
}

#[test]
fn titles_blank_names_and_missing_headers_are_told() {
    let titled = rows(&[&["Export of 9 March"], &[], &["id", "headline"], &["=1", "Orders doubled"]]);
    let run = classify_file("n.xlsx", workbook(&[("News", &titled)]), &[]);
    assert_eq!(values(&run, "headline"), ["Orders doubled"], "{run:?}");
    assert!(run.stderr.contains("row 3 names the columns"), "{}", run.stderr);
    let index = rows(&[&["", "headline"], &["=0", "Orders doubled"]]);
    assert_eq!(values(&classify_file("n.xlsx", workbook(&[("News", &index)]), &[]), "headline"), ["Orders doubled"]);
    let inset = rows(&[&[], &["", "", "id", "headline"], &["", "", "=1", "Orders doubled"]]);
    let run = classify_file("n.xlsx", workbook(&[("News", &inset)]), &["--format", "csv"]);
    assert!(run.stdout.starts_with("id,headline,label"), "{run:?}");
    let bare = rows(&[&["=1", "Orders doubled in the quarter"], &["=2", "Shares plunged on Monday"]]);
    let run = classify_file("n.xlsx", workbook(&[("News", &bare)]), &[]);
    assert_eq!(values(&run, "column_2").len(), 2, "{run:?}");
    assert!(run.stderr.contains("no header; its columns are"), "{}", run.stderr);
}

#[test]
fn what_is_no_workbook_is_refused() {
    let damaged = &workbook(&[("News", &rows(&NEWS))])[..400];
    assert_fails(&classify_file("n.xlsx", damaged, &[]), 1, &["cannot read", "as a workbook"]);
    assert_fails(&classify_file("n.xlsx", "text\nUp\n", &[]), 1, &["another format"]);
    assert_fails(&classify_file("n.xlsx", [0xd0, 0xcf, 0x11, 0xe0, 0, 0], &[]), 1, &["password"]);
    assert_fails(&classify_file("n.csv", workbook(&[("News", &rows(&NEWS))]), &[]), 1, &["save it as .xlsx or .csv"]);
    assert_fails(&classify_file("n.xls", "", &[]), 2, &["save it as .xlsx or .csv"]);
    assert_fails(&classify_file("n.xlsx", workbook(&[("News", "")]), &[]), 2, &["the sheet `News`", "is empty"]);
}
