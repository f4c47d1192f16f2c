//! `oss list`

use oss_core::{ListedNumber, NumberList, NumberPage};

use super::show::time;
use crate::exit::Failure;
use crate::form::Form;

use crate::output::{Answer, Output, table, write_text};
use crate::service::Service;
use crate::status_line::print_notice;

/// Writes a page of a list, or every page. A list of lines begins with the first page; the other forms need them all.
pub(crate) async fn run(
    service: &impl Service,
    mut list: NumberList,
    all: bool,
    output: Output,
) -> Result<(), Failure> {
    let has_lines = matches!(output.form, Form::Csv | Form::Ndjson);
    if output.form == Form::Csv {
        write_text(ListedNumber::CSV_HEADINGS)?;
    }
    let mut numbers = Vec::new();
    let next = loop {
        let NumberPage { numbers: page, next, .. } = service.list_numbers(&list).await?;
        if has_lines {
            write_lines(&page, output)?;
        } else {
            numbers.extend(page);
        }
        if !all || next.is_none() {
            break next;
        }
        list.after = next;
    };
    if !has_lines {
        return output.write_answer(&Listed(NumberPage::of(numbers, next)));
    }
    // Lines have no place for it.
    if let Some(next) = next {
        print_notice(&format!("There are more numbers: give --all, or --after {next}"));
    }
    Ok(())
}

fn write_lines(page: &[ListedNumber], output: Output) -> Result<(), Failure> {
    for number in page {
        match output.form {
            Form::Csv => write_text(&number.csv_line())?,
            _ => write_text(&serde_json::to_string(number).map_err(Failure::internal)?)?,
        }
    }
    Ok(())
}

#[derive(Debug, serde::Serialize)]
#[serde(transparent)]
struct Listed(NumberPage);

impl Answer for Listed {
    fn table(&self, _oss: &str) -> String {
        let Self(NumberPage { numbers, next, .. }) = self;
        let mut table = table(&["number", "status", "state", "brand", "held until", "since"]);
        for number in numbers {
            let text = |text: Option<String>| text.unwrap_or_default();
            table.add_row([
                number.msisdn.to_string(),
                text(number.status.as_ref().map(ToString::to_string)),
                text(number.state.map(|state| state.to_string())),
                text(number.brand_id.as_ref().map(ToString::to_string)),
                text(number.expires_at.map(time)),
                text(number.updated_at.map(time)),
            ]);
        }
        let more = next.as_ref().map(|next| format!("\nFor the next page, add: --after {next}"));
        format!("{table}{}", more.unwrap_or_default())
    }
}
