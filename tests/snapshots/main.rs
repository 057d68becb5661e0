//! Every message of the command line, as it is printed. README.md says how to change the snapshots.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod case;
mod redaction;

/// A test for each file in `cases/`.
macro_rules! cases {
    ($($(#[$attribute:meta])? $name:ident)*) => {
        $(
            $(#[$attribute])?
            #[test]
            fn $name() {
                case::check(stringify!($name));
            }
        )*

        #[test]
        fn every_case_is_run() {
            assert_eq!(case::names(), [$(stringify!($name)),*]);
        }
    };
}

cases! {
    arguments
    bench
    columns
    completions
    convert
    encodings
    eval
    files
    groups
    health
    help
    hub
    log_format
    man
    models
    output
    parquet
    resume
    rows
    serve
    settings
    shards
    summary
    texts
    #[cfg(feature = "verify")]
    verify
}
