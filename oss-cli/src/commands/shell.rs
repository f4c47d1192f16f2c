//! `oss completions` and `oss man`: the command line, described for shells and for `man`.

use std::io::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Args;
use crate::exit::Failure;
use crate::output::write_text;

/// Writes the completions of a shell.
pub(crate) fn write_completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "oss", &mut script);
    write_bytes(&script)
}

/// Writes the manual page of the program, or the pages of all commands into a folder.
pub(crate) fn write_manual(dir: Option<&Path>) -> Result<(), Failure> {
    match dir {
        Some(dir) => write_pages(Args::command(), dir)
            .map_err(|error| Failure::usage(format!("cannot write to {}: {error}", dir.display()))),
        None => write_bytes(&page(Args::command()).map_err(Failure::internal)?),
    }
}

fn write_pages(command: Command, dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(command, dir)
}

fn page(command: Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    page.flush()?;
    Ok(page)
}

fn write_bytes(text: &[u8]) -> Result<(), Failure> {
    write_text(str::from_utf8(text).map_err(Failure::internal)?.trim_end_matches('\n'))
}
