//! Questions to the person at a terminal. A program is never asked.

use std::io::{IsTerminal, stderr, stdin, stdout};

use dialoguer::console::Term;
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Select};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::exit::Failure;
use crate::form::Form;

/// Whether a person can be asked: they read the answer and the question, and type.
pub(crate) fn is_possible(form: Form) -> bool {
    form == Form::Table && stdin().is_terminal() && stdout().is_terminal() && stderr().is_terminal()
}

/// Lets a person choose one of the entries with the arrow keys; none if they press Esc.
pub(crate) async fn choose(question: &'static str, entries: Vec<String>) -> Result<Option<usize>, Failure> {
    ask(move || {
        let theme = ColorfulTheme::default();
        Select::with_theme(&theme).with_prompt(question).items(entries).default(0).interact_opt()
    })
    .await
}

/// Asks a question that is answered with yes or no. Enter means no.
pub(crate) async fn confirm(question: &'static str) -> Result<bool, Failure> {
    ask(move || {
        let theme = ColorfulTheme::default();
        Confirm::with_theme(&theme).with_prompt(question).default(false).interact()
    })
    .await
}

/// Asks in a thread of its own, because reading a key waits. The program may end without an answer, so nobody waits for the thread.
async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let unanswered = || Failure::interrupted("the question was not answered");
    // The terminal turns Ctrl-C into a signal until the question reads keys itself.
    let mut interruptions = signal(SignalKind::interrupt()).map_err(Failure::internal)?;
    let (sender, answer) = oneshot::channel();
    std::thread::spawn(move || sender.send(question()));
    let answer = tokio::select! {
        answer = answer => answer.map_err(Failure::internal)?,
        _ = interruptions.recv() => {
            show_cursor();
            return Err(unanswered());
        }
    };
    answer.map_err(|dialoguer::Error::IO(error)| {
        show_cursor();
        match error.kind() {
            std::io::ErrorKind::Interrupted => unanswered(),
            _ => Failure::internal(format!("the terminal cannot be read: {error}")),
        }
    })
}

/// Shows the cursor, which a question hides. If it cannot be shown, there is no terminal any more.
fn show_cursor() {
    let _ = Term::stderr().show_cursor();
}
