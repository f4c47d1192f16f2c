//! The sandbox that `--sandbox` asks for.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use oss_core::config::CommonConfig;
use oss_core::sandbox::Sandbox;
use oss_core::{Oss, StartError};

use crate::args::Globals;
use crate::exit::Failure;
use crate::status_line::print_notice;

/// The longest wait for a sandbox that another process uses. It is longer than any single command takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The time after which the wait is announced.
const SILENCE: Duration = Duration::from_secs(1);

/// The pause between two tries.
const POLL: Duration = Duration::from_millis(50);

/// Opens the sandbox in a folder. If another process uses it, this one announces the wait, and gives up after `PATIENCE`.
pub(crate) async fn open(common: &CommonConfig, globals: &Globals) -> Result<Oss, Failure> {
    let dir = dir(globals)?;
    let begun = Instant::now();
    let mut is_announced = false;
    loop {
        match Sandbox::in_dir(common, &dir).await {
            Err(StartError::SandboxInUse { dir, process }) if begun.elapsed() < PATIENCE => {
                if !is_announced && begun.elapsed() >= SILENCE {
                    is_announced = true;
                    announce_wait(&dir, process);
                }
            }
            started => {
                let sandbox = started?;
                sandbox.install_profiles().await;
                return Ok(sandbox.oss().clone());
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

fn announce_wait(dir: &Path, process: Option<u32>) {
    let process = process.map(|id| format!(" ({id})")).unwrap_or_default();
    print_notice(&format!(
        "Another process{process} uses the sandbox in {}. Waiting up to {} s until it ends; nothing has been done yet.",
        dir.display(),
        PATIENCE.as_secs()
    ));
}

fn dir(globals: &Globals) -> Result<PathBuf, Failure> {
    let kept = || std::env::home_dir().map(|home| home.join(".local/state/oss/sandbox"));
    let dir = globals.sandbox_dir.clone().or_else(kept);
    dir.ok_or_else(|| {
        Failure::usage("there is no home directory; name the sandbox's folder with --sandbox-dir")
    })
}
