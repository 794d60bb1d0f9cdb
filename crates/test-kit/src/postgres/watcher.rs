//! A process that outlives this one, to end the cluster.

use std::{
    io::Read,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use super::{Error, programs};

const SCRIPT: &str = include_str!("watcher.sh");

/// Creates the cluster's folder. When it or this process ends, the folder and its processes are removed.
pub(crate) struct Watcher {
    child: Child,
    folder: PathBuf,
}

impl Watcher {
    /// Creates the folder in `place`.
    pub(crate) fn start(place: &Path) -> Result<Self, Error> {
        let doing =
            "start the watcher of the cluster (with `setpriv`, from util-linux, where the user is root)";
        let mut child = programs::as_server("sh")
            .args(["-c", SCRIPT, "watcher.sh", "watch"])
            .arg(place)
            .current_dir("/")
            // The watcher must not get a terminal's signals.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|cause| Error::system(doing, &cause))?;
        let read = |pipe: Option<&mut dyn Read>| {
            let mut text = String::new();
            // Unreadable text counts as empty.
            let _ = pipe.map(|pipe| pipe.read_to_string(&mut text));
            text
        };
        let folder = read(child.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
        let complaint = read(child.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
        // From here on, drop waits for the child, even without a folder.
        let watcher = Self { child, folder: PathBuf::from(folder.trim_end()) };
        if folder.is_empty() {
            return Err(Error::new(&format!("can't make the cluster's folder: {complaint}")));
        }
        Ok(watcher)
    }

    /// The folder, which belongs to the server's user.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills every process whose working directory is the folder; returns when all are gone.
    pub(crate) fn kill_members(&self) -> Result<(), Error> {
        let mut command = programs::as_server("sh");
        command.args(["-c", SCRIPT, "watcher.sh", "kill"]).arg(&self.folder).current_dir("/");
        let output =
            programs::feed(&mut command, "").map_err(|cause| Error::system("kill the server", &cause))?;
        match programs::complaint(&output) {
            None => Ok(()),
            Some(complaint) => Err(Error::new(&format!("can't kill the server: {complaint}"))),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The wait closes the pipe first, which is the signal.
        let _ = self.child.wait();
    }
}
