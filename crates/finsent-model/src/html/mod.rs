//! Texts from feeds and web pages: HTML entities are decoded, and tags left out.

mod entity;
mod offsets;
mod replacement;
mod scanner;
mod tag;

pub(crate) use self::offsets::Offsets;
use self::replacement::Replacement;
use self::scanner::Scanner;

/// Feeds escape once more what was escaped, so that decoding shows further entities or tags.
const PASSES: usize = 3;

/// Whether a text has HTML entities such as `&amp;`, or tags such as `<b>`. `a < b` and `R&D` are neither.
pub fn has_html(text: &str) -> bool {
    Scanner::new(text).next().is_some()
}

/// `text` with its entities decoded and its tags left out, and where each part of it was; `None` if it has neither.
pub(crate) fn unescape(text: &str) -> Option<(String, Offsets)> {
    let (mut plain, offsets) = pass(text)?;
    let mut all = Offsets::of(offsets);
    for _ in 1..PASSES {
        let Some((next, offsets)) = pass(&plain) else { break };
        plain = next;
        all.add(offsets);
    }
    Some((plain, all))
}

fn pass(text: &str) -> Option<(String, offsets::Pass)> {
    let (mut plain, mut pass, mut at) = (String::new(), offsets::Pass::default(), 0);
    for (found, by) in Scanner::new(text) {
        plain.push_str(&text[at..found.start]);
        let start = plain.len();
        match by {
            Replacement::Letters(letters) => plain.push_str(&letters),
            // What a browser shows on separate lines is separate for the reader of sentences, too.
            Replacement::Break(lines) if !plain.is_empty() && !plain.trim_end_matches(' ').ends_with(lines) => {
                plain.push_str(lines);
            }
            Replacement::Break(_) | Replacement::Nothing => (),
        }
        at = found.end;
        pass.push(start..plain.len(), found);
    }
    if at == 0 {
        return None;
    }
    plain.push_str(&text[at..]);
    Some((plain, pass))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        unescape(text).map_or_else(|| text.to_owned(), |(plain, _)| plain)
    }

    #[test]
    fn entities_are_decoded_and_tags_are_left_out() {
        for (text, expected) in [
            ("AT&amp;T beats", "AT&T beats"),
            ("Nvidia&#8217;s &quot;AI&quot; &#x27;boom&#x27;", "Nvidia\u{2019}s \"AI\" 'boom'"),
            ("flat&nbsp;year &ndash; &#150; &#128;5", "flat\u{a0}year \u{2013} \u{2013} \u{20ac}5"),
            ("<b>Profit</b> rose", "Profit rose"),
            ("<p>Profit rose.</p><p>Sales fell.</p>", "Profit rose.\n\nSales fell.\n\n"),
            ("Profit<br/>rose<BR >again", "Profit\nrose\nagain"),
            ("<a href=\"x?a=1&amp;b=2\" target='_blank'>Acme</a> sues", "Acme sues"),
            ("Up<!-- <b>no</b> --> 5%<script>if (a < b) {}</script><style>p{}</style>", "Up 5%"),
            ("<![CDATA[Shares fell]]>", "Shares fell"),
            ("<!DOCTYPE html><h1 class=x>Up</h1>", "Up\n\n"),
            ("&lt;p&gt;Up &amp;amp; down&lt;/p&gt;", "Up & down\n\n"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
            assert!(has_html(text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_html_stays() {
        for text in [
            "a < b and c > d",
            "P/E <15 and yield >3%",
            "if a <b and c> d",
            "S&P 500; R&D; AT&T; Q&A;",
            "AAPL <GO>",
            "AAPL US <Equity> CN",
            "&",
            "&;",
            "&#;",
            "&#x;",
            "&#xd800;",
            "&#1114112;",
            "&nosuch;",
            "<",
            "</",
            "<b",
            "<!-- open",
            "I <3 this stock",
            "<ticker>",
            "1 &lt 2",
            "&#99999999999999;",
            "<a \"",
            "&amp",
        ] {
            assert!(!has_html(text) && unescape(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_part_of_the_plain_text_is_found_in_the_source() {
        let text = "<p>AT&amp;T &lt;b&gt;rose&lt;/b&gt;.</p> <p>Costs <i>fell</i>.</p>";
        let (plain, offsets) = unescape(text).unwrap();
        assert_eq!(plain, "AT&T rose.\n\n Costs fell.\n\n");
        let source = |part: &str| {
            let start = plain.find(part).unwrap();
            &text[offsets.source(start..start + part.len())]
        };
        for (part, expected) in [
            ("AT&T rose.", "AT&amp;T &lt;b&gt;rose&lt;/b&gt;."),
            ("AT", "AT"),
            ("&", "&amp;"),
            ("T rose", "T &lt;b&gt;rose"),
            ("rose", "rose"),
            ("Costs fell.", "Costs <i>fell</i>."),
            ("fell", "fell"),
        ] {
            assert_eq!(source(part), expected, "{part}");
        }
    }

    #[test]
    fn ranges_of_any_text_are_ranges_of_its_source() {
        const PARTS: [&str; 16] = [
            "<p>",
            "</p>",
            "<b>",
            "&amp;",
            "&lt;",
            "b&gt;",
            "é",
            " ",
            "x",
            "<br>",
            "]]>",
            "<!--",
            "-->",
            "&#8217;",
            "<script>",
            "</script>",
        ];
        for seed in 0..2000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let text: String = (0..random.usize(1..20)).map(|_| PARTS[random.usize(..PARTS.len())]).collect();
            let Some((plain, offsets)) = unescape(&text) else { continue };
            let places: Vec<usize> = (0..=plain.len()).filter(|&place| plain.is_char_boundary(place)).collect();
            for (index, &start) in places.iter().enumerate() {
                for &end in &places[index..] {
                    let source = offsets.source(start..end);
                    assert!(text.get(source.clone()).is_some(), "{text}: {start}..{end} is {source:?}");
                }
            }
            for pair in places.windows(3) {
                let [one, next] = [pair[0]..pair[1], pair[1]..pair[2]].map(|range| offsets.source(range));
                assert!(one.start <= next.start && one.end <= next.end, "{text}: {one:?} {next:?}");
            }
        }
    }

    #[test]
    fn time_grows_in_proportion_to_the_text() {
        for part in ["<!--", "<script>", "<style>", "<a b=\"", "<a ", "&amp", "&#", "<![CDATA[", "<", "&", "]]"] {
            let text = part.repeat(500_000 / part.len());
            has_html(&text);
            unescape(&text);
        }
    }
}
