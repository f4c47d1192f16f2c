//! A small disk of a test's own, which may fill up or break. Needs root, or `sudo` without a password.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::as_root;

/// A file system in memory, mounted on a folder of its own.
#[derive(Debug)]
pub struct Disk {
    dir: TempDir,
}

impl Disk {
    /// A disk of so many MiB.
    #[must_use]
    pub fn mount(mebibytes: u32) -> Self {
        let dir = tempfile::Builder::new().prefix("oss-disk-").tempdir().expect("a folder");
        let disk = Self { dir };
        let options = format!("size={mebibytes}m,mode=0777");
        run(as_root("mount").args(["-t", "tmpfs", "-o", &options, "oss-test"]).arg(disk.path()));
        disk
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Leaves no byte free.
    pub fn fill(&self) {
        let mut file = File::create(self.filler()).expect("the disk has room for a name");
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    /// Frees what [`Disk::fill`] took.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).expect("the disk was filled");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that still has a file open must not keep the disk for ever.
        let _ = as_root("umount").arg("-l").arg(self.path()).status();
    }
}

/// A file that cannot be written any more, also by who has it open, until the value is dropped.
#[derive(Debug)]
pub struct Sealed(Vec<PathBuf>);

impl Sealed {
    /// Seals some files, which must not lie in memory.
    #[must_use]
    pub fn files(paths: &[PathBuf]) -> Self {
        run(as_root("chattr").arg("+i").args(paths));
        Self(paths.to_vec())
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let _ = as_root("chattr").arg("-i").args(&self.0).status();
    }
}

fn run(command: &mut Command) {
    let ended = command.output().expect("the command runs");
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
}
