//! Questions to a person at a terminal. Programs are never asked.

use oss_tests::cli::{Ended, run};
use oss_tests::terminal::Terminal;
use tempfile::TempDir;

const DOWN: &str = "\u{1b}[B";
const ENTER: &str = "\r";
const ESC: &str = "\u{1b}";
const CHOICE: &str = "Reserve one now?";
const CONFIRMATION: &str = "Settle the differences?";

/// A sandbox in a folder of its own.
struct Sandbox(TempDir);

impl Sandbox {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(&[("OSS_SANDBOX_DIR", self.dir())], &[&["--sandbox"], arguments].concat())
    }

    fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(100, &[("OSS_SANDBOX_DIR", self.dir())], &[&["--sandbox"], arguments].concat())
    }

    fn dir(&self) -> &str {
        self.0.path().to_str().expect("a path of ASCII")
    }
}

#[test]
fn a_number_of_a_preview_is_chosen_with_the_arrow_keys() {
    let sandbox = Sandbox::new();
    let mut terminal = sandbox.terminal(&["preview", "--ddd", "11"]);
    terminal.wait_for(CHOICE);
    terminal.wait_for("none of them");
    terminal.press(DOWN);
    terminal.press(ENTER);
    let screen = terminal.wait_until_ended();
    assert!(screen.code == 0 && screen.written.contains("Reserved 11999950002"), "{screen:?}");
    assert!(sandbox.run(&["show", "11999950002"]).stdout.contains("RESERVED"));
}

#[test]
fn a_person_need_not_choose() {
    let sandbox = Sandbox::new();
    for (key, code) in [(ESC, 0), ("\u{1b}[A\r", 0), ("\u{3}", 130)] {
        let mut terminal = sandbox.terminal(&["preview", "--ddd", "11"]);
        terminal.wait_for("none of them");
        terminal.press(key);
        let screen = terminal.wait_until_ended();
        assert!(screen.code == code && !screen.written.contains("Reserved"), "{key:?}: {screen:?}");
        assert!(
            screen.written.trim_end().rfind("\u{1b}[?25h") > screen.written.rfind("\u{1b}[?25l"),
            "the cursor is back: {screen:?}"
        );
    }
    let piped = sandbox.run(&["preview", "--ddd", "11"]);
    assert!(piped.code == 0 && !(piped.stdout + &piped.stderr).contains(CHOICE), "a program is not asked");
    let screen = sandbox.terminal(&["preview", "--ddd", "11", "--output", "json"]).wait_until_ended();
    assert!(screen.code == 0 && !screen.written.contains(CHOICE), "{screen:?}");
}

#[test]
fn an_audit_that_changes_something_is_confirmed() {
    let sandbox = Sandbox::new();
    let fix = ["audit", "--fix", "--min-age", "0s"];
    for (key, code) in [("n", 130), (ENTER, 130), ("\u{3}", 130), ("y", 0)] {
        let mut terminal = sandbox.terminal(&fix);
        terminal.wait_for(CONFIRMATION);
        terminal.press(key);
        let screen = terminal.wait_until_ended();
        assert_eq!(screen.code, code, "{key:?}: {screen:?}");
        assert_eq!(screen.written.contains("Clean: nothing differs"), code == 0, "{key:?}: {screen:?}");
    }
    for arguments in [&[&fix[..], &["--yes"]].concat()[..], &["audit"]] {
        let screen = sandbox.terminal(arguments).wait_until_ended();
        assert!(screen.code == 0 && !screen.written.contains(CONFIRMATION), "{screen:?}");
    }
    let piped = sandbox.run(&fix);
    assert_eq!((piped.code, piped.stderr.as_str()), (0, ""), "a program is not asked");
}
