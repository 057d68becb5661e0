//! Console blocks: commands, and what they print.

/// A command of a console block.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    /// The command as a shell reads it, with its here-documents.
    pub(crate) command: String,
    /// What it should print.
    pub(crate) expected: String,
    /// The line of the block on which the command stands, from 0.
    pub(crate) line: usize,
}

const PROMPT: &str = "$ ";
const CONTINUATION: &str = "> ";

/// The commands of a block.
pub(crate) fn steps(block: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = block.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let Some(first) = line.strip_prefix(PROMPT) else {
            let step = steps.last_mut().ok_or(format!("output without a command: {line}"))?;
            step.expected += &format!("{line}\n");
            continue;
        };
        let mut command = first.to_owned();
        let mut document = here_document(first);
        while let Some((_, next)) = lines.next_if(|(_, next)| continues(&command, document.as_deref(), next)) {
            command += "\n";
            command += if document.is_some() { next } else { next.strip_prefix(CONTINUATION).unwrap_or(next) };
            match &document {
                Some(end) if next == end => document = None,
                Some(_) => {}
                None => document = here_document(next),
            }
        }
        if let Some(end) = document {
            return Err(format!("no `{end}` ends the here-document of: {first}"));
        }
        steps.push(Step { command, expected: String::new(), line: number });
    }
    if steps.is_empty() { Err("no command: a command starts with `$ `".into()) } else { Ok(steps) }
}

/// Whether a line belongs to the command before it.
fn continues(command: &str, document: Option<&str>, next: &str) -> bool {
    document.is_some() || command.ends_with('\\') || next.starts_with(CONTINUATION)
}

/// The word that ends the here-document which a line begins.
fn here_document(line: &str) -> Option<String> {
    let (_, word) = line.split_once("<<").filter(|(_, word)| !word.starts_with('<'))?;
    let word = word.split_whitespace().next()?.trim_matches(['\'', '"']);
    Some(word.to_owned())
}

#[test]
fn a_block_is_commands_and_their_output() {
    let block = "$ cat > a <<'EOF'\n$ x\nEOF\n$ cat a | \\\n    wc -l\n1\n\n$ for a in b; do\n> echo $a\n> done\nb\n";
    let step = |command: &str, expected: &str, line| Step { command: command.into(), expected: expected.into(), line };
    assert_eq!(
        steps(block).unwrap(),
        [
            step("cat > a <<'EOF'\n$ x\nEOF", "", 0),
            step("cat a | \\\n    wc -l", "1\n\n", 3),
            step("for a in b; do\necho $a\ndone", "b\n", 7)
        ]
    );
}

#[test]
fn a_block_that_cannot_be_run_is_an_error() {
    for (block, says) in [("", "no command"), ("a\n$ b\n", "without a command"), ("$ cat <<EOF\na\n", "no `EOF`")] {
        assert!(steps(block).unwrap_err().contains(says), "{block}");
    }
}
