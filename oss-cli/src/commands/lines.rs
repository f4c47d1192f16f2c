//! `oss line`

use oss_core::{Association, Msisdn, Timestamp};
use serde::Serialize;

use super::show::time;
use crate::args::LineCommand;
use crate::exit::Failure;
use crate::output::{Answer, Output, lines_of, table};
use crate::service::Service;

pub(crate) async fn run(service: &impl Service, command: LineCommand, output: Output) -> Result<(), Failure> {
    match command {
        LineCommand::End { msisdn } => {
            service.end_line(msisdn).await?;
            output.write_answer(&Ended { msisdn, ended: true })
        }
        LineCommand::History { msisdn, at } => {
            let associations = service.associations(msisdn, at.map(|Timestamp(time)| time)).await?;
            output.write_answer(&Associations { associations })
        }
    }
}

#[derive(Debug, Serialize)]
struct Ended {
    msisdn: Msisdn,
    ended: bool,
}

impl Answer for Ended {
    fn table(&self, _oss: &str) -> String {
        format!("The line of {} has ended; its SIM and the number are given back", self.msisdn)
    }
}

#[derive(Debug, Serialize)]
struct Associations {
    associations: Vec<Association>,
}

impl Answer for Associations {
    fn table(&self, _oss: &str) -> String {
        if self.associations.is_empty() {
            return "The number was on no SIM".to_owned();
        }
        let mut table = table(&["since", "SIM", "line"]);
        for Association { sim_id, line_id, since, .. } in &self.associations {
            table.add_row([time(*since), sim_id.to_string(), line_id.to_string()]);
        }
        table.to_string()
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.associations)
    }
}
