//! Commands, options and names as people type them: those of other tools, texts without a command, models in any case;
//! completions, manual pages and help.

use std::fs;

use crate::finsent::{Run, assert_fails, finsent, run, small_model};

const TEXT: &str = "Shares plunged 12% after the profit warning";

#[test]
fn a_text_needs_no_command() {
    let expected = run(&["classify", TEXT]).assert_succeeds().stdout;
    assert_eq!(run(&[TEXT]).assert_succeeds().stdout, expected);
    let csv = run(&["classify", "--format", "csv", TEXT, "up"]).assert_succeeds().stdout;
    for args in [&[TEXT, "up", "--format", "csv"][..], &["--format=csv", TEXT, "up"], &["-f", "csv", "--", TEXT, "up"]]
    {
        assert_eq!(run(args).assert_succeeds().stdout, csv, "{args:?}");
    }
    assert_fails(&run(&[TEXT, "--formt", "csv"]), 2, &["unknown option `--formt`; did you mean `--format`?"]);
}

#[test]
fn a_word_that_is_no_command_is_not_scored() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("news.csv"), "text\nprofit\n").unwrap();
    let in_dir = |args: &[&str]| Run::from(finsent(args).current_dir(dir.path()).output().unwrap());
    for (args, part) in [
        (&["score", TEXT][..], "did you mean `classify`?"),
        (&["sentiment"], "did you mean `classify`?"),
        (&["predict", "--input", "news.csv"], "did you mean `classify`?"),
        (&["analyze"], "did you mean `classify`?"),
        (&["server", "--port", "80"], "did you mean `serve`?"),
        (&["download", "finbert"], "did you mean `pull`?"),
        (&["profit"], "to score it as a text, run `finsent classify profit`"),
        (&["orders", "doubled"], "put it in quotes: finsent 'orders doubled'"),
        (&["news.csv"], "to score what the file holds, run `finsent classify --input news.csv`"),
        (&["classify --input news.csv"], "leave out the quotes"),
        (&["-5% in early trading"], "finsent classify -- '-5% in early trading'"),
    ] {
        let run = in_dir(args);
        assert_fails(&run, 2, &[part]);
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

#[test]
fn options_of_other_tools_are_answered_with_ours() {
    for (args, part) in [
        (&["serve", "--port", "9000"][..], "unknown option `--port`; write --listen 127.0.0.1:9000"),
        (&["serve", "--host", "0.0.0.0", "--port=80"], "unknown option `--host`; write --listen 0.0.0.0:80"),
        (&["serve", ":9000"], "write --listen 127.0.0.1:9000"),
        (&["serve", "8080"], "write --listen 127.0.0.1:8080"),
        (&["serve", "--listen", "9000"], "did you mean `127.0.0.1:9000`?"),
        (&["serve", "--num-threads", "4"], "write --threads 4"),
        (&["classify", "--file", "n.csv"], "unknown option `--file`; write --input n.csv"),
        (&["classify", "--column", "title", "--input", "n.csv"], "write --text-column title"),
        (&["classify", "--device", "cuda", "a"], "computes on the CPU"),
        (&["eval", "--input", "n.csv"], "finsent eval n.csv"),
        (&["pull", "a/b", "--revision", "v1"], "OWNER/NAME@v1"),
        (&["models", "--threshold"], "unknown option `--threshold`"),
    ] {
        assert_fails(&run(args), 2, &[part]);
    }
}

#[test]
fn a_model_may_be_named_as_on_the_hub_or_in_any_case() {
    assert_eq!(run(&["classify", "-m", "MINI", TEXT]).assert_succeeds().stderr, run(&["classify", TEXT]).stderr);
    for name in ["FinBERT", "ProsusAI/finbert", "prosusai/finbert"] {
        assert_fails(&run(&["classify", "-m", name, "a"]), 3, &["error: finbert is not downloaded"]);
    }
    for name in ["ProsusAI/finbert@main", "acme/small"] {
        assert_fails(&run(&["classify", "-m", name, "a"]), 3, &[&format!("hf:{name} is not downloaded")]);
    }
}

#[test]
fn a_directory_comes_before_a_repository() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("ProsusAI")).unwrap();
    small_model(&dir.path().join("ProsusAI"), "finbert");
    let classify = |name: &str| {
        let output = finsent(&["classify", "-m", name, "a"]).current_dir(dir.path()).output().unwrap();
        Run::from(output)
    };
    let run = classify("ProsusAI/finbert");
    assert!(run.stderr.contains("model ProsusAI/finbert (ProsusAI/finbert)"), "{run:?}");
    let missing = "there is no directory `ProsusAI/finbrt`; if it is a repository of the hub, write hf:ProsusAI/finbrt";
    assert_fails(&classify("ProsusAI/finbrt"), 3, &[missing]);
}

/// What a shell is offered for the last of `words`.
fn completed(words: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("news.csv"), "").unwrap();
    fs::create_dir_all(dir.path().join("hub/models--acme--small/snapshots")).unwrap();
    let mut command = finsent(&[&["--", "finsent"], words].concat());
    command.current_dir(dir.path()).env("HF_HUB_CACHE", dir.path().join("hub"));
    let run: Run = command.env("FINSENT_COMPLETE", "fish").output().unwrap().into();
    let lines = run.assert_succeeds().stdout;
    lines.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn completion_knows_models_and_files() {
    assert_eq!(completed(&["cl"]), ["classify"]);
    assert_eq!(completed(&["classify", "--model", "min"]), ["mini"]);
    assert_eq!(completed(&["classify", "--model", "acme"]), ["acme/small"]);
    assert_eq!(completed(&["pull", "FINBERT-T"]), ["finbert-tone"]);
    assert_eq!(completed(&["serve", "--model", "mini,finbert-t"]), ["mini,finbert-tone"]);
    assert_eq!(completed(&["classify", "--input", "ne"]), ["news.csv"]);
    assert_eq!(completed(&["eval", "ne"]), ["news.csv"]);
    assert_eq!(completed(&["classify", "--model", "hu"]), ["hub/"]);
    assert_eq!(completed(&["man", "comp"]), ["completions"]);
    assert_eq!(completed(&["completions", "--"]), ["--help"]);
}

#[test]
fn completion_scripts_ask_finsent_and_help_says_how_to_install_them() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).assert_succeeds().stdout;
        assert!(script.contains("FINSENT_COMPLETE"), "{shell}: {script}");
    }
    let help = run(&["completions", "--help"]).assert_succeeds().stdout;
    for part in ["source <(finsent completions bash)", "~/.bashrc", "~/.zshrc", "config.fish", "compinit", "$PROFILE"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn every_manual_page_has_examples() {
    for page in [&["man"][..], &["man", "classify"], &["man", "completions"], &["man", "models"]] {
        let page = run(page).assert_succeeds().stdout;
        assert_eq!(page.matches("\n.SH EXAMPLES\n").count(), 1, "{page}");
        assert!(!page.contains(".SH EXTRA"), "{page}");
    }
}

#[test]
fn short_help_is_short_and_global_options_are_shown_where_they_matter() {
    let [short, long] = ["-h", "--help"].map(|help| run(&[help]).assert_succeeds().stdout);
    assert!(short.lines().count() < long.lines().count(), "{short}");
    assert!(long.contains("--models-file") && !short.contains("--models-file"), "{short}");
    for help in [run(&["completions", "--help"]), run(&["man", "-h"]), run(&["health", "--help"])] {
        assert!(!help.stdout.contains("Global options"), "{}", help.stdout);
    }
    let models = run(&["models", "--help"]).stdout;
    assert!(models.contains("--model-dir") && !models.contains("--threads"), "{models}");
    // They are accepted all the same: scripts have them before any command.
    assert_eq!(run(&["--threads", "2", "completions", "bash", "--color", "never"]).code, Some(0));
}
