//! Shell blocks, which no test runs, use commands and flags that exist.

use std::collections::HashMap;

use crate::examples::FINSENT;
use crate::page::documentation;

/// The commands of `finsent` in a block, without what stands before and after them.
fn commands(block: &str) -> Vec<Vec<String>> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split(" # ").next().unwrap());
    let of_finsent = lines.filter_map(|line| {
        let mut words = line.split_whitespace().map(|word| word.trim_matches('\'').to_owned());
        words.find(|word| word == "finsent")?;
        let command: Vec<String> = words.take_while(|word| word != "|").collect();
        // Other programs have `finsent` as an argument, before theirs or last.
        command.first()?.chars().all(|char| char.is_ascii_lowercase()).then_some(command)
    });
    of_finsent.collect()
}

#[test]
fn every_flag_of_a_shell_block_is_in_the_help_of_its_command() {
    let mut help: HashMap<String, String> = HashMap::new();
    let mut flags = 0;
    for page in documentation() {
        for block in page.blocks("sh") {
            for command in commands(&block.text) {
                let name = command[0].clone();
                let help = help.entry(name).or_insert_with_key(|name| FINSENT.run(&["help", name]).stdout);
                assert!(!help.is_empty(), "{}: no command `{}`", page.at(block.line), command[0]);
                for flag in command.iter().filter(|word| word.starts_with("--")) {
                    let flag = flag.split('=').next().unwrap();
                    assert!(
                        help.split_whitespace().any(|word| word == flag),
                        "{}: no flag {flag}",
                        page.at(block.line)
                    );
                    flags += 1;
                }
            }
        }
    }
    assert!(flags > 0);
}

#[test]
fn a_command_is_found_in_a_pipe_and_after_other_words() {
    let block = "tail -f a.txt | finsent classify --format csv | wc -l\ndocker run --rm finsent \\\n    pull x # y\n\
                 docker build --tag finsent .\n";
    assert_eq!(commands(block), [vec!["classify", "--format", "csv"], vec!["pull", "x"]]);
}
