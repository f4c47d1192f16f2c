//! The message for a person who interrupts a command: what happens to its work.

use crate::args::{Command, DddCommand, DevicesCommand, LineCommand, SimCommand};

/// The text that says what happens to the work of a command; none if the command only reads. `oss` is the program as it was
/// called.
pub(crate) fn left_behind(command: &Command, oss: &str) -> Option<String> {
    let sweep = format!("the next sweep (`{oss} sweep`, or that of a server)");
    Some(match command {
        Command::Preview { .. } => format!(
            "numbers that Sigan has only offered become free again by themselves; if a number was being reserved, {sweep} settles \
             that"
        ),
        Command::Reserve { preview: Some(_), .. } => format!(
            "whether Sigan has reserved the number is in doubt; {sweep} settles it, and the same command, repeated a little \
             later, tells the outcome"
        ),
        Command::Reserve { idempotency_key: Some(_), .. } => format!(
            "whether Sigan has reserved a number is in doubt; {sweep} settles it, and the same command with the same key, \
             repeated a little later, tells the outcome"
        ),
        Command::Reserve { .. } => format!(
            "whether Sigan has reserved a number is in doubt; if it has, {sweep} gives it back, at the latest after the \
             reservation expires; the same command reserves another number"
        ),
        Command::Release { dry_run: false, .. } => format!(
            "each number is either still reserved or given back here; if it is given back, {sweep} tells Sigan; the same command \
             is safe to repeat"
        ),
        Command::Extend { .. } => {
            "the number is either held for longer or unchanged; the same command is safe to repeat".to_owned()
        }
        Command::Assign { .. } | Command::Adopt { .. } => {
            "the number is either on the line or unchanged; the same command is safe to repeat".to_owned()
        }
        Command::Sim {
            command: SimCommand::Issue { .. } | SimCommand::Activate { .. } | SimCommand::Replace(_),
        } => format!(
            "whether GSIM has made the SIM is in doubt; {sweep} settles it, and the same command, repeated a little later, tells the \
             outcome"
        ),
        Command::Sim { command: SimCommand::Code { id } } => {
            format!(
                "the code may have been read, and each read counts; `{oss} sim show {id}` lists the reads"
            )
        }
        Command::Line { command: LineCommand::End { .. } } => format!(
            "the line has either ended or is unchanged; if it has ended, {sweep} tells GSIM and Sigan; the same command is safe to \
             repeat"
        ),
        Command::Settle { .. } => format!(
            "the number is either settled or as it was; {sweep} settles it, and the same command is safe to repeat"
        ),
        Command::Sweep { .. } => format!("unsettled numbers stay due; {sweep} settles them"),
        Command::Audit { fix: true, .. } => format!(
            "settled differences stay settled, and {sweep} tells Sigan of numbers that were given back here; audit again to see \
             what is left"
        ),
        Command::Webhooks { command: Some(_) } => {
            "the webhook has either gone back or is unchanged; the same command is safe to repeat".to_owned()
        }
        Command::SiganMock { .. } => "the mock and its holds are gone".to_owned(),
        Command::GsimMock { .. } => "the mock and its SIMs are gone".to_owned(),
        Command::Migrate => {
            "each step of the migration is done completely or not at all; run it again".to_owned()
        }
        Command::Devices { command: DevicesCommand::Import { options, .. } }
        | Command::Ddd { command: Some(DddCommand::Import { options, .. }), .. }
            if !options.dry_run =>
        {
            "the list is imported completely or not at all; the same command is safe to repeat".to_owned()
        }
        _ => return None,
    })
}
