//! The command line at a pseudo-terminal, with its screen and its keys.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::str::Chars;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::process::{built, program};

/// The longest time that a test waits for a text.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that runs at a terminal of its own, as `script` (util-linux) makes it.
#[derive(Debug)]
pub struct Terminal {
    script: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    output: Vec<u8>,
}

/// The result of a command at a terminal.
#[derive(Debug)]
pub struct Screen {
    /// Its exit code.
    pub code: i32,
    /// The whole output, including control sequences.
    pub written: String,
    /// The lines that are left on the screen.
    pub lines: Vec<String>,
}

impl Terminal {
    /// Runs a command line of `oss` at a terminal with this many columns.
    #[must_use]
    pub fn start(columns: u16, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let quoted: Vec<_> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
        let oss = built("oss");
        let line = format!("stty cols {columns} rows 24; exec '{}' {}", oss.display(), quoted.join(" "));
        let mut script = Command::new(program("script", &[], "bsdutils"));
        script.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm").envs(settings.iter().copied());
        script.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = script.spawn().expect("script runs");
        let keys = script.stdin.take().expect("it is piped");
        let mut output = script.stdout.take().expect("it is piped");
        let (sender, shown) = channel();
        thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut part) {
                if sender.send(part[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { script, keys, shown, output: Vec::new() }
    }

    /// Waits until a text was written.
    pub fn wait_for(&mut self, text: &str) {
        while !self.written().contains(text) {
            let part = self.shown.recv_timeout(PATIENCE);
            let part = part.unwrap_or_else(|_| panic!("{text:?} is not in {:?}", self.written()));
            self.output.extend(part);
        }
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) {
        self.press("\u{3}");
    }

    /// Presses keys, as the terminal sends them.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("the terminal is there");
    }

    /// Waits until the command has ended.
    #[must_use]
    pub fn wait_until_ended(mut self) -> Screen {
        loop {
            match self.shown.recv_timeout(PATIENCE) {
                Ok(part) => self.output.extend(part),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:?}", self.written()),
            }
        }
        let code = self.script.wait().expect("script ends").code().unwrap_or(-1);
        let written = self.written();
        Screen { code, lines: lines(&written), written }
    }

    fn written(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

/// The lines on the screen after this output. Only the few control sequences of a progress line are interpreted.
fn lines(written: &str) -> Vec<String> {
    let mut screen = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = written.chars();
    while let Some(char) = rest.next() {
        match char {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                screen.resize_with(screen.len().max(row + 1), Vec::new);
            }
            '\u{1b}' => match sequence(&mut rest).as_str() {
                "2K" => screen[row].clear(),
                "K" | "0K" => screen[row].truncate(column),
                _ => {}
            },
            char => {
                let line: &mut Vec<char> = &mut screen[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = char;
                column += 1;
            }
        }
    }
    let text = |line: Vec<char>| line.into_iter().collect::<String>().trim_end().to_owned();
    screen.into_iter().map(text).filter(|line| !line.is_empty()).collect()
}

/// The rest of a control sequence: it ends with a letter.
fn sequence(rest: &mut Chars<'_>) -> String {
    let mut sequence = String::new();
    for char in rest.by_ref().skip_while(|char| *char == '[') {
        sequence.push(char);
        if char.is_ascii_alphabetic() {
            break;
        }
    }
    sequence
}
