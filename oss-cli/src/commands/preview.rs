//! `oss preview`

use oss_core::{Ddd, IdempotencyKey, Preview, PreviewId};

use super::show::time;
use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::prompt;
use crate::service::Service;
use crate::status_line::while_waiting;

/// Creates a preview. A person at a terminal may reserve one of its numbers at once.
pub(crate) async fn run(
    service: &impl Service,
    ddd: Ddd,
    previous: Option<PreviewId>,
    key: Option<IdempotencyKey>,
    output: Output,
) -> Result<(), Failure> {
    let preview = while_waiting(service.create_preview(ddd, previous, key)).await?;
    output.write_answer(&preview)?;
    if prompt::is_possible(output.form) { choose(service, &preview, output).await } else { Ok(()) }
}

async fn choose(service: &impl Service, preview: &Preview, output: Output) -> Result<(), Failure> {
    let mut entries: Vec<_> = preview.offers.iter().map(|offer| offer.masked.to_string()).collect();
    entries.push("none of them".to_owned());
    let chosen = prompt::choose("Reserve one now? (arrow keys and Enter, or Esc)", entries).await?;
    let Some(offer) = chosen.and_then(|chosen| preview.offers.get(chosen)) else { return Ok(()) };
    output.write_answer(&while_waiting(service.reserve(preview.id, offer.choice)).await?)
}

impl Answer for Preview {
    fn table(&self, oss: &str) -> String {
        let mut table = table(&["index", "number"]);
        for offer in &self.offers {
            table.add_row([offer.choice.to_string(), offer.masked.to_string()]);
        }
        let until = time(self.expires_at);
        format!("{table}\nTo reserve one until {until}: {oss} reserve --preview {} --index 1", self.id)
    }
}
