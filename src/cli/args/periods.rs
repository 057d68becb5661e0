//! Arguments about the periods and the weights of a summary.

use clap::Args;
use finsent_jobs::summary::{Every, TimeColumn, TimeFormat, TimeReader, Zone};

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PeriodArgs {
    /// Split the groups into periods by the times in this column
    // It requires --every, which the commands say after what else they require: messages have that order.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) time_column: Option<String>,
    /// Length of a period: 15m, 6h, 1d, 1w, 1mo, 1q, 1y
    #[arg(long, value_name = "LENGTH", requires = "time_column")]
    every: Option<Every>,
    /// Form of the times, for example '%m/%d/%Y' or '%d.%m.%Y %H:%M' [default: any form that is read in one way only]
    #[arg(long, value_name = "PATTERN", requires = "time_column")]
    time_format: Option<TimeFormat>,
    /// Time zone of the periods and of times that name none, for example America/New_York [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "time_column")]
    time_zone: Option<Zone>,
    /// Weight the rows by the numbers in this column
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weight_column: Option<String>,
}

impl PeriodArgs {
    /// The column of the times, if there are periods; `column` is its name in the files.
    pub(crate) fn time(&self, column: impl FnOnce(&String) -> String) -> Option<TimeColumn> {
        let (name, every) = self.time_column.as_ref().zip(self.every)?;
        let (format, zone) = (self.time_format.clone(), self.time_zone.clone().unwrap_or_default());
        Some(TimeColumn { name: column(name), every, reader: TimeReader { format, zone } })
    }
}
