//! A small disk for one test, which may fill up or break. Needs root, or `sudo` without a password.

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
    /// Mounts a disk of this size, in MiB.
    #[must_use]
    pub fn mount(mebibytes: u32) -> Self {
        let dir = tempfile::Builder::new().prefix("oss-disk-").tempdir().expect("a folder");
        let disk = Self { dir };
        let options = format!("size={mebibytes}m,mode=0777");
        run(as_root("mount").args(["-t", "tmpfs", "-o", &options, "oss-test"]).arg(disk.path()));
        disk
    }

    /// The folder that it is mounted on.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Fills the disk until no byte is free.
    pub fn fill(&self) {
        let mut file = File::create(self.filler()).expect("the disk has room for a name");
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    /// Frees the space that [`Disk::fill`] took.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).expect("the disk was filled");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a server that still has a file open must not keep the disk forever.
        let _ = as_root("umount").arg("-l").arg(self.path()).status();
    }
}

/// Files that cannot be written until the value is dropped, not even by a process that has them open.
#[derive(Debug)]
pub struct Sealed(Vec<PathBuf>);

impl Sealed {
    /// Seals some files, which must not be on a file system in memory.
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
