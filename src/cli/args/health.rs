//! Arguments of `finsent health`.

use clap::Args;
use finsent_server::Listen;

use super::serve::DEFAULT_LISTEN;

pub(super) const EXAMPLES: &str = include_str!("help/health_examples.txt");

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Address of the server: HOST:PORT or unix:/path; of several, the first is checked
    #[arg(long, value_name = "ADDRESS", env = "FINSENT_LISTEN", value_delimiter = ',',
          default_value = DEFAULT_LISTEN)]
    pub(crate) listen: Vec<Listen>,
    /// Check that the server takes requests, not only that it is alive
    #[arg(long)]
    pub(crate) ready: bool,
}
