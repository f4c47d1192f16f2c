//! The story of a number or a SIM: what happened, which calls were made, and who read what.

use std::time::Duration;

use oss_core::{Event, StoryEntry, StoryKind, UpstreamCall};

use super::or_dash;
use crate::console::texts::Texts;
use crate::console::times::{Moment, Span};

/// An entry of a story.
pub(super) struct ShownEntry {
    pub(super) at: Moment,
    /// The class of the entry, for its looks.
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) outcome: Option<String>,
    pub(super) is_good: bool,
    pub(super) took: Option<Span>,
    pub(super) client: Option<String>,
    pub(super) request: Option<String>,
}

impl ShownEntry {
    fn of(StoryEntry { at, kind, .. }: StoryEntry, t: &Texts) -> Self {
        let entry = Self {
            at: at.into(),
            class: "event",
            text: String::new(),
            outcome: None,
            is_good: true,
            took: None,
            client: None,
            request: None,
        };
        match kind {
            StoryKind::Event(event) => entry.of_event(event),
            StoryKind::Call(call) => entry.of_call(call),
            StoryKind::CodeRead(read) => {
                Self { class: "read", text: t.code_read.to_owned(), client: Some(read.client), ..entry }
            }
            // Later versions may have more kinds.
            _ => entry,
        }
    }

    fn of_event(self, event: Event) -> Self {
        let before = event.before.map(|before| format!("{before} → ")).unwrap_or_default();
        Self {
            text: event.kind.to_string(),
            outcome: Some(format!("{before}{}", event.after)),
            client: Some(or_dash(event.changed_by)),
            ..self
        }
    }

    fn of_call(self, call: UpstreamCall) -> Self {
        Self {
            class: "call",
            text: format!("{} {}", call.system, call.call),
            is_good: call.outcome == "ok",
            outcome: Some(call.outcome),
            took: Some(Span(Duration::from_millis(call.duration_ms))),
            client: call.client.map(|client| client.to_string()),
            request: call.request_id.map(|request| request.to_string()),
            ..self
        }
    }
}

/// The entries of a story, as a page shows them.
pub(super) fn shown_story(entries: Vec<StoryEntry>, t: &Texts) -> Vec<ShownEntry> {
    entries.into_iter().map(|entry| ShownEntry::of(entry, t)).collect()
}
