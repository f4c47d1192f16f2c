//! The sandbox in a program that is built without the feature `mock`: it cannot be started.
#![expect(clippy::unused_async, reason = "the functions take the place of ones that wait")]

use std::path::Path;

use crate::config::CommonConfig;
use crate::connect::StartError;
use crate::oss::Oss;

/// A sandbox. This program is built without it.
#[derive(Debug)]
pub enum Sandbox {}

impl Sandbox {
    /// Starts no sandbox.
    ///
    /// # Errors
    ///
    /// [`StartError::NoSandbox`] always.
    pub async fn in_memory(_: &CommonConfig) -> Result<Self, StartError> {
        Err(StartError::NoSandbox)
    }

    /// Starts no sandbox.
    ///
    /// # Errors
    ///
    /// [`StartError::NoSandbox`] always.
    pub async fn in_dir(_: &CommonConfig, _: &Path) -> Result<Self, StartError> {
        Err(StartError::NoSandbox)
    }

    /// Installs no eSIM.
    pub async fn install_profiles(&self) {
        match *self {}
    }

    /// The client.
    #[must_use]
    pub fn oss(&self) -> &Oss {
        match *self {}
    }
}
